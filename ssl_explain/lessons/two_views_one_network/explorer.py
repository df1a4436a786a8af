"""The loss explorer: a contrastive loss over the plane of energies, with its slopes."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ssl_explain.kit.factory import factory
from ssl_explain.kit.reader import ReaderExplorer, ReaderFunction
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.two_views_one_network.picture import Landscape, LandscapePicture
from ssl_explain.losses.contrastive import Loss, loss_called
from ssl_explain.losses.weights import pull_and_push

LOSSES = ("InfoNCE", "soft triplet", "L_simp", "r+ alone")
GAP = 0.2  # between the energies of one negative and the next
GRID = torch.linspace(0, 3, 41, dtype=torch.float64)
NO_TEMPERATURE: dict[str, dict[str, str]] = {
    loss: {"temperature": f"{loss} has no temperature"} for loss in ("L_simp", "r+ alone")
}
NO_MARGIN = {"margin": "only the soft triplet has a margin"}


def pull_alone(r_pos: Tensor, r_neg: Tensor) -> Tensor:
    """Leave the push out, L = r+: the mistake that this notebook is about."""
    return r_pos + 0 * r_neg.sum(-1)


def loss_named(name: str, temperature: float, margin: float = 0.0) -> Loss:
    """The loss function of an entry of the menu."""
    return pull_alone if name == "r+ alone" else loss_called(name, temperature=temperature, margin=margin)


def loss_of(own: ReaderFunction, r_pos: Tensor, r_neg: Tensor) -> Tensor:
    """A loss of the reader's, whose slopes are 0 for energies that it does not read."""
    return own(r_pos, r_neg) + 0 * (r_pos + r_neg.sum(-1))


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
        ("none", "normalised outputs"),
        label="leave the theory",
        tip="normalised outputs can be no farther apart than r = 2",
    )

    def idle(self) -> Mapping[str, str]:
        """Only the triplet has a margin, only losses with a push read τ."""
        alone = {"negatives": "r+ alone has no negatives"} if self.loss == "r+ alone" else {}
        return NO_TEMPERATURE.get(self.loss, {}) | ({} if self.loss == "soft triplet" else NO_MARGIN) | alone


class LossExplorer(ReaderExplorer[LossState]):
    """Move along the surface of a loss and watch pull and push.

    ``loss(r_pos, r_neg)``, if given, takes the place of the menu: it gets energies (n,) and (n, H) and returns (n,).

    Example:
        >>> loss_explorer(LossState(loss="L_simp", negatives=2)).record.slopes.tolist()
        [1.0, -0.5, -0.5]
    """

    picture = LandscapePicture
    main_controls = ("r_pos", "loss")
    on_pick = {"plane": ("r_pos", "r_neg")}
    presets = {
        "a near negative": {"r_pos": 0.6, "r_neg": 0.3, "loss": "InfoNCE", "temperature": 0.5},
        "all settled": {"r_pos": 0.1, "r_neg": 2.5, "loss": "InfoNCE", "temperature": 0.2},
        "constant push": {"loss": "L_simp"},
        "no push at all": {"loss": "r+ alone"},
    }

    def __init__(
        self, state: LossState, controls: Sequence[str] = (), loss: Callable[[Tensor, Tensor], Tensor] | None = None
    ) -> None:
        """Draw the first surface."""
        if loss is not None:
            self.reader, self.own = ReaderFunction(loss), {"loss": loss}
        menu = ("loss", "temperature", "margin") if loss else ()
        super().__init__(state, controls or tuple(name for name in LossState.controls() if name not in menu))

    def compute(self, state: LossState) -> Landscape:
        """Compute the surface, and its slopes at the chosen point."""
        loss = loss_named(state.loss, state.temperature, state.margin)
        loss = functools.partial(loss_of, self.reader) if self.reader else loss
        offsets = GAP * torch.arange(1 if "negatives" in state.idle() else state.negatives, dtype=GRID.dtype)
        at = torch.tensor([state.r_pos], dtype=GRID.dtype), state.r_neg + offsets.unsqueeze(0)
        pull, push = pull_and_push(loss, *at)
        all_pos, all_neg = GRID.expand(len(GRID), -1), GRID.unsqueeze(-1) + offsets
        surface = loss(all_pos.flatten(), all_neg.repeat_interleave(len(GRID), dim=0)).view(len(GRID), -1)
        along = torch.stack([loss(GRID, at[1].expand(len(GRID), -1)), loss(at[0].expand(len(GRID)), all_neg)])
        reach = float("inf") if state.departure == "none" else 2.0
        energies, slopes = torch.cat([at[0], at[1][0]]), torch.cat([pull, push[0]])
        name = self.reader.name if self.reader else state.loss
        return Landscape(name, GRID, surface, along, energies, slopes, float(loss(*at)), reach)


loss_explorer = factory(
    LossExplorer, "Drag the point; see what a loss asks for. ``loss(r_pos, r_neg)`` takes the place of the menu."
)
