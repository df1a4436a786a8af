"""Argument checks: every error says what was expected, what came, and what to do.

One sentence form serves the whole package::

    `strength` must lie in [0, 1], got 1.3; 0 is no augmentation, 1 keeps only the root.
"""

import math
from collections.abc import Sequence
from typing import NoReturn

import torch
from torch import Tensor


def _fail(name: str, expected: str, got: object, remedy: str, error: type[Exception] = ValueError) -> NoReturn:
    raise error(f"`{name}` must {expected}, got {got}; {remedy}.")


def number(name: str, value: object, low: float, high: float, remedy: str, *, open_low: bool = False) -> float:
    """Return ``value`` as a float in [low, high] (or (low, high] with ``open_low``)."""
    left = "(" if open_low else "["
    right = ")" if math.isinf(high) else "]"
    expected = f"lie in {left}{low:g}, {high:g}{right}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        _fail(name, expected, f"{value!r} of type {type(value).__name__}", remedy, TypeError)
    x = float(value)
    if math.isnan(x) or math.isinf(x) or not low <= x <= high or (open_low and x == low):
        _fail(name, expected, value, remedy)
    return x


def integer(name: str, value: object, low: int, remedy: str, *, high: int | None = None) -> int:
    """Return ``value`` as an int of at least ``low`` (and at most ``high``)."""
    expected = f"be an integer ≥ {low}" if high is None else f"be an integer from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, int):
        _fail(name, expected, f"{value!r} of type {type(value).__name__}", remedy, TypeError)
    if value < low or (high is not None and value > high):
        _fail(name, expected, value, remedy)
    return value


def interval(name: str, value: object, low: float, high: float, remedy: str) -> tuple[float, float]:
    """Return ``value`` as an ordered pair inside [low, high]."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        _fail(name, "be a pair (low, high)", repr(value), remedy, TypeError)
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
