"""A latent tree with one of its points and two of its views."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.artist import Artist
from torch import Tensor

from ssl_explain.kit.charts import branches, heading, new_strokes, place
from ssl_explain.kit.picture import Picture
from ssl_explain.kit.style import BRANCH, FONT, INK, LOWEST, MEASURED, PREDICTED, SCALE, new_figure, on_scale
from ssl_explain.records import record
from ssl_explain.topology import Tree

ROWS = ("point", "view 1", "view 2")


@record
class HiddenWorld:
    """A latent tree with one chosen latent: ``level``, ``node``, and its ``value`` (None: not clamped).

    ``numbers[l]`` is shown in the nodes of level l: P(z = 1) given that value, or ceilings, as ``what`` says; a leaf
    has a probability, but no ceiling. ``point`` holds the leaves of a data point, ``views`` those of its views,
    ``kept`` marks those that were not redrawn.
    """

    topology: Tree
    polarity: tuple[Float[Tensor, " _"], ...]
    level: int
    node: int
    value: int | None
    what: str
    numbers: tuple[Float[Tensor, " _"], ...]
    point: UInt8[Tensor, " leaf"]
    views: UInt8[Tensor, "views leaf"]
    kept: Bool[Tensor, "views leaf"]
    strength: float


class WorldPicture(Picture[HiddenWorld]):
    """What to look at: how far the clamp reaches, above and beside it too, and which leaves the views keep.

    Every circle is a latent, with P(z = 1) or its ceiling in per cent (colour and number); the ring marks the chosen
    latent, and blue edges lead to the leaves below it. Edge width is |ρ|, dashed edges flip. Below, the leaves of one
    data point and of two of its views: filled is 1, a dot marks what was redrawn.
    """

    def __init__(self, record: HiddenWorld) -> None:
        self.figure = new_figure(6.4, 4.8)
        self.tree_axes = self.figure.add_axes((0.01, 0.015, 0.98, 0.885))
        self.tree_axes.set_axis_off()
        self.tree_axes.set(xlim=(-0.13, 1.01), ylim=(-0.46, 1.09))
        self.title = heading(self.tree_axes, 0.012, 0.94)
        self.shapes: list[Artist] = []
        self._fill(record)
        self._move(record)

    def _fill(self, record: HiddenWorld) -> None:
        """Make the artists that depend on the shape of the tree."""
        for artist in self.shapes:
            artist.remove()
        tree, ax = record.topology, self.tree_axes
        self.edges = new_strokes(ax, branches(tree), zorder=1)
        points = [place(tree, *latent) for latent in tree.latents]
        size = min(520.0, 520 * (16 / max(tree.widths[1], 1)) ** 1.6)
        style: dict[str, Any] = {"cmap": SCALE, "vmin": 0, "vmax": 1, "edgecolors": INK, "zorder": 3}
        xs, heights = zip(*points, strict=True)
        self.nodes = ax.scatter(xs, heights, s=size, c=[0.0] * len(points), **style)
        small = FONT - (tree.widths[1] > 16)
        self.numbers = [
            ax.text(x, y, "", fontsize=small if level == 1 else FONT, ha="center", va="center_baseline", zorder=4)
            for (level, _), (x, y) in zip(tree.latents, points, strict=True)
        ]
        self.ring = ax.scatter([0], [0], s=size * 1.55, facecolors="none", edgecolors=PREDICTED, linewidths=3, zorder=2)
        square, x = min(160, 3600 / tree.n_leaves), np.array(tree.horizontal(0))
        self.leaves = ax.scatter(x, [0] * len(x), s=square, marker="s", c=[0.0] * len(x), linewidths=0.6, **style)
        height = [-0.17 - 0.1 * row for row in range(3)]
        self.spots = np.array([(a, b) for b in height for a in x])
        columns, rows = self.spots.T
        self.cells = ax.scatter(columns, rows, s=square, marker="s", linewidths=0.8, edgecolors=INK)
        self.redrawn = ax.scatter(columns, rows, s=square / 2.5, marker="o", color=PREDICTED, zorder=3)
        names = [
            ax.text(-0.015, y, name, color=INK, ha="right", va="center")
            for y, name in zip([0, *height], ["leaves", *ROWS], strict=True)
        ]
        moving = [self.edges, self.ring, self.nodes, *self.numbers, self.leaves, self.cells, self.redrawn]
        self.shapes = [*names, *moving]
        self.still = list(names)
        self.moving = [*moving, self.title]

    def update(self, record: HiddenWorld) -> bool:
        """Move everything; a tree of another shape needs new artists."""
        reshaped = record.topology != self.record.topology
        if reshaped:
            self._fill(record)
        self._move(record)
        return reshaped

    def _move(self, record: HiddenWorld) -> None:
        self.record = record
        self._tree(record)
        self._leaf_rows(record)

    def _tree(self, record: HiddenWorld) -> None:
        """Update edges, nodes, numbers and the ring."""
        tree = record.topology
        rho = np.concatenate([level.numpy() for level in record.polarity])
        below = np.concatenate([_below(record, level) for level in range(tree.depth)])
        self.edges.set_linewidth((0.4 + 2.6 * np.abs(rho)).tolist())
        self.edges.set_linestyle(["-" if r >= 0 else (0, (2, 1.5)) for r in rho])
        self.edges.set_color([MEASURED if own else BRANCH for own in below])
        values = [x for level in record.numbers[1:] for x in level.tolist()]
        self.nodes.set_array(values)
        for number, value in zip(self.numbers, values, strict=True):
            number.set_text(f"{100 * value:.0f}")
            number.set_color(on_scale(LOWEST + (1 - LOWEST) * value))
        self.ring.set_offsets([place(tree, record.level, record.node)])
        known = "" if record.value is None else f", given z = {record.value} where the ring is"
        chances = record.what.startswith("P")
        self.title.set_text(f"{record.what} in per cent{known}" if chances else f"{record.what}, in per cent")

    def _leaf_rows(self, record: HiddenWorld) -> None:
        """Update the probabilities of the leaves, the point, and its views."""
        self.leaves.set_array(record.numbers[0].tolist())
        values = np.concatenate([record.point.numpy(), *record.views.numpy()])
        self.cells.set_facecolor([INK if on else "#ffffff" for on in values])
        fresh = np.concatenate([np.zeros(len(record.point), dtype=bool), *~record.kept.numpy()])
        self.redrawn.set_offsets(self.spots[fresh])

    def describe(self) -> str:
        """Say the chosen latent, the effect of its clamp or its ceiling, and what the views keep."""
        record = self.record
        tree = record.topology
        name = "the root" if record.level == tree.depth else f"latent {record.node + 1} of level {record.level}"
        known = "not clamped" if record.value is None else f"clamped to {record.value}"
        if record.what.startswith("P"):
            leaves = 100 * record.numbers[0]
            low, high = (f"{float(end):.0f}" for end in (leaves.min(), leaves.max()))
            numbers = f"P(leaf = 1) is {low} %" if low == high else f"P(leaf = 1) runs from {low} to {high} %"
        else:
            own = float(record.numbers[record.level][record.node])
            numbers = f"its {record.what}, is {own:.3f}"
        kept = " and ".join(str(int(row.sum())) for row in record.kept)
        return (
            f"Depth {tree.depth}, {tree.branching} children each; {name}, {known}: {numbers}. With q = "
            f"{record.strength:g} the two views keep {kept} of {tree.n_leaves} leaves."
        )


def _below(record: HiddenWorld, level: int) -> np.ndarray:
    """Which nodes of a level are descendants of the chosen latent."""
    width = record.topology.widths[level]
    if level >= record.level:
        return np.zeros(width, dtype=bool)
    return np.arange(width) // record.topology.branching ** (record.level - level) == record.node
