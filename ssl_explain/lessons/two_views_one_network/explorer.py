"""A contrastive loss over the energies with its slopes, and what it does to a cloud of views."""

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ssl_explain.dynamics.flow import between_point_variance, flow, within_point_variance
from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.two_views_one_network.picture import CloudPicture, CloudRun, Landscape, LandscapePicture
from ssl_explain.losses.contrastive import Loss, contrastive, loss_called
from ssl_explain.losses.weights import pull_and_push
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.records import INTERRUPTED, Views
from ssl_explain.worlds.clouds import Clouds

LOSSES = ("InfoNCE", "soft triplet", "L_simp", "r+ alone")
GAP = 0.2  # between the energies of one negative and the next
GRID = torch.linspace(0, 3, 41, dtype=torch.float64)
POINTS, VIEWS, STEPS = 8, 6, 60
NO_TEMPERATURE: dict[str, dict[str, str]] = {
    loss: {"temperature": f"{loss} has no temperature"} for loss in ("L_simp", "r+ alone")
}
NO_MARGIN = {"margin": "only the soft triplet has a margin"}
FAR = 1e6  # outputs beyond this have run away


def pull_alone(r_pos: Tensor, r_neg: Tensor) -> Tensor:
    """Leave the push out, L = r+: the mistake that this notebook is about."""
    return r_pos + 0 * r_neg.sum(-1)


def loss_named(name: str, temperature: float, margin: float = 0.0) -> Loss:
    """The loss function of an entry of the menu."""
    return pull_alone if name == "r+ alone" else loss_called(name, temperature=temperature, margin=margin)


@dataclass(frozen=True)
class LossState(State):
    """Every setting of the loss explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    r_pos: float = slider(0.6, 0, 3, 0.1, label="r+", tip="energy between the two views of one point")
    r_neg: float = slider(1.0, 0, 3, 0.1, label="nearest r-", tip="energy to the nearest view of another point")
    loss: str = choice("InfoNCE", LOSSES, label="loss", tip="what the energies are made into")
    temperature: float = choice(
        0.5, (0.05, 0.1, 0.2, 0.5, 1.0, 2.0), label="temperature τ", tip="small: only the nearest negatives count"
    )
    negatives: int = slider(3, 1, 8, 1, label="negatives H", tip=f"each lies {GAP} farther away than the one before")
    margin: float = slider(0.0, 0, 1, 0.1, label="margin r0", tip="soft triplet only: how much farther is far enough")
    departure: str = choice(
        "none",
        ("none", "outputs of length one"),
        label="leave the theory",
        tip="outputs of length one can be no farther apart than r = 2",
    )

    def idle(self) -> Mapping[str, str]:
        """Only the triplet has a margin, only losses with a push read τ."""
        alone = {"negatives": "r+ alone has no negatives"} if self.loss == "r+ alone" else {}
        return NO_TEMPERATURE.get(self.loss, {}) | ({} if self.loss == "soft triplet" else NO_MARGIN) | alone


class LossExplorer(Explorer[LossState]):
    """Move along the surface of a loss and watch pull and push.

    Example:
        >>> loss_explorer(LossState(loss="L_simp", negatives=2)).record.slopes.tolist()
        [1.0, -0.5, -0.5]
    """

    picture = LandscapePicture
    main_controls = ("r_pos", "loss")
    presets = {
        "a near negative": {"r_pos": 0.6, "r_neg": 0.3, "loss": "InfoNCE", "temperature": 0.5},
        "all settled": {"r_pos": 0.1, "r_neg": 2.5, "loss": "InfoNCE", "temperature": 0.2},
        "constant push": {"loss": "L_simp"},
        "no push at all": {"loss": "r+ alone"},
    }

    def compute(self, state: LossState) -> Landscape:
        """Compute the surface, and its slopes at the chosen point."""
        loss = loss_named(state.loss, state.temperature, state.margin)
        offsets = GAP * torch.arange(1 if "negatives" in state.idle() else state.negatives, dtype=GRID.dtype)
        at = torch.tensor([state.r_pos], dtype=GRID.dtype), state.r_neg + offsets.unsqueeze(0)
        pull, push = pull_and_push(loss, *at)
        all_pos, all_neg = GRID.expand(len(GRID), -1), GRID.unsqueeze(-1) + offsets
        surface = loss(all_pos.flatten(), all_neg.repeat_interleave(len(GRID), dim=0)).view(len(GRID), -1)
        along = torch.stack([loss(GRID, at[1].expand(len(GRID), -1)), loss(at[0].expand(len(GRID)), all_neg)])
        reach = float("inf") if state.departure == "none" else 2.0
        energies, slopes = torch.cat([at[0], at[1][0]]), torch.cat([pull, push[0]])
        return Landscape(state.loss, GRID, surface, along, energies, slopes, float(loss(*at)), reach)


@dataclass(frozen=True)
class CloudState(State):
    """Every setting of the cloud explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    step: int = slider(STEPS, 0, STEPS, 1, label="step", tip="how many steps of gradient descent were taken")
    strength: float = slider(0.5, 0, 1, 0.05, label="spread q", tip="0: all views of a point are the same")
    loss: str = choice("InfoNCE", LOSSES, label="loss", tip="r+ alone: the push is left out")
    temperature: float = choice(
        0.5, (0.1, 0.2, 0.5, 1.0, 2.0), label="temperature τ", tip="small: only the nearest negatives count"
    )
    seed: int = slider(1, 1, 20, 1, label="seed", tip="other points, another network")
    departure: str = choice(
        "none",
        ("none", "outputs of length one", "huge steps"),
        label="leave the theory",
        tip="outputs of length one: nothing can run away; huge steps: the flow is left",
    )

    def idle(self) -> Mapping[str, str]:
        """Only losses that weigh their push read τ."""
        return NO_TEMPERATURE.get(self.loss, {})


