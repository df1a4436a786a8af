"""Argument checks: every error says what was expected, what came, and what to do.

One sentence form serves the whole package::

    `strength` must lie in [0, 1], got 1.3; 0 is no augmentation, 1 keeps only the root.
"""

import math
import os
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import NoReturn, TypeVar

import torch
from torch import Tensor

Kind = TypeVar("Kind")
BOUND = 2**1023
TINY, HUGE = 1e-30, 1e30  # with factors in this range, energies and their quotients stay inside single precision
MOST = 2**28  # numbers in one tensor: 1 GiB in single precision


def fail(name: str, expected: str, got: object, remedy: str, error: type[Exception] = ValueError) -> NoReturn:
    """Raise an error whose message is the one sentence form of this package."""
    raise error(f"`{name}` must {expected}, got {got}; {remedy}.")


def that(holds: bool, name: str, expected: str, got: object, remedy: str, error: type[Exception] = ValueError) -> None:
    """Call :func:`fail` unless the condition ``holds``; where ``got`` takes long to write, test first, then fail."""
    if not holds:
        fail(name, expected, got, remedy, error)


def shown(value: object) -> str:
    """Describe any value in at most about a hundred characters."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and type {value.dtype}"
    try:
        return f"{value!r:.80} of type {type(value).__name__}"
    except ValueError:  # Python does not write integers of more than 4300 digits
        return f"{type(value).__name__}, too long to write down"


def _digits(value: float) -> str:
    """Format a number; huge integers as a bit count."""
    return str(value) if isinstance(value, float) or abs(value) < BOUND else f"{value.bit_length():,} bits"


def number(name: str, value: object, low: float, high: float, remedy: str, *, open_low: bool = False) -> float:
    """Return ``value`` as a float in [low, high] (or (low, high] with ``open_low``)."""
    left = "(" if open_low else "["
    right = ")" if math.isinf(high) else "]"
    expected = f"lie in {left}{low:g}, {high:g}{right}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        fail(name, expected, shown(value), remedy, TypeError)
    x = float(value) if isinstance(value, float) or abs(value) < BOUND else math.inf  # an int may be larger than any
    if math.isnan(x) or math.isinf(x) or not low <= x <= high or (open_low and x == low):
        fail(name, expected, _digits(value), remedy)
    return x


def single(name: str, value: object, remedy: str, *, open_low: bool = False) -> float:
    """Return ``value`` as a float ≥ 0 (or > 0) that can scale energies in single precision without overflow."""
    x = number(name, value, 0, math.inf, remedy, open_low=open_low)
    low = TINY if open_low else 0.0
    if not low <= x <= HUGE:
        fail(name, f"lie in [{low:g}, {HUGE:g}], where single precision has digits", _digits(x), remedy)
    return x


def precise(name: str, value: Tensor) -> None:
    """Check that a tensor is not in half precision, for which PyTorch and NumPy have no linear algebra."""
    if value.dtype in (torch.float16, torch.bfloat16):
        remedy = "convert network and inputs with .float()"
        fail(name, "be in single or double precision", value.dtype, remedy, TypeError)


def integer(name: str, value: object, low: int, remedy: str, *, high: int | None = None) -> int:
    """Return ``value`` as an int of at least ``low`` (and at most ``high``)."""
    expected = f"be an integer ≥ {low}" if high is None else f"be an integer from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, int):
        numpy = isinstance(value, Integral) and not isinstance(value, int)  # JSON manifests cannot store these
        fail(name, expected, shown(value), "write int(...) around it" if numpy else remedy, TypeError)
    if value < low or (high is not None and value > high):
        fail(name, expected, _digits(value), remedy)
    return value


def interval(name: str, value: object, low: float, high: float, remedy: str) -> tuple[float, float]:
    """Return ``value`` as an ordered pair inside [low, high]."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        fail(name, "be a pair (low, high)", shown(value), remedy, TypeError)
    a, b = (number(name, v, low, high, remedy) for v in value)
    if a > b:
        fail(name, "be ordered as (low, high)", f"({a:g}, {b:g})", "swap the two")
    return a, b


