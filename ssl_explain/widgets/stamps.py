"""Short texts as stamps: to put pixels down takes far less time than to lay a text out."""

from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

HALF = 60  # pixels to each side of a text's anchor
LONGEST = 4  # characters
MOST = 1000  # stamps kept

Stamp = tuple[slice, slice, np.ndarray, np.ndarray]


class Stamps:
    """Draw short upright texts of one figure, each distinct one only once; the anchor is rounded to whole pixels."""

    def __init__(self, figure: Figure) -> None:
        """No stamp is made yet."""
        self._figure = figure
        self._kept: dict[tuple[Any, ...], Stamp] = {}

    def draw(self, text: Text, pixels: np.ndarray) -> bool:
        """Put a text on the (height, width, 4) pixels of its canvas; False, and nothing done, if it needs more care."""
        words = text.get_text()
        plain = text.get_visible() and not text.get_rotation() and not text.get_bbox_patch() and not text.get_usetex()
        if not plain or not words.isalnum() or len(words) > LONGEST:
            return False
        x, y = text.get_transform().transform(text.get_unitless_position())
        left, top = round(x) - HALF, pixels.shape[0] - round(y) - HALF
        rows, columns, keep, add = self._stamp(text, words)
        rows, columns = (slice(s.start + d, s.stop + d) for s, d in ((rows, top), (columns, left)))
        if rows.start < 0 or columns.start < 0:
            return False
        there = pixels[rows, columns, :3]
        if there.shape != add.shape:
            return False
        there[:] = there * keep + add
        return True

    def _stamp(self, text: Text, words: str) -> Stamp:
        font, ha, va = text.get_fontproperties(), text.get_horizontalalignment(), text.get_verticalalignment()
        key = (words, text.get_color(), text.get_alpha(), font, ha, va)
        if key not in self._kept:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[key] = self._make(
                Text(HALF, HALF, words, color=key[1], alpha=key[2], fontproperties=font, ha=ha, va=va)
            )
        return self._kept[key]

    def _make(self, text: Text) -> Stamp:
        text.set_figure(self._figure)
        renderer = RendererAgg(2 * HALF, 2 * HALF, self._figure.dpi)
        text.draw(renderer)
        rgba = np.asarray(renderer.buffer_rgba()).astype(np.float32)
        inked = rgba[..., 3] > 0
        rows, columns = (slice(int(i.min()), int(i.max()) + 1) for i in np.nonzero(inked))
        patch = rgba[rows, columns]
        opacity = patch[..., 3:] / 255
        return rows, columns, 1 - opacity, patch[..., :3] * opacity + 0.5
