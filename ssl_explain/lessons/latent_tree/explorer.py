"""The world explorer: clamp a latent, see which leaves depend on it, and the covariance of neurons."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.latent_tree.clamp import chances, draw_clamped, views_and_kept
from ssl_explain.lessons.latent_tree.experiment import ChildNeurons
from ssl_explain.lessons.latent_tree.picture import HiddenWorld, WorldPicture
from ssl_explain.seeds import generators
from ssl_explain.worlds.latent_tree import LatentTree

NEURONS = 4
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "ReLU": torch.relu,
    "tanh": torch.tanh,
    "staircase": torch.round,
    "absolute value": torch.abs,
}
CLAMPS = {"nothing": None, "z = 0": 0, "z = 1": 1}
SHOWN = ("P(z = 1)", "ceilings")


@dataclass(frozen=True)
class WorldState(State):
    """Every setting of the world explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    latent: int = slider(
        1, 1, 15, 1, label="latent", tip="1 is the root, then level by level; after the last one comes the root again"
    )
    depth: int = slider(3, 1, 4, 1, label="depth", tip="levels of hidden causes above the leaves")
    branching: int = choice(2, (2, 3), label="branching", tip="children of every cause")
    polarity: tuple[float, float] = choice(
        (0.8, 1.0),
        ((0.1, 0.4), (0.3, 0.7), (0.6, 1.0), (0.8, 1.0), (0.9, 1.0)),
        label="polarity |ρ|",
        tip="how faithfully a child copies its parent: 0 not at all, 1 always",
    )
    strength: float = slider(
        1.0, 0, 1, 0.1, label="augmentation q", tip="0: a view is its point; 1: the root alone is kept"
    )
    seed: int = slider(1, 1, 20, 1, label="seed", tip="another tree, other neurons, another point")
    root: float = choice(
        0.5,
        (0.1, 0.3, 0.5, 0.7, 0.9),
        label="P(root = 1)",
        tip="the formula is for a fair root, 0.5; the rest leaves it",
    )
    clamp: str = choice("nothing", tuple(CLAMPS), label="clamp it to", tip="look only at worlds where it is so")
    activation: str = choice("ReLU", tuple(ACTIVATIONS), label="activation", tip="of the neurons on its children")
    shown: str = choice(SHOWN[0], SHOWN, label="numbers", tip="what stands in the nodes, in per cent")


@functools.lru_cache(maxsize=64)
def tree_of(state: WorldState) -> LatentTree:
    """The tree of a state, in double precision."""
    g = generators(state.seed, 1)[0]
    tree = LatentTree.random(state.depth, state.branching, state.polarity, generator=g)
    return LatentTree(tuple(rho.double() for rho in tree.polarity), state.root)


def chosen(state: WorldState) -> tuple[int, int]:
    """Level and index of the chosen latent, counted from the root downwards."""
    widths = tree_of(state).topology.widths
    downwards = [(level, k) for level in range(state.depth, 0, -1) for k in range(widths[level])]
    return downwards[(state.latent - 1) % len(downwards)]


def neurons_of(state: WorldState) -> ChildNeurons:
    """The random neurons on the children of the chosen latent."""
    level, node = chosen(state)
    g = generators(state.seed, 2)[1]
    activation = ACTIVATIONS[state.activation]
    return ChildNeurons.random(tree_of(state), level, node, neurons=NEURONS, activation=activation, generator=g)


@functools.lru_cache(maxsize=64)
def covariances(state: WorldState) -> tuple[Tensor, Tensor, float]:
    """Predicted and measured covariance, and the standard error of the measured one."""
    neurons = neurons_of(state)
    _, _, _, _, _, points, pairs = generators(state.seed, 7)
    return neurons.predicted(generator=points), *neurons.measured(state.strength, generator=pairs)


@functools.lru_cache(maxsize=64)
def ceilings_of(state: WorldState) -> tuple[Tensor, ...]:
    """The ceiling of every latent; that of a leaf is 1."""
    tree = tree_of(state)
    found = tree.latent_ceilings(2000, generator=generators(state.seed, 3)[2])
    return (torch.ones_like(tree.from_root()[0]), *found)


class WorldExplorer(Explorer[WorldState]):
    """A tree with one latent clamped, a point and two views, and the covariance of the neurons.

    Example:
        >>> record = world_explorer(WorldState(depth=2)).record
        >>> bool((record.predicted - record.measured).abs().max() < 1e-12)
        True
    """

    picture = WorldPicture
    main_controls = ("root", "activation", "latent", "clamp")
    presets = {
        "clamp a low cause": {
            "clamp": "z = 1", "depth": 3, "latent": 4, "polarity": (0.8, 1.0), "strength": 0.3, "shown": SHOWN[0],
        },
        "deep and weak": {"depth": 4, "polarity": (0.3, 0.7), "latent": 4, "clamp": "nothing", "strength": 1.0},
        "an even activation": {"activation": "absolute value", "latent": 2, "depth": 3, "strength": 1.0, "root": 0.5},
        "an unfair root": {
            "root": 0.1, "depth": 3, "latent": 1, "polarity": (0.8, 1.0), "strength": 1.0, "activation": "ReLU",
            "clamp": "nothing",
        },
    }  # fmt: skip

    def __init__(self, state: WorldState, controls: Sequence[str] = ()) -> None:
        """Offer the presets whose first control is shown; a preset is named after it."""
        vars(self)["presets"] = {
            label: wanted for label, wanted in self.presets.items() if not controls or next(iter(wanted)) in controls
        }
        super().__init__(state, controls)

    def compute(self, state: WorldState) -> HiddenWorld:
        """Compute probabilities or ceilings, a point with its views, and both covariances."""
        tree, value = tree_of(state.change(strength=1.0)), CLAMPS[state.clamp]
        level, node = chosen(state)
        _, _, _, augmented, clamped = generators(state.seed, 5)
        point = draw_clamped(tree, level, node, value, generator=clamped)
        views, kept = views_and_kept(tree, point, state.strength, views=2, generator=augmented)
        plain = state.change(clamp="nothing", shown=SHOWN[0])
        predicted, measured, noise = covariances(plain)
        world = plain.change(latent=1, strength=1.0, activation="ReLU")
        return HiddenWorld(
            topology=tree.topology,
            polarity=tree.polarity,
            level=level,
            node=node,
            value=value,
            what="chances" if state.shown == SHOWN[0] else "ceilings",
            numbers=chances(tree, level, node, value) if state.shown == SHOWN[0] else ceilings_of(world),
            point=point[0][0],
            views=views,
            kept=kept,
            strength=state.strength,
            root=state.root,
            predicted=predicted,
            measured=measured,
            share=float(tree.from_root()[level][node]) ** 2,
            noise=noise,
            activation=state.activation,
        )


world_explorer = factory(
    WorldExplorer, "Clamp a hidden cause and watch what it reaches, and what neurons carry of the root."
)
