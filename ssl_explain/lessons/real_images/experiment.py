"""Training on real pictures, and what the features are worth before and after.

On the handwritten digits these figures test the theory, not usefulness: the nearest neighbour in raw pixels already
finds the class of .96 of the test pictures, so there is little to gain. Look at differences, beside the baselines.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.dynamics.training import Measure, Training
from ssl_explain.lessons.real_images.probe import neighbours, probe
from ssl_explain.lessons.real_images.surrogate import frozen_info_nce
from ssl_explain.losses.contrastive import Loss, contrastive, info_nce, simple_contrastive, soft_triplet
from ssl_explain.modes import own_modes
from ssl_explain.networks.conv import ConvNet
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.seeds import generator_on
from ssl_explain.worlds.augment import check_strength
from ssl_explain.worlds.pictures import PictureWorld

Student = ReLUNet | ConvNet
Kind = Literal["mlp", "conv"]
LossName = Literal["simple", "triplet", "nce", "frozen"]

HIDDEN, OUTPUTS, SCALE = 256, 64, 0.2  # outputs of length one: a small scale learns fast
TEMPERATURE, LEARNING_RATE, BATCH, STEPS = 0.2, 1.0, 256, 400
WIDEST = 1024  # features a probe reads; a layer of more is averaged over its positions
CHUNK = 1024  # pictures that pass the network at a time


def picture_loss(name: LossName, *, temperature: float = TEMPERATURE, beta: float = 0.0) -> Loss:
    """The loss of a name; what a loss does not have (L_simp a temperature, all but "frozen" a β) is left out.

    Raises:
        ValueError: another name, a β without the loss that has one.
    """
    losses: Mapping[str, Callable[..., Tensor]] = {
        "simple": simple_contrastive,
        "triplet": partial(soft_triplet, temperature=temperature),
        "nce": partial(info_nce, temperature=temperature),
        "frozen": partial(frozen_info_nce, temperature=temperature, beta=beta),
    }
    if name not in losses:
        raise ValueError(f"`loss` must be one of {', '.join(losses)}, got {name!r}.")
    if beta and name != "frozen":
        raise ValueError(f"`beta` must be 0 for the loss {name}, got {beta:g}; only the loss frozen has one.")
    return losses[name]


def picture_student(
    world: PictureWorld,
    kind: Kind = "mlp",
    *,
    generator: torch.Generator,
    hidden: int = HIDDEN,
    outputs: int = OUTPUTS,
    scale: float = SCALE,
) -> Student:
    """A student without biases for the pictures of a world, its output of length one and its top layer linear.

    "mlp" has one layer of ``hidden`` ReLU neurons, so that the operators of the theory apply; "conv" two convolutions.

    Raises:
        ValueError: another kind, a layer without neurons.

    Example:
        >>> from ssl_explain.worlds.pictures import digits
        >>> [tuple(w.shape) for w in picture_student(digits(), generator=torch.Generator().manual_seed(0)).weights]
        [(1, 256, 64), (1, 64, 256)]
    """
    if kind == "conv":
        return ConvNet(world.shape, generator=generator, outputs=outputs, scale=scale)
    if kind != "mlp":
        raise ValueError(f"`kind` must be one of mlp, conv, got {kind!r}.")
    widths = (world.dimension, hidden, outputs)
    return ReLUNet(widths, generator=generator, scale=scale, linear_top=True)


def nothing(net: object) -> Tensor:
    """A measure for who only trains."""
    return torch.zeros(0, dtype=torch.float32)


@own_modes()
def picture_run(
    world: PictureWorld,
    *,
    kind: Kind = "mlp",
    loss: Loss | None = None,
    strength: float = 0.5,
    learning_rate: float = LEARNING_RATE,
    batch: int = BATCH,
    seed: int = 0,
    device: str = "cpu",
    measure: Measure = nothing,
    measure_every: int = 25,
) -> Training:
    """A run that has not started: student and draws from one seed, batch negatives; InfoNCE unless ``loss`` says other.

    The same seed gives the same untrained student, whatever else is chosen.

    Raises:
        ValueError: whatever world, student or training reject; a batch larger than the set of pictures; a device that
            is not there.
        ImportError: a strength above 0 without kornia (when a step is taken).

    Example:
        >>> from ssl_explain.worlds.pictures import digits
        >>> run = picture_run(digits(), strength=0.0)
        >>> run.advance(3)
        >>> run.step, run.net(digits().inputs()).shape
        (3, torch.Size([1197, 64]))
    """
    check_strength(strength)
    generator = generator_on(device).manual_seed(seed)
    require.integer("batch", batch, 2, "no picture is drawn twice", high=len(world))
    net = picture_student(world, kind, generator=generator)
    objective = contrastive(loss or picture_loss("nce"), negatives="batch")
    return Training(
        net, world.to(device), objective, learning_rate=learning_rate, generator=generator, measure=measure,
        strength=strength, batch=batch, measure_every=measure_every,
    )  # fmt: skip


@torch.no_grad()
def features(net: Student, x: Float[Tensor, "n d"], layer: int = -1) -> Float[Tensor, "n d_layer"]:
    """What a probe reads: the activations of a layer, -1 the output and -2 the last layer below it.

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
