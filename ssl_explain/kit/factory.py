"""From the class of an explorer to the function that a notebook calls."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from ssl_explain.kit.state import State

S = TypeVar("S", bound=State)
S_contra = TypeVar("S_contra", bound=State, contravariant=True)
E_co = TypeVar("E_co", covariant=True)
HOW = """

``controls`` names the settings to show (all of them if empty).

Raises:
    ValueError: a control that does not exist.
    TypeError: another state, an argument of another type.
"""


class Factory(Protocol[S_contra, E_co]):
    """A function that makes explorers of one kind."""

    def __call__(self, state: S_contra | None = None, *, controls: Sequence[str] = (), **own: Any) -> E_co:
        """One explorer, in its usual state if none is given."""


def factory(explorer: Callable[[S, Sequence[str]], E_co], words: str) -> Factory[S, E_co]:
    """The function that makes explorers of a class and has the name that the class gives; ``words`` say what it is for.

    ``class RingExplorer(Explorer[RingState])`` with ``factory = "ring_explorer"`` gives
    ``ring_explorer(state=None, *, controls=()) -> RingExplorer``; without a state it begins with ``RingState()``.
    Whatever the class takes besides the state is a keyword of the function.

    Raises:
        TypeError: the function, of another state or argument.
        ValueError: the function, of a control that does not exist.
    """
    cls: Any = explorer
    kind = cls.kind()

    def make(state: Any = None, *, controls: Any = (), **own: Any) -> Any:
        return cls(state or kind(), controls, **own)

    first, *rest = inspect.signature(cls).parameters.values()
    known = [first.replace(default=None, annotation=kind | None), *(p.replace(kind=p.KEYWORD_ONLY) for p in rest)]
    made: Any = make
    made.__name__ = made.__qualname__ = cls.factory
    made.__module__, made.__doc__ = cls.__module__, words + HOW
    made.__annotations__ = {p.name: p.annotation for p in known} | {"return": cls}
    made.__signature__ = inspect.Signature(known, return_annotation=cls)
    return made
