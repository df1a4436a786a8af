"""The operator explorer: variance between and within points, and the spectrum of what is between."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.dynamics.flow import between_point_variance, expected_simple, within_point_variance
from ssl_explain.kit.factory import factory
from ssl_explain.kit.reader import ReaderError, ReaderExplorer, ReaderFunction
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.covariance_operator.picture import Spectrum, SpectrumPicture, plane
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.operators.connection import connection
from ssl_explain.operators.covariance import covariance_operator
from ssl_explain.records import Views
from ssl_explain.seeds import generators
from ssl_explain.subspaces import participation_ratio
from ssl_explain.worlds.ring import Ring

CELLS = 12
WORLD = Ring(CELLS, dtype=torch.float64)


@dataclass(frozen=True)
class OperatorState(State):
    """Every setting of the operator explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    strength: float = slider(
        0.3, 0, 1, 0.1, label="augmentation q", tip="0: a view is its point; 1: shifted to anywhere on the ring"
    )
    layer: int = slider(1, 1, 3, 1, label="layer", tip="whose weights; 1 is the bottom layer")
    width: int = choice(8, (4, 8, 12, 16), label="width", tip="neurons in layers 1 and 2; the top layer has 4")
    seed: int = slider(1, 1, 9, 1, label="seed", tip="another network")


def network_of(state: OperatorState) -> ReLUNet:
    """The network of a state, in double precision."""
    (g,) = generators(state.seed, 1)
    return ReLUNet((CELLS, state.width, state.width, 4), generator=g, normalise=False, linear_top=True).double()


def connections(net: ReLUNet, x: Float[Tensor, "n a d"], layer: int) -> Float[Tensor, "n a d_weights d_top"]:
    """K of every view, without gradient."""
    return connection(net.forward_pass(x), layer).flatten(2, 3).detach()


def real_step(net: ReLUNet, views: Views, layer: int) -> Float[Tensor, " d_weights"]:
    """The gradient step of E L_simp through both towers, per unit of step size."""
    (gradient,) = torch.autograd.grad(expected_simple(net, views), net.weights[layer - 1])
    return -gradient.flatten()


def share_between(values: Float[Tensor, "n a d"]) -> float:
    """The part of the variance that lies between points."""
    between, within = between_point_variance(values), within_point_variance(values)
    return float(between / (between + within).clamp_min(1e-300))


def symmetric(op: Tensor, name: str) -> Tensor:
    """Check that a covariance is symmetric."""
    if not torch.allclose(op, op.mT):
        raise ReaderError(f"{name} must return a symmetric matrix, as a covariance is; its transpose differs.")
    return op


def spectrum_of(state: OperatorState, own: ReaderFunction | None = None) -> Spectrum:
    """Views, means and eigenvalues of a state, and the predicted step; ``own`` takes the place of OP's definition."""
    views, net, layer = WORLD.enumerate(state.strength), network_of(state), state.layer
    # All views of the ring are the same 24 patterns whatever q is: their variance is that of the points at q = 0.
    every = WORLD.enumerate(0.0).x
    f, k = net(views.x).detach(), connections(net, views.x, layer)
    all_f, all_k = net(every).detach(), connections(net, every, layer)
    if own is None:
        op = covariance_operator(net.forward_pass(views.x), layer).as_matrix()
    else:
        op = symmetric(own(k), own.name)
    total = covariance_operator(net.forward_pass(every), layer).as_matrix()
    values, all_values = (torch.linalg.eigvalsh(matrix).flip(0).clamp_min(0) for matrix in (op, total))
    predicted, real = 2 * op @ net.weights[layer - 1].detach().flatten(), real_step(net, views, layer)
    flat, all_flat = k.flatten(2), all_k.flatten(2)
    return Spectrum(
        outputs=plane(f, all_f.flatten(0, 1)),
        connections=plane(flat, all_flat.flatten(0, 1)),
        shares=(share_between(f), share_between(flat)),
        between=values,
        total=all_values,
        directions=float(participation_ratio(values)),
        cosine=float(predicted @ real / (predicted.norm() * real.norm()).clamp_min(1e-300)),
        length=float(predicted.norm() / real.norm().clamp_min(1e-300)),
        layer=layer,
        strength=state.strength,
        operator="OP" if own is None else own.name,
    )


class OperatorExplorer(ReaderExplorer[OperatorState]):
    """Variance between and within points, of outputs and of connections, on the ring, and the operator's spectrum.

    ``operator(K)``, if given, takes the place of the package's: it gets the connections of all views
    (point, view, weight, output) and returns a symmetric matrix (weight, weight).

    Example:
        >>> round(operator_explorer(OperatorState(strength=0.0)).record.kept, 9)  # views alike: nothing varies within
        1.0
    """

    picture = SpectrumPicture
    main_controls = ("strength", "layer")
    presets = {
        "no augmentation": {"strength": 0.0},
        "up to two cells": {"strength": 0.3},
        "up to five cells": {"strength": 0.8},
        "shift to anywhere": {"strength": 1.0},
    }

    def __init__(
        self, state: OperatorState, controls: Sequence[str] = (), operator: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        """Compute the first spectrum and draw it."""
        if operator is not None:
            self.reader, self.own = ReaderFunction(operator, lambda k: 2 * k.shape[2:3]), {"operator": operator}
        super().__init__(state, controls)

    def compute(self, state: OperatorState) -> Spectrum:
        """Clouds, eigenvalues and the predicted step."""
        return spectrum_of(state, self.reader)


operator_explorer = factory(
    OperatorExplorer, "Watch what lies between points shrink as augmentation grows; ``operator(K)`` replaces OP's."
)
