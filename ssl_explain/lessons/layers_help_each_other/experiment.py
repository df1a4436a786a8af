"""Two layers help each other: the same start, trained with both layers, the bottom alone, and the top alone."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ssl_explain import require
from ssl_explain.lessons.layers_help_each_other.record import Growth
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.worlds.ring import Ring

FREE = ((True, True), (True, False), (False, True))
"""Which layers move in each mode: both, the bottom alone, the top alone."""


def energy_and_gradients(
    bottom: Float[Tensor, "*runs m d"], top: Float[Tensor, "*runs k m"], x: Float[Tensor, "n a d"], *,
    linear_top: bool = True, normalise: bool = False,
) -> tuple[Tensor, Tensor, Float[Tensor, "*runs m d"], Float[Tensor, "*runs k m"]]:  # fmt: skip
    """V_x[f̄_1], V_x[f̄_2] and the gradients of the latter: minus the expected L_simp of a two-layer network.

    The gradient of the bottom passes through the top: δ_1 = D_1 W_2ᵀ δ_2. A larger W_2 moves the bottom faster.
    """
    n, a, _ = x.shape
    rows = x.flatten(0, 1)
    h = (rows @ bottom.mT).relu()
    f = before = h @ top.mT if linear_top else (h @ top.mT).relu()
    if normalise:
        length = before.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        f = before / length
    c = _centred(f.unflatten(-2, (n, a)).mean(-2))
    delta = (c * (2 / (n * a))).unsqueeze(-2).expand(*c.shape[:-1], a, c.shape[-1]).flatten(-3, -2)
    if normalise:
        delta = (delta - f * (f * delta).sum(-1, keepdim=True)) / length
    if not linear_top:
        delta = delta * (before > 0)
    below = (delta @ top) * (h > 0)
    hidden = _centred(h.unflatten(-2, (n, a)).mean(-2))
    return _size(hidden), _size(c), below.mT @ rows, delta.mT @ h


def _centred(points: Tensor) -> Tensor:
    return points - points.mean(-2, keepdim=True)


def _size(centred: Tensor) -> Tensor:
    return centred.square().sum(-1).mean(-1)


@dataclass(frozen=True)
class GrowthSettings:
    """The settings of :func:`two_layer_growth`, for ``runs`` networks side by side.

    ``rate`` is the relative growth of the output's variance in the first step with both layers free: it sets the step
    size of each run, which its three modes share. A mode stops once its output variance has grown by the
    factor ``limit``: with both layers free it blows up in finite time.

    Raises:
        ValueError: a rate, limit or scale of the top that is not positive.
    """

    cells: int = 10
    widths: tuple[int, int] = (20, 5)
    strength: float = 1.0
    seed: int = 1
    runs: int = 1
    scale: float = 1.0
    top_scale: float = 1.0
    linear_top: bool = True
    normalise: bool = False
    steps: int = 200
    rate: float = 0.02
    limit: float = 1e3

    def __post_init__(self) -> None:
        for name in ("rate", "limit", "top_scale"):
            require.number(name, getattr(self, name), 0, math.inf, "it must be positive", open_low=True)


@torch.no_grad()
def two_layer_growth(**settings: Any) -> Growth:
    """Follow networks in all three modes at once, in Euler steps of the flow of L_simp, by :class:`GrowthSettings`.

    Raises:
        ValueError: settings that cannot be; whatever the ring or the network reject.

    Example:
        >>> two_layer_growth(cells=6, widths=(4, 2), runs=2, steps=5).bottom.shape
        torch.Size([6, 3, 2])
    """
    own = GrowthSettings(**settings)
    x = Ring(own.cells, dtype=torch.float64).enumerate(own.strength).x
    generator = torch.Generator().manual_seed(own.seed)
    net = ReLUNet((own.cells, *own.widths), generator=generator, scale=own.scale, runs=own.runs)
    w1, w2 = (w.detach().double().squeeze(1).expand(3, *w.shape[:1], *w.shape[2:]) for w in net.weights)
    w2 = w2 * own.top_scale
    free = torch.tensor(FREE, dtype=torch.float64).view(3, 2, 1, 1, 1)
    limits, step_size = None, torch.ones(1)
    kept: list[tuple[Tensor, ...]] = []
    for step in range(own.steps + 1):
        v1, v2, g1, g2 = energy_and_gradients(w1, w2, x, linear_top=own.linear_top, normalise=own.normalise)
        if limits is None:
            speed = g1[0].square().sum((-2, -1)) + g2[0].square().sum((-2, -1))
            limits, step_size = own.limit * v2, own.rate * v2[0] / speed.clamp_min(1e-300)
        going = v2 <= limits
        kept.append((v1, v2, w2.flatten(-2).norm(dim=-1), ~going))
        move = (step_size * going).unsqueeze(-1).unsqueeze(-1)
        if step < own.steps:
            w1, w2 = w1 + free[:, 0] * move * g1, w2 + free[:, 1] * move * g2
    times = torch.arange(own.steps + 1, dtype=torch.float64).unsqueeze(-1) * step_size
    bottom, output, top_norm, stopped = (torch.stack(series) for series in zip(*kept, strict=True))
    return Growth(times, bottom, output, top_norm, stopped)


def crossing(growth: Growth, factor: float = 1.35) -> Int[Tensor, "*runs"]:
    """The first time index at which the bottom, trained alone, has grown by ``factor``; -1 where it never does."""
    grown = growth.bottom[:, 1] >= factor * growth.bottom[0, 1]
    return torch.where(grown.any(0), grown.to(torch.uint8).argmax(0), -1)


def paired_ratios(growth: Growth, factor: float = 1.35) -> Float[Tensor, " pairs"]:
    """Bottom variance with both layers free over bottom alone, at the moment of :func:`crossing`; runs that have one.

    Where the free pair was stopped before, its last value counts: then the ratio is too small, never too large.
    """
    index = crossing(growth, factor)
    runs = (index >= 0).nonzero().flatten()
    at = growth.bottom[index[runs], :, runs]
    return at[:, 0] / at[:, 1]


def median_interval(values: Float[Tensor, " n"], confidence: float = 0.95) -> tuple[float, float, float]:
    """The median and its exact interval from order statistics: no assumption but independent values.

    The k-th smallest lies above the median with probability P(Binomial(n, ½) < k).

    Raises:
        ValueError: fewer than six values, too few for an interval at 95 %.

    Example:
        >>> median_interval(torch.arange(20.0))
        (9.5, 5.0, 14.0)
    """
    ordered, n = values.double().sort().values, len(values)
    tail = [sum(math.comb(n, j) for j in range(k)) / 2**n for k in range(n // 2 + 1)]
    k = max(k for k, probability in enumerate(tail) if probability <= (1 - confidence) / 2)
    if k == 0:
        raise ValueError(f"`values` must be more, got {n}; the interval needs at least 6 values at 95 %.")
    return float(ordered.quantile(0.5)), float(ordered[k - 1]), float(ordered[n - k])
