"""What the theory predicts: the expected update of L_simp on a finite world, and gradient flow along it."""

from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass, field
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.dynamics.kept import STOPPED, Values, loss_of, measured, nothing_left, put
from ssl_explain.modes import own_modes, trainable, usable
from ssl_explain.networks.layers import LayeredReLU
from ssl_explain.operators.covariance import covariance_operator
from ssl_explain.records import Trace, Views

BLOWN_UP = "stopped at step {}: the flow has blown up: {}"
TOO_LONG = "stopped at step {}: a number is not finite; steps of {:g} may be too long to follow the flow"
FEW = 10  # divergence within so few steps means that the step is too large, not finite-time blow-up


def between_point_variance(f: Float[Tensor, "n a d"]) -> Float[Tensor, ""]:
    """Between points: tr V_x[E_{x'|x} f], the variance that is left after averaging over the views of each point."""
    means = f.mean(-2)
    return (means - means.mean(0)).square().sum(-1).mean()


def within_point_variance(f: Float[Tensor, "n a d"]) -> Float[Tensor, ""]:
    """E_x tr V_{x'|x}[f]: the spread of the views of a point, averaged over points."""
    return (f - f.mean(-2, keepdim=True)).square().sum(-1).mean()


def expected_simple(net: LayeredReLU, views: Views) -> Float[Tensor, ""]:
    """E L_simp over a finite world, in which the negative may be the same point again: -tr V_x[E_{x'|x} f_L].

    Exact if ``views.x`` lists every point with all of its views, equally likely (see ``Ring.enumerate``).
    """
    return -between_point_variance(net(views.x))


def predicted_update(
    net: LayeredReLU, views: Views, layer: int, pair_weights: Float[Tensor, "n n"] | None = None
) -> Float[Tensor, "*weight"]:
    """The update that the covariance operator predicts, gradient flow through both towers.

    vec(Ẇ_l) = 2·OP_l·vec(W_l) for L_simp; with pair weights ξ frozen, the weighted operator in place of 2·OP_l.

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578.

    Raises:
        ValueError: whatever :func:`~ssl_explain.operators.covariance.covariance_operator` rejects.
        TypeError: no layered network, no views, or whatever that function rejects.
    """
    require.instance("net", net, LayeredReLU, "such as a ReLUNet")
    require.instance("views", views, Views, "draw them from a world")
    operator = covariance_operator(net.forward_pass(views.x), layer, pair_weights)
    weight = net.weights[layer - 1].detach()
    factor = 2.0 if pair_weights is None else 1.0
    return factor * operator.matvec(weight.flatten()).view(weight.shape)


def flow(
    net: LayeredReLU,
    views: Views,
    *,
    steps: int,
    step_size: float,
    measure: Callable[[LayeredReLU], Tensor],
    loss: Callable[[LayeredReLU, Views], Tensor] = expected_simple,
    fixed_norm: bool = False,
    layers: Collection[int] | None = None,
    until: Callable[[Tensor], bool] | None = None,
    measure_every: int = 1,
) -> Trace:
    """Follow the gradient flow of an expected loss in small Euler steps; ``net`` is changed in place.

    ``fixed_norm`` keeps the norm of every neuron's weights (only its direction moves). Without it, and without
    normalised outputs, L_simp makes a single layer grow exponentially, and two or more layers without biases become
    infinite in finite time: ``until`` stops a run once what was measured says so.
    ``layers`` names the layers that move (all of them if None). Nothing that is not finite is ever recorded.
    An interrupt (Ctrl-C, the stop button) ends it after a whole step; the trace so far says so in ``stopped``.

    Raises:
        ValueError: a negative number of steps, a step size that is not positive, ``measure_every`` below 1, weights
            that are not finite, layers that the network does not have or none at all, a first measurement that is not
            finite.
        TypeError: no layered network, no views, numbers that are none, functions that are none, a measurement that is
            no tensor.
    """
    require.instance("net", net, LayeredReLU, "such as a ReLUNet")
    require.instance("views", views, Views, "draw them from a world")
    for name, function in (("measure", measure), ("loss", loss), ("until", measure if until is None else until)):
        require.function(name, function, "pass the function itself")
    require.integer("steps", steps, 0, "0 only measures")
    require.integer("measure_every", measure_every, 1, "1 measures after every step")
    step_size = require.number("step_size", step_size, 0, float("inf"), "try 0.01, to follow the flow", open_low=True)
    moving = _moving(net, layers)
    growth = None if fixed_norm else _growth(net, len(moving), loss)
    run = _Flow(net, usable(views), measure, loss, until, moving, step_size, fixed_norm, growth)
    try:
        with own_modes(net.weights[0].device):
            run.look()
            run.follow(steps, measure_every)
            return run.trace()
    except KeyboardInterrupt:
        if not run.seen:
            raise
        return run.cut_short()
    except BaseException:
        run.left()
        raise


