"""The pictures explorer: an encoder learns from digits while you watch its neurons and a probe of its output."""

import functools
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.dynamics.training import Training
from ssl_explain.kit.factory import factory
from ssl_explain.kit.runner import Run
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.kit.streaming import StreamingExplorer
from ssl_explain.lessons.real_images.experiment import LossName, Student, features, picture_loss, picture_run
from ssl_explain.lessons.real_images.probe import probe, spectrum
from ssl_explain.lessons.real_images.record import PictureTraining
from ssl_explain.lessons.real_images.training_picture import TrainingPicture
from ssl_explain.lessons.real_images.views_explorer import labels_of
from ssl_explain.losses.contrastive import Named, contrastive
from ssl_explain.records import Trace
from ssl_explain.worlds.pictures import digits

NEURONS = 25  # shown
LOSSES: dict[str, LossName] = {
    "InfoNCE": "nce", "frozen InfoNCE": "frozen", "soft triplet": "triplet", "L_simp": "simple",
}  # fmt: skip
READS = {"InfoNCE": "τ", "frozen InfoNCE": "τε", "soft triplet": "τ", "L_simp": ""}


@dataclass(frozen=True)
class PicturesState(State):
    """Every setting of the pictures explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    strength: float = choice(
        0.5, (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0), label="strength q", tip="0: both views are the picture", live=True
    )
    temperature: float = choice(
        0.2, (0.05, 0.1, 0.2, 0.5, 1.0), label="temperature τ", tip="small: only the nearest negatives count", live=True
    )
    learning_rate: float = choice(
        1.0, (0.1, 0.3, 1.0, 3.0), label="learning rate", tip="length of one step of gradient descent", live=True
    )
    extra: float = choice(
        0.0, (0.0, 0.5, 1.0), label="extra pull ε", tip="frozen InfoNCE only: how much harder it pulls", live=True
    )
    seed: int = slider(1, 1, 20, 1, label="seed", tip="another network, other batches")
    budget: int = choice(500, (100, 300, 500, 1000), label="steps", tip="where Play stops by itself")
    loss: str = choice("InfoNCE", tuple(LOSSES), label="loss", tip="what the energies are made into", live=True)


def objective_of(state: PicturesState) -> Named:
    """The objective of a state, with all other pictures of the batch as negatives.

    Its name holds only the settings that its loss reads.
    """
    name = LOSSES[state.loss]
    extra = state.extra if name == "frozen" else 0.0
    read = [f"{sign} = {value:g}" for sign, value in _given(state).items() if sign in READS[state.loss]]
    loss = picture_loss(name, temperature=state.temperature, extra=extra)
    return Named(", ".join([state.loss, *read]), contrastive(loss, negatives="batch"))


def _given(state: PicturesState) -> dict[str, float]:
    return {"τ": state.temperature, "ε": state.extra}


def setting_of(state: PicturesState) -> str:
    """Say loss and learning rate; settings that this loss does not read are called unused."""
    reads = READS[state.loss]
    given = _given(state).items()
    parts = [f"{sign} = {value:g}" + (" unused" if sign not in reads else "") for sign, value in given if value]
    return f"{state.loss}, {', '.join(parts)}; learning rate {state.learning_rate:g}"


def probe_of_output(net: Student) -> Float[Tensor, ""]:
    """The accuracy of a linear classifier on the output, over the test digits."""
    train, test = digits("train"), digits("test")
    sets = (features(net, train.inputs()), labels_of(train), features(net, test.inputs()), labels_of(test))
    return torch.tensor(probe(*sets), dtype=torch.float32)


@functools.cache
def probe_of_pixels() -> float:
    """The accuracy of the same classifier on the pixels."""
    train, test = digits("train"), digits("test")
    return probe(train.inputs(), labels_of(train), test.inputs(), labels_of(test))


class PicturesExplorer(StreamingExplorer[PicturesState]):
    """Neurons as pictures, the spectrum of the output, and the probe beside its baselines, during training.

    Example:
        >>> pictures_explorer(PicturesState(strength=0.0)).run(25).trace.steps.tolist()
        [0, 25]
    """

    picture = TrainingPicture
    main_controls = ("strength",)
    stride = 25
    presets = {
        "mild": {"strength": 0.5, "loss": "InfoNCE"},
        "no augmentation": {"strength": 0.0, "loss": "InfoNCE"},
        "violent": {"strength": 8.0, "loss": "InfoNCE"},
        "frozen weights": {"strength": 0.5, "loss": "frozen InfoNCE", "extra": 0.0},
    }

    def start(self, state: PicturesState) -> Training:
        """Draw an encoder."""
        run = picture_run(
            digits(), strength=state.strength, learning_rate=state.learning_rate, seed=state.seed,
            measure=probe_of_output, measure_every=self.stride,
        )  # fmt: skip
        run.objective = objective_of(state)
        self._untrained = self._spectrum(run)
        return run

    def hand_over(self, state: PicturesState, training: Run) -> None:
        """Set strength, learning rate and loss."""
        training.strength, training.learning_rate = state.strength, state.learning_rate
        training.objective = objective_of(state)

    def record_of(self, state: PicturesState, before: Trace | None) -> PictureTraining:
        """The weights, the spectrum and all probes so far."""
        trace = self._training.trace(now=False)
        spectra = torch.stack([self._untrained, self._spectrum(self._training)])
        weights = next(self._training.net.parameters()).detach()[0, :NEURONS].unflatten(-1, digits().shape[1:]).clone()
        step = self._training.step
        return PictureTraining(
            trace, weights, probe_of_pixels(), spectra, step, state.strength, setting_of(state), state.budget, before
        )

    def _spectrum(self, training: Run) -> Float[Tensor, " d"]:
        return spectrum(features(cast(Student, training.net), digits("test").inputs()))


pictures_explorer = factory(
    PicturesExplorer, "Watch a student learn from handwritten digits, with the augmentation in your hand."
)
