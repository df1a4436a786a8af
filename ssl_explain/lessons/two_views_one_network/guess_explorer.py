"""Draw your guess: the reader draws a curve into empty axes, and the run is drawn over it."""

import base64
import functools
import html
import itertools
from collections.abc import Sequence
from typing import Any

import ipywidgets
import numpy as np
import torch
from numpy.typing import ArrayLike

from ssl_explain import require
from ssl_explain.kit.controls import button, frame, make_control
from ssl_explain.kit.layout import COLUMNS
from ssl_explain.kit.live import Host, LiveView
from ssl_explain.kit.outputs import OUTPUTS
from ssl_explain.kit.picture import png
from ssl_explain.kit.prediction import Reveal, Shown, folded
from ssl_explain.kit.runner import FairLock
from ssl_explain.kit.state import Control, same
from ssl_explain.lessons.two_views_one_network.guess_picture import Drawn, GuessPicture

NOTHING = np.empty(0)


class Sketch(Shown):
    """A curve to be guessed: drag in the axes, or move a slider for each of the ``places``; then commit.

    The curve begins at 0 with the value ``start``; ``ends`` are those of the upright axis, ``labels`` name both axes.
    As with a :class:`~ssl_explain.kit.prediction.Prediction`, a reveal without a guess is folded.

    Raises:
        ValueError: places that do not increase from above 0, or a start outside of the axis.

    Example:
        >>> guess = sketch("What becomes of it?", (50, 100), start=0.5)
        >>> guess.draw(90, 0.8)
        >>> guess.commit()
        >>> guess.reveal(torch.linspace(0.5, 1.0, 101)).words.partition("<")[0]
        'Your curve is off by 0.2 on average, most at step 100: you drew 0.8, the run has 1. '
    """

    def __init__(
        self, text: str, places: Sequence[float], *, start: float, ends: tuple[float, float] = (0.0, 1.0),
        labels: tuple[str, str] = ("step", "value"),
    ) -> None:  # fmt: skip
        """Start with empty axes."""
        rising = len(places) > 0 and all(a < b for a, b in itertools.pairwise((0, *places)))
        remedy = "name a few points along the curve, such as (50, 100)"
        require.that(rising, "places", "increase from above 0", repr(places), remedy)
        require.number("start", start, *ends, "choose `ends` between which it lies")
        self.text, self.places, self.labels, self.start = text, tuple(places), labels, float(start)
        self.guess: dict[float, float] = {}
        self.committed = False
        self._run: tuple[np.ndarray, np.ndarray] | None = None
        self._lock, self._reveal = FairLock(), Reveal()
        self.picture = GuessPicture(self._drawn(), places[-1], ends, labels)
        OUTPUTS.listen()

    @functools.cached_property
    def view(self) -> LiveView[Drawn]:
        """The axes on the screen."""
        return LiveView(
            self.picture, Host(self._lock, hints={"panel": "your guess"}, pick=lambda _, x, y: self.draw(x, y))
        )

    @functools.cached_property
    def _sliders(self) -> dict[float, ipywidgets.Widget]:
        # A browser rounds a slider to its steps and says so, as if the reader had moved it.
        values = {place: self._control(place).nearest(self.guess.get(place, self.start)) for place in self.places}
        made = {place: make_control(self._control(place), value) for place, value in values.items()}
        for place, slider in made.items():
            slider.observe(lambda change, place=place: self._moved(place, change), names="value")
        return made

    def _moved(self, place: float, change: Any) -> None:
        if not same(change["new"], change["old"]):
            self.draw(place, change["new"])

    def _control(self, place: float) -> Control:
        low, high = self.picture.panel.get_ylim()
        return Control(
            f"{self.labels[0]} {place:g}", "the curve there; or drag in the picture", low, high, (high - low) / 100
        )

    @functools.cached_property
    def widget(self) -> ipywidgets.VBox:
        """The question, a slider for each place, the axes, and a button."""
        title = ipywidgets.HTML(f"<b>Draw your guess.</b> {html.escape(self.text)}")
        commit = button("commit", "keep this curve, then go on to the reveal", "check")
        commit.on_click(lambda _: self.commit())
        self._said = ipywidgets.HTML()
        sliders = ipywidgets.GridBox([*self._sliders.values()], layout=COLUMNS)
        below = ipywidgets.HBox([commit, self._said])
        box = frame([title, sliders, self.view.widget, below, self.view.said])
        box.owner = self
        return box

    def close(self) -> None:
        """Close the widget; showing this again makes a new one with the same guess."""
        super().close()
        for part in ("view", "_sliders"):
            vars(self).pop(part, None)

    def draw(self, x: float, y: float) -> None:
        """Move the guess at the place next to ``x`` to ``y``."""
        place = min(self.places, key=lambda known: abs(known - x))
        value = self._control(place).nearest(y)
        with self._lock:
            if self.guess.get(place) != value:
                self.guess[place] = value
                self._update()
                if "_sliders" in vars(self):
                    self._sliders[place].value = value

    def commit(self) -> None:
        """Keep the curve, if there is one; the run is drawn over it as soon as it is known."""
        self.committed = bool(self.guess)
        if "widget" in vars(self):
            self._said.value = "kept; go on" if self.committed else "draw first: drag in the axes, or move a slider"
        with self._lock:
            self._update()
        self._reveal.say(self._compared())

    def reveal(self, run: ArrayLike) -> Reveal:
        """Draw the run, one value for each step from 0 on, over the guess.

        Raises:
            ValueError: a run that ends before the last of the places.
        """
        values = require.finite("run", torch.as_tensor(run)).detach().double().numpy()
        remedy = "hand over one value for each step, that at the start included"
        if values.ndim != 1 or len(values) <= self.places[-1]:
            require.fail("run", f"have more than {self.places[-1]:g} values", f"shape {values.shape}", remedy)
        self._run = (np.arange(len(values)), values)
        self._reveal.text = f"Measured: {self._measured()}"
        self._reveal.page = folded("What was measured? Draw your guess first, then open this.", self._told())
        with self._lock:
            self._update()
        self._reveal.say(self._compared())
        return self._reveal

    def _drawn(self, *, run: bool = False) -> Drawn:
        drawn = np.array([(0.0, self.start), *sorted(self.guess.items())])
        steps, values = self._run if run and self._run else (NOTHING, NOTHING)
        return Drawn(drawn[:, 0], drawn[:, 1], steps, values)

    def _update(self) -> None:
        record = self._drawn(run=self.committed)
        if "view" in vars(self):
            self.view.show(record)
        else:
            self.picture.update(record)

    def _measured(self) -> str:
        found = ", ".join(f"{y:.3g}" for y in self._found(self.places))
        return f"{self.labels[1]} is {found} at {self.labels[0]} {', '.join(f'{x:g}' for x in self.places)}."

    def _told(self) -> str:
        return f"<b>Measured:</b> {html.escape(self._measured())}"

    def _found(self, places: Any) -> np.ndarray:
        return np.interp(places, *self._run) if self._run else NOTHING

    def _compared(self) -> str:
        """How far off the guess is, and both curves; without a guess the run alone, folded."""
        if self._run is None:
            return ""
        picture = GuessPicture(self._drawn(run=True), self.places[-1], self.picture.panel.get_ylim(), self.labels)
        image, words = base64.b64encode(png(picture.figure)).decode(), html.escape(picture.describe())
        shown = f'<br><img src="data:image/png;base64,{image}" alt="{words}" style="max-width:100%">'
        if not self.committed:
            return folded("No guess yet: draw one above, or open the answer.", self._told() + shown)
        places, heights = np.array([*self.guess.items()]).T
        found = self._found(places)
        off = np.abs(found - heights)
        worst = off.argmax()
        words = f"Your curve is off by {off.mean():.2g} on average, most at {self.labels[0]} {places[worst]:g}: "
        return f"{words}you drew {heights[worst]:.2g}, the run has {found[worst]:.2g}. {self._told()}{shown}"

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        with self._lock:
            OUTPUTS.shown(self.widget)
            data, metadata = self.picture._repr_mimebundle_()
            words = f"{self.text} {data['text/plain']}"
            return {**data, **self.widget._repr_mimebundle_(**options), "text/plain": words}, metadata


sketch = Sketch
