"""The settings of the tree explorer, and the run with these settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.start_here.experiment import EmergenceRun, emergence_run
from ssl_explain.losses.contrastive import Loss, Named, contrastive, loss_called

DEPARTURES = ("none", "biases", "free outputs", "batch of 8")
SAME = ("depth", "neurons", "polarity", "strength", "learning_rate", "seed")  # controls that are settings of the run


@dataclass(frozen=True)
class TreeState(State):
    """Every setting of the tree explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    strength: float = slider(
        0.5,
        0,
        1,
        0.05,
        label="augmentation q",
        tip="0: both views are the same picture; 1: they share the root alone",
        live=True,
    )
    depth: int = slider(5, 2, 6, 1, label="depth", tip="levels of hidden causes above the leaves")
    neurons: int = choice(
        10, (1, 2, 5, 10, 20), label="neurons per node", tip="more neurons, more lucky draws at the start"
    )
    polarity: tuple[float, float] = choice(
        (0.8, 1.0),
        ((0.5, 0.7), (0.7, 1.0), (0.8, 1.0), (0.9, 1.0)),
        label="polarity |ρ|",
        tip="how faithfully a child copies its parent: 0 not at all, 1 always",
    )
    loss: str = choice(
        "InfoNCE",
        ("InfoNCE", "soft triplet", "L_simp"),
        label="loss",
        tip="what the energies r+ and r- are made into",
        live=True,
    )
    temperature: float = choice(
        0.1,
        (0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
        label="temperature τ",
        tip="small: only the nearest negatives count",
        live=True,
    )
    learning_rate: float = choice(
        0.01,
        (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
        label="learning rate",
        tip="length of one step of gradient descent",
        live=True,
    )
    seed: int = slider(2, 1, 20, 1, label="seed", tip="another tree and another network")
    wiring: str = choice(
        "tree",
        ("tree", "dense"),
        label="wiring",
        tip="tree: a node reads its own children; dense: every neuron reads the whole layer below",
    )
    departure: str = choice(
        "none", DEPARTURES, label="leave the theory", tip="one assumption of the theory that does not hold here"
    )
    budget: int = choice(1500, (500, 1500, 3000), label="steps", tip="where Play stops by itself")
    pace: int = choice(
        0,
        (5, 20, 0),
        label="steps per picture",
        tip="5: slow motion; as many as fit: as fast as this machine can",
        live=True,
        names={0: "as many as fit"},
    )

    def idle(self) -> Mapping[str, str]:
        """L_simp has no temperature."""
        return {"temperature": "L_simp has no temperature"} if self.loss == "L_simp" else {}


def loss_of(state: TreeState) -> Loss:
    """The loss function of a state."""
    return loss_called(state.loss, temperature=state.temperature)


def objective_of(state: TreeState) -> Named:
    """The objective of a state; its name holds only the settings that its loss reads."""
    tau = "" if state.loss == "L_simp" else f", τ = {state.temperature:g}"
    return Named(f"{state.loss}{tau}", contrastive(loss_of(state)))


def run_of(state: TreeState) -> EmergenceRun:
    """A run before its first step; equal states give the same bits."""
    return emergence_run(
        **{name: getattr(state, name) for name in SAME},
        loss=loss_of(state),
        dense=state.wiring == "dense",
        biases=state.departure == "biases",
        normalise=state.departure != "free outputs",
        batch=8 if state.departure == "batch of 8" else 128,
        measure_every=10,
    )
