"""Linear BYOL as matrices: one layer W, a linear predictor P, a target W_a that follows W, and no contrast."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.dynamics.steppers import euler, integrate, solve
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
    """The data of linear BYOL: second moments between points, X = E[x̄x̄ᵀ], and within, X'.

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
                off = float((matrix - matrix.mT).abs().max())
                raise ValueError(f"`{name}` must be symmetric, got {off:.2g} off; use (C + Cᵀ)/2.")
            if float(torch.linalg.eigvalsh(matrix)[0]) < -1e-10:
                raise ValueError(f"`{name}` must have no negative eigenvalue, got one; it is a second moment.")
        if self.between.shape != self.within.shape:
            shapes = f"{tuple(self.between.shape)} and {tuple(self.within.shape)}"
            raise ValueError(f"`between` and `within` must have one shape, got {shapes}; both live in input space.")


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

    Tensors and NumPy arrays will do: small matrices are fastest as arrays.

    Source: Tian, Chen, Ganguli (2021), arXiv 2102.06810.
    """
    copied = rates.target is None
    error = predictor @ weights @ total - (weights if copied else target) @ between
    d_weights = -(predictor.T @ error) - rates.decay * weights
    d_predictor = -rates.predictor * (error @ weights.T) - rates.decay * predictor
    return d_weights, d_predictor, d_weights if copied else rates.target * (weights - target)


def _checked(weights: Tensor, predictor: Tensor, target: Tensor | None, spread: Spread, rates: Rates) -> Motion:
    """Weights, predictor and target as arrays, the target a copy if it is left out."""
    d_out, d_in = weights.shape
    got, wanted = tuple(predictor.shape), (d_out, d_out)
    require.that(got == wanted, "predictor", f"have shape {wanted}", got, "it maps outputs to outputs")
    require.last_axis("weights", weights, len(spread.between), "one column per input of the data")
    if target is not None and (target.shape != weights.shape or rates.target is None):
        expected = f"be left out of a copy, and else have the shape {(d_out, d_in)} of the weights"
        require.fail("target", expected, tuple(target.shape), "give `rates` a target rate, or None here")
    parts = {"weights": weights, "predictor": predictor, "target": weights if target is None else target}
    w, p, a = (require.finite(name, part).detach().double().numpy() for name, part in parts.items())
    return w, p, a


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
    start = _checked(weights, predictor, target, spread, rates)
    between, total = spread.between.double().numpy(), (spread.between + spread.within).double().numpy()
    return ByolRun(times.double(), *integrate(lambda y: motion(*y, between, total, rates), start, times))


def matrix_training(
    weights: Float[Tensor, "d_out d_in"], predictor: Float[Tensor, "p q"], target: Float[Tensor, "r t"] | None = None,
    *, spread: Spread, rates: Rates, learning_rate: float, steps: int, every: int = 1,
) -> ByolRun:  # fmt: skip
    """The same in gradient steps, as a network is trained: the target keeps e^{-β·learning_rate} of itself per step.

    Steps that are too large blow up: the run ends where W and P together have a norm beyond 100.

    Raises:
        ValueError: matrices that do not fit each other, a learning rate that is not positive, fewer than one step.
    """
    start = _checked(weights, predictor, target, spread, rates)
    between, total = spread.between.double().numpy(), (spread.between + spread.within).double().numpy()
    momentum = 0.0 if rates.target is None else math.exp(-rates.target * learning_rate)

    def step(state: Motion, rate: float) -> Motion:
        w, p, _ = euler(lambda y: motion(*y, between, total, rates), state, rate)
        a = state[2]
        return w, p, momentum * a + (1 - momentum) * w

    def blown_up(state: Motion) -> bool:
        return bool(np.vdot(state[0], state[0]) + np.vdot(state[1], state[1]) > LIMIT**2)

    series = solve(step, start, step_size=learning_rate, steps=steps, every=every, until=blown_up)
    times = torch.arange(len(series[0])).double() * every * learning_rate
    return ByolRun(times, *(torch.from_numpy(part) for part in series))


def invariant(run: ByolRun, predictor_speed: float) -> Float[Tensor, "t d_out d_out"]:
    """W Wᵀ - PᵀP/α: along every flow it only shrinks, as e^{-2ηt}, whatever the data, the start and the target."""
    return run.weights @ run.weights.mT - run.predictor.mT @ run.predictor / predictor_speed
