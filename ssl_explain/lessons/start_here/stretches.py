"""Which part of a run was trained with which settings: in words, in short, and as marks on its curve."""

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ssl_explain.kit.charts import new_curve, new_strokes
from ssl_explain.kit.style import INK, QUIET
from ssl_explain.records import Stretch, Trace

MOST = 4  # stretches that are listed one by one
STROKE: dict[str, Any] = {"marker": "|", "markersize": 13, "markeredgewidth": 2, "linestyle": "none"}
Spans = list[tuple[float, float]]
LETTER, GAP = 6.2, 4  # pixels: the width of a letter, and the room between a mark and its words


@dataclass(frozen=True)
class Course:
    """The settings of a run, stretch by stretch; ``symbol`` is the figure's symbol of the strength.

    ``ahead`` are the settings of the next step if they differ from the last; ``told`` are the fields to name beside
    the strength: those in which the stretches of a picture differ.

    Example:
        >>> course = Course("q", (Stretch(0, 0.5, 1.0), Stretch(300, 0.0, 1.0)))
        >>> course.words(), course.since()
        ('q = 0.5 until step 300, then q = 0', ' since step 300')
    """

    symbol: str
    stretches: tuple[Stretch, ...]
    ahead: Stretch | None = None
    told: tuple[str, ...] = ()

    def _said(self, stretch: Stretch, fields: tuple[str, ...], known: str = "") -> str:
        """Some settings of a stretch; of its loss only the parts that the ``known`` loss has not."""
        parts = [part for part in stretch.loss.split(", ") if part not in known.split(", ")]
        said = {
            "strength": f"{self.symbol} = {stretch.strength:g}",
            "learning_rate": f"learning rate {stretch.learning_rate:g}",
            "loss": ", ".join(parts) or stretch.loss or "another loss",
        }
        return ", ".join(said[field] for field in fields)

    def _whole(self, stretch: Stretch) -> str:
        return self._said(stretch, ("strength", *self.told))

    def _change(self, old: Stretch, new: Stretch) -> str:
        return self._said(new, differing(old, new), old.loss)

    def changes(self) -> list[tuple[int, str]]:
        """The steps at which settings changed, with the new settings."""
        pairs = zip(self.stretches, self.stretches[1:], strict=False)
        return [(new.start, self._change(old, new)) for old, new in pairs]

    def words(self) -> str:
        """Every stretch, or the first and the last one if there are many."""
        last, changes = self.stretches[-1], self.changes()
        parts = [self._whole(self.stretches[0]), *(change for _, change in changes)]
        if len(parts) > MOST:
            parts = [parts[0], f"{len(parts) - 2} other settings", self._whole(last)]
            changes = [changes[0], changes[-1]]
        untils = [f"{part} until step {step}" for part, (step, _) in zip(parts, changes, strict=False)]
        text = ", then ".join([*untils, parts[-1]])
        return f"{text}, from here on {self._change(last, self.ahead)}" if self.ahead else text

    def since(self) -> str:
        """The step since which the present settings hold, if not the first."""
        if self.ahead:
            return " from here on"
        return f" since step {self.stretches[-1].start}" if len(self.stretches) > 1 else ""

    def now(self) -> str:
        """The present settings, in lines that fit a caption."""
        return in_lines(self._whole(self.ahead or self.stretches[-1]), 24)

    def brief(self, width: int) -> str:
        """The whole run, in lines that fit a legend."""
        changes = self.changes()
        rest = [f"then {changes[0][1]}"] if len(changes) == 1 else [f"then {len(changes)} changes"] * bool(changes)
        return in_lines(", ".join([self._whole(self.stretches[0]), *rest]), width)

    def beside(self) -> list[tuple[int, str]]:
        """The words at the start of each stretch, if there are several."""
        first, changes = self.stretches[0], self.changes()
        return [(step, _short(words)) for step, words in [(first.start, self._whole(first)), *changes] if changes]


def courses(symbol: str, strength: float, trace: Trace, previous: Trace | None) -> tuple[Course, Course | None]:
    """The settings of the present run, whose strength is ``strength`` now, and of the previous one if there is one."""
    done, ahead = trace.stretches, trace.ahead
    before = previous.stretches if previous else ()
    known = [*done, *before, *([ahead] if ahead else [])]
    differ = {field for other in known for field in differing(known[0], other)}
    told = tuple(field for field in ("learning_rate", "loss") if field in differ)
    if not done:
        done = (ahead or Stretch(0, strength, 0.0),)
    if ahead and not differing(done[-1], ahead):
        ahead = None
    return Course(symbol, done, ahead, told), Course(symbol, before, None, told) if before else None


def differing(one: Stretch, other: Stretch) -> tuple[str, ...]:
    """The settings in which two stretches differ."""
    return tuple(f for f in ("strength", "learning_rate", "loss") if getattr(one, f) != getattr(other, f))


def ending(before: Course | None, value: str) -> str:
    """How the previous run was trained, and where it ended."""
    how = f", with {before.words()}," if before else ""
    return f" The run before{how} ended at {value}."


def _short(text: str) -> str:
    return text.replace("learning rate", "rate")


def in_lines(text: str, width: int) -> str:
    """Wrap settings between them, not within one."""
    kept = re.sub(r"(?<!,) ", "\N{NO-BREAK SPACE}", _short(text))
    lines = textwrap.wrap(kept, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


class Marks:
    """Marks of changed settings: a line on the curves of a run, and the new settings above where there is room.

    Changes during the previous run are short strokes on its own curve.
    """

    def __init__(self, ax: Axes, words: float) -> None:
        """Make the artists; ``words`` is the height of the words."""
        self.axes = ax
        self.lines = new_strokes(ax, colors=INK, linewidths=1)
        self.texts = [ax.text(0, words, "", color=INK, va="center") for _ in range(8)]
        self.before = new_curve(ax, color=QUIET, **STROKE)
        self.artists: list[Artist] = [self.lines, self.before, *self.texts]

    def move(self, now: Course, spans: Callable[[int], Spans], before: Course | None, ghost: Line2D) -> None:
        """Mark the changes of the present run over ``spans(step)``, those of the previous run on its curve."""
        lines = [[(step, low), (step, high)] for step, _ in now.changes() for low, high in spans(step)]
        self.lines.set_segments(lines)
        steps = [step for step, _ in before.changes()] if before else []
        self.before.set_data(steps, [height_at(step, ghost) for step in steps])
        for text in self.texts:
            text.set_text("")
        for text, (x, words, side) in zip(self.texts, self._room(now.beside()), strict=False):
            text.set(x=x, text=words, ha=side)

    def _room(self, labels: list[tuple[int, str]]) -> list[tuple[float, str, str]]:
        """Place words right of their line, else left of it, where they touch no others and no line; latest first."""
        last = self.axes.get_xlim()[1]
        pixel = last / self.axes.get_window_extent().width
        steps = [step for step, _ in labels if step <= last]
        free, found = last, []
        for k, step in reversed(list(enumerate(steps))):
            words, width = labels[k][1], len(labels[k][1]) * LETTER * pixel
            right, left = step + GAP * pixel, step - GAP * pixel
            if right + width <= min([free, *steps[k + 1 : k + 2]]):
                found.append((right, words, "left"))
                free = step
            elif k and left - width >= steps[k - 1]:
                found.append((left, words, "right"))
                free = left - width
        return found


def height_at(step: int, curve: Line2D) -> float:
    """The height of a curve at a step, interpolated."""
    return float(np.interp(step, np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())))