def finite(name: str, value: Tensor, remedy: str = "look for NaN or infinity where it was computed") -> Tensor:
    """Return ``value`` if every entry is a finite number."""
    if not torch.isfinite(value).all():
        bad = int((~torch.isfinite(value)).sum())
        fail(name, "hold finite numbers only", f"{bad} non-finite of {value.numel()} entries", remedy)
    return value


def last_axis(name: str, value: Tensor, size: int, remedy: str) -> Tensor:
    """Return ``value`` if its last axis has ``size`` entries."""
    if value.ndim == 0 or value.shape[-1] != size:
        fail(name, f"have {size} entries on its last axis", f"shape {tuple(value.shape)}", remedy)
    return value


def tensor(name: str, value: object, axes: str, remedy: str) -> Tensor:
    """Return ``value`` if it is a floating-point tensor with these ``axes``; a star stands for any number of them."""
    names = axes.split()
    many = names[0].startswith("*")
    expected = f"be a floating-point tensor of shape ({', '.join(names)})"
    if not isinstance(value, Tensor) or not value.is_floating_point():
        fail(name, expected, shown(value), remedy, TypeError)
    if value.ndim < len(names) - many or (value.ndim > len(names) and not many):
        fail(name, expected, f"shape {tuple(value.shape)}", remedy)
    return value


def dtype(name: str, value: Tensor, wanted: torch.dtype, whose: str) -> None:
    """Check that a tensor has the ``wanted`` type, since PyTorch does not multiply mixed types."""
    if value.dtype != wanted:
        fail(name, f"be of type {wanted}, as {whose} are", value.dtype, f"convert with .to({wanted})", TypeError)


def integers(name: str, value: object, low: int, remedy: str, *, count: int | None = None) -> tuple[int, ...]:
    """Return a sequence of ``count`` integers of at least ``low`` as a tuple."""
    if not isinstance(value, Sequence) or isinstance(value, str) or (count is not None and len(value) != count):
        fail(name, f"be a sequence of {'' if count is None else f'{count} '}integers", shown(value), remedy, TypeError)
    return tuple(integer(name, v, low, remedy) for v in value)


def instance(name: str, value: object, kind: type[Kind], remedy: str) -> Kind:
    """Return ``value`` if it is of this kind."""
    if not isinstance(value, kind):
        fail(name, f"be a {kind.__name__}", shown(value), remedy, TypeError)
    return value


def path(name: str, value: object) -> Path:
    """Return a path or a string as a :class:`Path`."""
    if not isinstance(value, str | os.PathLike):
        fail(name, "be a path", shown(value), "write the name of a file or of a folder", TypeError)
    return Path(value)


def flags(**values: object) -> None:
    """Check that all values are True or False; the string "no" would otherwise count as true."""
    for name, value in values.items():
        instance(name, value, bool, "write True or False")


def names(name: str, value: object, known: Sequence[str]) -> None:
    """Check that ``value`` is a sequence of ``known`` names."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        fail(name, "be a sequence of names", shown(value), f'write ("{known[0]}",)', TypeError)
    if unknown := [one for one in value if one not in known]:
        fail(name, f"hold some of {', '.join(known)}", unknown, "check the spelling")


def generator(value: object) -> torch.Generator:
    """Return ``value`` if it is a generator; a seed is none, and None would mean PyTorch's global state."""
    return instance("generator", value, torch.Generator, "write torch.Generator().manual_seed(0)")


def function(name: str, value: object, remedy: str) -> None:
    """Check that ``value`` can be called; the name of a function cannot."""
    if not callable(value):
        fail(name, "be a function", shown(value), remedy, TypeError)


def room(name: str, numbers: int, remedy: str, *, most: int = MOST) -> None:
    """Check a size before memory is allocated: ``numbers`` is the number of entries of the largest tensor."""
    if numbers > most:
        fail(name, f"need room for {most:,} numbers or fewer", f"{numbers:,}", remedy)


def draw(n: int, views: int, dimension: int, value: object) -> None:
    """Check what every world is asked for: numbers of points and views, and a generator ``value``."""
    integer("n", n, 1, "ask for at least one data point")
    integer("views", views, 1, "ask for at least one view")
    generator(value)
    room("n", n * views * dimension, "draw fewer at a time")
