"""The expected update of L_simp on a finite world, and gradient flow along it."""

import dataclasses
from collections.abc import Callable, Collection, Sequence, Set
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_explain import require
from ssl_explain.dynamics.kept import STOPPED, Values, differentiable, measured
from ssl_explain.dynamics.training import Objective, Training
from ssl_explain.networks.layers import LayeredReLU
from ssl_explain.operators.covariance import covariance_operator
from ssl_explain.records import Trace, Views, record
from ssl_explain.torch_modes import trainable, usable

BLOWN_UP = "stopped at step {}: the flow has blown up: {}"
TOO_LONG = "stopped at step {}: a number is not finite; steps of {:g} may be too long to follow the flow"
FEW = 10  # divergence within so few steps means that the step is too large, not finite-time blow-up


def between_point_variance(f: Float[Tensor, "n a d"]) -> Float[Tensor, ""]:
    """The variance between points after averaging over views, tr V_x[E_{x'|x} f]."""
    means = f.mean(-2)
    return (means - means.mean(0)).square().sum(-1).mean()


def within_point_variance(f: Float[Tensor, "n a d"]) -> Float[Tensor, ""]:
    """E_x tr V_{x'|x}[f]: the variance over the views of a point, averaged over points."""
    return (f - f.mean(-2, keepdim=True)).square().sum(-1).mean()


def expected_simple(net: LayeredReLU, views: Views) -> Float[Tensor, ""]:
    """E L_simp over a finite world, with negatives that may be the same point: -tr V_x[E_{x'|x} f_L].

    Exact if ``views.x`` lists every point with all of its views, equally likely (see ``Ring.enumerate``).
    """
    return -between_point_variance(net(views.x))


def predicted_update(
    net: LayeredReLU, views: Views, layer: int, pair_weights: Float[Tensor, "n n"] | None = None
) -> Float[Tensor, "*weight"]:
    """The update that the covariance operator predicts, with gradient through both towers.

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

    ``fixed_norm`` keeps the norm of every neuron's weights, so that only its direction changes. Without it, and without
    normalised outputs, L_simp makes a single layer grow exponentially, and two or more layers without biases diverge in
    finite time: ``until`` stops a run when it returns True for a measurement.
    ``layers`` are the layers that are trained (all of them if None). Only finite values are recorded.
    An interrupt (Ctrl-C, the stop button) ends it after a whole step; the trace so far says so in ``stopped``.

    Raises:
        ValueError: a negative number of steps, a step size that is not positive, ``measure_every`` below 1, weights
            that are not finite, layers that the network does not have or none at all, a first measurement that is not
            finite.
        TypeError: no layered network, no views, numbers or functions of another type, a measure without a tensor.
    """
    require.instance("net", net, LayeredReLU, "such as a ReLUNet")
    require.instance("views", views, Views, "draw them from a world")
    for name, function in (("loss", loss), ("until", loss if until is None else until)):
        require.function(name, function, "pass the function itself")
    require.integer("steps", steps, 0, "0 only measures")
    step_size = require.number("step_size", step_size, 0, float("inf"), "try 0.01, to follow the flow", open_low=True)
    moving = _moving(net, layers)
    options: dict[str, Any] = {"measure": measure, "measure_every": measure_every, "generator": torch.Generator()}
    run = _Flow(net, _Fixed(usable(views)), cast(Objective, loss), learning_rate=step_size, **options)
    run._parameters, run.fixed_norm, run.until = moving, fixed_norm, until
    run.growth = None if fixed_norm else _growth(net, len(moving), loss)
    try:
        while run.step < steps and run.stopped is None and not run.enough:
            run.advance(min(measure_every, steps - run.step))
        return run.trace()
    except KeyboardInterrupt:
        trace = run.trace()
        return dataclasses.replace(trace, stopped=trace.stopped or STOPPED.format(run.step))


@record
class _Fixed:
    """A world whose every draw is the same."""

    views: Views

    def draw(self, n: int, *, views: int, strength: float, generator: torch.Generator) -> Views:
        return self.views


