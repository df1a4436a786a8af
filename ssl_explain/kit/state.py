"""The settings of an explorer: a frozen dataclass whose fields carry the range, label and tooltip of their controls."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ssl_explain import require


@dataclass(frozen=True)
class Control:
    """A range with a step, or a list of options; a ``live`` control changes a run in progress.

    ``names`` holds labels of options whose values are not clear by themselves.
    """

    label: str
    tip: str
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    options: tuple[Any, ...] = ()
    live: bool = False
    names: Mapping[Any, str] = field(default_factory=dict)

    def values(self) -> tuple[Any, ...]:
        """Every value that the control can take."""
        if self.options:
            return self.options
        count = round((self.high - self.low) / self.step)
        kind = int if isinstance(self.step, int) else float
        return tuple(kind(round(self.low + k * self.step, 10)) for k in range(count + 1))

    def nearest(self, value: float) -> Any:
        """The value that the control can take next to some number.

        Example:
            >>> Control("p", "a share", 0.0, 1.0, 0.25).nearest(0.4)
            0.5
        """
        return min(self.values(), key=lambda known: abs(known - value))

    def check(self, name: str, value: Any) -> None:
        """Raise a ValueError or TypeError that names the field unless the control offers this value."""
        if not self.options:
            if isinstance(self.step, int):
                require.integer(name, value, int(self.low), self.tip, high=int(self.high))
            require.number(name, value, self.low, self.high, self.tip)
        elif value not in self.options:
            require.fail(name, f"be one of {self.options}", repr(value), self.tip)


def slider(default: float, low: float, high: float, step: float, *, label: str, tip: str, live: bool = False) -> Any:
    """Declare a field with values from ``low`` to ``high`` in steps; integers if ``step`` is an integer."""
    return field(default=default, metadata={"control": Control(label, tip, low, high, step, live=live)})


def choice(
    default: Any,
    options: tuple[Any, ...],
    *,
    label: str,
    tip: str,
    live: bool = False,
    names: Mapping[Any, str] | None = None,
) -> Any:
    """Declare a field that takes one of a few values; ``names`` holds labels for them."""
    control = Control(label, tip, options=options, live=live, names=names or {})
    return field(default=default, metadata={"control": control})


@dataclass(frozen=True)
class State:
    """The settings of an explorer. Equal states show equal pictures.

    Raises:
        ValueError: a value that its control does not offer.
    """

    def __post_init__(self) -> None:
        """Check every field against its control."""
        for name, control in self.controls().items():
            control.check(name, getattr(self, name))

    @classmethod
    def controls(cls) -> dict[str, Control]:
        """The control of every field, in order."""
        return {f.name: f.metadata["control"] for f in dataclasses.fields(cls)}

    def idle(self) -> Mapping[str, str]:
        """The controls that change nothing in this state, and why; here there are none."""
        return {}

    def change(self, **values: Any) -> Self:
        """Return a copy with some fields changed.

        Raises:
            ValueError: a field that does not exist, or a value that its control does not offer.
        """
        require.names("change", list(values), list(self.controls()))
        return dataclasses.replace(self, **values)

    def changed(self) -> dict[str, str]:
        """The fields that differ from their defaults, as code."""
        fields = [(f.name, getattr(self, f.name), f.default) for f in dataclasses.fields(self)]
        return {name: repr(value) for name, value, default in fields if value != default}


def same(one: Any, other: Any) -> bool:
    """Whether two values of a control are equal but for rounding."""
    rounded = isinstance(one, float) and isinstance(other, float) and math.isclose(one, other, abs_tol=1e-9)
    return rounded or bool(one == other)
