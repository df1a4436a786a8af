"""Rendered lines of text that are kept and copied: copying pixels is much faster than laying out a text."""

import math
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

ROOM = 4  # pixels around a line, whose ink may exceed its box
MOST = 2000  # of the stamps that are kept

Stamp = tuple[slice, slice, np.ndarray, np.ndarray]
ANCHOR = {"top": (0.0, 0.5), "bottom": (1.0, -0.5), "center": (0.5, 0.0), "center_baseline": (0.5, 0.25)}
"""For a text of several lines: the share of its lines above its anchor, and their offset in units of the gap."""


class Stamps:
    """Draw upright texts in one figure at whole pixels, rendering each distinct line only once."""

    def __init__(self, figure: Figure) -> None:
        """Start without stamps."""
        self._figure = figure
        self._kept: dict[tuple[Any, ...], Stamp] = {}
        self._placed: dict[Text, tuple[Any, list[Stamp] | None]] = {}
        self._leadings: dict[Text, tuple[float, float]] = {}

    def draw(self, text: Text, pixels: np.ndarray) -> bool:
        """Draw a text on the (height, width, 4) pixels of a canvas; return False without drawing if it is not plain."""
        if not text.get_visible() or not text.get_text().strip():
            return True
        now = (text.get_text(), text.get_position(), text.get_color(), text.get_horizontalalignment())
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
        """A stamp for every line, at rows and columns of the canvas; None if the text is not plain, or cut off."""
        if text.get_rotation() or text.get_bbox_patch() or text.get_usetex() or "$" in text.get_text():
            return None
        stamps: list[Stamp] = []
        for line, x, y in self._lines(text):
            left, bottom = round(x), pixels.shape[0] - round(y)
            rows, columns, keep, add = self._stamp(text, line)
            rows, columns = (slice(s.start + d, s.stop + d) for s, d in ((rows, bottom), (columns, left)))
            stamps.append((rows, columns, keep, add))
            if pixels[max(0, rows.start) : rows.stop, max(0, columns.start) : columns.stop, :3].shape != add.shape:
                return None
        return stamps

    def _lines(self, text: Text) -> list[tuple[str, float, float]]:
        """Every line with its anchor in pixels."""
        x, y = text.get_transform().transform(text.get_unitless_position())
        lines = text.get_text().split("\n")
        pitch, gap = self._leading(text) if len(lines) > 1 else (0.0, 0.0)
        above, lower = ANCHOR.get(text.get_verticalalignment(), (1.0, 0.0))
        top = y + above * (len(lines) - 1) * pitch - lower * gap
        return [(line, x, top - number * pitch) for number, line in enumerate(lines) if line.strip()]

    def _leading(self, text: Text) -> tuple[float, float]:
        """The distance of baselines, and the additional height of a text of several lines."""
        if text not in self._leadings:
            one, two, three = (self._height(text, "lp" + more * "\nlp") for more in range(3))
            self._leadings[text] = (three - two, two - one - (three - two))
        return self._leadings[text]

    def _height(self, text: Text, words: str) -> float:
        like = Text()
        like.update_from(text)
        like.set_figure(self._figure)
        like.set_text(words)
        return float(like.get_window_extent(RendererAgg(1, 1, self._figure.dpi)).height)

    def _stamp(self, text: Text, line: str) -> Stamp:
        look: dict[str, Any] = {"ha": text.get_horizontalalignment(), "va": text.get_verticalalignment()}
        look |= {"color": text.get_color(), "alpha": text.get_alpha(), "fontproperties": text.get_fontproperties()}
        key = (line, *look.values())
        if key not in self._kept:
            if len(self._kept) >= MOST:
                self._kept.clear()
            high = math.ceil(2 * text.get_fontproperties().get_size_in_points() * self._figure.dpi / 72) + ROOM
            wide = high * (1 + len(line) // 2)
            self._kept[key] = self._make(Text(wide, high, line, **look), wide, high)
        return self._kept[key]

    def _make(self, text: Text, wide: int, high: int) -> Stamp:
        """(1 - α) and α · colour of the rendered line, at rows and columns relative to its anchor."""
        text.set_figure(self._figure)
        renderer = RendererAgg(2 * wide, 2 * high, self._figure.dpi)
        text.draw(renderer)
        rgba = np.asarray(renderer.buffer_rgba())
        inked = rgba[..., 3] > 0
        rows, columns = (slice(int(i[0]), int(i[-1]) + 1) for i in (np.flatnonzero(inked.any(axis)) for axis in (1, 0)))
        patch = rgba[rows, columns].astype(np.float32)
        opacity = patch[..., 3:] / 255
        rows, columns = slice(rows.start - high, rows.stop - high), slice(columns.start - wide, columns.stop - wide)
        return rows, columns, 1 - opacity, patch[..., :3] * opacity + 0.5
