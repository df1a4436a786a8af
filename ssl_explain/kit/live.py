"""A picture on the screen, fast enough for a slider: the background is drawn once, moving artists are blitted."""

import base64
import html
import io
import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Generic

import ipywidgets
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection
from matplotlib.text import Text
from PIL import Image

from ssl_explain import require
from ssl_explain.kit.panels import panels
from ssl_explain.kit.picture import Picture, Record
from ssl_explain.kit.stamps import Stamps
from ssl_explain.kit.style import DPI, drawing
from ssl_explain.kit.view import PictureWidget, told

QUICK = 0.75  # image pixels per device pixel while something moves, at least
CHEAP, MOST = 0.7e6, 5e6  # pixels of a frame: not worth less than full density; and never more
FINE, COARSE = {"quality": 95, "subsampling": 0}, {"quality": 85, "subsampling": 2}
WAITING = "The live picture has not arrived; it needs anywidget in this front end. This is how it looked at first."


@dataclass
class Host:
    """What a view asks of its explorer.

    ``lock`` is held while a message of the front end is answered; as long as ``busy`` says so, more frames will follow;
    ``hints`` says of the panels that can be clicked what a click sets, and ``pick`` is called with panel and place.
    """

    lock: AbstractContextManager[Any] = field(default_factory=nullcontext)
    busy: Callable[[], bool] = lambda: False
    hints: Mapping[str, str] = field(default_factory=dict)
    pick: Callable[[str, float, float], None] = lambda *_: None


@dataclass
class Layers:
    """What is kept between frames of one resolution: axes; with still artists; with the first ``calm`` moving ones."""

    stamps: Stamps
    axes: Any = None
    background: Any = None
    front: Any = None
    calm: int = 0