class _Flow(Training):
    """Training on the same views at every step, until a value is not finite or ``until`` is fulfilled."""

    fixed_norm = enough = False
    growth: str | None = None
    until: Callable[[Tensor], bool] | None = None

    def _update(self) -> tuple[Tensor, Values]:
        views = self.world.draw(self.batch, views=2, strength=self.strength, generator=self.generator)
        energy = differentiable("loss", self.objective(self.net, views))
        gradients = torch.autograd.grad(energy, self._parameters)
        length = self.learning_rate * torch.nn.utils.get_total_norm(gradients)
        energy = measured("loss", energy)
        if not torch.isfinite(length**2 + energy):  # length²: the next norm squares it
            self.stopped = self._reason()
            return energy, []
        return energy, _moved(self._parameters, gradients, self.learning_rate, self.fixed_norm)

    def _measure_if_due(self) -> None:
        if self.step % self.measure_every == 0:
            self._measure_once()

    def _measure_once(self) -> None:
        """Measure the present state, if that is not done; a value that is not finite stops the run."""
        if self._measured and self._measured[-1][0] == self.step:
            return
        value = self._measure()
        if not self._measured:
            require.finite("measure", value)
        elif not torch.isfinite(value).all():
            self.stopped = self._reason()
            return
        self._measured.append((self.step, value))
        self.enough = self.step > 0 and self.until is not None and self.until(value)

    def _reason(self) -> str:
        """Blow-up of the flow itself, or steps that are too large."""
        if self.growth is None or self.step < FEW:
            return TOO_LONG.format(self.step, self.learning_rate)
        return BLOWN_UP.format(self.step, self.growth)

    def trace(self, *, now: bool = True) -> Trace:
        """Everything measured, with the present state as its last point, unless the run was stopped."""
        if self.stopped is None:
            with self._modes():
                self._measure_once()
        return dataclasses.replace(super().trace(now=False), stretches=(), ahead=None)


def _growth(net: LayeredReLU, trained: int, loss: Callable[[LayeredReLU, Views], Tensor]) -> str | None:
    """How the norms of a flow without fixed norms grow; None if they do not.

    Without biases Φ = -E L_simp is homogeneous of degree 2L in L trained layers, so that d‖W‖²/dt = 4LΦ, while
    Φ / ‖W‖^{2L} never decreases. Normalised outputs are of degree 0: the flow conserves ‖W‖.
    """
    if loss is not expected_simple or len(net.biases):
        return "no norm is held"
    if net.normalise:
        return None
    if trained == 1:
        return "one layer is trained and no norm is held, so it grows exponentially"
    return f"{trained} layers are trained and no norm is held, so it must in finite time"


def _moving(net: LayeredReLU, layers: Collection[int] | None) -> list[nn.Parameter]:
    """The weights of the layers that are trained."""
    depth = len(net.weights)
    trainable(net)
    for number, weight in enumerate(net.weights, 1):
        require.finite(f"weights of layer {number}", weight)
    if layers is None:
        return list(net.weights)
    if not isinstance(layers, Sequence | Set):
        require.fail("layers", "be a collection of numbers", f"{layers!r:.80}", "try (1, 2)", TypeError)
    known = len(layers) > 0 and all(number in range(1, depth + 1) for number in layers)
    require.that(known, "layers", f"name layers from 1 to {depth}", tuple(layers), "None trains all of them")
    return [weight for number, weight in enumerate(net.weights, 1) if number in layers]


@torch.no_grad()
def _moved(weights: Sequence[Tensor], gradients: tuple[Tensor, ...], step_size: float, fixed_norm: bool) -> Values:
    """The weights with their values after the step."""
    values = [torch.sub(weight, gradient, alpha=step_size) for weight, gradient in zip(weights, gradients, strict=True)]
    if fixed_norm:
        for weight, value in zip(weights, values, strict=True):
            norm = weight.norm(dim=-1, keepdim=True)
            value.mul_(norm / value.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(value.dtype).tiny))
    return list(zip(weights, values, strict=True))
