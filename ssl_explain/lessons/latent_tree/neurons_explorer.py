"""The neurons explorer: the covariance that the root leaves in neurons on the children of a latent."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.latent_tree.experiment import ChildNeurons
from ssl_explain.lessons.latent_tree.neurons_picture import Covariances, NeuronsPicture
from ssl_explain.seeds import generators
from ssl_explain.worlds.latent_tree import LatentTree

NEURONS, DEPTH = 4, 3
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "ReLU": torch.relu,
    "tanh": torch.tanh,
    "staircase": torch.round,
    "absolute value": torch.abs,
}


@dataclass(frozen=True)
class NeuronsState(State):
    """Every setting of the neurons explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    latent: int = slider(2, 1, 7, 1, label="latent", tip="1 is the root, then level by level")
    strength: float = slider(
        0.3, 0, 1, 0.1, label="augmentation q", tip="0: a view is its point; 1: the root alone is kept"
    )
    root: float = choice(
        0.5,
        (0.1, 0.3, 0.5, 0.7, 0.9),
        label="P(root = 1)",
        tip="the formula is for a fair root, 0.5; the rest leaves it",
    )
    activation: str = choice("ReLU", tuple(ACTIVATIONS), label="activation", tip="of the neurons on its children")
    seed: int = slider(1, 1, 20, 1, label="seed", tip="another tree, other neurons")


class NeuronsExplorer(Explorer[NeuronsState]):
    """Covariance of neurons between two views: ρ²aaᵀ, what is there, and its second direction.

    Example:
        >>> record = neurons_explorer(NeuronsState(strength=1.0)).record
        >>> bool((record.predicted - record.measured).abs().max() < 1e-12)
        True
    """

    picture = NeuronsPicture
    main_controls = ("strength", "latent", "root", "activation")
    presets = {
        "only the root is kept": {"strength": 1.0, "root": 0.5},
        "an unfair root": {"strength": 1.0, "root": 0.1},
    }

    def compute(self, state: NeuronsState) -> Covariances:
        """Draw a tree and neurons, and compute both covariances exactly."""
        polarities, weights = generators(state.seed, 2)
        tree = LatentTree.random(DEPTH, generator=polarities)
        tree = LatentTree(tuple(rho.double() for rho in tree.polarity), state.root)
        level, node = sorted(tree.topology.latents, key=lambda at: (-at[0], at[1]))[state.latent - 1]
        neurons = ChildNeurons.random(
            tree, level, node, neurons=NEURONS, activation=ACTIVATIONS[state.activation], generator=weights
        )
        share = float(tree.from_root()[level][node]) ** 2
        return Covariances(
            neurons.predicted(), neurons.measured(state.strength), share, state.strength, state.root, state.activation
        )


neurons_explorer = factory(NeuronsExplorer, "Watch what the root, and what nearer causes, leave in neurons.")