@dataclass
class _Flow:
    """A flow in progress: ``seen`` holds (step, what was measured), ``left`` makes the present step whole."""

    net: LayeredReLU
    views: Views
    measure: Callable[[LayeredReLU], Tensor]
    loss: Callable[[LayeredReLU, Views], Tensor]
    until: Callable[[Tensor], bool] | None
    moving: list[Tensor]
    step_size: float
    fixed_norm: bool
    growth: str | None
    seen: list[tuple[int, Tensor]] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)
    stopped: str | None = None
    left: Callable[[], None] = nothing_left

    def follow(self, steps: int, measure_every: int) -> None:
        """Take the steps, until one of them or what was measured after it says that it is enough."""
        for step in range(1, steps + 1):
            if not self.step() or ((step % measure_every == 0 or step == steps) and not self.look()):
                return

    def step(self) -> bool:
        """Take one step, unless a number is not finite."""
        energy = loss_of("loss", self.loss(self.net, self.views))
        gradients = torch.autograd.grad(energy, self.moving)
        length = self.step_size * torch.nn.utils.get_total_norm(gradients)
        energy = measured("loss", energy)
        if not torch.isfinite(length**2 + energy):  # the next norm squares the length
            return self.stop()
        moved = _moved(self.moving, gradients, self.step_size, self.fixed_norm)
        self.left = partial(self._finish, len(self.losses), energy, moved)
        self.left()
        return True

    def _finish(self, index: int, energy: Tensor, moved: Values) -> None:
        put(moved)
        self.losses[index:] = [energy]

    def look(self) -> bool:
        """Measure, and say whether to go on."""
        value = measured("measure", self.measure(self.net), self.seen[0][1] if self.seen else None)
        if not self.seen:
            require.finite("measure", value)
        elif not torch.isfinite(value).all():
            return self.stop()
        self.seen.append((len(self.losses), value))
        return len(self.seen) == 1 or self.until is None or not self.until(value)

    def stop(self) -> bool:
        """Say why the run ends: it grows without bound, or its steps are too long; return that it does not go on."""
        too_long, step = self.growth is None or len(self.losses) < FEW, len(self.losses)
        self.stopped = TOO_LONG.format(step, self.step_size) if too_long else BLOWN_UP.format(step, self.growth)
        return False

    def trace(self) -> Trace:
        """What was measured, and the losses."""
        steps, values = zip(*self.seen, strict=True)
        losses = torch.stack(self.losses) if self.losses else torch.empty(0, dtype=torch.float32)
        return Trace(torch.tensor(steps), torch.stack(values), losses, self.stopped)

    def cut_short(self) -> Trace:
        """The trace of a flow that was interrupted, up to the last whole step."""
        self.left()
        self.stopped = STOPPED.format(len(self.losses))
        if self.seen[-1][0] != len(self.losses):
            with own_modes(self.net.weights[0].device):
                self.look()
        return self.trace()


def _growth(net: LayeredReLU, trained: int, loss: Callable[[LayeredReLU, Views], Tensor]) -> str | None:
    """How a flow without fixed norms grows, None if it does not.

    Without biases Φ = -E L_simp is of degree 2L in L trained layers, so that d‖W‖²/dt = 4LΦ, while Φ / ‖W‖^{2L} never
    falls. Normalised outputs are of degree 0: the flow keeps ‖W‖.
    """
    if loss is not expected_simple or len(net.biases):
        return "no norm is held"
    if net.normalise:
        return None
    if trained == 1:
        return "one layer is trained and no norm is held, so it grows exponentially"
    return f"{trained} layers are trained and no norm is held, so it must in finite time"


def _moving(net: LayeredReLU, layers: Collection[int] | None) -> list[Tensor]:
    """The weights of the layers that move."""
    depth = len(net.weights)
    trainable(net)
    for number, weight in enumerate(net.weights, 1):
        require.finite(f"weights of layer {number}", weight)
    if layers is not None and not isinstance(layers, Sequence | Set):
        raise TypeError(f"`layers` must be a collection of numbers, got {layers!r:.80}; try (1, 2).")
    if layers is not None and (not layers or not all(number in range(1, depth + 1) for number in layers)):
        raise ValueError(f"`layers` must name layers from 1 to {depth}, got {tuple(layers)}; None moves all of them.")
    return [weight for number, weight in enumerate(net.weights, 1) if layers is None or number in layers]


@torch.no_grad()
def _moved(weights: list[Tensor], gradients: tuple[Tensor, ...], step_size: float, fixed_norm: bool) -> Values:
    """The weights, and what they become."""
    values = [torch.sub(weight, gradient, alpha=step_size) for weight, gradient in zip(weights, gradients, strict=True)]
    if fixed_norm:
        for weight, value in zip(weights, values, strict=True):
            norm = weight.norm(dim=-1, keepdim=True)
            value.mul_(norm / value.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(value.dtype).tiny))
    return list(zip(weights, values, strict=True))
