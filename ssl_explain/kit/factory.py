"""From the class of an explorer to the function that a notebook calls."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

E = TypeVar("E")
DOCUMENTATION = """

``controls`` names those to show (all of them if empty).

Raises:
    ValueError: a control that does not exist, or a value that it does not offer.
    TypeError: another state, an argument of another type.
"""


def factory(explorer: type[E], summary: str) -> Callable[..., E]:
    """The function that makes explorers of a class.

    ``class RingExplorer(Explorer[RingState])`` gives
    ``ring_explorer(state=None, *, controls=(), **settings) -> RingExplorer``; the default state is ``RingState()``,
    and settings change it. Further arguments of the class become keywords of the function: where one has the name of
    a setting, a function is the argument and anything else the setting.

    Raises:
        TypeError: the function, of another state or argument.
        ValueError: the function, of a control that does not exist, or a value that it does not offer.
    """
    cls: Any = explorer
    kind = cls.kind()

    def make(state: Any = None, *, controls: Any = (), **own: Any) -> Any:
        settings = {name: own.pop(name) for name in kind.controls() if name in own and not callable(own[name])}
        return cls((state or kind()).change(**settings), controls, **own)

    first, *rest = inspect.signature(cls).parameters.values()
    known = [first.replace(default=None, annotation=kind | None), *(p.replace(kind=p.KEYWORD_ONLY) for p in rest)]
    made: Any = make
    made.__name__ = made.__qualname__ = cls.factory
    made.__module__, made.__doc__ = cls.__module__, summary + DOCUMENTATION
    made.__annotations__ = {p.name: p.annotation for p in known} | {"return": cls}
    made.__signature__ = inspect.Signature(known, return_annotation=cls)
    return made
