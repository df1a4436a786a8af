"""How colours and figures look to other eyes: contrast, simulated colour vision, and what would be missed."""

import itertools
import re
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex, to_rgba
from matplotlib.lines import Line2D
from matplotlib.text import Text

from ssl_explain.kit import style
from ssl_explain.kit.style import INK, PAPER, QUIET, SERIES

READABLE, SEEN = 4.5, 3.0  # WCAG 2.2 contrast of text, of lines and markers
SMALLEST, ROOM = 13, 848  # pixels of text; those in which JupyterLab shows a wide picture in a window of 1280

# Machado, Oliveira, Fernandes (2009), severity 1, in linear RGB.
EYES = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
TOLD_APART = 12.0  # ΔE*76; 2.3 is just noticeable side by side, thin lines need several times that


def linear(colour):
    """A colour '#rrggbb' in linear RGB."""
    c = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*a*b* of a colour in linear RGB."""
    t = TO_XYZ @ np.clip(rgb, 0, 1) / (TO_XYZ @ np.ones(3))
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(a, b, eye):
    """How far apart an eye sees two colours."""
    return float(np.linalg.norm(lab(EYES[eye] @ linear(a)) - lab(EYES[eye] @ linear(b))))


def contrast(a, b):
    """WCAG contrast ratio of two colours, from 1 to 21."""
    dark, bright = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (a, b))
    return (bright + 0.05) / (dark + 0.05)


def laid_over(colour, ground=PAPER, alpha=None):
    """The colour that is seen when one, perhaps transparent, lies on another."""
    *rgb, own = to_rgba(colour)
    share = own if alpha is None else alpha
    return to_hex(share * np.array(rgb) + (1 - share) * np.array(to_rgba(ground)[:3]))


def small_texts(figure):
    """What has fewer than 13 pixels in a window of 1280, where no figure is enlarged."""
    point = min(ROOM / figure.get_size_inches()[0], style.DPI) / 72
    return {text.get_text() for text in _texts(figure) if text.get_fontsize() * point < SMALLEST}


def dim_texts(figure):
    """What cannot be read on the ground that lies below it: the middle colour of the picture without its texts."""
    texts = _texts(figure)
    boxes = [text.get_window_extent() for text in texts]
    moving = [artist for artist in figure.findobj() if artist.get_animated()]
    for artist in moving:
        artist.set_animated(False)
    for text in texts:
        text.set_visible(False)
    figure.canvas.draw()
    ground = np.asarray(figure.canvas.buffer_rgba())[::-1, :, :3].copy()
    for artist in moving:
        artist.set_animated(True)
    found = {}
    for text, box in zip(texts, boxes, strict=True):
        text.set_visible(True)
        (x0, y0), (x1, y1) = np.floor([box.min, box.max]).clip(0).astype(int)
        below = ground[y0 : y1 + 1, x0 : x1 + 1].reshape(-1, 3)
        if len(below):
            paper = to_hex(np.median(below, axis=0) / 255)
            ratio = contrast(laid_over(text.get_color(), paper, text.get_alpha()), paper)
            if ratio < READABLE:
                found[text.get_text()] = round(ratio, 2)
    return found


def crowded_texts(figure):
    """Pairs of texts that share more than a pixel or two, and texts that are cut off.

    Numbers at the ticks are left out: matplotlib places them.
    """
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    axes = [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    at_axes = {text for axis in axes for text in (*axis.get_ticklabels(which="both"), axis.offsetText)}
    written = [(text.get_text(), text.get_window_extent()) for text in _texts(figure) if text not in at_axes]
    found = [text for text, box in written if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1]
    for (one, a), (other, b) in itertools.combinations(written, 2):
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 2 and min(a.y1, b.y1) - max(a.y0, b.y0) > 3 and one != other:
            found.append(f"{one} | {other}")
    return found


def faint_marks(figure):
    """Lines and markers that do not stand out from paper.

    But for grids, the haze around a strong line, and white ones: they stand on something dark.
    """
    strong, faint = set(), set()
    for axes in figure.axes:
        for artist in _drawn(axes, Line2D | LineCollection | PathCollection):
            for base, colours in _marks(artist):
                seen = max((contrast(colour, PAPER) for colour in colours), default=21)
                (strong if seen >= SEEN else faint).add(base)
    return faint - strong - {PAPER}


def colours_of_lines(figure):
    """Every colour that a line or a marker has."""
    return {base for axes in figure.axes for line in _drawn(axes, Line2D) for base, _ in _marks(line)}


def _drawn(axes, kinds):
    """The artists of some kinds that leave a trace here, but for the grid."""
    absent = {*axes.get_xgridlines(), *axes.get_ygridlines()}
    absent |= {line for line in axes.lines if not len(line.get_xdata())}
    return [a for a in axes.findobj(lambda a: isinstance(a, kinds)) if a.get_visible() and a not in absent]


def _texts(figure):
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def _marks(artist):
    """Pairs of a colour and of the colours, as seen, of which one has to stand out."""
    alpha = artist.get_alpha()
    if isinstance(artist, Line2D):
        if artist.get_linestyle() not in ("None", ""):
            yield to_hex(artist.get_color()), [laid_over(artist.get_color(), alpha=alpha)]
        if artist.get_marker() not in ("None", None, "", " "):
            parts = [artist.get_markeredgecolor(), artist.get_markerfacecolor()]
            parts = [part for part in parts if not isinstance(part, str) or part != "none"]
            yield to_hex(artist.get_color()), [laid_over(part, alpha=alpha) for part in parts]
    elif isinstance(artist, LineCollection):
        for colour in np.unique(artist.get_edgecolor(), axis=0):
            yield to_hex(colour), [laid_over(colour)]
    else:
        edges, faces = artist.get_edgecolor(), artist.get_facecolor()
        number = max(len(edges), len(faces))
        for k in range(number):
            parts = [part[k % len(part)] for part in (edges, faces) if len(part)]
            yield to_hex(parts[-1]), [laid_over(part) for part in parts]


ROLES = (style.MEASURED, style.PREDICTED, style.POSITIVE, style.NEGATIVE, QUIET)


PALETTE = sorted({*SERIES, *ROLES, INK, PAPER})


BRIEF, TABLE = 600, 750  # characters: what one listens to; a figure that is a table may take longer


COUNTLESS = re.compile(r"\b(nan|inf)\b", re.IGNORECASE)


def wrong_with_words(words: str, longest: int = BRIEF) -> list[str]:
    """What keeps a description from telling a finding with its numbers."""
    rules = {
        "no number": not re.search(r"\d", words),
        "not finite": bool(COUNTLESS.search(words)),
        f"{len(words)} characters": len(words) > longest,
    }
    return [rule for rule, broken in rules.items() if broken]


def wrong_with_figure(figure: Any) -> dict[str, Any]:
    """Everything in a figure that somebody would miss."""
    found = {"small": small_texts(figure), "dim": dim_texts(figure), "faint": faint_marks(figure)}
    return {what: which for what, which in found.items() if which}
