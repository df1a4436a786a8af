"""What every exercise can do: check an attempt with reasons, show hints one by one, show its one solution."""

import html
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NOT_ATTEMPTED = "not attempted yet"
RIGHT = "Right."


@dataclass(frozen=True)
class Exercise:
    """A task with a check that explains.

    ``judge(attempt)`` returns a sentence: :data:`NOT_ATTEMPTED`, one that starts with :data:`RIGHT`, or what is wrong,
    in the order shape, value, likely mistake. ``solution`` is the only copy there is.
    """

    title: str
    difficulty: str
    minutes: int
    hints: tuple[str, ...]
    solution: Callable[..., Any]
    judge: Callable[[Callable[..., Any]], str]

    def check(self, attempt: Callable[..., Any]) -> None:
        """Print the verdict on an attempt; an attempt that raises is told why, and nothing is raised here."""
        try:
            verdict = self.judge(attempt)
        except Exception as error:
            verdict = f"Your code stopped with {type(error).__name__}: {error}"
        print(f"{self.title}: {verdict}")

    def _repr_html_(self) -> str:
        """Hints folded into each other, so that they open one by one, and the folded solution."""
        body = ""
        for number in range(len(self.hints), 0, -1):
            body = f"{html.escape(self.hints[number - 1])}{body}"
            body = f"<details style='margin-left:1em'><summary>hint {number}</summary>{body}</details>"
        source = html.escape(inspect.getsource(self.solution))
        return (
            f"<b>{html.escape(self.title)}</b> ({self.difficulty}, about {self.minutes} minutes)"
            f"{body}<details style='margin-left:1em'><summary>solution</summary><pre>{source}</pre></details>"
        )

    def __repr__(self) -> str:
        return f"{self.title} ({self.difficulty}, about {self.minutes} minutes): {len(self.hints)} hints and a solution"


def unattempted(answer: object) -> bool:
    """Whether a stub was left as it was: it returns ``...`` or nothing."""
    return answer is None or answer is ...
