"""The main experiment: a network learns from a latent tree; how well do its neurons correlate with the latents?"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.dynamics.correlation import BestCorrelation
from ssl_explain.dynamics.training import Training
from ssl_explain.lessons.start_here.record import Emergence
from ssl_explain.losses.contrastive import Loss, contrastive, info_nce
from ssl_explain.networks.layers import LayeredReLU
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.networks.tree import TreeNet
from ssl_explain.records import Trace, record
from ssl_explain.seeds import generator_on
from ssl_explain.torch_modes import own_modes
from ssl_explain.worlds.latent_tree import LatentTree


def student(
    tree: LatentTree, neurons: int = 10, *, dense: bool = False, scale: float | None = None, **options: Any
) -> LayeredReLU:
    """Make a network for a tree: wired along it, or dense with the same widths.

    ``scale`` is 0.2 unless given (with normalised outputs small weights learn fast), and 1 without normalisation
    (small weights would give no gradient to speak of). ``options`` are those of both networks: ``generator``,
    ``biases``, ``normalise``, ``linear_top``.

    Example:
        >>> g = torch.Generator().manual_seed(0)
        >>> [tuple(w.shape) for w in student(LatentTree.random(2, generator=g), 3, generator=g, dense=True).weights]
        [(1, 6, 4), (1, 3, 6)]
    """
    if scale is None:
        scale = 0.2 if options.get("normalise", True) else 1.0
    options |= {"scale": scale, "runs": tree.runs[0] if tree.runs else None}
    if not dense:
        return TreeNet(tree.topology, neurons, **options)
    return ReLUNet([tree.dimension, *(width * neurons for width in tree.topology.widths[1:])], **options)


@dataclass(frozen=True)
class EmergenceSettings:
    """What decides the bits of :func:`emergence_run`: tree, network, loss, training, and the points to measure on.

    ``points`` fresh points measure the correlations, four times as many the ceilings above 16 leaves.
    All of it lives on ``device``: "cpu", or "cuda" for one GPU (whose draws are others, so its bits are others).
    """

    depth: int = 5
    branching: int = 2
    neurons: int = 10
    polarity: tuple[float, float] = (0.8, 1.0)
    strength: float = 0.5
    loss: Loss = info_nce
    learning_rate: float = 0.1
    seed: int = 1
    dense: bool = False
    biases: bool = False
    normalise: bool = True
    linear_top: bool = False
    scale: float | None = None
    batch: int = 128
    runs: int | None = None
    points: int = 1000
    measure_every: int = 25
    device: str = "cpu"


@record
class EmergenceRun:
    """A run that has not started: ``training`` advances it, ``record`` holds its present state."""

    tree: LatentTree
    ceilings: Float[Tensor, "*runs latent"]
    training: Training

    def record(self, budget: int, before: Trace | None = None) -> Emergence:
        """Everything that the picture of the tree shows."""
        return Emergence(
            self.tree.topology, self.tree.polarity, self.ceilings, self.training.trace(), self.training.strength,
            budget, before,
        )  # fmt: skip


@own_modes()
def emergence_run(**settings: Any) -> EmergenceRun:
    """Draw a tree, a network and the points to measure on: the same bits for the same :class:`EmergenceSettings`.

    Raises:
        ValueError: whatever world, network or training reject; a device that is not there.
    """
    own = EmergenceSettings(**settings)
    generator = generator_on(own.device).manual_seed(own.seed)
    tree = LatentTree.random(own.depth, own.branching, polarity=own.polarity, generator=generator, runs=own.runs)
    options = {name: getattr(own, name) for name in ("dense", "biases", "normalise", "linear_top", "scale")}
    net = student(tree, own.neurons, generator=generator, **options)
    measure = BestCorrelation(tree, own.points, generator=generator)
    ceilings = torch.cat(tree.latent_ceilings(4 * own.points, generator=generator), dim=-1)
    training = Training(
        net, tree, contrastive(own.loss), learning_rate=own.learning_rate, generator=generator, measure=measure,
        strength=own.strength, batch=own.batch, measure_every=own.measure_every,
    )  # fmt: skip
    return EmergenceRun(tree, ceilings, training)
