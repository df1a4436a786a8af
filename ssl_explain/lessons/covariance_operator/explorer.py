"""The operator explorer: the directions of weight space that vary between points, and the steps along them."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from ssl_explain.dynamics.flow import predicted_update
from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.covariance_operator.picture import Spectrum, SpectrumPicture
from ssl_explain.losses.contrastive import contrastive, simple_contrastive
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.operators.covariance import covariance_operator
from ssl_explain.records import Views
from ssl_explain.seeds import generators
from ssl_explain.subspaces import participation_ratio
from ssl_explain.worlds.ring import Ring

CELLS = 12
STEPS = ("both towers", "one tower (stop-gradient)", "batch of 8", "outputs of length one")


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
    points: int = choice(
        24,
        (4, 8, 16, 24),
        label="points",
        tip="how many of the 24 points (object and place) the world has; at q = 1 only the 2 objects are left",
        names={24: "24 (all)"},
    )
    step: str = choice(
        "both towers",
        STEPS,
        label="the real step",
        tip="compared with the predicted one; the last two leave the theory",
    )
    seed: int = slider(1, 1, 9, 1, label="seed", tip="another network, other points")

    def idle(self) -> Mapping[str, str]:
        """Where every shift is a view, a world has two points."""
        return {"points": "at q = 1 only the two objects are left"} if self.strength == 1 else {}


def world_of(state: OperatorState) -> Views:
    """The points of a state with all of their views, in double precision."""
    views = Ring(CELLS, dtype=torch.float64).enumerate(state.strength)
    order = torch.randperm(len(views.x), generator=generators(state.seed, 2)[1])
    return Views(views.x[order[: state.points]])


def network_of(state: OperatorState) -> ReLUNet:
    """The network of a state, in double precision."""
    g = generators(state.seed, 1)[0]
    return ReLUNet((CELLS, state.width, state.width, 4), generator=g, normalise=False, linear_top=True).double()


def step_taken(state: OperatorState, net: ReLUNet, views: Views) -> Float[Tensor, " d_weights"]:
    """The weight change of a real step, per unit of step size."""
    if state.step == "batch of 8":
        g = generators(state.seed, 3)[2]
        points = torch.randint(views.x.shape[0], (8, 1), generator=g)
        pairs = views.x[points, torch.randint(views.x.shape[1], (8, 2), generator=g)]
        loss = contrastive(simple_contrastive)(net, Views(pairs))
    else:
        f = net(views.x)
        if state.step == "outputs of length one":
            f = normalize(f, dim=-1)
        centred = f.mean(1) - f.mean((0, 1))
        other = centred.detach() if state.step.startswith("one tower") else centred
        loss = -(centred * other).sum(-1).mean()  # E L_simp: minus the variance between points
    (gradient,) = torch.autograd.grad(loss, net.weights[state.layer - 1])
    return -gradient.flatten()


def spectrum_of(state: OperatorState) -> Spectrum:
    """Eigenvalues of the variance between points and of all, the strongest directions, and the two steps."""
    views, net, layer = world_of(state), network_of(state), state.layer
    forward = net.forward_pass(views.x)
    values, vectors = covariance_operator(forward, layer).eigh(net.weights[layer - 1].numel())
    # With every view as its own point, all variance is variance between points.
    alone = net.forward_pass(views.x.flatten(0, 1).unsqueeze(1))
    total = torch.linalg.eigvalsh(covariance_operator(alone, layer).as_matrix()).flip(0).clamp_min(0)
    values = values.clamp_min(0)
    predicted = predicted_update(net, views, layer).flatten()
    taken = step_taken(state, net, views)
    size = predicted.norm().clamp_min(1e-300)
    first = vectors[:, :3]
    signs = first.gather(0, first.abs().argmax(0, keepdim=True)).sign()  # fix the sign of each eigenvector
    return Spectrum(
        between=values,
        total=total,
        features=(first * signs).mT.unflatten(-1, net.weights[layer - 1].shape[-2:]),
        predicted=predicted,
        taken=taken,
        share=float(values.sum() / total.sum().clamp_min(1e-300)),
        directions=float(participation_ratio(values)),
        cosine=float(predicted @ taken / (size * taken.norm().clamp_min(1e-300))),
        length=float(taken.norm() / size),
        layer=layer,
        points=views.x.shape[0],
        views=views.x.shape[1],
        strength=state.strength,
        step=state.step,
    )


class OperatorExplorer(Explorer[OperatorState]):
    """Spectrum, strongest directions and predicted step of the covariance operator, on the ring.

    Example:
        >>> round(operator_explorer(OperatorState(strength=0.0)).record.share, 9)  # views alike: nothing varies within
        1.0
    """

    picture = SpectrumPicture
    main_controls = ("strength", "layer")
    presets = {
        "no augmentation": {"strength": 0.0, "step": "both towers"},
        "shift to anywhere": {"strength": 1.0, "step": "both towers"},
        "stop-gradient": {"strength": 0.3, "step": "one tower (stop-gradient)"},
        "leave the theory": {"strength": 0.3, "step": "outputs of length one"},
    }

    def compute(self, state: OperatorState) -> Spectrum:
        """Eigenvalues, directions and steps."""
        return spectrum_of(state)


operator_explorer = factory(
    OperatorExplorer, "Watch the spectrum of the covariance operator thin out as augmentation grows."
)
