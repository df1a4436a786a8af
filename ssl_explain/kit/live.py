"""A picture on the screen, fast enough for a slider: the background is drawn once, moving artists are blitted."""

import base64
import html
import io
from collections.abc import Callable
from typing import Any, Generic

import ipywidgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from ssl_explain import require
from ssl_explain.kit.picture import Picture, Record
from ssl_explain.kit.stamps import Stamps
from ssl_explain.kit.style import drawing


class LiveView(Generic[Record]):
    """Show a :class:`Picture` in a widget with alt text and a text read-out of the plotted numbers.

    The image is sent in an HTML widget, because the Image widget has no alt text; ``jpeg`` is the last frame.
    """

    def __init__(self, picture: Picture[Record]) -> None:
        """Draw the axes once, then the first frame."""
        self.picture = picture
        self.image = ipywidgets.HTML(layout=ipywidgets.Layout(margin="0"))
        self.readout = ipywidgets.HTML()
        self.widget = ipywidgets.VBox([self.image, self.readout])
        self.frames = 0
        canvas = picture.figure.canvas
        if not isinstance(canvas, FigureCanvasAgg):
            require.fail("picture", "own an Agg canvas", type(canvas).__name__, "use style.new_figure", TypeError)
        self._canvas: Any = canvas
        self._stamps = Stamps(picture.figure)
        with drawing():
            self._draw_still(canvas.draw)
            self._send()

    def show(self, record: Record) -> None:
        """Update the picture to a new record and send it."""
        with drawing():
            if self.picture.update(record):
                self._draw_still(lambda: self._canvas.restore_region(self._axes))
            self._send()

    def _draw_still(self, draw_axes: Callable[[], object]) -> None:
        """Draw axes and still artists, and keep both layers for the next frames."""
        for artist in [*self.picture.still, *self.picture.moving]:
            artist.set_animated(True)
        draw_axes()
        self._axes = self._canvas.copy_from_bbox(self.picture.figure.bbox)
        for artist in self.picture.still:
            self.picture.figure.draw_artist(artist)
        self._background = self._canvas.copy_from_bbox(self.picture.figure.bbox)

    def pixels(self) -> np.ndarray:
        """Draw the record: (height, width, 4) bytes, a view that is valid until the next drawing."""
        with drawing():
            self._canvas.restore_region(self._background)
            pixels = np.asarray(self._canvas.buffer_rgba())
            for artist in self.picture.moving:
                if not (isinstance(artist, Text) and self._stamps.draw(artist, pixels)):
                    self.picture.figure.draw_artist(artist)
            return pixels

    def _frame(self) -> bytes:
        """The frame as a JPEG, four times as fast as lossless formats; colours differ by a few hundredths at most."""
        pixels, buffer = self.pixels(), io.BytesIO()
        image = Image.frombuffer("RGBX", pixels.shape[1::-1], pixels, "raw", "RGBX", 0, 1)
        image.save(buffer, "JPEG", quality=95, subsampling=0)
        return buffer.getvalue()

    def _send(self) -> None:
        self.jpeg = self._frame()
        data = base64.b64encode(self.jpeg).decode()
        words = html.escape(self.picture.describe(), quote=True)
        width, height = self._canvas.get_width_height()
        self.image.value = (
            f'<img src="data:image/jpeg;base64,{data}" alt="{words}" width="{width}" height="{height}" '
            f'decoding="sync" style="max-width:100%;height:auto">'
        )
        unbroken = words.replace(" %", "&nbsp;%")
        self.readout.value = f'<div style="max-width:{width}px;line-height:1.4;min-height:4.2em">{unbroken}</div>'
        self.frames += 1
