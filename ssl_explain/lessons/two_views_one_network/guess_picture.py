"""The axes of a curve that is guessed: where the run begins, the guess, and the run that is drawn over it."""

from collections.abc import Sequence

import numpy as np

from ssl_explain.kit.charts import legend, new_curve, panels
from ssl_explain.kit.picture import Picture
from ssl_explain.kit.style import INK, MEASURED, PREDICTED, tidy
from ssl_explain.records import record


@record
class Drawn:
    """Places and heights of a guess, with the start, and of the run; without a place there is nothing to be seen."""

    places: np.ndarray
    guess: np.ndarray
    steps: np.ndarray
    run: np.ndarray


class GuessPicture(Picture[Drawn]):
    """Axes that are empty but for the start, until something is drawn."""

    def __init__(self, record: Drawn, reach: float, ends: tuple[float, float], labels: Sequence[str]) -> None:
        """Draw the axes from 0 to ``reach`` and between the ``ends``, and the start of the record in them."""
        self.labels, self.start = labels, float(record.guess[0])
        self.figure, (self.panel,) = panels(7.2, 3.2)
        tidy(self.panel, xlabel=labels[0], title=labels[1])
        self.panel.set(xlim=(0, reach), ylim=ends)
        self.panel.plot(0, self.start, "o", color=INK, markersize=9, clip_on=False, label="here the run begins")
        style = {"color": PREDICTED, "clip_on": False, "markevery": slice(1, None)}
        self.guess = new_curve(self.panel, "s--", label="your guess", **style)
        self.run = new_curve(self.panel, color=MEASURED, linewidth=2.5, label="the run")
        legend(self.panel, "upper right")
        self.figure.tight_layout()
        self.still, self.moving = [], [self.guess, self.run]
        self.update(record)

    def update(self, record: Drawn) -> bool:
        """Move both curves."""
        self.record = record
        self.guess.set_data(record.places, record.guess)
        self.run.set_data(record.steps, record.run)
        return False

    def describe(self) -> str:
        """The start, what was drawn, and where the run ends."""
        along, up = self.labels
        points = [f"{y:.3g} at {along} {x:g}" for x, y in zip(self.record.places, self.record.guess, strict=True)][1:]
        words = f"Axes for a curve of {up} over {along}s, which begins at {self.start:.3g}."
        words += f" Your guess: {', '.join(points) or 'not drawn yet'}."
        return words + (f" The run ends at {self.record.run[-1]:.3g}." if len(self.record.run) else "")
