"""The widget that shows pictures in the browser: frames as bytes, sent when the front end has room for them."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

CREDITS = 4  # frames on their way that the front end has not confirmed
PATIENCE = 0.5  # seconds after which a frame that was not confirmed no longer counts: its browser may be gone
WIDTHS, DENSITIES = (200, 4000), (0.5, 4)  # CSS pixels, device pixels per CSS pixel


class PictureWidget(anywidget.AnyWidget):
    """An image with its words; ``view.js`` is its other half.

    The last frame is part of the state, so that a page that is loaded again shows it. Nothing waits for a front end:
    as long as none has said how wide it is, every frame may be sent.
    """

    _esm = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    frame = traitlets.Bytes(help="the file of an image").tag(sync=True)
    number = traitlets.Int(help="how many frames have been sent").tag(sync=True)
    words = traitlets.Unicode(help="the finding, for alt text and read-out").tag(sync=True)
    note = traitlets.Unicode(help="what is shown instead of the words, if anything").tag(sync=True)
    panels: Any = traitlets.List(help="what the pointer can read and set, see panels.py").tag(sync=True)
    shape = traitlets.List([16, 9], help="width and height in CSS pixels before the picture is fitted").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        """Start without a front end."""
        super().__init__(**traits)
        self._confirmed: int | None = None
        self._sent = 0.0
        self._picks = 0

    @property
    def room(self) -> bool:
        """Whether another frame may be sent."""
        late = time.monotonic() - self._sent > PATIENCE
        return self._confirmed is None or late or self.number - self._confirmed < CREDITS

    def send_frame(self, frame: bytes, words: str) -> None:
        """Show a frame with its words, in one message."""
        with self.hold_sync():
            self.frame, self.words, self.note = frame, words, ""
            self.number += 1
        self._sent = time.monotonic()

    def confirm(self, number: Any) -> None:
        """Take note that the front end has shown a frame."""
        if isinstance(number, int) and self._confirmed is not None:
            self._confirmed = max(self._confirmed, min(number, self.number))

    def attach(self, size: Any) -> tuple[float, float] | None:
        """Start counting frames for a front end; its width in CSS pixels and its density, None if it says nonsense.

        What an earlier page has not confirmed is forgotten.
        """
        match size:
            case [int() | float() as width, int() | float() as density] if math.isfinite(width + density):
                self._confirmed, self._picks = self.number, 0
                return _within(width, WIDTHS), _within(density, DENSITIES)
        return None

    def pick(self, content: Any) -> tuple[str, float, float] | None:
        """The panel that was clicked, and where in its units; None if it is nonsense or came too late.

        Messages may overtake each other, so each carries its number.
        """
        match content:
            case [int() as number, str() as panel, int() | float() as x, int() | float() as y] if number > self._picks:
                self._picks = number
                return (panel, x, y) if math.isfinite(x + y) else None
        return None


def _within(value: float, ends: tuple[float, float]) -> float:
    return min(max(value, ends[0]), ends[1])


def told(content: Any, name: str) -> Any:
    """What a message of the front end says under a name; None if it says nothing.

    Example:
        >>> told({"seen": 3}, "seen"), told("nonsense", "seen")
        (3, None)
    """
    return content.get(name) if isinstance(content, Mapping) else None
