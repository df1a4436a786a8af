"""A check in a notebook: one measurement against one prediction, beside an alternative that has to fail."""

from typing import Any

import torch

from ssl_explain import require


def check(
    claim: str, measured: Any, predicted: Any, otherwise: str, alternative: Any, *, tolerance: float | None = None
) -> None:
    """Print a measurement, its prediction and an alternative; stop unless the first two agree and the third is off.

    All are numbers, or tensors of as many numbers. They agree if max |measured - predicted| ≤ ``tolerance``; without a
    tolerance, ``predicted`` is a pair, and they agree if all numbers lie between its ends. Of several numbers those
    are printed for which the alternative is off most.

    Raises:
        AssertionError: the measurement does not agree with the prediction, or the alternative does.
        ValueError: no number, or tensors of different sizes.

    Example:
        >>> check("1 + 1", 1 + 1, 2, "if it were 1·1", 1 * 1, tolerance=0.1)
        1 + 1: measured ≈ 2, predicted ≈ 2, to 0.1. But if it were 1·1: ≈ 1.
    """
    ends, reach = (predicted, 0.0) if tolerance is None else ((predicted, predicted), tolerance)
    given = [torch.as_tensor(x, dtype=torch.float64).detach().flatten() for x in (measured, *ends, alternative)]
    many = {len(x) for x in given} - {1}
    if len(many) > 1 or 0 in many:
        remedy = "hand over a number, or as many for each of them"
        require.fail("measured", "fit `predicted` and the alternative", f"{[len(x) for x in given]} numbers", remedy)
    found, low, high, other = (x.expand(max(many, default=1)) for x in given)

    def told(at: int) -> str:
        if tolerance is None:
            return f"{claim}: measured ≈ {found[at]:.4g}, predicted from {low[at]:g} to {high[at]:g}"
        return f"{claim}: measured ≈ {found[at]:.4g}, predicted ≈ {low[at]:.4g}, to {tolerance:g}"

    off, other_off = (torch.maximum(low - x, x - high) - reach for x in (found, other))  # above 0 beyond the ends
    at = int(other_off.argmax())
    if not off.max() <= 0:
        raise AssertionError(f"{told(int(off.argmax()))}. They do not agree.")
    if not other_off.max() > 0:
        raise AssertionError(f"{told(at)}. But {otherwise} ≈ {other[at]:.4g} agrees too: this check could not fail.")
    print(f"{told(at)}. But {otherwise}: ≈ {other[at]:.4g}.")
