"""Rendered words that are kept and copied: copying pixels is much faster than laying out a text."""

import itertools
import math
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text

ROOM = 4  # pixels around a word, whose ink may exceed its box
MOST = 2000  # of the stamps and of the sizes that are kept

Stamp = tuple[slice, slice, np.ndarray, np.ndarray]
Size = tuple[float, float, float]
Place = tuple[str, float, float, str, str]
SHARE = {"left": 0.0, "center": 0.5, "right": 1.0}
ANCHOR = {"top": (0.0, 0.5), "bottom": (1.0, -0.5), "center": (0.5, 0.0), "center_baseline": (0.5, 0.25)}
"""For a text of several lines: the share of its lines above its anchor, and their offset in units of the gap."""


class Stamps:
    """Draw upright texts in one figure at whole pixels, rendering each distinct word only once.

    The distance of two words is that of the font, to a pixel.
    """

    def __init__(self, figure: Figure) -> None:
        """Start without stamps."""
        self._figure = figure
        self._kept: dict[tuple[Any, ...], Stamp] = {}
        self._placed: dict[Text, tuple[Any, list[Stamp] | None]] = {}
        self._sizes: dict[tuple[str, FontProperties], Size] = {}
        self._leadings: dict[tuple[Text, FontProperties], tuple[float, float]] = {}
        self._ruler = RendererAgg(1, 1, figure.dpi)

    def draw(self, text: Text, pixels: np.ndarray) -> bool:
        """Draw a text on the (height, width, 4) pixels of a canvas; return False without drawing if it is not plain."""
        now = (
            text.get_text(),
            text.get_position(),
            text.get_color(),
            text.get_horizontalalignment(),
            text.get_visible(),
        )
        if self._placed.get(text, (None, None))[0] != now:
            self._placed[text] = now, self._place(text, pixels)
        stamps = self._placed[text][1]
        for rows, columns, keep, add in stamps or ():
            there = pixels[rows, columns, :3]
            there[:] = there * keep + add
        return stamps is not None

    def forget(self) -> None:
        """Look for the place of every text anew: axes may have moved."""
        self._placed.clear()

    def _place(self, text: Text, pixels: np.ndarray) -> list[Stamp] | None:
        """The stamps of a text, at rows and columns of the canvas; None if it is not plain, or cut off."""
        words = text.get_text()
        plain = text.get_visible() and not text.get_rotation() and not text.get_bbox_patch() and not text.get_usetex()
        if not plain or not words.strip() or "$" in words:
            return None
        parts: list[Stamp] = []
        for word, x, y, ha, va in self._words(text):
            left, bottom = round(x), pixels.shape[0] - round(y)
            rows, columns, keep, add = self._stamp(text, word, ha, va)
            rows, columns = (slice(s.start + d, s.stop + d) for s, d in ((rows, bottom), (columns, left)))
            there = pixels[max(0, rows.start) : rows.stop, max(0, columns.start) : columns.stop, :3]
            if there.shape != add.shape:  # cut off at the edge of the figure
                return None
            parts.append((rows, columns, keep, add))
        return parts

    def _words(self, text: Text) -> list[Place]:
        """Every word with its anchor in pixels and its alignment; a single word keeps its text's alignment.

        Matplotlib aligns a line by its tallest and its deepest letter, and at least by those of "lp".
        """
        x, y = text.get_transform().transform(text.get_unitless_position())
        lines = text.get_text().split("\n")
        pitch, gap = self._leading(text) if len(lines) > 1 else (0.0, 0.0)
        above, lower = ANCHOR.get(text.get_verticalalignment(), (1.0, 0.0))
        top = y + above * (len(lines) - 1) * pitch - lower * gap
        return [
            place
            for number, line in enumerate(lines)
            if line.strip()
            for place in self._words_of_line(text, line.split(" "), x, top - number * pitch)
        ]

    def _leading(self, text: Text) -> tuple[float, float]:
        """The distance of baselines, and the additional height of a text of several lines."""
        key = (text, text.get_fontproperties())
        if key not in self._leadings:
            one, two, three = (self._height(text, "lp" + more * "\nlp") for more in range(3))
            self._leadings[key] = (three - two, two - one - (three - two))
        return self._leadings[key]

    def _height(self, text: Text, words: str) -> float:
        like = Text()
        like.update_from(text)
        like.set_figure(self._figure)
        like.set_text(words)
        return float(like.get_window_extent(self._ruler).height)

    def _words_of_line(self, text: Text, words: list[str], x: float, y: float) -> list[Place]:
        """The words of one line with its anchor at (x, y)."""
        ha, va, font = text.get_horizontalalignment(), text.get_verticalalignment(), text.get_fontproperties()
        if len(words) == 1:
            return [(words[0], x, y, ha, va)]
        between = self._size("||", font)[0]
        steps = [self._size(f"|{word} |", font)[0] - between for word in words[:-1]]
        starts = list(itertools.accumulate(steps, initial=0.0))
        _, heights, depths = zip(*(self._size(word, font) for word in ("lp", *words)), strict=True)
        height, depth = max(heights), max(depths)
        rise = height - depth
        line = {"top": -rise, "bottom": depth, "center": height / 2 - rise, "center_baseline": -rise / 2}.get(va, 0.0)
        left = x - SHARE[ha] * (starts[-1] + self._size(words[-1], font)[0])
        pairs = zip(words, starts, strict=True)
        return [(word, left + start, y + line, "left", "baseline") for word, start in pairs if word]

    def _size(self, words: str, font: FontProperties) -> Size:
        """Width, height, and depth below the baseline."""
        key = (words, font)
        if key not in self._sizes:
            if len(self._sizes) >= MOST:
                self._sizes.clear()
            self._sizes[key] = self._ruler.get_text_width_height_descent(words, font, False)
        return self._sizes[key]

    def _stamp(self, text: Text, word: str, ha: str, va: str) -> Stamp:
        font = text.get_fontproperties()
        key = (word, text.get_color(), text.get_alpha(), font, ha, va)
        if key not in self._kept:
            if len(self._kept) >= MOST:
                self._kept.clear()
            width, height, _ = self._size(word, font)
            half = (math.ceil(width) + ROOM, 2 * math.ceil(height) + ROOM)
            words = Text(*half, word, color=key[1], alpha=key[2], fontproperties=font, ha=ha, va=va)
            self._kept[key] = self._make(words, *half)
        return self._kept[key]

    def _make(self, text: Text, half_width: int, half_height: int) -> Stamp:
        """(1 - α) and α · colour of the rendered word, at rows and columns relative to its anchor."""
        text.set_figure(self._figure)
        renderer = RendererAgg(2 * half_width, 2 * half_height, self._figure.dpi)
        text.draw(renderer)
        rgba = np.asarray(renderer.buffer_rgba()).astype(np.float32)
        rows, columns = (slice(int(i.min()), int(i.max()) + 1) for i in np.nonzero(rgba[..., 3] > 0))
        patch = rgba[rows, columns]
        opacity = patch[..., 3:] / 255
        rows = slice(rows.start - half_height, rows.stop - half_height)
        columns = slice(columns.start - half_width, columns.stop - half_width)
        return rows, columns, 1 - opacity, patch[..., :3] * opacity + 0.5
