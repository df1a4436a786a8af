"""Neurons on the ring amplify their initial selectivity.

The gradients are in closed form, since an explorer follows a whole flow for every move of a slider; tests and
notebooks compare them with autograd and with :mod:`ssl_explain.operators`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_explain.dynamics.kept import measured
from ssl_explain.dynamics.steppers import euler, solve
from ssl_explain.lessons.selectivity_amplification.record import Selectivity
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.worlds.ring import Ring

Update = Callable[[Tensor], Tensor]
DEAD = 1e-12  # differences of mean connections up to this one are rounding


def ring_neurons(cells: int, neurons: int, *, generator: torch.Generator, linear: bool = False) -> ReLUNet:
    """One layer of neurons in float64, each with weights of norm 1.

    Example:
        >>> net = ring_neurons(6, 3, generator=torch.Generator().manual_seed(0))
        >>> net.weights[0].norm(dim=-1).flatten().round(decimals=6).tolist()
        [1.0, 1.0, 1.0]
    """
    net = ReLUNet((cells, neurons), generator=generator, normalise=False, linear_top=linear).double()
    with torch.no_grad():
        net.weights[0].div_(net.weights[0].norm(dim=-1, keepdim=True))
    return net


def mean_connections(
    weights: Float[Tensor, "neuron cell"], x: Float[Tensor, "n a cell"], *, linear: bool = False
) -> Float[Tensor, "n neuron cell"]:
    """K̄(x) = E[x'·1(wᵀx' > 0)] of every neuron: the average view, over the views that open its gate.

    Example:
        >>> mean_connections(torch.tensor([[1.0, -1.0]]), torch.eye(2).unsqueeze(0)).tolist()
        [[[0.5, 0.0]]]
    """
    gates = torch.ones_like(x @ weights.mT) if linear else (x @ weights.mT > 0).to(x.dtype)
    return gates.mT @ x / x.shape[1]


def dead(
    weights: Float[Tensor, "neuron cell"], x: Float[Tensor, "n a cell"], *, linear: bool = False
) -> Bool[Tensor, " neuron"]:
    """Neurons whose mean connection is the same at every point: their operator is zero, so they do not learn."""
    means = mean_connections(weights, x, linear=linear)
    return (means - means.mean(0)).abs().amax((0, 2)) < DEAD


def selectivity(responses: Float[Tensor, "*t object place neuron"]) -> Float[Tensor, "*t neuron"]:
    """Selectivity s = ½(E[f | 11] - E[f | 101]): half of what a neuron fires more for the first object."""
    means = responses.mean(-2)
    return (means[..., 0, :] - means[..., 1, :]) / 2


def identity_share(responses: Float[Tensor, "*t object place neuron"]) -> Float[Tensor, "*t neuron"]:
    """The share of a neuron's between-point variance that the object alone explains.

    A neuron whose response does not vary between points has share 0.

    Example:
        >>> identity_share(torch.tensor([[[1.0], [1.0]], [[0.0], [0.0]]])).item()
        1.0
    """
    centred = responses - responses.mean((-3, -2), keepdim=True)
    total = centred.square().mean((-3, -2))
    return centred.mean(-2).square().mean(-2) / total.clamp_min(1e-300)


def expected_update(x: Float[Tensor, "n a cell"], *, linear: bool = False) -> Update:
    """Gradient flow of E L_simp on listed views: ẇ = 2·OP·w for every neuron on its own."""
    n, a, cells = x.shape
    rows = x.reshape(-1, cells)

    def update(weights: Tensor) -> Tensor:
        before = rows @ weights.mT
        gates = torch.ones_like(before) if linear else (before > 0).to(x.dtype)
        f = (before * gates).view(n, a, -1).mean(1)
        pull = (f - f.mean(0)) * (2 / (n * a))
        return (gates.view(n, a, -1) * pull.unsqueeze(1)).flatten(0, 1).mT @ rows

    return update


def sampled_update(
    world: Ring, strength: float, batch: int, *, generator: torch.Generator, tau: float | None = None,
    linear: bool = False,
) -> Update:  # fmt: skip
    """Minus the gradient on a fresh batch at every call: L_simp, or InfoNCE with one negative if ``tau`` is given.

    InfoNCE weighs every point by ξ = 1/(1 + e^{(r- - r+)/τ}), and its energies sum over all neurons: it couples them.
    """

    def update(weights: Tensor) -> Tensor:
        x = world.draw(batch, views=2, strength=strength, generator=generator).x
        before = x @ weights.mT
        gates = torch.ones_like(before) if linear else (before > 0).to(x.dtype)
        f, g = (before * gates).unbind(1)
        positive, negative = f - g, f - g.roll(-1, 0)
        weight = torch.full_like(f[:, :1], 1 / batch)
        if tau is not None:
            gap = 0.5 * (positive.square() - negative.square()).sum(1, keepdim=True)
            weight = torch.sigmoid(gap / tau) / batch
        on_f, on_g = weight * (negative - positive), weight * positive - (weight * negative).roll(1, 0)
        pull = torch.stack([on_f, on_g], 1) * gates
        return pull.flatten(0, 1).mT @ x.flatten(0, 1)

    return update


@torch.no_grad()
def follow(
    weights: Float[Tensor, "neuron cell"], update: Update, *, steps: int, step_size: float, every: int = 1
) -> Float[Tensor, "t neuron cell"]:
    """Euler steps that keep the length of every neuron's weights; see :func:`~ssl_explain.dynamics.steppers.solve`."""
    norms = weights.norm(dim=-1, keepdim=True)

    def step(w: Tensor, h: float) -> Tensor:
        w = euler(lambda w: measured("update", update(w), w), w, h)
        return w * (norms / w.norm(dim=-1, keepdim=True))

    return solve(step, weights, step_size=step_size, steps=steps, every=every)


