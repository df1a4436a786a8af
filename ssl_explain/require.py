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
TINY, HUGE = 1e-30, 1e30  # of factors: energies and their quotients stay inside single precision
MOST = 2**28  # numbers in one tensor: 1 GiB in single precision


def _fail(name: str, expected: str, got: object, remedy: str, error: type[Exception] = ValueError) -> NoReturn:
    raise error(f"`{name}` must {expected}, got {got}; {remedy}.")


def _told(value: object) -> str:
    """A value in few words, whatever it is."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and type {value.dtype}"
    try:
        return f"{value!r:.80} of type {type(value).__name__}"
    except ValueError:  # Python does not write integers of more than 4300 digits
        return f"{type(value).__name__}, too long to write down"


def _shown(value: float) -> str:
    """A number as it stands, if anybody would read it."""
    return str(value) if isinstance(value, float) or abs(value) < BOUND else f"{value.bit_length():,} bits"


def number(name: str, value: object, low: float, high: float, remedy: str, *, open_low: bool = False) -> float:
    """Return ``value`` as a float in [low, high] (or (low, high] with ``open_low``)."""
    left = "(" if open_low else "["
    right = ")" if math.isinf(high) else "]"
    expected = f"lie in {left}{low:g}, {high:g}{right}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        _fail(name, expected, _told(value), remedy, TypeError)
    x = float(value) if isinstance(value, float) or abs(value) < BOUND else math.inf  # an int may be larger than any
    if math.isnan(x) or math.isinf(x) or not low <= x <= high or (open_low and x == low):
        _fail(name, expected, _shown(value), remedy)
    return x


def single(name: str, value: object, remedy: str, *, open_low: bool = False) -> float:
    """Return ``value`` as a float ≥ 0 (or > 0) by which single precision can divide and multiply energies."""
    x = number(name, value, 0, math.inf, remedy, open_low=open_low)
    low = TINY if open_low else 0.0
    if not low <= x <= HUGE:
        _fail(name, f"lie in [{low:g}, {HUGE:g}], where single precision has digits", _shown(x), remedy)
    return x


def precise(name: str, value: Tensor) -> None:
    """Refuse half precision: PyTorch and NumPy have no linear algebra for it."""
    if value.dtype in (torch.float16, torch.bfloat16):
        remedy = "convert network and inputs with .float()"
        _fail(name, "be in single or double precision", value.dtype, remedy, TypeError)


def integer(name: str, value: object, low: int, remedy: str, *, high: int | None = None) -> int:
    """Return ``value`` as an int of at least ``low`` (and at most ``high``)."""
    expected = f"be an integer ≥ {low}" if high is None else f"be an integer from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, int):
        numpy = isinstance(value, Integral) and not isinstance(value, int)  # no manifest could hold it
        _fail(name, expected, _told(value), "write int(...) around it" if numpy else remedy, TypeError)
    if value < low or (high is not None and value > high):
        _fail(name, expected, _shown(value), remedy)
    return value


def interval(name: str, value: object, low: float, high: float, remedy: str) -> tuple[float, float]:
    """Return ``value`` as an ordered pair inside [low, high]."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        _fail(name, "be a pair (low, high)", _told(value), remedy, TypeError)
    a, b = (number(name, v, low, high, remedy) for v in value)
    if a > b:
        _fail(name, "be ordered as (low, high)", f"({a:g}, {b:g})", "swap the two")
    return a, b


def finite(name: str, value: Tensor, remedy: str = "look for NaN or infinity where it was made") -> Tensor:
    """Return ``value`` if every entry is a finite number."""
    if not torch.isfinite(value).all():
        bad = int((~torch.isfinite(value)).sum())
        _fail(name, "hold finite numbers only", f"{bad} non-finite of {value.numel()} entries", remedy)
    return value


def last_axis(name: str, value: Tensor, size: int, remedy: str) -> Tensor:
    """Return ``value`` if its last axis has ``size`` entries."""
    if value.ndim == 0 or value.shape[-1] != size:
        _fail(name, f"have {size} entries on its last axis", f"shape {tuple(value.shape)}", remedy)
    return value


def tensor(name: str, value: object, axes: str, remedy: str) -> Tensor:
    """Return ``value`` if it is a floating-point tensor with these ``axes``; a first one with a star is any number."""
    names = axes.split()
    many = names[0].startswith("*")
    expected = f"be a floating-point tensor of shape ({', '.join(names)})"
    if not isinstance(value, Tensor) or not value.is_floating_point():
        _fail(name, expected, _told(value), remedy, TypeError)
    if value.ndim < len(names) - many or (value.ndim > len(names) and not many):
        _fail(name, expected, f"shape {tuple(value.shape)}", remedy)
    return value


def dtype(name: str, value: Tensor, wanted: torch.dtype, whose: str) -> None:
    """Refuse numbers of another type: PyTorch would not multiply them."""
    if value.dtype != wanted:
        _fail(name, f"be of type {wanted}, as {whose} are", value.dtype, f"convert with .to({wanted})", TypeError)


def integers(name: str, value: object, low: int, remedy: str, *, count: int | None = None) -> tuple[int, ...]:
    """Return a sequence of ``count`` integers of at least ``low`` as a tuple."""
    if not isinstance(value, Sequence) or isinstance(value, str) or (count is not None and len(value) != count):
        _fail(name, f"be a sequence of {'' if count is None else f'{count} '}integers", _told(value), remedy, TypeError)
    return tuple(integer(name, v, low, remedy) for v in value)


def instance(name: str, value: object, kind: type[Kind], remedy: str) -> Kind:
    """Return ``value`` if it is of this kind."""
    if not isinstance(value, kind):
        _fail(name, f"be a {kind.__name__}", _told(value), remedy, TypeError)
    return value


def path(name: str, value: object) -> Path:
    """Return ``value`` as a path, if it is one or its name."""
    if not isinstance(value, str | os.PathLike):
        _fail(name, "be a path", _told(value), "write the name of a file or of a folder", TypeError)
    return Path(value)


def flags(**values: object) -> None:
    """Refuse whatever is neither True nor False: the word "no" would count as true."""
    for name, value in values.items():
        instance(name, value, bool, "write True or False")


def names(name: str, value: object, known: Sequence[str]) -> None:
    """Refuse what is not a list of some of the ``known`` names."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        _fail(name, "be a sequence of names", _told(value), f'write ("{known[0]}",)', TypeError)
    if unknown := [one for one in value if one not in known]:
        _fail(name, f"hold some of {', '.join(known)}", unknown, "check the spelling")


def generator(value: object) -> torch.Generator:
    """Return ``value`` if it can draw: neither a seed nor None, which would mean global state."""
    return instance("generator", value, torch.Generator, "write torch.Generator().manual_seed(0)")


def function(name: str, value: object, remedy: str) -> None:
    """Refuse what cannot be called, such as the name of a function in place of the function."""
    if not callable(value):
        _fail(name, "be a function", _told(value), remedy, TypeError)


def room(name: str, numbers: int, remedy: str, *, most: int = MOST) -> None:
    """Refuse a size before it fills the memory: ``numbers`` is how many the largest tensor would hold."""
    if numbers > most:
        _fail(name, f"need room for {most:,} numbers or fewer", f"{numbers:,}", remedy)
