"""The family explorer: one world, seven losses, and the directions that each loss learns."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.kit.streaming import TimedExplorer
from ssl_explain.lessons.one_family.experiment import BETWEEN, WITHIN, family_view, start_weights, train_member
from ssl_explain.lessons.one_family.members import Member, members
from ssl_explain.lessons.one_family.picture import FamilyPicture
from ssl_explain.lessons.one_family.record import FamilyRun, FamilyView

STEPS, EVERY = 600, 6
STRENGTHS = tuple(round(0.1 * i, 1) for i in range(11))
GRID = torch.logspace(-1.3, 1, 24, dtype=torch.float64)
LOSSES = tuple(member.name for member in members())


@dataclass(frozen=True)
class FamilyState(State):
    """Every setting of the family explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    loss: str = choice("VICReg", LOSSES, label="loss", tip="which loss trains the network")
    strength: float = slider(0.5, 0, 1, 0.1, label="augmentation q", tip="scales how far views scatter; 0: all alike")
    time: int = slider(0, 0, 100, 1, label="time, % of the run", tip="0: before training; 100: after 600 steps")
    outputs: int = slider(3, 1, 4, 1, label="outputs k", tip="rows of W: no more directions can be learned")
    redundancy: float = choice(
        1.0, (0.0, 1.0, 10.0), label="redundancy ×", tip="scales VICReg's covariance and Barlow's off-diagonal term"
    )
    seed: int = slider(2, 1, 9, 1, label="seed", tip="another random start")

    def idle(self) -> Mapping[str, str]:
        """Only two losses have a term against copies."""
        return {} if self.loss in ("VICReg", "Barlow") else {"redundancy": "only VICReg and Barlow have this term"}


def member_of(loss: str, redundancy: float) -> Member:
    """The member of this name."""
    return members(redundancy)[LOSSES.index(loss)]


@functools.lru_cache(maxsize=512)
def train(loss: str, redundancy: float, outputs: int, seed: int) -> FamilyRun:
    """Train from the same start at every strength, in parallel; the slider of q chooses one of them."""
    start = start_weights(1, outputs, len(BETWEEN), generator=torch.Generator().manual_seed(seed))
    scales = torch.tensor(STRENGTHS, dtype=torch.float64).square().unsqueeze(1)
    everywhere = start.expand(len(scales), -1, -1)
    return train_member(member_of(loss, redundancy), everywhere, BETWEEN, scales * WITHIN, steps=STEPS, every=EVERY)


class FamilyExplorer(TimedExplorer[FamilyState]):
    """The directions that a loss grows, by their two variances.

    Example:
        >>> record = family_explorer(FamilyState(loss="L_simp", strength=1.0, time=100)).record
        >>> record.overlap.round(decimals=1).abs().tolist()
        [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """

    picture = FamilyPicture
    main_controls = ("loss", "strength")
    presets = {
        "loud wins": {"loss": "L_simp", "strength": 1.0, "outputs": 3},
        "steady wins": {"loss": "InfoNCE", "strength": 1.0, "outputs": 3},
        "copies": {"loss": "VICReg", "strength": 1.0, "outputs": 3, "redundancy": 1.0},
        "no augmentation": {"loss": "spectral", "strength": 0.0, "outputs": 3},
    }

    def compute(self, state: FamilyState) -> FamilyView:
        """Train, or look up the run, and take the chosen step."""
        times = 1.0 if "redundancy" in state.idle() else state.redundancy
        run = train(state.loss, times, state.outputs, state.seed)
        which = STRENGTHS.index(state.strength)
        return family_view(
            member_of(state.loss, times), run, state.time * STEPS // (100 * EVERY), which, state.strength, GRID
        )


family_explorer = factory(FamilyExplorer, "Watch which directions of one world each loss grows.")
