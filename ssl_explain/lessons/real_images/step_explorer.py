"""The real-step explorer: the step that the operator predicts on real pictures, beside the step taken."""

import functools
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.losses_reweigh_pairs.experiment import measure_residue, negative_sets
from ssl_explain.lessons.losses_reweigh_pairs.picture import PairsPicture
from ssl_explain.lessons.losses_reweigh_pairs.record import Residue, Reweighing
from ssl_explain.lessons.real_images.directions import one_of, points_of, views_at, with_weights
from ssl_explain.lessons.real_images.directions_explorer import TRAINED, student
from ssl_explain.losses.contrastive import Loss, contrastive, loss_called
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.records import Views
from ssl_explain.seeds import generators
from ssl_explain.worlds.pictures import digits

POINTS, VIEWS, BATCH = 12, 6, 64
STEP_STRENGTHS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
STEPS = ("exact", "one batch of 64", "normalised outputs")


@dataclass(frozen=True)
class RealStepState(State):
    """Every setting of the real-step explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    strength: float = choice(0.5, STEP_STRENGTHS, label="strength q", tip="0: all views of a digit are alike")
    temperature: float = choice(
        0.2, (0.05, 0.2, 1.0, 5.0), label="temperature τ", tip="small: only the nearest pairs count (not in L_simp)"
    )
    run: int = slider(1, 1, 10, 1, label="seed", tip="another network, other digits")
    loss: str = choice("InfoNCE", ("InfoNCE", "soft triplet", "L_simp"), label="loss", tip="what weighs the pairs")
    network: str = choice("untrained", tuple(TRAINED), label="network", tip="200 steps of InfoNCE with this strength")
    step: str = choice(
        "exact", STEPS, label="the real step", tip="exact: over all views, outputs free; the other two leave the theory"
    )


def loss_of(state: RealStepState) -> Loss:
    """The loss function of a state."""
    return loss_called(state.loss, temperature=state.temperature)


@functools.cache
def views_of_run(run: int) -> Views:
    """The twelve pictures of a run, sorted by digit, with their views at every strength."""
    world = digits()
    chosen = points_of(world, run, POINTS)
    if world.labels is not None:
        chosen = chosen[world.labels[chosen].argsort(stable=True)]
    return Views(torch.stack([views_at(world, chosen, strength, views=VIEWS).x for strength in STEP_STRENGTHS]))


def copies(alone: ReLUNet, normalise: bool) -> ReLUNet:
    """One copy of the same encoder for every strength."""
    return with_weights([*alone.weights], normalise=normalise, runs=len(STEP_STRENGTHS))


def batch_step(net: ReLUNet, loss: Loss, run: int) -> Tensor:
    """The step of one fresh batch at every strength: 64 digits, two views each, one negative.

    Its stream comes after those of networks, pictures and their views, and is the same at every strength.
    """
    world = digits()
    draws = [world.draw(BATCH, strength=strength, generator=generators(run, 4)[3]).x for strength in STEP_STRENGTHS]
    energy = contrastive(loss, negatives=1)(net, Views(torch.stack(draws).double()))
    (gradient,) = torch.autograd.grad(-energy.sum(), net.weights[0])
    return gradient.flatten(-3)


@functools.lru_cache(maxsize=256)
def all_strengths(state: RealStepState) -> Residue:
    """True and predicted step of layer 1 at every strength, in parallel; the strength of the state is ignored."""
    views, loss, sets = views_of_run(state.run), loss_of(state), negative_sets(POINTS, VIEWS)
    net = copies(one_of(student(state.network), state.run - 1), normalise=False)
    residue = measure_residue(net, views, loss, sets)
    if state.step == "exact":
        return residue
    if state.step.startswith("one batch"):
        true = batch_step(net, loss, state.run)
    else:
        true = measure_residue(copies(one_of(net, 0), normalise=True), views, loss, sets).true
    predicted, tiny = residue.predicted, 1e-300
    cosine = (true * predicted).sum(-1) / (true.norm(dim=-1) * predicted.norm(dim=-1)).clamp_min(tiny)
    error = (true - predicted).norm(dim=-1) / true.norm(dim=-1).clamp_min(tiny)
    return Residue(residue.pair_weights, true, predicted, residue.spread, cosine, error)


class RealStepExplorer(Explorer[RealStepState]):
    """Pair weights of real digits, true against predicted update, and the quality of the prediction over spread / τ.

    Example:
        >>> round(real_step_explorer(RealStepState(loss="L_simp", strength=2.0)).record.now.cosine.item(), 9)
        1.0
    """

    picture = PairsPicture
    main_controls = ("strength", "loss")
    presets = {
        "exact at any strength": {"loss": "L_simp", "strength": 4.0, "step": "exact"},
        "frozen weights": {"loss": "InfoNCE", "strength": 0.5, "network": "untrained", "step": "exact"},
        "after training": {"loss": "InfoNCE", "strength": 0.5, "network": "trained, q = 0.5", "step": "exact"},
        "one batch": {"loss": "L_simp", "strength": 0.5, "step": "one batch of 64"},
    }

    def compute(self, state: RealStepState) -> Reweighing:
        """Look up all strengths; the large mark is the chosen one."""
        sweep = all_strengths(state.change(strength=STEP_STRENGTHS[0]))
        place = STEP_STRENGTHS.index(state.strength)
        now = Residue(*(getattr(sweep, field.name)[place] for field in fields(Residue)))
        weighs = state.loss if state.loss == "L_simp" else f"{state.loss}, τ = {state.temperature:g}"
        setting = f"{weighs}; q = {state.strength:g}; {state.network}; step: {state.step}; points sorted by digit"
        return Reweighing(now, sweep, state.temperature, state.strength, 0.0, setting)


real_step_explorer = factory(
    RealStepExplorer,
    "Compare the step that the covariance operator predicts with the one taken, on handwritten digits.",
)
