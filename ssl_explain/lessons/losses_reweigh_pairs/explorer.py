"""The pairs explorer: the weights of pairs under a loss, and the error of freezing them."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.losses_reweigh_pairs.experiment import (
    frozen_operator,
    measure_residue,
    negative_sets,
    residue_over_training,
)
from ssl_explain.lessons.losses_reweigh_pairs.picture import PairsPicture
from ssl_explain.lessons.losses_reweigh_pairs.record import Residue, Reweighing
from ssl_explain.losses.contrastive import Loss, info_nce, loss_called
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.records import Views
from ssl_explain.seeds import generators
from ssl_explain.worlds.clouds import Clouds

POINTS, VIEWS, WIDTHS = 10, 4, (6, 12, 4)
NETWORK, WORLD = 0, 1  # seeds: of the initial weights; of points, views and sets of negatives
SWEEP = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
MOMENTS = (0, 25, 50, 100, 200)  # training steps at which the weights were kept


@dataclass(frozen=True)
class PairsState(State):
    """Every setting of the pairs explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    loss: str = choice("InfoNCE", ("InfoNCE", "soft triplet", "L_simp"), label="loss", tip="what weighs the pairs")
    temperature: float = choice(
        0.5, (0.1, 0.2, 0.5, 1.0, 2.0), label="temperature τ", tip="small: only the nearest pairs count (not in L_simp)"
    )
    margin: float = choice(
        0.0, (0.0, 0.5, 1.0, 2.0), label="margin r0", tip="how far is far enough (soft triplet only)"
    )
    negatives: int = choice(
        1, (1, 2, 4, 8), label="negatives H", tip="how many compete in one InfoNCE loss; from 2 on ξ is not symmetric"
    )
    noise: float = slider(0.2, 0, 1, 0.05, label="view noise σ", tip="0: all views of a point are alike")
    outputs: str = choice(
        "free",
        ("free", "normalised"),
        label="outputs",
        tip="normalised: leaves the theory (kept in training too)",
    )
    trained: int = choice(
        0, MOMENTS, label="training steps", tip="taken before we look: InfoNCE with τ = 0.5, H = 1, σ = 0.3"
    )

    def idle(self) -> Mapping[str, str]:
        """Only the triplet has a margin, and only in InfoNCE do several negatives compete."""
        margin = {} if self.loss == "soft triplet" else {"margin": "only the soft triplet has a margin"}
        crowd = {} if self.loss == "InfoNCE" else {"negatives": "this loss takes the negatives one by one"}
        return margin | crowd


def loss_of(state: PairsState) -> Loss:
    """The loss function of a state."""
    return loss_called(state.loss, temperature=state.temperature, margin=state.margin)


def points_and_views(noise: float) -> Views:
    """Ten points with four views each, in double precision; the same points for every noise."""
    world = Clouds(between=torch.ones(WIDTHS[0]).double(), within=torch.ones(WIDTHS[0]).double())
    return world.draw(POINTS, views=VIEWS, strength=noise, generator=generators(WORLD, 1)[0])


def network(outputs: str, runs: int | None = None) -> ReLUNet:
    """The untrained network 6-12-4, in double precision."""
    g = torch.Generator().manual_seed(NETWORK)
    return ReLUNet(WIDTHS, generator=g, normalise=outputs != "free", runs=runs).double()


@functools.cache
def kept_weights(outputs: str) -> dict[int, tuple[Float[Tensor, "1 d_out d_in"], ...]]:
    """The weights at every moment of one training run; takes half a second, once."""
    kept: list[tuple[Tensor, ...]] = []
    residue_over_training(
        network(outputs), points_and_views(0.3), functools.partial(info_nce, temperature=0.5), steps=MOMENTS[-1],
        step_size=0.1, measure_every=25, watch=lambda net: kept.append(tuple(w.detach().clone() for w in net.weights)),
    )  # fmt: skip
    return {moment: kept[moment // 25] for moment in MOMENTS}


class PairsExplorer(Explorer[PairsState]):
    """Pair weights as a heat map, true against predicted update, and the quality of the prediction over spread / τ.

    Example:
        >>> pairs_explorer(PairsState(noise=0.0)).record.now.cosine.round(decimals=6).item()
        1.0
    """

    picture = PairsPicture
    main_controls = ("temperature", "loss")
    presets = {
        "all pairs alike": {"loss": "L_simp", "noise": 0.2},
        "nearest pairs only": {"loss": "InfoNCE", "temperature": 0.1, "negatives": 1, "noise": 0.1},
        "eight negatives": {"loss": "InfoNCE", "temperature": 0.5, "negatives": 8, "noise": 0.4},
        "after training": {"loss": "InfoNCE", "temperature": 0.5, "negatives": 1, "noise": 0.3, "trained": 200},
    }

    def compute(self, state: PairsState) -> Reweighing:
        """Measure at the present noise and at those of the sweep, in parallel."""
        noises = (state.noise, *SWEEP)
        net = copies(state.outputs, state.trained, len(noises))
        views = Views(torch.stack([points_and_views(noise).x for noise in noises]))
        crowd = state.negatives if state.loss == "InfoNCE" else 1  # the triplet takes a mean, so H changes nothing
        sets = negative_sets(POINTS, VIEWS, crowd, generator=generators(WORLD, 2)[1])
        residue = measure_residue(net, views, loss_of(state), sets)
        one = copies(state.outputs, state.trained)
        values = torch.linalg.eigvalsh(frozen_operator(one.forward_pass(views.x[0]), 1, residue.pair_weights[0]))
        now, sweep = (
            Residue(*(getattr(residue, field.name)[part] for field in fields(Residue))) for part in (0, slice(1, None))
        )
        order = along_outputs(one(views.x[0]).detach().mean(-2))
        return Reweighing(
            replace(now, pair_weights=now.pair_weights[order][:, order]),
            sweep,
            state.temperature,
            state.noise,
            float(values[0] / values[-1].clamp_min(1e-300)),
            describe(state, crowd),
        )


def copies(outputs: str, trained: int, runs: int | None = None) -> ReLUNet:
    """The network after so many training steps, ``runs`` times side by side."""
    kept = {name: kept_weights(name) for name in ("free", "normalised")}  # no wait later
    net = network(outputs, runs)
    with torch.no_grad():
        for parameter, weight in zip(net.weights, kept[outputs][trained], strict=True):
            parameter.copy_(weight)
    return net


def along_outputs(f: Float[Tensor, "n d"]) -> Int[Tensor, " n"]:
    """The order of points along the direction of largest variance of their outputs."""
    _, _, directions = torch.linalg.svd(f - f.mean(0))
    return (f @ directions[0]).argsort()


def describe(state: PairsState, crowd: int) -> str:
    """The setting in one line."""
    parts = {
        "InfoNCE": f"InfoNCE, τ = {state.temperature:g}, H = {crowd}",
        "soft triplet": f"soft triplet, τ = {state.temperature:g}, r0 = {state.margin:g}",
        "L_simp": "L_simp",
    }
    return f"{parts[state.loss]}; σ = {state.noise:g}; outputs {state.outputs}; {state.trained} training steps"


pairs_explorer = factory(
    PairsExplorer, "Watch which pairs of points a loss looks at, and how good the prediction with frozen weights is."
)
