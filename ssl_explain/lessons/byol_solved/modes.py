"""Linear BYOL mode by mode: three numbers instead of three matrices; fixed points, threshold, basins."""

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.dynamics.steppers import integrate, rk4
from ssl_explain.lessons.byol_solved.experiment import Rates
from ssl_explain.lessons.byol_solved.record import ByolRun, ModeRun

RUNGS = np.linspace(0, 1, 23)


def mode_velocity(p: Any, w2: Any, omega: Any, noise: float, rates: Rates) -> tuple[Any, Any, Any]:
    """Velocities of one mode: p of the predictor, w² of W Wᵀ, and ω, the target as a share of the weights.

    With e = ω - (1+σ²)p:  ṗ = αw²e - ηp,  d(w²)/dt = 2w²(pe - η),  ω̇ = β(1-ω) - ω(pe - η);  a copy has ω = 1.

    Source: Tian, Chen, Ganguli (2021), arXiv 2102.06810.
    """
    missing = omega - (1 + noise) * p
    growth = p * missing - rates.decay
    d_omega = 0 * omega if rates.target is None else rates.target * (1 - omega) - omega * growth
    return rates.predictor * w2 * missing - rates.decay * p, 2 * w2 * growth, d_omega


def mode_flow(
    p: Float[Tensor, "*modes"], w2: Float[Tensor, "*modes"], omega: float = 1.0, *, noise: float, rates: Rates,
    times: Float[Tensor, " t"], tolerance: float = 1e-12,
) -> ModeRun:  # fmt: skip
    """Solve :func:`mode_velocity` for all modes at once; ``omega`` is where the target starts.

    Raises:
        ValueError: a negative w² or σ², starts that are not finite, a copy with ω ≠ 1, times that do not increase; a
            solution that ends, which happens where W passes through zero while a slow target does not.

    Example:
        >>> p, w2, times = torch.tensor(0.9), torch.tensor(0.81), torch.arange(3.0)
        >>> mode_flow(p, w2, noise=0.0, rates=Rates(decay=0.09), times=times).predictor
        tensor([0.9000, 0.9000, 0.9000], dtype=torch.float64)
    """
    _checked(p, w2, noise)
    if rates.target is None and omega != 1:
        raise ValueError(f"`omega` must be 1 for a copy, got {omega:g}; give `rates` a target rate.")
    p, w2, start = torch.broadcast_tensors(p, w2, torch.tensor(omega, dtype=torch.float64))
    found = integrate(lambda y: mode_velocity(*y, noise, rates), (p, w2, start), times, tolerance=tolerance)
    return ModeRun(times.double(), *found)


def _checked(p: Tensor, w2: Tensor, noise: float) -> None:
    require.number("noise", noise, 0, math.inf, "it is the variance σ² within a point")
    require.finite("p", p)
    if bool((require.finite("w2", w2) < 0).any()):
        raise ValueError(f"`w2` must be at least 0, got {float(w2.min()):g}; it is an eigenvalue of W Wᵀ.")


def threshold(noise: float) -> float:
    """The weight decay above which every mode collapses: 1/(4(1+σ²)).

    Raises:
        ValueError: a negative variance.

    Example:
        >>> threshold(0.0), threshold(1.0)
        (0.25, 0.125)
    """
    return 1 / (4 * (1 + require.number("noise", noise, 0, math.inf, "it is the variance σ² within a point")))


def fixed_points(noise: float, decay: float) -> tuple[float, ...]:
    """The fixed points of a mode besides zero, with w² = p²/α: p± = (1 ± √(1 - 4(1+σ²)η))/(2(1+σ²)).

    None above the threshold. p- lies on the separatrix, p+ is stable.

    Raises:
        ValueError: a negative variance or decay.

    Example:
        >>> fixed_points(noise=0.0, decay=0.09)
        (0.1, 0.9)
        >>> fixed_points(noise=0.0, decay=0.3)
        ()
    """
    root = 1 - require.number("decay", decay, 0, math.inf, "0 is none") / threshold(noise)
    if root < 0:
        return ()
    return tuple(round((1 + sign * math.sqrt(root)) / (2 * (1 + noise)), 15) for sign in (-1, 1))


