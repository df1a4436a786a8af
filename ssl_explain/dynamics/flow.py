"""What the theory predicts: the expected update of L_simp on a finite world, and gradient flow along it."""

from collections.abc import Callable, Collection, Sequence, Set

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import _require
from ssl_explain.dynamics.training import measured
from ssl_explain.networks.layers import LayeredReLU
from ssl_explain.operators.covariance import covariance_operator
from ssl_explain.records import Trace, Views

BLOWN_UP = "stopped at step {}: the flow has blown up: {}"
TOO_LONG = "stopped at step {}: a number is not finite; steps of {:g} may be too long to follow the flow"
FEW = 10  # who follows a flow moves little in one step, and does not reach infinity in so few of them


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
    _require.instance("net", net, LayeredReLU, "such as a ReLUNet")
    _require.instance("views", views, Views, "draw them from a world")
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

    Raises:
        ValueError: a negative number of steps, a step size that is not positive, ``measure_every`` below 1, weights
            that are not finite, layers that the network does not have or none at all, a first measurement that is not
            finite.
        TypeError: no layered network, no views, numbers that are none, functions that are none, a measurement that is
            no tensor.
    """
    _require.instance("net", net, LayeredReLU, "such as a ReLUNet")
    _require.instance("views", views, Views, "draw them from a world")
    for name, function in (("measure", measure), ("loss", loss), ("until", measure if until is None else until)):
        _require.function(name, function, "pass the function itself")
    _require.integer("steps", steps, 0, "0 only measures")
    _require.integer("measure_every", measure_every, 1, "1 measures after every step")
    step_size = _require.number("step_size", step_size, 0, float("inf"), "try 0.01, to follow the flow", open_low=True)
    moving = _moving(net, layers)
    growth = None if fixed_norm else _growth(net, len(moving), loss)
    times, values, losses, stopped = [0], [_require.finite("measure", measured(measure(net)))], [], None
    for step in range(1, steps + 1):
        energy = loss(net, views)
        gradients = torch.autograd.grad(energy, moving)
        length = step_size * torch.nn.utils.get_total_norm(gradients)
        if not torch.isfinite(length**2 + energy.detach()):  # the square: norms are taken of what is moved that far
            stopped = _why_stopped(step - 1, step_size, growth)
            break
        _move(moving, gradients, step_size, fixed_norm)
        losses.append(energy.detach())
        if step % measure_every == 0 or step == steps:
            value = measure(net)
            if not torch.isfinite(value).all():
                stopped = _why_stopped(step, step_size, growth)
                break
            times.append(step)
            values.append(value)
            if until is not None and until(values[-1]):
                break
    return Trace(torch.tensor(times), torch.stack(values), torch.stack(losses) if losses else torch.empty(0), stopped)


def _growth(net: LayeredReLU, trained: int, loss: Callable[[LayeredReLU, Views], Tensor]) -> str | None:
    """How a flow without fixed norms grows, None if it does not.

    Without biases Φ = -E L_simp is of degree 2L in L trained layers, so that d‖W‖²/dt = 4LΦ, while Φ / ‖W‖^{2L} never
    falls. Outputs of length one are of degree 0: the flow keeps ‖W‖.
    """
    if loss is not expected_simple or len(net.biases):
        return "no norm is held"
    if net.normalise:
        return None
    if trained == 1:
        return "one layer is trained and no norm is held, so it grows exponentially"
    return f"{trained} layers are trained and no norm is held, so it must in finite time"


def _why_stopped(step: int, step_size: float, growth: str | None) -> str:
    """The mathematics or the steps: what does not grow has nowhere to go, and a flow takes its time."""
    return TOO_LONG.format(step, step_size) if growth is None or step < FEW else BLOWN_UP.format(step, growth)


def _moving(net: LayeredReLU, layers: Collection[int] | None) -> list[Tensor]:
    """The weights of the layers that move."""
    depth = len(net.weights)
    for number, weight in enumerate(net.weights, 1):
        _require.finite(f"weights of layer {number}", weight)
    if layers is not None and not isinstance(layers, Sequence | Set):
        raise TypeError(f"`layers` must be a collection of numbers, got {layers!r:.80}; try (1, 2).")
    if layers is not None and (not layers or not all(number in range(1, depth + 1) for number in layers)):
        raise ValueError(f"`layers` must name layers from 1 to {depth}, got {tuple(layers)}; None moves all of them.")
    return [weight for number, weight in enumerate(net.weights, 1) if layers is None or number in layers]


@torch.no_grad()
def _move(weights: list[Tensor], gradients: tuple[Tensor, ...], step_size: float, fixed_norm: bool) -> None:
    for weight, gradient in zip(weights, gradients, strict=True):
        norm = weight.norm(dim=-1, keepdim=True)
        weight.sub_(gradient, alpha=step_size)
        if fixed_norm:
            weight.mul_(norm / weight.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(weight.dtype).tiny))
