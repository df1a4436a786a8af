"""BYOL where all is known in advance: one step of any network, and whole runs in a world of known directions."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.dynamics.steppers import solve
from ssl_explain.lessons.byol_hidden_contrast.record import HiddenContrast
from ssl_explain.losses.predictive import PairLoss, half_square, predictive
from ssl_explain.networks.dual import NO_CENTRING, Centring, DualNet, fixed_predictor
from ssl_explain.networks.layers import LayeredReLU
from ssl_explain.operators.byol import byol_terms
from ssl_explain.records import Views, record
from ssl_explain.torch_modes import own_modes

BETWEEN, WITHIN = (2.0, 1.0, 0.5, 0.25), (0.5, 1.0, 1.5, 0.25)
"""Variances of the four directions, between points and between the views of a point; the mean lies in the last one."""
LIMIT = 1e20  # of an entry; a run beyond it takes no further steps


@record
class _Directions:
    """Variances of every direction and the squared mean; which gradients see the mean; and three second moments.

    ``size`` is that of the input, as P f is weighed with it; ``aim`` is the cross-covariance of the two towers in the
    gradient of W, ``told`` in that of P, where centred inputs drop the mean.
    """

    between: np.ndarray
    within: np.ndarray
    mean: np.ndarray
    pull: bool
    push: bool
    size: np.ndarray
    aim: np.ndarray
    told: np.ndarray


def all_pairs(views: Views) -> Views:
    """Every ordered pair of views of every point, a view with itself included: the population as one batch.

    Example:
        >>> all_pairs(Views(torch.zeros(5, 3, 2))).x.shape
        torch.Size([45, 2, 2])
    """
    x = views.x
    n, a, d = x.shape
    first, second = x.unsqueeze(2).expand(n, a, a, d), x.unsqueeze(1).expand(n, a, a, d)
    return Views(torch.stack([first, second], dim=3).flatten(0, 2))


def sign_world(between: Sequence[float], within: Sequence[float], offset: float = 0.0) -> Views:
    """A finite world with exactly these variances: x = x̿ ± √b, x' = x ± σ, all signs, equally likely.

    ``offset`` is ‖x̿‖²; x̿ points along the last direction.

    Raises:
        ValueError: a negative variance or offset, lists of unequal length.

    Example:
        >>> sign_world((1.0, 0.0), (0.0, 4.0), offset=9.0).x[0].tolist()
        [[-1.0, 1.0], [-1.0, 5.0], [-1.0, 1.0], [-1.0, 5.0]]
    """
    d = _directions(between, within, offset, NO_CENTRING)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=len(between))))
    points = np.sqrt(d.mean) + signs * np.sqrt(d.between)
    return Views(torch.from_numpy(points[:, None] + signs * np.sqrt(d.within)))


@own_modes()
def measured_update(
    net: LayeredReLU, views: Views, layer: int, predictor: Float[Tensor, "d_top d_in"], *,
    centring: Centring = NO_CENTRING, loss: PairLoss = half_square,
) -> Float[Tensor, "*weight"]:  # fmt: skip
    """Minus the gradient that autograd gives, over all ordered pairs of views of every point.

    Raises:
        ValueError: whatever the two towers reject.
    """
    towers = DualNet(net, fixed_predictor(predictor), generator=torch.Generator(), centring=centring)
    (gradient,) = torch.autograd.grad(predictive(loss)(towers, all_pairs(views)), net.weights[layer - 1])
    return -gradient


def hidden_update(
    net: LayeredReLU,
    views: Views,
    layer: int,
    predictor: Float[Tensor, "d_top d_in"],
    *,
    centring: Centring = NO_CENTRING,
) -> Float[Tensor, "*weight"]:
    """The same update from its three operators: within, between, mean.

    Raises:
        ValueError: whatever :func:`~ssl_explain.operators.byol.byol_terms` rejects.
    """
    weight = net.weights[layer - 1].detach()
    terms = byol_terms(
        net.forward_pass(views.x), layer, predictor,
        online=centring.online, target=centring.target, through=centring.through,
    )  # fmt: skip
    return torch.stack([term.matvec(weight.flatten()) for term in terms.values()]).sum(0).view(weight.shape)


def growth_rates(
    p: float,
    *,
    centring: Centring = NO_CENTRING,
    between: Sequence[float] = BETWEEN,
    within: Sequence[float] = WITHIN,
    offset: float = 0.0,
) -> Float[Tensor, " direction"]:
    """Growth rate of every direction of a linear network, P = p·1: p·b - p²(b + σ²); the mean's part is in the last.

    Raises:
        ValueError: a negative variance or offset.

    Example:
        >>> growth_rates(0.5, between=(2.0, 1.0), within=(0.5, 1.0)).tolist()
        [0.375, 0.0]
    """
    d = _directions(between, within, offset, centring)
    return torch.from_numpy(p * d.aim - p**2 * d.size)


@dataclass(frozen=True)
class ContrastSettings:
    """The settings of :func:`hidden_contrast`, for ``runs`` random starts side by side.

    P begins as p·1, or ``drawn`` P_ij ~ N(0, p² / d); ``learned`` lets it move as fast as W. Every ``redraw`` steps
    (0: never) it begins again. The target keeps ``momentum`` of itself at each step; W and a learned P decay.
    """

    p: float = 0.5
    centring: Centring = NO_CENTRING
    offset: float = 0.0
    learned: bool = False
    drawn: bool = False
    redraw: int = 0
    momentum: float = 0.0
    decay: float = 0.0
    seed: int = 1
    runs: int = 1
    steps: int = 375
    rate: float = 0.04
    between: Sequence[float] = BETWEEN
    within: Sequence[float] = WITHIN

    def __post_init__(self) -> None:
        require.integer("steps", self.steps, 1, "take at least one step")
        require.integer("runs", self.runs, 1, "start at least one network")
        require.integer("redraw", self.redraw, 0, "0 never begins again")
        require.number("momentum", self.momentum, 0, 1, "0 copies the online tower, 1 never moves the target")
        require.number("decay", self.decay, 0, float("inf"), "0 is no decay")


def hidden_contrast(**settings: Any) -> HiddenContrast:
    """Gradient descent of ½‖P f - f+‖² for f = W x with exact expectations, by :class:`ContrastSettings`.

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578, earlier version.

    Raises:
        ValueError: a negative variance, offset or decay, a momentum outside [0, 1], no run, no step.

    Example:
        >>> run = hidden_contrast(p=0.5, centring=Centring(), steps=10, runs=3)
        >>> run.second_moment.shape, run.limit
        (torch.Size([11, 3]), 1.0)
    """
    own = ContrastSettings(**settings)
    d = _directions(own.between, own.within, own.offset, own.centring)
    kept = _descend(own, d)
    sizes, rates, moment, share = (torch.from_numpy(found) for found in _measure(kept, d, own.decay))
    certain = None if own.learned or own.drawn else _limit(own, d)
    times = torch.arange(own.steps + 1, dtype=torch.float64) * own.rate
    variances = tuple(own.between), tuple(own.within)
    return HiddenContrast(times, sizes, rates, moment, share, *variances, own.offset, certain)


def _descend(own: ContrastSettings, d: _Directions) -> tuple[np.ndarray, ...]:
    """Weights, target and predictor at every step; NumPy is faster for steps on 4 × 4 matrices."""
    size, g, number = len(own.between), torch.Generator().manual_seed(own.seed), itertools.count()

    def noise() -> np.ndarray:
        return torch.randn((own.runs, size, size), generator=g, dtype=torch.float64).numpy() / size**0.5

    def fresh() -> np.ndarray:
        return own.p * noise() if own.drawn else np.broadcast_to(own.p * np.eye(size), (own.runs, size, size))

    def step(state: tuple[np.ndarray, ...], rate: float) -> tuple[np.ndarray, ...]:
        weight, other, predictor = state
        now = next(number)
        if own.redraw and now and now % own.redraw == 0:
            predictor = fresh()
        going = np.maximum(np.abs(weight), np.abs(predictor)).max((-2, -1), keepdims=True) < LIMIT
        seen = predictor @ weight
        down = predictor.swapaxes(-2, -1) @ (seen * d.size - other * d.aim) + own.decay * weight
        if own.learned:
            change = (seen * d.size - other * d.told) @ weight.swapaxes(-2, -1) + own.decay * predictor
            predictor = predictor - rate * change * going
        weight = weight - rate * down * going
        return weight, own.momentum * other + (1 - own.momentum) * weight, predictor

    start = noise()
    return solve(step, (start, start, fresh()), step_size=own.rate, steps=own.steps)


def _directions(between: Sequence[float], within: Sequence[float], offset: float, centring: Centring) -> _Directions:
    if len(between) != len(within):
        raise ValueError(f"`within` must have {len(between)} directions, got {len(within)}; list the same in both.")
    for name, values in (("between", between), ("within", within), ("offset", (offset,))):
        for value in values:
            require.number(name, float(value), 0, float("inf"), "a variance, or a squared length, is not negative")
    b, w, m = np.array(between), np.array(within), np.zeros(len(between))
    m[-1] = offset
    pull = not centring.online
    push = not (centring.target or (centring.online and centring.through))
    return _Directions(b, w, m, pull, push, b + w + pull * m, b + push * m, b + (pull and not centring.target) * m)


def _measure(
    kept: tuple[np.ndarray, ...], d: _Directions, decay: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sizes, rates, second moment and share at every time."""
    weight, other, predictor = kept
    b, w, m, seen = d.between, d.within, d.mean, predictor @ weight
    sizes = np.square(weight).sum(-2)
    unit = np.maximum(sizes, 1e-300)
    down, up = np.square(seen).sum(-2) / unit, (seen * other).sum(-2) / unit
    rates = np.stack([-w * down, b * (up - down), m * (d.push * up - d.pull * down), -decay + 0 * down], axis=-2)
    alike = (sizes * (b + m)).sum(-1)
    return sizes, rates, (sizes * (b + w + m)).sum(-1), (sizes * b).sum(-1) / np.maximum(alike, 1e-300)


def _limit(own: ContrastSettings, d: _Directions) -> float:
    """The share of the direction that grows fastest, or shrinks slowest: at late times it outweighs all others."""
    alone, theirs = 1 - own.rate * (own.p**2 * d.size + own.decay), own.rate * own.p * d.aim
    late = own.momentum + (1 - own.momentum) * theirs
    step = np.stack([np.stack([alone, theirs], -1), np.stack([(1 - own.momentum) * alone, late], -1)], -2)
    k = int(np.abs(np.linalg.eigvals(step)).max(-1).argmax())
    return float(d.between[k] / max(d.between[k] + d.mean[k], 1e-300))