@functools.lru_cache(maxsize=64)
def cloud_run(state: CloudState) -> CloudRun:
    """All steps of one run: eight points with six views each, and one linear layer that learns from them."""
    g = torch.Generator().manual_seed(state.seed)
    world = Clouds(*torch.tensor([[1.2, 0.8], [0.6, 0.8]], dtype=torch.float32))
    x = world.draw(POINTS, views=VIEWS, strength=state.strength, generator=g).x
    normalise = state.departure == "outputs of length one"
    net = ReLUNet((2, 2), generator=g, normalise=normalise, linear_top=True)
    pairs = Views(x.unflatten(1, (VIEWS // 2, 2)).transpose(0, 1))  # (3, 8, 2, 2): three pairs of views per point
    objective = contrastive(loss_named(state.loss, state.temperature), negatives="batch")
    trace = flow(
        net,
        pairs,
        steps=STEPS,
        step_size=20.0 if state.departure == "huge steps" else 0.2,
        measure=lambda net: net(x).detach(),
        loss=lambda net, views: objective(net, views).mean(),
        until=lambda f: bool(f.abs().max() > FAR),
    )
    if trace.stopped is not None and trace.stopped.endswith(INTERRUPTED):
        raise KeyboardInterrupt  # do not cache an interrupted run
    if trace.values[-1].abs().max() > FAR:
        trace = dataclasses.replace(trace, stopped=f"stopped at step {trace.steps[-1]}: the outputs have run away")
    between = torch.stack([between_point_variance(f) for f in trace.values])
    within = torch.stack([within_point_variance(f) for f in trace.values])
    return CloudRun(state.loss, x, trace, between, within, state.step)


class CloudExplorer(Explorer[CloudState]):
    """Spread the views of a few points in the plane, choose a loss, and see where the points go.

    Example:
        >>> run = cloud_explorer(CloudState(loss="r+ alone")).record
        >>> bool(run.between[-1] < 0.1 * run.between[0])
        True
    """

    picture = CloudPicture
    main_controls = ("departure", "step", "loss")
    presets = {
        "pull and push": {"loss": "InfoNCE", "departure": "none", "step": STEPS},
        "no push at all": {"loss": "r+ alone", "departure": "none", "step": STEPS},
        "runs away": {"loss": "L_simp", "departure": "none", "step": STEPS},
        "held by its length": {"loss": "L_simp", "departure": "outputs of length one", "step": STEPS},
    }

    def compute(self, state: CloudState) -> CloudRun:
        """Look up the run, which is computed once for all steps."""
        run = cloud_run(state.change(step=0))
        return CloudRun(run.name, run.inputs, run.trace, run.between, run.within, state.step)


loss_explorer = factory(LossExplorer, "Drag r+ and r-; see what a loss asks for.")


cloud_explorer = factory(CloudExplorer, "Spread views, choose a wish, move through the steps.")
