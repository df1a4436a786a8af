"""The shared-views explorer: the joint law of two views of one point, for every strength of augmentation."""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.latent_tree.shared_picture import SharedPicture, SharedViews
from ssl_explain.seeds import generators
from ssl_explain.worlds.belief import beliefs
from ssl_explain.worlds.latent_tree import LatentTree

DEPTH = 2


@dataclass(frozen=True)
class SharedState(State):
    """Every setting of the shared-views explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    strength: float = slider(
        0.4, 0, 1, 0.1, label="augmentation q", tip="0: both views are the point; 1: the root alone"
    )
    polarity: tuple[float, float] = choice(
        (0.6, 1.0),
        ((0.3, 0.7), (0.6, 1.0), (0.8, 1.0), (0.9, 1.0)),
        label="polarity |ρ|",
        tip="how faithfully a child copies its parent: 0 not at all, 1 always",
    )
    seed: int = slider(1, 1, 20, 1, label="seed", tip="another tree")


@functools.lru_cache(maxsize=32)
def world_of(polarity: tuple[float, float], seed: int) -> tuple[LatentTree, tuple[Tensor, ...]]:
    """A tree with four leaves, and the joint law for every strength of the slider."""
    tree = LatentTree.random(DEPTH, polarity=polarity, generator=generators(seed, 1)[0])
    tree = LatentTree(tuple(rho.double() for rho in tree.polarity))
    return tree, tuple(tree.pair_probabilities(q) for q in SharedState.controls()["strength"].values())


class SharedExplorer(Explorer[SharedState]):
    """The joint law of two views as a heat map, and how often both views are the same.

    Example:
        >>> round(float(shared_explorer(SharedState(strength=0.0)).record.joint.trace()), 12)
        1.0
    """

    picture = SharedPicture
    main_controls = ("strength", "polarity")
    presets = {
        "nothing redrawn": {"strength": 0.0},
        "half-way": {"strength": 0.5},
        "only the root survives": {"strength": 1.0},
        "and the causes are weak": {"strength": 1.0, "polarity": (0.3, 0.7)},
    }

    def compute(self, state: SharedState) -> SharedViews:
        """Compute the law, and sum its diagonal for all strengths."""
        tree, laws = world_of(state.polarity, state.seed)
        strengths = SharedState.controls()["strength"].values()
        joint = tree.pair_probabilities(state.strength)
        x, _ = tree.enumerate()
        order = beliefs(tree.polarity, x)[-1].squeeze(-1).argsort(stable=True)
        return SharedViews(
            joint=joint[order][:, order],
            strength=state.strength,
            strengths=torch.tensor(strengths, dtype=torch.float64),
            same=torch.stack([law.trace() for law in laws]),
            independent=float(joint.sum(-1).square().sum()),
            labels=tuple("".join("1" if leaf > 0 else "0" for leaf in x[k]) for k in order),
        )


shared_explorer = factory(SharedExplorer, "Watch what two views of one point share as the augmentation grows.")