class LiveView(Generic[Record]):
    """Show a :class:`Picture` in a widget with alt text and a text read-out of the plotted numbers.

    While something moves, frames are coarse enough to be quick; once all is still, the front end asks for one at the
    density of its screen. ``jpeg`` is the last frame.
    """

    def __init__(self, picture: Picture[Record], host: Host | None = None) -> None:
        """Draw the axes once, then the first frame."""
        canvas = picture.figure.canvas
        if not isinstance(canvas, FigureCanvasAgg):
            require.fail("picture", "own an Agg canvas", type(canvas).__name__, "use style.new_figure", TypeError)
        self.picture, self._canvas, self._host = picture, canvas, host or Host()
        self._kept: dict[float, Layers] = {}
        self._quick, self._sharp = float(DPI), float(DPI)
        self._due, self._fine, self._watched = False, True, False
        picture.figure.dpi = DPI
        self.image = PictureWidget(shape=list(canvas.get_width_height()))
        self.image.on_msg(self._hear)
        with drawing():
            self._send(self._quick)
        self.widget = ipywidgets.VBox([self.image, self._still()])
        self.widget.add_class("ssl-view")
        self.said = ipywidgets.Box()  # view.js puts the words there
        self.said.add_class("ssl-said")

    def _still(self) -> ipywidgets.HTML:
        """What is seen where our JavaScript does not run (see LOOK in ``controls``): the first frame, and why."""
        data, words = base64.b64encode(self.jpeg).decode(), html.escape(self.picture.describe(), quote=True)
        picture = f'<img src="data:image/jpeg;base64,{data}" alt="{words}" style="max-width:100%;height:auto">'
        still = ipywidgets.HTML(f"<p>{WAITING}</p>{picture}<p>{words}</p>")
        still.add_class("ssl-still")
        return still

    @property
    def jpeg(self) -> bytes:
        """The last frame."""
        return bytes(self.image.frame)

    @property
    def frames(self) -> int:
        """How many frames have been sent."""
        return int(self.image.number)

    def show(self, record: Record) -> None:
        """Update the picture to a new record, and send it as soon as the front end has room for it."""
        with drawing():
            if self.picture.update(record):
                for layers in self._kept.values():
                    layers.background = None
            self._due = True
            self._flush()

    def _flush(self) -> None:
        """Send what is due, if the front end has room for it."""
        if self._due and self.image.room:
            self._send(self._quick)

    def _hear(self, _: Any, content: Any, __: Any) -> None:
        """Answer the front end, which may do so in several threads at once."""
        self.image.confirm(told(content, "seen"))
        size, rest, click = (told(content, name) for name in ("size", "rest", "pick"))
        if size is None and rest is None and click is None and not self._due:
            return
        with self._host.lock:
            picked = self.image.pick(click)
            if picked:
                self._host.pick(*picked)
            self._answer(size, rest)

    def _answer(self, size: Any, rest: Any) -> None:
        """Fit the picture to a new width, and send a sharp frame if all is still."""
        with drawing():
            fitted = self.image.attach(size)
            if fitted:
                self._fit(*fitted)
            still = rest == self.frames and not self._due and not self._host.busy()
            if fitted or (still and not (self._fine and self.picture.figure.dpi == self._sharp)):
                self._send(self._sharp)
            self._flush()

    def _fit(self, width: float, density: float) -> None:
        """Choose both resolutions for a picture ``width`` CSS pixels wide."""
        self._watched = True
        inches, high = self.picture.figure.get_size_inches()
        pixels = width * density
        area = pixels * pixels * high / inches
        pixels *= min(1.0, (MOST / area) ** 0.5)
        share = min(1.0, max(QUICK, (CHEAP / area) ** 0.5))
        widths = math.ceil(pixels - 0.01), math.ceil(pixels * share - 0.01)
        self._sharp, self._quick = (DPI if n == inches * DPI else (n + 0.01) / inches for n in widths)
        for dpi in set(self._kept) - {self._sharp, self._quick}:
            del self._kept[dpi]

    def _layers(self) -> Layers:
        """Axes and still artists at the present resolution, drawn if they have changed."""
        figure, dpi = self.picture.figure, float(self.picture.figure.dpi)
        if dpi not in self._kept:
            self._kept[dpi] = Layers(Stamps(figure))
        kept = self._kept[dpi]
        if kept.background is None:
            for artist in [*self.picture.still, *self.picture.moving]:
                artist.set_animated(True)
            if kept.axes is None:
                self._canvas.draw()
                kept.axes = self._canvas.copy_from_bbox(figure.bbox)
            self._canvas.restore_region(kept.axes)
            for artist in self.picture.still:
                figure.draw_artist(artist)
            kept.background = kept.front = self._canvas.copy_from_bbox(figure.bbox)
            kept.calm = 0
            kept.stamps.forget()
            names = {part: name for name, part in vars(self.picture).items() if isinstance(part, Axes)}
            self.image.panels = panels(figure, names, self._host.hints)
        return kept

    def pixels(self) -> np.ndarray:
        """Draw the record: (height, width, 4) bytes, a view that is valid until the next drawing."""
        with drawing():
            kept, moving = self._layers(), self.picture.moving
            calm = next((k for k, artist in enumerate(moving) if _changed(artist)), len(moving))
            for layers in self._kept.values():
                if layers.calm > calm:
                    layers.front, layers.calm = layers.background, 0
            self._canvas.restore_region(kept.front)
            pixels = np.asarray(self._canvas.buffer_rgba())
            for k, artist in enumerate(moving[kept.calm :], kept.calm):
                if k == calm > kept.calm:
                    kept.front, kept.calm = self._canvas.copy_from_bbox(self.picture.figure.bbox), calm
                if not (isinstance(artist, Text) and kept.stamps.draw(artist, pixels)):
                    self.picture.figure.draw_artist(artist)
                artist.stale = False
            return pixels

    def _frame(self) -> bytes:
        """The frame as a JPEG, four times as fast as lossless formats; colours differ by a few hundredths at most.

        While it is one of many it has half the bytes, and edges of colours are less exact.
        """
        pixels, buffer = self.pixels(), io.BytesIO()
        image = Image.frombuffer("RGBX", pixels.shape[1::-1], pixels, "raw", "RGBX", 0, 1)
        image.save(buffer, "JPEG", **(FINE if self._fine else COARSE))
        return buffer.getvalue()

    def _send(self, dpi: float) -> None:
        """Draw at a resolution and send."""
        if self.picture.figure.dpi != dpi:
            self.picture.figure.dpi = dpi
        self._due, self._fine = False, not (self._watched and self._host.busy())
        self.image.send_frame(self._frame(), self.picture.describe())


def _changed(artist: Artist) -> bool:
    """Whether an artist must be drawn again since the last frame; new colours of a collection do not make it stale."""
    return artist.stale or (isinstance(artist, Collection) and artist.get_array() is not None)
