"""The augmentation graph: eigenvalues over q, an eigenfunction on the leaf patterns, the latents that it follows."""

from typing import Any

import numpy as np
import torch

from ssl_explain.kit.charts import branches, heading, new_curve, new_strokes, note, panels, place
from ssl_explain.kit.picture import Picture
from ssl_explain.kit.style import BRANCH, INK, LOWEST, MEASURED, PREDICTED, QUIET, SCALE, on_scale, tidy
from ssl_explain.lessons.why_the_root.record import Graph

SHOWN = 12  # eigenvalues that are drawn


class GraphPicture(Picture[Graph]):
    """What to look at: which circle says 100, and how far the blue curve lies above all others.

    Left, the eigenvalues of the augmentation graph against q (the first one, of the constant function, left out); the
    dot marks the one that is shown, the dotted line the square of the root's ceiling. Middle, one dot for every leaf
    pattern, as large as the pattern is frequent, at what either half of its leaves says for root = 1; its colour is the
    value of the eigenfunction. Right, |correlation| of that eigenfunction with what the leaves say of every latent, in
    per cent.
    """

    def __init__(self, record: Graph) -> None:
        self.figure, (self.curve_axes, self.map_axes, self.tree_axes) = panels(9.6, 4.4, 3, width_ratios=(1, 1, 1.15))
        self.figure.subplots_adjust(left=0.05, right=0.99, top=0.83, bottom=0.13, wspace=0.24)
        ax = self.curve_axes
        tidy(ax, xlabel="augmentation q", title="eigenvalues")
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
        self.curves = [new_curve(ax, color=QUIET, linewidth=1) for _ in range(SHOWN - 1)]
        self.curves[0].set(color=MEASURED, linewidth=2.6)
        self.ceiling = ax.axhline(0, color=PREDICTED, linestyle=":", linewidth=1.6)
        self.ceiling_name = note(ax, 0.5, 0, "(root's ceiling)²", transform=ax.transData, va="top")
        self.here = ax.axvline(0, color=INK, linewidth=0.8)
        self.dot = new_curve(ax, "o", color=MEASURED, markersize=9, markeredgecolor=INK)
        self._map(len(record.probability))
        self._tree(record)
        self.caption = heading(ax, 0.05, 0.985, va="top")
        self.still = []
        moving = [*self.curves, self.ceiling, self.ceiling_name, self.here, self.dot, self.patterns]
        self.moving = [*moving, self.edges, self.nodes, *self.numbers, self.caption]
        self.update(record)

    def _map(self, patterns: int) -> None:
        ax = self.map_axes
        tidy(ax, xlabel="left half: log odds / largest", title="every leaf pattern")
        ax.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        ax.set_ylabel("right half, likewise", color=INK, labelpad=-6)
        look: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -2, "vmax": 2, "edgecolors": INK, "linewidths": 0.4}
        self.patterns = ax.scatter(np.zeros(patterns), np.zeros(patterns), s=1, c=np.zeros(patterns), **look)

    def _tree(self, record: Graph) -> None:
        tree, ax = record.topology, self.tree_axes
        ax.set_axis_off()
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.16, 1.12))
        ax.set_title("what it says of each latent, in %", color=INK, loc="left")
        self.edges = new_strokes(ax, branches(tree), colors=BRANCH, zorder=1)
        ax.scatter(tree.horizontal(0), [0] * tree.n_leaves, s=70, marker="s", c=INK, zorder=2)
        ax.text(0.5, -0.14, "the leaves; dashed edges flip", color=INK, ha="center")
        points = [place(tree, *latent) for latent in tree.latents]
        look: dict[str, Any] = {"cmap": SCALE, "vmin": LOWEST, "vmax": 1, "edgecolors": INK, "linewidths": 0.8}
        columns, rows = zip(*points, strict=True)
        self.nodes = ax.scatter(columns, rows, s=520, c=[0.0] * len(points), zorder=3, **look)
        middle: dict[str, Any] = {"ha": "center", "va": "center_baseline", "zorder": 4}
        self.numbers = [ax.text(x, y, "", **middle) for x, y in points]

    def update(self, record: Graph) -> bool:
        """Move everything; only the axes are still."""
        self.record = record
        strengths = record.strengths.tolist()
        for k, curve in enumerate(self.curves, 1):
            curve.set_data(strengths, record.eigenvalues[:, k].tolist())
        self.ceiling.set_ydata([record.rooted] * 2)
        self.ceiling_name.set_y(record.rooted + (-0.02 if record.rooted > 0.2 else 0.1))
        self.here.set_xdata([record.strength] * 2)
        self.dot.set_data([record.strength], [record.value])
        self.patterns.set_offsets((record.evidence / record.evidence.abs().amax(0)).numpy())
        self.patterns.set_sizes((1800 * record.probability).clamp_min(8).numpy())
        tied = record.function is None or record.share is None
        values = torch.zeros_like(record.probability) if record.function is None else record.function
        self.patterns.set_array(values.clamp(-2, 2).numpy())
        rho = torch.cat(record.polarity).tolist()
        self.edges.set_linewidth([0.4 + 2.2 * abs(r) for r in rho])
        self.edges.set_linestyle(["-" if r >= 0 else (0, (2, 1.5)) for r in rho])
        shares = [0.0] * len(self.numbers) if record.share is None else record.share.tolist()
        self.nodes.set_array(np.array(shares))
        for text, share in zip(self.numbers, shares, strict=True):
            text.set(text="–" if tied else f"{100 * share:.0f}", color=on_scale((share - LOWEST) / (1 - LOWEST)))
        self.caption.set_text(self._headline())
        return False

    def _headline(self) -> str:
        record = self.record
        where = f"q = {record.strength:g}: eigenvalue {record.chosen} is {record.value:.3f}"
        tied = "tied with others, so any mixture of their functions would do"
        second = record.problem or (tied if record.share is None else f"its function follows {self._followed()}")
        return f"{where}\n{second}"

    def _followed(self) -> str:
        record = self.record
        assert record.share is not None
        best = int(record.share.argmax())
        level, node = record.topology.latents[best]
        root = level == record.topology.depth
        name = "the root" if root else f"latent {node + 1} of level {level}"
        if record.share[best] < 0.5:
            return "no single latent"
        return f"{name} best ({100 * float(record.share[best]):.1f} %)"

    def describe(self) -> str:
        """Say the eigenvalues at this q, and what the chosen function has to do with the latents."""
        record = self.record
        at = int((record.strengths - record.strength).abs().argmin())
        first = ", ".join(f"{x:.3f}" for x in record.eigenvalues[at, :6].tolist())
        words = f"Augmentation q = {record.strength:g}: eigenvalues {first}; the root's ceiling squared is "
        words += f"{record.rooted:.3f}. Eigenvalue {record.chosen}: "
        if record.share is None:
            words += "tied with others; its function is any mixture of theirs."
        else:
            shares = ", ".join(f"{100 * x:.0f}" for x in record.share.tolist())
            words += (
                f"its function follows {self._followed()}; in % for the latents from level 1 to the root: {shares}."
            )
        return f"{record.problem} {words}".strip()
