"""Inside one layer: the parts of the connection, and its predictions beside the result of autograd."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.gradient_as_connection.picture import ConnectionPicture, ConnectionView
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.operators import definitions
from ssl_explain.operators.connection import connection, jacobian
from ssl_explain.records import ForwardPass
from ssl_explain.seeds import generators
from ssl_explain.worlds.clouds import Clouds

WIDTHS = ((5, 3), (6, 5, 3), (4, 6, 5, 3), (5, 9, 8, 7, 3))
NAMES = {widths: f"depth {len(widths) - 1}: " + "-".join(map(str, widths)) for widths in WIDTHS}
SEED = 7  # of the network, its teacher and all pairs of views
TARGETS = ("other view, one tower", "other view, both towers", "frozen teacher")


@dataclass(frozen=True)
class ConnectionState(State):
    """Every setting of the connection explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    widths: tuple[int, ...] = choice(
        (4, 6, 5, 3), WIDTHS, label="widths", tip="from the input to the output; all unequal, on purpose", names=NAMES
    )
    layer: int = slider(2, 1, 4, 1, label="layer", tip="counted from the input; at most the depth")
    pair: int = slider(1, 1, 20, 1, label="input pair", tip="another point, with two other views")
    target: str = choice(
        TARGETS[0], TARGETS, label="target", tip="what the output is compared with, and whether that moves too"
    )
    departure: str = choice(
        "none",
        ("none", "biases", "normalised outputs"),
        label="leave the theory",
        tip="one assumption of the theory that does not hold here",
    )


@functools.lru_cache(maxsize=32)
def network(widths: tuple[int, ...], departure: str, tower: int = 0) -> ReLUNet:
    """Make the network (tower 0) or its teacher (1) in float64; biases, if any, are as large as weights."""
    g = generators(SEED, 2)[tower]
    biases, normalise = departure == "biases", departure == "normalised outputs"
    net = ReLUNet(widths, generator=g, biases=biases, normalise=normalise, linear_top=True).double()
    for bias in net.biases:
        bias.data.normal_(0, 0.5, generator=g)
    return net


@functools.lru_cache(maxsize=128)
def two_views(dimension: int, pair: int) -> Tensor:
    """Two views of one point, (2, dimension); every pair has its own stream, after those of the networks."""
    ones = torch.ones(dimension, dtype=torch.float64)
    world = Clouds(between=ones, within=0.7 * ones)
    return world.draw(1, views=2, generator=generators(SEED, pair + 2)[pair + 1]).x[0]


def connection_of(net: ReLUNet, x: Tensor, layer: int) -> Tensor:
    """K_l of inputs (n, d), as matrices (n, weights, d_top); for normalised outputs from its definition."""
    if not net.normalise:
        return connection(net.forward_pass(x), layer).flatten(-3, -2).detach()
    weight = net.weights[layer - 1]

    def output_of(one: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda w: torch.func.functional_call(net, {f"weights.{layer - 1}": w}, (one,))

    return torch.stack([definitions.connection(output_of(one), weight.detach()) for one in x])


def jacobian_of(net: ReLUNet, forward: ForwardPass, layer: int) -> Tensor:
    """J_l of one input, (d_top, d_out), times the Jacobian of normalisation where outputs are normalised."""
    j = jacobian(forward, layer).squeeze(-2).detach()
    if not net.normalise:
        return j
    top = (forward.weights[-1] @ forward.layer_inputs[-1].unsqueeze(-1)).flatten().detach()
    return torch.autograd.functional.jacobian(lambda f: torch.nn.functional.normalize(f, dim=0), top) @ j


def true_gradient(net: ReLUNet, teacher: ReLUNet, x: Tensor, state: ConnectionState, layer: int) -> Tensor:
    """∂r/∂W_l by autograd, r = ½‖f(first view) - target‖²."""
    output = net(x)
    target = {
        "other view, one tower": output[1].detach(),
        "other view, both towers": output[1],
        "frozen teacher": teacher(x[0]).detach(),
    }[state.target]
    energy = 0.5 * (output[0] - target).square().sum()
    return torch.autograd.grad(energy, net.weights[layer - 1])[0].squeeze(0)


class ConnectionExplorer(Explorer[ConnectionState]):
    """Choose a layer and two inputs; see the connection and compare its predictions with autograd.

    Example:
        >>> record = connection_explorer(ConnectionState(layer=1)).record
        >>> bool((record.predicted_output - record.output).abs().max() < 1e-12)
        True
    """

    picture = ConnectionPicture
    main_controls = ("departure", "layer", "target")
    presets = {
        "bottom layer": {"layer": 1, "departure": "none"},
        "frozen teacher": {"target": TARGETS[2], "departure": "none"},
        "biases": {"departure": "biases"},
        "normalised outputs": {"departure": "normalised outputs"},
    }

    def compute(self, state: ConnectionState) -> ConnectionView:
        """Predict output and gradient from connections alone, and compute them by the network and autograd."""
        layer = min(state.layer, len(state.widths) - 1)
        net = network(state.widths, state.departure)
        teacher = network(state.widths, state.departure, 1)
        x = two_views(state.widths[0], state.pair)
        first, second = connection_of(net, x, layer)
        w = net.weights[layer - 1].detach()
        if state.target == "frozen teacher":
            (other,), w_other = connection_of(teacher, x[:1], layer), teacher.weights[layer - 1].detach()
        else:
            other, w_other = second, w
        outer = first - second if state.target == "other view, both towers" else first
        predicted = outer @ (first.mT @ w.flatten() - other.mT @ w_other.flatten())
        forward = net.forward_pass(x[0])
        return ConnectionView(
            widths=state.widths,
            layer=layer,
            setting=state.target if state.departure == "none" else f"{state.target}; {state.departure}",
            gates=tuple(gate.squeeze(0) for gate in forward.gates),
            layer_input=forward.layer_inputs[layer - 1].squeeze(0).detach(),
            jacobian=jacobian_of(net, forward, layer),
            connection=first.view(*w.shape[-2:], -1),
            predicted_output=first.mT @ w.flatten(),
            output=forward.output.detach(),
            predicted_gradient=predicted.view(w.shape[-2:]),
            gradient=true_gradient(net, teacher, x, state, layer),
        )


connection_explorer = factory(ConnectionExplorer, "Look inside one layer.")
