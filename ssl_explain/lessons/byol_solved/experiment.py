"""Linear BYOL as matrices: one layer W, a linear predictor P, a target W_a that follows W, and no contrast."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.lessons.byol_solved.record import ByolRun
from ssl_explain.records import Views, record

Motion = tuple[Any, Any, Any]
LIMIT = 100.0


@dataclass(frozen=True)
class Rates:
    """Predictor speed α, weight decay η on W and P, and the rate β at which the target follows (None: it is a copy).

    Raises:
        ValueError: α not positive, η or β negative, anything that is not finite.
    """

    predictor: float = 1.0
    decay: float = 0.0
    target: float | None = None

    def __post_init__(self) -> None:
        """Check all three."""
        require.number("predictor", self.predictor, 0, math.inf, "1 moves P as fast as W", open_low=True)
        require.number("decay", self.decay, 0, math.inf, "0 switches weight decay off")
        if self.target is not None:
            require.number("target", self.target, 0, math.inf, "0 freezes the target, None makes it a copy")


@record
class Spread:
    """What linear BYOL knows of its data: second moments between points, X = E[x̄x̄ᵀ], and within, X'.

    Nothing is centred, so a mean of the data counts as a direction between points.

    Raises:
        ValueError: a matrix that is not square, not symmetric, or not positive semi-definite; two that differ in size.
    """

    between: Float[Tensor, "d d"]
    within: Float[Tensor, "e e"]

    def __post_init__(self) -> None:
        """Check both matrices."""
        for name, matrix in (("between", self.between), ("within", self.within)):
            if not torch.allclose(require.finite(name, matrix), matrix.mT, rtol=0, atol=1e-10):
                raise ValueError(f"`{name}` must be symmetric, got {_skewness(matrix):.2g} off; use (C + Cᵀ)/2.")
            if float(torch.linalg.eigvalsh(matrix)[0]) < -1e-10:
                raise ValueError(f"`{name}` must have no negative eigenvalue, got one; it is a second moment.")
        if self.between.shape != self.within.shape:
            shapes = f"{tuple(self.between.shape)} and {tuple(self.within.shape)}"
            raise ValueError(f"`between` and `within` must have one shape, got {shapes}; both live in input space.")


def _skewness(matrix: Tensor) -> float:
    return float((matrix - matrix.mT).abs().max())


def isotropic(d_in: int, noise: float) -> Spread:
    """Data without a preferred direction: X = I, X' = σ²I, where ``noise`` is σ².

    Raises:
        ValueError: no inputs, a negative variance.

    Example:
        >>> isotropic(2, 0.5).within
        tensor([[0.5000, 0.0000],
                [0.0000, 0.5000]], dtype=torch.float64)
    """
    eye = torch.eye(require.integer("d_in", d_in, 1, "1 is one input"), dtype=torch.float64)
    return Spread(eye, eye * require.number("noise", noise, 0, math.inf, "0 makes all views of a point alike"))


def spread_of(views: Views) -> Spread:
    """The two second moments of a finite world that lists every view of every point."""
    means = views.x.mean(1)
    noise = (views.x - means.unsqueeze(1)).flatten(0, 1)
    return Spread(means.mT @ means / len(means), noise.mT @ noise / len(noise))


def motion(weights: Any, predictor: Any, target: Any, between: Any, total: Any, rates: Rates) -> Motion:
    """Velocities of W, P and W_a: gradient flow of the expected ½‖P W x₁ - sg(W_a x₂)‖², with decay.

    E = P W (X+X') - W_a X;  Ẇ = -PᵀE - ηW,  Ṗ = -αEWᵀ - ηP,  Ẇ_a = β(W - W_a).  ``total`` is X + X'.

    Tensors and NumPy arrays will do: small matrices move fastest as arrays.

    Source: Tian, Chen, Ganguli (2021), arXiv 2102.06810.
    """
    copied = rates.target is None
    error = predictor @ weights @ total - (weights if copied else target) @ between
    d_weights = -(predictor.T @ error) - rates.decay * weights
    d_predictor = -rates.predictor * (error @ weights.T) - rates.decay * predictor
    return d_weights, d_predictor, d_weights if copied else rates.target * (weights - target)


def _checked(weights: Tensor, predictor: Tensor, target: Tensor | None, spread: Spread, rates: Rates) -> list[Any]:
    """Weights, predictor and target as arrays, the target a copy if it is left out."""
    d_out, d_in = weights.shape
    if predictor.shape != (d_out, d_out):
        got = tuple(predictor.shape)
        raise ValueError(f"`predictor` must have shape {(d_out, d_out)}, got {got}; it maps outputs to outputs.")
    require.last_axis("weights", weights, len(spread.between), "one column per input of the data")
    if target is not None and (target.shape != weights.shape or rates.target is None):
        raise ValueError(
            f"`target` must be left out of a copy, and else have the shape {(d_out, d_in)} of the weights, "
            f"got {tuple(target.shape)}; give `rates` a target rate, or None here."
        )
    parts = (weights, predictor, weights if target is None else target)
    for name, part in zip(("weights", "predictor", "target"), parts, strict=True):
        require.finite(name, part)
    return [part.detach().double().numpy().copy() for part in parts]


def matrix_flow(
    weights: Float[Tensor, "d_out d_in"], predictor: Float[Tensor, "p q"], target: Float[Tensor, "r t"] | None = None,
    *, spread: Spread, rates: Rates, times: Float[Tensor, " time"],
) -> ByolRun:  # fmt: skip
    """Follow :func:`motion` from any start, with an adaptive Runge-Kutta method of order 8 at a tolerance of 1e-12.

    ``target`` is where W_a starts (None: at W). ``times`` begin at the start and increase.

    Raises:
        ValueError: matrices that do not fit each other, entries that are not finite, times that do not increase.

    Example:
        >>> data, times = isotropic(3, 1.0), torch.arange(30.0)
        >>> matrix_flow(torch.eye(2, 3), torch.eye(2), spread=data, rates=Rates(), times=times).predictor[-1]
        tensor([[0.5000, 0.0000],
                [0.0000, 0.5000]], dtype=torch.float64)
    """
    parts = _checked(weights, predictor, target, spread, rates)
    between, total = spread.between.double().numpy(), (spread.between + spread.within).double().numpy()
    cuts, shapes = np.cumsum([part.size for part in parts])[:-1], [part.shape for part in parts]

    def velocity(_: float, flat: Any) -> Any:
        w, p, a = (part.reshape(shape) for part, shape in zip(np.split(flat, cuts), shapes, strict=True))
        return np.concatenate([part.ravel() for part in motion(w, p, a, between, total, rates)])

    solution = integrate(velocity, np.concatenate([part.ravel() for part in parts]), times)
    series = [torch.from_numpy(part.T.copy()) for part in np.split(solution, cuts)]
    return ByolRun(times.double(), *(part.unflatten(1, shape) for part, shape in zip(series, shapes, strict=True)))


def integrate(velocity: Any, start: Any, times: Tensor, tolerance: float = 1e-12) -> Any:
    """The solution of an ordinary differential equation at given times, one column per time.

    Raises:
        ValueError: times that do not increase; a solution that ends before the last time.
    """
    from scipy.integrate import solve_ivp

    if times.ndim != 1 or len(times) < 2 or not bool((times.diff() > 0).all()):
        raise ValueError(f"`times` must increase, got {times.tolist()}; torch.linspace(0, 20, 41) will do.")
    t = times.double().numpy()
    solution = solve_ivp(
        velocity, (t[0], t[-1]), start, method="DOP853", t_eval=t, rtol=tolerance, atol=tolerance * 1e-2
    )
    if not solution.success:
        raise ValueError(f"`times` must end before the solution does, got {t[-1]:g}; {solution.message}")
    return solution.y


def matrix_training(
    weights: Float[Tensor, "d_out d_in"], predictor: Float[Tensor, "p q"], target: Float[Tensor, "r t"] | None = None,
    *, spread: Spread, rates: Rates, learning_rate: float, steps: int, every: int = 1,
) -> ByolRun:  # fmt: skip
    """The same in gradient steps, as a network is trained: the target keeps e^{-β·learning_rate} of itself per step.

    Steps that are too large blow up: the run ends where W and P together have a norm beyond 100.

    Raises:
        ValueError: matrices that do not fit each other, a learning rate that is not positive, fewer than one step.
    """
    require.number("learning_rate", learning_rate, 0, math.inf, "0.1 is close to the flow", open_low=True)
    require.integer("steps", steps, 1, "one step at least")
    require.integer("every", every, 1, "1 keeps every step")
    w, p, a = _checked(weights, predictor, target, spread, rates)
    between, total = spread.between.double().numpy(), (spread.between + spread.within).double().numpy()
    kept = [(w, p, a)]
    momentum = 0.0 if rates.target is None else math.exp(-rates.target * learning_rate)
    for step in range(1, steps + 1):
        if np.vdot(w, w) + np.vdot(p, p) > LIMIT**2:
            break
        dw, dp, _ = motion(w, p, a, between, total, rates)
        w, p = w + learning_rate * dw, p + learning_rate * dp
        a = momentum * a + (1 - momentum) * w
        if step % every == 0:
            kept.append((w, p, a))
    series = [torch.stack([torch.from_numpy(part) for part in parts]) for parts in zip(*kept, strict=True)]
    return ByolRun(torch.arange(len(kept)).double() * every * learning_rate, *series)


def invariant(run: ByolRun, predictor_speed: float) -> Float[Tensor, "t d_out d_out"]:
    """W Wᵀ - PᵀP/α: along every flow it only shrinks, as e^{-2ηt}, whatever the data, the start and the target."""
    return run.weights @ run.weights.mT - run.predictor.mT @ run.predictor / predictor_speed
