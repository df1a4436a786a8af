"""Records: frozen dataclasses that hold tensors."""

import dataclasses
from typing import TypeVar, dataclass_transform

from torch import Tensor, nn

Kind = TypeVar("Kind")
LONGEST, MOST = 40, 3  # characters of a value, and values of a collection, that are shown


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(dataclasses.field,))
def record(cls: type[Kind]) -> type[Kind]:
    """Make a frozen dataclass whose instances equal themselves alone, and whose ``repr`` is one line of shapes.

    Equality by fields would ask tensors for one truth value, which they do not have; compare fields by torch.equal.

    Example:
        >>> import torch
        >>> @record
        ... class Pair:
        ...     x: torch.Tensor
        ...     name: str = "two"
        >>> Pair(torch.zeros(2, 3)), Pair(torch.zeros(1)) == Pair(torch.zeros(1))
        (Pair(x=Tensor(2, 3), name='two'), False)
    """
    made = dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
    setattr(made, "__repr__", in_one_line)  # noqa: B010  # the type checker sees no method in a name
    return made


def in_one_line(self: object) -> str:
    """The name of the record and its fields: numbers and words as they are, tensors by their shapes."""
    shown = [f.name for f in dataclasses.fields(self) if f.repr]  # type: ignore[arg-type]
    told = ", ".join(f"{name}={_shown(getattr(self, name))}" for name in shown)
    return f"{type(self).__name__}({told})"


def _shown(value: object) -> str:
    """A value in some characters."""
    if isinstance(value, Tensor):
        return f"Tensor{tuple(value.shape)}" if value.ndim != 1 else f"Tensor({len(value)})"
    if isinstance(value, nn.Module) or (dataclasses.is_dataclass(value) and type(value).__repr__ is in_one_line):
        return f"{type(value).__name__}(…)"
    if isinstance(value, tuple | list | dict):
        some = [_shown(one) for one in list(value)[:MOST]] + ["…"] * (len(value) > MOST)
        return f"({', '.join(some)})"
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
