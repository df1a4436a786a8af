"""The ring explorer: the initial selectivity of every neuron, and its amplification."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ssl_explain.kit.factory import factory
from ssl_explain.kit.reader import ReaderExplorer, ReaderFunction
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.kit.streaming import TimedExplorer
from ssl_explain.lessons.selectivity_amplification.experiment import ring_run
from ssl_explain.lessons.selectivity_amplification.picture import RingPicture
from ssl_explain.lessons.selectivity_amplification.record import Selectivity

STEPS, EVERY = 200, 2
UPDATES: dict[str, dict[str, Any]] = {
    "L_simp, exact": {},
    "L_simp, batches of 64": {"batch": 64},
    "L_simp, batches of 8": {"batch": 8},
    "InfoNCE, batches of 64": {"batch": 64, "tau": 0.1},
}


@dataclass(frozen=True)
class RingState(State):
    """Every setting of the ring explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    neuron: str = choice("ReLU", ("ReLU", "linear"), label="neuron", tip="with a gate, or without")
    cells: int = slider(10, 5, 16, 1, label="ring size d", tip="cells of the ring")
    strength: float = slider(
        1.0, 0, 1, 0.125, label="augmentation q", tip="largest shift as a share of half the ring; 1: any shift"
    )
    neurons: int = choice(12, (4, 8, 12, 16, 24), label="neurons", tip="how many random starts to follow")
    update: str = choice(
        "L_simp, exact", tuple(UPDATES), label="update", tip="the theory holds for the first; the others leave it"
    )
    seed: int = slider(1, 1, 20, 1, label="seed", tip="another set of random neurons")
    time: int = slider(0, 0, 100, 1, label="time, % of the run", tip="0: before learning; 100: the end")


@functools.lru_cache(maxsize=32)
def run_of(state: RingState, own: ReaderFunction | None = None) -> Selectivity:
    """The whole run of a state; ``own`` replaces its update."""
    run = ring_run(
        cells=state.cells, strength=state.strength, neurons=state.neurons, seed=state.seed,
        linear=state.neuron == "linear", steps=STEPS, every=EVERY, step_size=state.cells / 10,
        update=own, **UPDATES[state.update],
    )  # fmt: skip
    return dataclasses.replace(run, setting=f"{state.neuron} neurons, {own.name if own else state.update}")


class RingExplorer(TimedExplorer[RingState], ReaderExplorer[RingState]):
    """The ring with Play, which moves the time; the whole flow is computed in advance.

    ``update(w, x)``, if given, takes the place of the package's: it gets the weights (neuron, cell) and all views
    (point, view, cell) and returns ẇ, of the shape of the weights.

    Example:
        >>> ring_explorer(RingState(cells=6, neurons=4)).record.responses.shape
        torch.Size([101, 2, 1, 4])
    """

    picture = RingPicture
    main_controls = ("update", "strength", "time", "neuron")
    presets = {
        "ReLU, any shift": {"neuron": "ReLU", "strength": 1.0, "update": "L_simp, exact"},
        "linear, any shift": {"neuron": "linear", "strength": 1.0, "update": "L_simp, exact"},
        "small shifts": {"neuron": "ReLU", "strength": 0.375, "update": "L_simp, exact"},
        "small batches": {"neuron": "ReLU", "strength": 1.0, "update": "L_simp, batches of 8"},
    }

    def __init__(
        self, state: RingState, controls: Sequence[str] = (), update: Callable[..., Tensor] | None = None
    ) -> None:
        """Follow the first run and draw its start."""
        if update is not None:
            self.reader, self.own = ReaderFunction(update), {"update": update}
        known = tuple(name for name in RingState.controls() if update is None or name != "update")
        super().__init__(state, controls or known)

    def compute(self, state: RingState) -> Selectivity:
        """Look up the run of these settings, at the chosen time."""
        run = run_of(state.change(time=0), self.reader)
        return dataclasses.replace(run, shown=state.time * STEPS // (100 * EVERY))


ring_explorer = factory(
    RingExplorer,
    "Watch random neurons amplify what they happen to prefer; ``update(w, x)`` takes the place of the update.",
)
