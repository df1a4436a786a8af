"""The BYOL explorer: the effect of each term on each direction, and whether the output collapses."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.kit.streaming import TimedExplorer
from ssl_explain.lessons.byol_hidden_contrast.experiment import hidden_contrast
from ssl_explain.lessons.byol_hidden_contrast.picture import ContrastPicture
from ssl_explain.lessons.byol_hidden_contrast.record import HiddenContrast
from ssl_explain.networks.dual import NO_CENTRING, Centring

CENTRINGS = {
    "none": NO_CENTRING,
    "both towers": Centring(),
    "target alone": Centring(online=False),
    "online, mean held still": Centring(target=False, through=False),
}
PREDICTORS: Mapping[str, Mapping[str, Any]] = {
    "p·1, fixed": {},
    "learned from p·1": {"learned": True},
    "learned from chance": {"learned": True, "drawn": True},
}
LINEAR = {"centring": "none", "predictor": "p·1, fixed", "p": 0.5, "offset": 4.0}
PLAIN = {**LINEAR, "redraw": 0, "momentum": 0.0, "decay": 0.0}


@dataclass(frozen=True)
class ByolState(State):
    """Every setting of the BYOL explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    centring: str = choice(
        "none", tuple(CENTRINGS), label="centring", tip="which outputs lose their mean; the last two leave the theory"
    )
    predictor: str = choice(
        "p·1, fixed", tuple(PREDICTORS), label="predictor", tip="from chance: entries drawn with variance p²/4"
    )
    p: float = slider(0.5, 0.1, 1, 0.1, label="p", tip="size of the predictor at its start; fixed: for ever")
    offset: float = choice(
        4.0, (0.0, 1.0, 4.0, 9.0), label="squared offset", tip="squared length of the common mean of the data"
    )
    redraw: int = choice(
        0,
        (0, 100, 50, 25, 10),
        label="reset every",
        tip="steps after which the predictor begins again",
        names={0: "never"},
    )
    momentum: float = choice(
        0.0, (0.0, 0.9, 0.99, 0.999), label="target keeps", tip="EMA: share that the target keeps of itself; 0: a copy"
    )
    decay: float = choice(
        0.0, (0.0, 0.02, 0.05, 0.1, 0.2), label="weight decay", tip="of the weights, and of a learned predictor"
    )
    seed: int = slider(1, 1, 9, 1, label="seed", tip="another start")
    time: int = slider(0, 0, 100, 1, label="time, % of the run", tip="0: the start; 100: the end")

    def idle(self) -> Mapping[str, str]:
        """A predictor that does not learn is always as at its start."""
        return {"redraw": "this predictor does not change"} if self.predictor == "p·1, fixed" else {}


@functools.lru_cache(maxsize=64)
def run_of(state: ByolState) -> HiddenContrast:
    """The whole run of a state."""
    same = {name: getattr(state, name) for name in ("p", "offset", "redraw", "momentum", "decay", "seed")}
    run = hidden_contrast(centring=CENTRINGS[state.centring], **same, **PREDICTORS[state.predictor])
    first = {name: getattr(run, name)[:, 0] for name in ("sizes", "rates", "second_moment", "share")}
    return replace(run, setting=_setting(state), **first)


def _setting(state: ByolState) -> str:
    resets = f", reset every {state.redraw}" if state.redraw and state.predictor != "p·1, fixed" else ""
    target = "a copy" if state.momentum == 0 else f"keeps {state.momentum:g}"
    decay = f"; decay {state.decay:g}" if state.decay else ""
    return (
        f"centring: {state.centring}; predictor {state.predictor}, p = {state.p:g}{resets}; "
        f"offset² {state.offset:g}; target {target}{decay}"
    )


class ByolExplorer(TimedExplorer[ByolState]):
    """Growth rates, second moment and between share of a linear network without negatives.

    Example:
        >>> byol_explorer(ByolState(centring="both towers")).record.limit
        1.0
    """

    picture = ContrastPicture
    main_controls = ("centring", "p")
    presets = {
        "p = 1: only shrinks": {**PLAIN, "centring": "both towers", "p": 1.0},
        "p = 0.5, centred: grows": {**PLAIN, "centring": "both towers"},
        "p = 0.5, not centred: the mean wins": PLAIN,
        "EMA, learned predictor, decay": {**PLAIN, "predictor": "learned from p·1", "momentum": 0.99, "decay": 0.1},
    }

    def compute(self, state: ByolState) -> HiddenContrast:
        """Look up the run, which is computed once for all times."""
        run = run_of(state.change(time=0))
        return replace(run, shown=round(state.time / 100 * (len(run.times) - 1)))


byol_explorer = factory(ByolExplorer, "See what grows without negatives, and what takes over.")