def responses(
    weights: Float[Tensor, "*t neuron cell"], x: Float[Tensor, "n a cell"], objects: int = 2, *, linear: bool = False
) -> Float[Tensor, "*t object place neuron"]:
    """E[f | point]: how every neuron responds to every object at every place, averaged over the views."""
    f = x.flatten(0, 1) @ weights.mT
    f = f if linear else f.relu()
    return f.unflatten(-2, x.shape[:2]).mean(-2).unflatten(-2, (objects, -1))


@dataclass(frozen=True)
class RingSettings:
    """The settings of :func:`ring_run`; ``batch`` None is the exact flow, ``tau`` the temperature of InfoNCE.

    ``update(weights, x)``, of the weights and all views, takes the place of both.
    """

    cells: int = 10
    strength: float = 1.0
    neurons: int = 12
    seed: int = 1
    linear: bool = False
    batch: int | None = None
    tau: float | None = None
    steps: int = 300
    step_size: float = 1.0
    every: int = 5
    update: Callable[[Tensor, Tensor], Tensor] | None = None


def ring_run(**settings: Any) -> Selectivity:
    """Follow random neurons on a ring, by :class:`RingSettings`.

    It is the exact flow of L_simp, or batches of L_simp or InfoNCE if ``batch`` is given.

    Raises:
        ValueError: whatever the ring, the network or the flow reject.

    Example:
        >>> run = ring_run(cells=6, neurons=3, steps=10)
        >>> run.weights.shape, run.responses.shape
        (torch.Size([3, 3, 6]), torch.Size([3, 2, 1, 3]))
    """
    own = RingSettings(**settings)
    world, generator = Ring(own.cells, dtype=torch.float64), torch.Generator().manual_seed(own.seed)
    x = world.enumerate(own.strength).x
    net = ring_neurons(own.cells, own.neurons, generator=generator, linear=own.linear)
    start = net.weights[0].detach().squeeze(0)
    update = expected_update(x, linear=own.linear)
    if own.update is not None:
        update = _on_views(own.update, x)
    elif own.batch is not None:
        update = sampled_update(world, own.strength, own.batch, generator=generator, tau=own.tau, linear=own.linear)
    weights = follow(start, update, steps=own.steps, step_size=own.step_size, every=own.every)
    times = torch.arange(len(weights), dtype=torch.float32) * own.every * own.step_size
    return Selectivity(
        world.patterns(), times, weights, responses(weights, x, linear=own.linear), dead(start, x, linear=own.linear),
        world.shift(own.strength), own.steps,
    )  # fmt: skip


def _on_views(given: Callable[[Tensor, Tensor], Tensor], x: Tensor) -> Update:
    def update(weights: Tensor) -> Tensor:
        return given(weights, x).detach()

    return update
