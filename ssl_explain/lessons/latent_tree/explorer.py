"""The world explorer: clamp a latent, see which causes and leaves depend on it, and what two views keep."""

import functools
import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ssl_explain.kit.charts import place
from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.latent_tree.clamp import chances, draw_clamped, views_and_kept
from ssl_explain.lessons.latent_tree.picture import HiddenWorld, WorldPicture
from ssl_explain.lessons.latent_tree.two_way import two_way, two_way_ceilings
from ssl_explain.seeds import generators
from ssl_explain.worlds.latent_tree import MOST_LEAVES, LatentTree

CLAMPS = {"nothing": None, "z = 0": 0, "z = 1": 1}
SHOWN = ("P(z = 1)", "ceiling, leaves below", "ceiling, all leaves")
NEAR = 0.08  # how near a click must be, in widths or heights of the tree
SAMPLES = 2000  # points, for the ceilings of a tree whose patterns are too many to list


@dataclass(frozen=True)
class WorldState(State):
    """Every setting of the world explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    latent: int = slider(
        4, 1, 15, 1, label="latent", tip="1 is the root, then level by level; after the last one comes the root again"
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
        0.3, 0, 1, 0.1, label="augmentation q", tip="0: a view is its point; 1: the root alone is kept"
    )
    seed: int = slider(1, 1, 20, 1, label="seed", tip="another tree, another point")
    clamp: str = choice("z = 1", tuple(CLAMPS), label="clamp it to", tip="look only at worlds where it is so")
    shown: str = choice(SHOWN[0], SHOWN, label="numbers", tip="what stands in the nodes, in per cent")


@functools.lru_cache(maxsize=64)
def tree_of(state: WorldState) -> LatentTree:
    """The tree of a state, in double precision."""
    g = generators(state.seed, 1)[0]
    tree = LatentTree.random(state.depth, state.branching, state.polarity, generator=g)
    return LatentTree(tuple(rho.double() for rho in tree.polarity))


def downwards(state: WorldState) -> list[tuple[int, int]]:
    """Level and index of every latent, the root first."""
    widths = tree_of(state).topology.widths
    return [(level, k) for level in range(state.depth, 0, -1) for k in range(widths[level])]


def chosen(state: WorldState) -> tuple[int, int]:
    """Level and index of the chosen latent."""
    latents = downwards(state)
    return latents[(state.latent - 1) % len(latents)]


@functools.lru_cache(maxsize=64)
def ceilings_of(state: WorldState) -> tuple[Tensor, ...]:
    """The ceiling of every latent, from the leaves below it or from all leaves; that of a leaf is 1."""
    tree, g = tree_of(state), generators(state.seed, 3)[2]
    if state.shown == SHOWN[1]:
        found = tree.latent_ceilings(SAMPLES, generator=g)
    elif tree.dimension <= MOST_LEAVES:
        found = two_way_ceilings(tree)
    else:
        leaves = tree.as_input(tree.sample(SAMPLES, generator=g)[0])
        found = tuple(m.square().mean(0).sqrt() for m in two_way(tree, leaves))
    return (torch.ones_like(tree.from_root()[0]), *found)


class WorldExplorer(Explorer[WorldState]):
    """A tree with one latent clamped, a data point that agrees with it, and two of its views.

    Example:
        >>> world_explorer(WorldState(depth=2, latent=1, clamp="nothing")).record.numbers[1].tolist()
        [0.5, 0.5]
    """

    picture = WorldPicture
    on_pick: ClassVar = {"tree_axes": ("latent",)}
    main_controls = ("latent", "clamp", "shown", "strength")
    presets = {
        "clamp a low cause": {"clamp": "z = 1", "depth": 3, "latent": 4, "polarity": (0.8, 1.0), "shown": SHOWN[0]},
        "clamp the root": {"clamp": "z = 1", "latent": 1, "shown": SHOWN[0]},
        "deep and weak": {"clamp": "z = 1", "depth": 4, "polarity": (0.3, 0.7), "latent": 1, "shown": SHOWN[0]},
    }

    def pick(self, panel: str, x: float, y: float) -> None:
        """Choose the latent that was clicked, and clamp it."""
        state, tree = self._state, tree_of(self._state).topology
        far = [math.dist((x, y), place(tree, *latent)) for latent in downwards(state)]
        if panel in self.on_pick and min(far) < NEAR:
            clamp = "z = 1" if state.clamp == "nothing" else state.clamp
            self.state = state.change(latent=far.index(min(far)) + 1, clamp=clamp)

    def compute(self, state: WorldState) -> HiddenWorld:
        """Compute probabilities or ceilings, and a point with its views."""
        tree, value = tree_of(state.change(strength=1.0)), CLAMPS[state.clamp]
        level, node = chosen(state)
        _, _, _, augmented, clamped = generators(state.seed, 5)
        point = draw_clamped(tree, level, node, value, generator=clamped)
        views, kept = views_and_kept(tree, point, state.strength, views=2, generator=augmented)
        world = state.change(clamp="nothing", latent=1, strength=1.0)
        return HiddenWorld(
            topology=tree.topology,
            polarity=tree.polarity,
            level=level,
            node=node,
            value=value,
            what=state.shown,
            numbers=chances(tree, level, node, value) if state.shown == SHOWN[0] else ceilings_of(world),
            point=point[0][0],
            views=views,
            kept=kept,
            strength=state.strength,
        )


world_explorer = factory(WorldExplorer, "Clamp a hidden cause and watch what it reaches, and what two views keep.")
