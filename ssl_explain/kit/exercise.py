"""Exercises: a check that gives reasons, hints that open one by one, and one solution."""

import html
import inspect
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ssl_explain import require
from ssl_explain.seeds import generators

NOT_ATTEMPTED = "not attempted yet"
RIGHT = "Right."
SEED = 0
DIFFICULTIES = ("easy", "medium", "hard")


@dataclass(frozen=True)
class Exercise:
    """A task with a check that explains.

    ``judge(attempt)`` returns a sentence: :data:`NOT_ATTEMPTED`, one that starts with :data:`RIGHT`, or what is wrong,
    in the order shape, value, likely mistake. Calling the exercise runs its solution.
    """

    title: str
    difficulty: str
    minutes: int
    hints: tuple[str, ...]
    solution: Callable[..., Any]
    judge: Callable[[Callable[..., Any]], str]

    def __call__(self, *args: Any) -> Any:
        """Run the solution."""
        return self.solution(*args)

    def check(self, attempt: Callable[..., Any]) -> None:
        """Print the verdict on an attempt; an error that the attempt raises becomes the verdict."""
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
        source = html.escape(_source(self.solution))
        return (
            f"<b>{html.escape(self.title)}</b> ({self.difficulty}, about {self.minutes} minutes)"
            f"{body}<details style='margin-left:1em'><summary>solution</summary><pre>{source}</pre></details>"
        )

    def __repr__(self) -> str:
        return f"{self.title} ({self.difficulty}, about {self.minutes} minutes): {len(self.hints)} hints and a solution"


def exercise(title: str, difficulty: str, minutes: int) -> Callable[[Callable[..., Exercise]], Exercise]:
    """Make an :class:`Exercise` of the :func:`guided` solution below it.

    Raises:
        ValueError: A difficulty that is not known, or less than a minute.
    """
    require.names("difficulty", (difficulty,), DIFFICULTIES)
    require.integer("minutes", minutes, 1, "say how long a reader needs, about")
    return lambda solution: solution(title=title, difficulty=difficulty, minutes=minutes)


def guided(
    *hints: str,
    given: Callable[[torch.Generator], tuple[Any, ...]] | None = None,
    mistakes: Callable[..., Mapping[str, Any]] | None = None,
    judge: Callable[[Callable[..., Any]], str] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Exercise]]:
    """Attach hints and a judge to the solution below.

    ``given(g)`` is the tuple of arguments, drawn from a stream g that is the same at every check;
    ``mistakes(right, *arguments)`` maps sentences to the wrong values that they explain. Both run when an attempt is
    judged, not before. ``judge`` stands in place of both, where an answer is more than one value to compare.

    Raises:
        TypeError: Neither a judge nor both of `given` and `mistakes`, or an argument of another type.
    """
    for hint in hints:
        require.instance("hint", hint, str, "a hint is a sentence")
    if judge is None:
        require.function("given", given, "write lambda g: (argument, ...), or pass a judge")
        require.function("mistakes", mistakes, "write lambda right, argument: {sentence: value}, or pass a judge")
    elif given is not None or mistakes is not None:
        raise TypeError("`judge` must stand alone, got `given` or `mistakes` as well; leave it or them out.")
    return lambda solution: partial(
        Exercise, hints=hints, solution=solution, judge=judge or partial(_judge, solution, given, mistakes)
    )


def _judge(solution: Callable[..., Any], given: Any, mistakes: Any, attempt: Callable[..., Any]) -> str:
    """Compare an attempt with the solution; the attempt gets copies, because it may change its arguments."""
    data = given(*draws())
    got, right = attempt(*deepcopy(data)), solution(*data)
    if isinstance(right, tuple) and isinstance(got, tuple | list):
        got = torch.tensor([float(x) for x in got])
    wrong = {sentence: torch.as_tensor(value) for sentence, value in mistakes(right, *data).items()}
    return compare(got, torch.as_tensor(right), wrong)


def _source(function: Callable[..., Any]) -> str:
    """The source of a function without its decorators, where inspect.getsource would stop at the first lambda."""
    lines, first = inspect.findsource(inspect.unwrap(function))
    while not lines[first].lstrip().startswith("def "):
        first += 1
    return "".join(inspect.getblock(lines[first:]))


def draws(n: int = 1) -> tuple[torch.Generator, ...]:
    """Random streams for a judge, the same at every check, so that the verdict is the same."""
    return generators(SEED, n)


def unattempted(answer: object) -> bool:
    """Whether a stub is unchanged: it returns ``...`` or None."""
    return answer is None or answer is ...


def compare(got: object, expected: Tensor, mistakes: Mapping[str, Tensor]) -> str:
    """Judge a tensor by type, shape and value; the value of a known mistake gets the sentence of that mistake."""
    if unattempted(got):
        return NOT_ATTEMPTED
    if isinstance(got, int | float):
        got = torch.tensor(float(got))
    if not isinstance(got, Tensor):
        return f"Return a tensor; yours is of type {type(got).__name__}."
    if _equal(got, expected):
        return RIGHT
    likely = next((sentence for sentence, value in mistakes.items() if _equal(got, value)), None)
    if got.shape != expected.shape:
        shape = f"The shape should be {tuple(expected.shape)}, yours is {tuple(got.shape)}."
        return f"{shape} {likely}" if likely else shape
    if likely:
        return likely
    return f"The shape is right, the value is not: expected {_short(expected)}, yours is {_short(got)}."


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a.double(), b.double(), atol=1e-5)


def _short(value: Tensor) -> str:
    numbers = ", ".join(f"{x:.3f}" for x in value.flatten()[:3].tolist())
    return numbers if value.numel() <= 3 else f"{numbers}, …"
