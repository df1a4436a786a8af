"""The layers explorer: freeze one of two layers and see how the other one slows down."""

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any

from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.kit.streaming import TimedExplorer
from ssl_explain.lessons.layers_help_each_other.experiment import crossing, two_layer_growth
from ssl_explain.lessons.layers_help_each_other.picture import MODES, GrowthPicture
from ssl_explain.lessons.layers_help_each_other.record import Growth

STEPS, RATE = 80, 0.06
DEPARTURES: dict[str, dict[str, Any]] = {
    "none": {},
    "large steps": {"rate": 2.0, "steps": 40},
    "normalised outputs": {"normalise": True},
}


@dataclass(frozen=True)
class LayersState(State):
    """Every setting of the layers explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    train: str = choice("both layers", MODES, label="train", tip="which layers move; drawn bold")
    top_scale: float = choice(
        1.0, (0.5, 0.7, 1.0, 1.4, 2.0), label="initial scale, top", tip="how large the top layer's weights begin"
    )
    top: str = choice("linear", ("linear", "gated"), label="top layer", tip="gated: ReLU at the output too")
    hidden: int = choice(20, (5, 10, 20, 40), label="hidden neurons", tip="width of the bottom layer")
    cells: int = slider(10, 5, 16, 1, label="ring size d", tip="cells of the ring; any shift")
    departure: str = choice(
        "none", tuple(DEPARTURES), label="leave the theory", tip="one assumption of the theory that does not hold here"
    )
    seed: int = slider(1, 1, 20, 1, label="seed", tip="another start")
    time: int = slider(0, 0, 100, 1, label="time, % of the run", tip="0: the start; 100: the end")


@functools.lru_cache(maxsize=32)
def growth_of(state: LayersState) -> Growth:
    """The three runs of a state, cut after the last event: the vertical line, or divergence with both layers free."""
    settings = {"steps": STEPS, "rate": RATE} | DEPARTURES[state.departure]
    growth = two_layer_growth(
        cells=state.cells, widths=(state.hidden, 5), seed=state.seed, top_scale=state.top_scale,
        linear_top=state.top == "linear", **settings,
    )  # fmt: skip
    blown = growth.stopped[:, 0, 0].nonzero().flatten()
    events = [int(crossing(growth)), *blown[:1].tolist()]
    end = len(growth.times) if min(events) < 0 or not len(blown) else min(len(growth.times), max(events) + 6)
    one = Growth(
        *(series[:end, ..., 0] for series in (getattr(growth, f.name) for f in dataclasses.fields(Growth)[:5]))
    )
    setting = f"{state.top} top; the axis ends at time {float(one.times[-1]):.3g}"
    departure = "" if state.departure == "none" else f"; {state.departure}"
    return dataclasses.replace(one, setting=setting + departure)


class LayersExplorer(TimedExplorer[LayersState]):
    """Three runs from one start; every control recomputes them.

    Example:
        >>> layers_explorer(LayersState(cells=6, hidden=5)).record.bottom.shape[1]
        3
    """

    picture = GrowthPicture
    main_controls = ("departure", "train", "top_scale")
    presets = {
        "theory": {"top_scale": 1.0, "top": "linear", "departure": "none"},
        "small top": {"top_scale": 0.5, "top": "linear", "departure": "none"},
        "gated top": {"top_scale": 1.0, "top": "gated", "departure": "none"},
        "normalised outputs": {"top_scale": 1.0, "top": "gated", "departure": "normalised outputs"},
    }

    def compute(self, state: LayersState) -> Growth:
        """Look up all three modes from one start."""
        run = growth_of(state.change(train="both layers", time=0))
        shown = round(state.time / 100 * (len(run.times) - 1))
        return dataclasses.replace(run, mode=MODES.index(state.train), shown=shown)


layers_explorer = factory(LayersExplorer, "See what each of two layers does for the other.")
