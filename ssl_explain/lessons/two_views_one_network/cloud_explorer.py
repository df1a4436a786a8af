"""The cloud explorer: what a loss does to clouds of views while a network learns."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.dynamics.flow import between_point_variance, flow, within_point_variance
from ssl_explain.kit.factory import factory
from ssl_explain.kit.reader import ReaderExplorer, ReaderFunction
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.kit.streaming import TimedExplorer
from ssl_explain.lessons.two_views_one_network.cloud_picture import CloudPicture, CloudRun
from ssl_explain.lessons.two_views_one_network.explorer import LOSSES, NO_TEMPERATURE, loss_named, loss_of
from ssl_explain.losses.contrastive import Loss, contrastive
from ssl_explain.losses.weights import pull_and_push
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.records import INTERRUPTED, Trace, Views
from ssl_explain.worlds.clouds import Clouds

POINTS, VIEWS, STEPS = 8, 6, 100
WIDTHS = (2, 16, 2)
FAR = 1e6  # outputs beyond this have run away


@dataclass(frozen=True)
class CloudState(State):
    """Every setting of the cloud explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    time: int = slider(0, 0, 100, 1, label="time, % of the run", tip="0: before training; 100: the end")
    strength: float = slider(0.5, 0, 1, 0.05, label="strength q", tip="0: all views of a point are the same")
    loss: str = choice("InfoNCE", LOSSES, label="loss", tip="r+ alone: the push is left out")
    temperature: float = choice(
        0.5, (0.1, 0.2, 0.5, 1.0, 2.0), label="temperature τ", tip="small: only the nearest negatives count"
    )
    seed: int = slider(1, 1, 20, 1, label="seed", tip="other points, another network")
    departure: str = choice(
        "none",
        ("none", "normalised outputs", "huge steps"),
        label="leave the theory",
        tip="normalised outputs: nothing can run away; huge steps: the flow is left",
    )

    def idle(self) -> Mapping[str, str]:
        """Only losses that weigh their push read τ."""
        return NO_TEMPERATURE.get(self.loss, {})


def forces(loss: Loss, f: Float[Tensor, "t n a 2"]) -> tuple[Float[Tensor, "t n 2"], Float[Tensor, "t n 2"]]:
    """Minus the gradient of the loss with respect to f, the first view of every point: its pull and its push.

    The positive is the second view of the point, the negatives are the second views of all others. With energies
    r = ½‖f - f'‖² the pull is -∂L/∂r+ (f - f'), the push -Σ_k ∂L/∂r_k (f - f_k').
    """
    gaps = f[:, :, None, 0] - f[:, None, :, 1]  # (t, point, point, 2)
    r, n = 0.5 * gaps.square().sum(-1), f.shape[1]
    others = ~torch.eye(n, dtype=torch.bool)
    pull, push = pull_and_push(loss, r.diagonal(dim1=1, dim2=2).flatten(), r[:, others].view(-1, n - 1))
    moved = -push.view(-1, n, n - 1, 1) * gaps[:, others].view(-1, n, n - 1, 2)
    return -pull.view(-1, n, 1) * gaps.diagonal(dim1=1, dim2=2).mT, moved.sum(2)


def trained(state: CloudState, loss: Loss, x: Float[Tensor, "n a 2"], g: torch.Generator) -> Trace:
    """Gradient descent on all pairs of views of eight points, with the outputs after every step."""
    net = ReLUNet(WIDTHS, generator=g, normalise=state.departure == "normalised outputs", linear_top=True).double()
    pairs = Views(x.unflatten(1, (VIEWS // 2, 2)).transpose(0, 1))  # (3, 8, 2, 2): three pairs of views per point
    objective = contrastive(loss, negatives="batch")
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
    return trace


@functools.lru_cache(maxsize=64)
def cloud_run(state: CloudState, own: ReaderFunction | None = None) -> CloudRun:
    """All steps of one run: eight points with six views each, and a small network that learns from them."""
    g = torch.Generator().manual_seed(state.seed)
    world = Clouds(*torch.tensor([[1.2, 0.4], [0.3, 1.2]], dtype=torch.float64))
    x = world.draw(POINTS, views=VIEWS, strength=state.strength, generator=g).x
    loss = functools.partial(loss_of, own) if own else loss_named(state.loss, state.temperature)
    trace = trained(state, loss, x, g)
    between = torch.stack([between_point_variance(f) for f in trace.values])
    within = torch.stack([within_point_variance(f) for f in trace.values])
    return CloudRun(
        own.name if own else state.loss, x, trace.steps.double(), trace.values, between, within,
        *forces(loss, trace.values), STEPS, trace.stopped,
    )  # fmt: skip


class CloudExplorer(TimedExplorer[CloudState], ReaderExplorer[CloudState]):
    """Spread the views of a few points in the plane, choose a loss, and see where the points go.

    ``loss(r_pos, r_neg)``, if given, takes the place of the menu: it gets energies (…, n) and (…, n, H) of a batch and
    returns (…, n).

    Example:
        >>> run = cloud_explorer(CloudState(loss="r+ alone", time=100)).record
        >>> bool(run.between[-1] < 0.1 * run.between[0])
        True
    """

    picture = CloudPicture
    main_controls = ("loss", "time", "strength", "departure")
    presets = {
        "pull and push": {"loss": "InfoNCE", "departure": "none"},
        "no push at all": {"loss": "r+ alone", "departure": "none"},
        "runs away": {"loss": "L_simp", "departure": "none"},
        "held by its length": {"loss": "L_simp", "departure": "normalised outputs"},
    }

    def __init__(
        self, state: CloudState, controls: Sequence[str] = (), loss: Callable[[Tensor, Tensor], Tensor] | None = None
    ) -> None:
        """Train once and draw the start."""
        if loss is not None:
            self.reader, self.own = ReaderFunction(loss), {"loss": loss}
        menu = ("loss", "temperature", "departure") if loss else ()
        super().__init__(state, controls or tuple(name for name in CloudState.controls() if name not in menu))

    def compute(self, state: CloudState) -> CloudRun:
        """Look up the run, which is computed once for all times."""
        run = cloud_run(state.change(time=0), self.reader)
        return dataclasses.replace(run, shown=state.time * (len(run.times) - 1) // 100)


cloud_explorer = factory(
    CloudExplorer, "Watch where a loss moves the views of a few points; ``loss(r_pos, r_neg)`` replaces the menu."
)
