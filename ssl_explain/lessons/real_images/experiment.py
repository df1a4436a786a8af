"""Training on real pictures, and scores of the features before and after.

On the handwritten digits these figures test the theory, not usefulness: the nearest neighbour in raw pixels already
finds the class of .96 of the test pictures, so there is little to gain. Compare differences, beside the baselines.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_explain import require
from ssl_explain.dynamics.training import Measure, Objective, Training
from ssl_explain.lessons.real_images.probe import neighbours, probe
from ssl_explain.lessons.real_images.surrogate import frozen_info_nce
from ssl_explain.losses.contrastive import Loss, contrastive, loss_called
from ssl_explain.networks.conv import ConvNet
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.seeds import generator_on
from ssl_explain.torch_modes import own_modes
from ssl_explain.worlds.augment import check_strength
from ssl_explain.worlds.pictures import PictureWorld

Student = ReLUNet | ConvNet
Kind = Literal["mlp", "conv"]
LossName = Literal["simple", "triplet", "nce", "frozen"]

HIDDEN, OUTPUTS, SCALE = 256, 64, 0.2  # with normalised outputs small weights learn fast
TEMPERATURE, LEARNING_RATE, BATCH, STEPS = 0.2, 1.0, 256, 400
WIDEST = 1024  # features a probe reads; a layer of more is averaged over its positions
CHUNK = 1024  # pictures that pass the network at a time


MENU: Mapping[LossName, str] = {"simple": "L_simp", "triplet": "soft triplet", "nce": "InfoNCE"}
"""The short names of this lesson, in its tables and on the command line; "frozen" is its own."""


def picture_loss(name: LossName, *, temperature: float = TEMPERATURE, extra: float = 0.0) -> Loss:
    """The loss of a name; what a loss does not have (L_simp a temperature, all but "frozen" a ε) is left out.

    Raises:
        ValueError: another name, a ε without the loss that has one.
    """
    if name == "frozen":
        return partial(frozen_info_nce, temperature=temperature, extra=extra)
    if name not in MENU:
        raise ValueError(f"`loss` must be one of {', '.join(MENU)}, frozen, got {name!r}.")
    if extra:
        raise ValueError(f"`extra` must be 0 for the loss {name}, got {extra:g}; only the loss frozen has one.")
    return loss_called(MENU[name], temperature=temperature)


def picture_student(
    world: PictureWorld, kind: Kind = "mlp", *, generator: torch.Generator, scale: float = SCALE, normalise: bool = True
) -> Student:
    """A network without biases for the pictures of a world, with a linear top layer and normalised outputs.

    "mlp" has one hidden layer of ReLU neurons, so that the operators of the theory apply; "conv" two convolutions.

    Raises:
        ValueError: another kind.

    Example:
        >>> from ssl_explain.worlds.pictures import digits
        >>> [tuple(w.shape) for w in picture_student(digits(), generator=torch.Generator().manual_seed(0)).weights]
        [(1, 256, 64), (1, 64, 256)]
    """
    if kind == "conv":
        return ConvNet(world.shape, generator=generator, outputs=OUTPUTS, scale=scale, normalise=normalise)
    if kind != "mlp":
        raise ValueError(f"`kind` must be one of mlp, conv, got {kind!r}.")
    widths = (world.dimension, HIDDEN, OUTPUTS)
    return ReLUNet(widths, generator=generator, scale=scale, linear_top=True, normalise=normalise)


def nothing(net: object) -> Tensor:
    """A measure of nothing."""
    return torch.zeros(0, dtype=torch.float32)


@dataclass(frozen=True)
class PictureSettings:
    """The settings of every run on pictures; the network and all draws come from one ``seed``.

    Raises:
        ValueError: a strength below 0.
    """

    strength: float = 0.5
    learning_rate: float = LEARNING_RATE
    batch: int = BATCH
    seed: int = 0
    device: str = "cpu"
    measure: Measure = nothing
    measure_every: int = 25

    def __post_init__(self) -> None:
        check_strength(self.strength)

    def generator(self) -> torch.Generator:
        """The source of the network and of all draws."""
        return generator_on(self.device).manual_seed(self.seed)

    def training(
        self, net: nn.Module, world: PictureWorld, objective: Objective, generator: torch.Generator, **more: Any
    ) -> Training:
        """A run that has not started; ``more`` goes to :class:`Training`."""
        require.integer("batch", self.batch, 2, "no picture is drawn twice", high=len(world))
        names = ("strength", "learning_rate", "batch", "measure", "measure_every")
        own = {name: getattr(self, name) for name in names}
        return Training(net, world.to(self.device), objective, generator=generator, **own, **more)


@own_modes()
def picture_run(world: PictureWorld, *, kind: Kind = "mlp", loss: Loss | None = None, **settings: Any) -> Training:
    """A run that has not started, with batch negatives; InfoNCE unless another ``loss`` is given.

    ``settings`` are those of :class:`PictureSettings`. The same seed gives the same untrained network, whatever else
    is chosen.

    Raises:
        ValueError: whatever world, network or training reject; a batch larger than the set of pictures; a device that
            is not there.
        ImportError: a strength above 0 without kornia (when a step is taken).

    Example:
        >>> from ssl_explain.worlds.pictures import digits
        >>> run = picture_run(digits(), strength=0.0)
        >>> run.advance(3)
        >>> run.step, run.net(digits().inputs()).shape
        (3, torch.Size([1197, 64]))
    """
    own = PictureSettings(**settings)
    generator = own.generator()
    net = picture_student(world, kind, generator=generator)
    objective = contrastive(loss or picture_loss("nce"), negatives="batch")
    return own.training(net, world, objective, generator)


@torch.no_grad()
def features(net: Student, x: Float[Tensor, "n d"], layer: int = -1) -> Float[Tensor, "n d_layer"]:
    """The input of a probe: the activations of a layer, -1 the output and -2 the last layer below it.

    A layer with more than 1,024 activations (a map of channels) is averaged over its positions.

    Example:
        >>> from ssl_explain.worlds.pictures import digits
        >>> net = picture_student(digits(), generator=torch.Generator().manual_seed(0))
        >>> features(net, digits().inputs(), layer=-2).shape
        torch.Size([1197, 256])
    """
    read = [net.activations(chunk)[layer] for chunk in x.split(CHUNK)]
    return torch.cat([a.flatten(1) if a[0].numel() <= WIDEST else a.mean(1) for a in read])


class Evaluation:
    """Fit on one set of pictures, score on another: a measure for :func:`picture_run`.

    Calling it with a network gives [[probe, neighbours] of the last hidden layer, the same of the output].
    ``raw`` holds [probe, neighbours] of the pixels as a network reads them.

    Raises:
        ValueError: pictures without labels, or of two shapes.

    Example:
        >>> from ssl_explain.worlds.pictures import digits
        >>> evaluate = Evaluation(digits("train"), digits("test"))
        >>> [round(score, 2) for score in evaluate.raw.tolist()]
        [0.92, 0.96]
    """

    LAYERS = {"hidden": -2, "output": -1}
    MEASURES = ("probe", "neighbours")

    def __init__(self, train: PictureWorld, test: PictureWorld) -> None:
        """Read the pictures once."""
        if train.labels is None or test.labels is None:
            raise ValueError("`train` and `test` must have labels, got pictures without; they are for measuring.")
        if train.shape != test.shape:
            raise ValueError(f"`test` must hold pictures of shape {train.shape}, got {test.shape}; take one dataset.")
        self.train, self.test = (train.inputs(), train.labels), (test.inputs(), test.labels)
        self.raw = self._scores(self.train[0], self.test[0])

    def _scores(self, train: Tensor, test: Tensor) -> Float[Tensor, " measure"]:
        sets = (train.cpu(), self.train[1], test.cpu(), self.test[1])
        return torch.tensor([probe(*sets), neighbours(*sets)], dtype=torch.float32)

    def __call__(self, net: Student) -> Float[Tensor, "layer measure"]:
        """Scores of a network, hidden layer first."""
        device = net.weights[0].device
        sets = [x.to(device) for x, _ in (self.train, self.test)]
        scores = [self._scores(*(features(net, x, layer) for x in sets)) for layer in self.LAYERS.values()]
        return torch.stack(scores)
