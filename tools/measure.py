"""What every benchmark shares: a figure with its target, and how long a call takes."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure, and what it should be if that was settled: at least ``low``, at most ``high``."""

    name: str
    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None

    @property
    def target(self) -> str:
        """How the target reads."""
        if self.low is not None:
            return f">= {self.low:g}"
        return f"<= {self.high:g}" if self.high is not None else ""

    @property
    def verdict(self) -> str:
        """PASS, FAIL, or nothing where there is no target."""
        if not self.target:
            return ""
        reached = self.value is not None and (
            self.value >= self.low if self.low is not None else self.value <= (self.high or 0.0)
        )
        return "PASS" if reached else "FAIL"

    def __str__(self) -> str:
        """One line of the table."""
        value = (
            "not measured" if self.value is None else f"{self.value:,.4g}" if self.value < 1e4 else f"{self.value:,.0f}"
        )
        return f"{self.name:<66} {value:>12} {self.unit:<10} {self.target:>10} {self.verdict}"


def median(measure: Callable[[], float], repeat: int) -> float:
    """The median of several measurements."""
    return statistics.median(measure() for _ in range(repeat))


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def fastest(actions: dict[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    """The fastest run of each, taking turns: a busy machine only ever adds."""
    for action in actions.values():
        action()
    rounds = [{name: seconds(action) for name, action in actions.items()} for _ in range(repeat)]
    return {name: min(taken[name] for taken in rounds) for name in actions}
