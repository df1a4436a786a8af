"""The main experiment: a student learns from a latent tree, and we ask its neurons about the hidden causes."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.dynamics.correlation import BestCorrelation
from ssl_explain.dynamics.training import Training
from ssl_explain.lessons.start_here.record import Emergence
from ssl_explain.losses.contrastive import contrastive, info_nce
from ssl_explain.modes import own_modes
from ssl_explain.networks.layers import LayeredReLU
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.networks.tree import TreeNet
from ssl_explain.records import Trace, record
from ssl_explain.seeds import generator_on
from ssl_explain.worlds.latent_tree import LatentTree


def student(
    tree: LatentTree,
    neurons: int = 10,
    *,
    generator: torch.Generator,
    dense: bool = False,
    biases: bool = False,
    normalise: bool = True,
    scale: float | None = None,
) -> LayeredReLU:
    """Make a network for a tree: wired along it, or dense with the same widths (then it knows nothing of the tree).

    ``scale`` is 0.2 unless given (with normalised outputs small weights learn fast), and 1 without normalisation
    (small weights would give no gradient to speak of).

    Example:
        >>> g = torch.Generator().manual_seed(0)
        >>> [tuple(w.shape) for w in student(LatentTree.random(2, generator=g), 3, generator=g, dense=True).weights]
        [(1, 6, 4), (1, 3, 6)]
    """
    runs = tree.runs[0] if tree.runs else None
    if scale is None:
        scale = 0.2 if normalise else 1.0
    if not dense:
        return TreeNet(
            tree.topology, neurons, generator=generator, biases=biases, normalise=normalise, scale=scale, runs=runs
        )
    widths = [tree.dimension, *(width * neurons for width in tree.topology.widths[1:])]
    return ReLUNet(widths, generator=generator, biases=biases, normalise=normalise, scale=scale, runs=runs)


@record
class EmergenceRun:
    """A run that has not started: ``training`` moves it, ``record`` says where it stands."""

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
def emergence_run(
    *,
    depth: int = 5,
    neurons: int = 10,
    polarity: tuple[float, float] = (0.8, 1.0),
    strength: float = 0.5,
    loss: Callable[[Tensor, Tensor], Tensor] = info_nce,
    learning_rate: float = 0.1,
    seed: int = 1,
    dense: bool = False,
    biases: bool = False,
    normalise: bool = True,
    scale: float | None = None,
    batch: int = 128,
    runs: int | None = None,
    points: int = 1000,
    measure_every: int = 25,
    device: str = "cpu",
) -> EmergenceRun:
    """Draw a tree, a student and the points to measure on: the same bits for the same arguments.

    ``points`` fresh points measure the correlations, four times as many the ceilings above 16 leaves.
    All of it lives on ``device``: "cpu", or "cuda" for one GPU (whose draws are others, so its bits are others).

    Raises:
        ValueError: whatever world, student or training reject; a device that is not there.
    """
    generator = generator_on(device).manual_seed(seed)
    tree = LatentTree.random(depth, polarity=polarity, generator=generator, runs=runs)
    net = student(tree, neurons, generator=generator, dense=dense, biases=biases, normalise=normalise, scale=scale)
    measure = BestCorrelation(tree, points, generator=generator)
    ceilings = torch.cat(tree.latent_ceilings(4 * points, generator=generator), dim=-1)
    training = Training(
        net, tree, contrastive(loss), learning_rate=learning_rate, generator=generator, measure=measure,
        strength=strength, batch=batch, measure_every=measure_every,
    )  # fmt: skip
    return EmergenceRun(tree, ceilings, training)