def modes_of(run: ByolRun, vectors: Float[Tensor, "d m"] | None = None) -> ModeRun:
    """A matrix run read along the columns of ``vectors`` (None: eigenvectors of its first W Wᵀ).

    These are its modes if P starts aligned, and averages over modes if not.
    """
    u = torch.linalg.eigh(run.weights[0] @ run.weights[0].mT).eigenvectors if vectors is None else vectors
    w, a = u.mT @ run.weights, u.mT @ run.target
    size = w.square().sum(-1)
    along = (u.mT @ run.predictor @ u).diagonal(dim1=-2, dim2=-1)
    return ModeRun(run.times, along, size, (w * a).sum(-1) / size)


def misalignment(run: ByolRun) -> Float[Tensor, " t"]:
    """How far P and W Wᵀ are from common eigenvectors: ‖PWWᵀ - WWᵀP‖ / (2‖P‖‖WWᵀ‖), 0 if all are common."""
    gram = run.weights @ run.weights.mT
    size = run.predictor.norm(dim=(-2, -1)) * gram.norm(dim=(-2, -1))
    return (run.predictor @ gram - gram @ run.predictor).norm(dim=(-2, -1)) / (2 * size)


def _signed_velocity(y: Any, noise: float, rates: Rates) -> Any:
    """Velocity of a mode with its signs, (p, w, a) with a = ωw: regular where w passes through zero."""
    p, w, a = y
    moved = np.empty_like(y)
    error = (w if rates.target is None else a) - (1 + noise) * p * w
    moved[0] = rates.predictor * w * error - rates.decay * p
    moved[1] = p * error - rates.decay * w
    moved[2] = moved[1] if rates.target is None else rates.target * (w - a)
    return moved


def quick_flow(
    p: Float[Tensor, "*modes"], w2: Float[Tensor, "*modes"], *, noise: float, rates: Rates, times: Float[Tensor, " t"]
) -> ModeRun:
    """What :func:`mode_flow` solves, from a copy as target, to seven digits in a few milliseconds: for pictures."""
    from scipy.integrate import odeint

    start = np.stack([p.double().numpy(), *[w2.double().sqrt().numpy()] * 2])

    def velocity(flat: Any, _: float) -> Any:
        return _signed_velocity(flat.reshape(start.shape), noise, rates).ravel()

    series = torch.from_numpy(
        odeint(velocity, start.ravel(), times.double().numpy(), rtol=1e-7, atol=1e-9, mxstep=5000)
    )
    predictor, w, a = series.unflatten(1, start.shape).unbind(1)
    return ModeRun(times.double(), predictor, w.square(), a / w)


def _later(p: Any, w: Any, noise: float, rates: Rates, steps: int = 50) -> Any:
    """Follow many modes for a long time and return p; each has a step of its own, inverse to its speed."""
    y = np.stack([p, w, w])
    rest = rates.decay + (rates.target or 0) + 1e-3
    for _ in range(steps):
        p, w, a = np.abs(y)
        speed = (1 + noise) * (rates.predictor * w * w + p * p) + p + rates.predictor * a * w + rest
        y = rk4(lambda y: _signed_velocity(y, noise, rates), y, 0.8 / speed)
    return y[0]


def basin_boundary(
    columns: Float[Tensor, " column"], *, noise: float, rates: Rates, top: float = 4.0
) -> Float[Tensor, " column"]:
    """The separatrix: for each initial p the w² above which a mode does not collapse; infinite if above ``top``.

    Two rounds on a grid of w, the second between the last value that collapses and the first that does not.

    Raises:
        ValueError: a negative variance, columns that are not finite, a top that is not positive.
    """
    _checked(columns, torch.zeros(1), noise)
    require.number("top", top, 0, math.inf, "look at least as far as w² = p+²/α", open_low=True)
    fixed = fixed_points(noise, rates.decay)
    if not fixed:
        return torch.full_like(columns, math.inf)
    p, rows = columns.double().numpy(), np.arange(len(columns))
    low, high = np.zeros_like(p), np.full_like(p, math.sqrt(top))
    found = np.zeros(p.shape, dtype=bool)
    for _ in range(2):
        ladder = low[:, None] + (high - low)[:, None] * RUNGS
        alive = _later(np.repeat(p, len(RUNGS)), ladder.ravel(), noise, rates).reshape(ladder.shape) > fixed[0]
        found |= alive[:, -1]
        alive[:, 0], alive[:, -1] = False, True
        first = alive.argmax(1)
        low, high = ladder[rows, first - 1], ladder[rows, first]
    return torch.from_numpy(np.where(found, ((low + high) / 2) ** 2, np.inf))
