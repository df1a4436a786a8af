"""The order of emergence: the tree, its curves, and the operator or the neurons of a node over time."""

from dataclasses import field
from math import log10
from typing import Any

import torch
from jaxtyping import Float
from matplotlib.artist import Artist
from torch import Tensor

from ssl_explain.kit.charts import new_curve, note, panels, place
from ssl_explain.kit.style import MEASURED, PREDICTED, QUIET, tidy
from ssl_explain.lessons.start_here.picture import EmergencePicture, level_colour, level_name
from ssl_explain.lessons.start_here.record import Emergence
from ssl_explain.records import record

OPERATORS, SELECTIVITIES = "operators", "selectivities"
FACTORS = (0.1, 0.3, 1, 3, 10, 30, 100)
STYLES: dict[str, dict[str, Any]] = {
    "above": {"color": MEASURED, "linestyle": "-"},
    "below": {"color": PREDICTED, "linestyle": "--"},
    "silent": {"color": QUIET, "linestyle": ":"},
}


@record
class Race(Emergence):
    """One exact run up to the time shown; all histories end with ``trace``.

    ``operators[t]`` holds the largest eigenvalue of the covariance operator of every node's own weights,
    ``selectivity[t]`` the s_j of every neuron as a share of the size √E‖f‖² of its node. ``node`` is the marked latent,
    ``show`` which of both to draw; ``root`` is P(root = 1).
    """

    operators: Float[Tensor, "t latent"] = field(kw_only=True)
    selectivity: Float[Tensor, "t latent neuron"] = field(kw_only=True)
    node: int = field(kw_only=True)
    show: str = field(kw_only=True)
    root: float = field(kw_only=True)
    setting: str = field(kw_only=True)


class RacePicture(EmergencePicture):
    """What to look at: which curve in the middle leaves its start first, and what happens on the right at that time.

    Left and middle as in the tree explorer; the ring marks one node. Right, either the largest eigenvalue of every
    node's operator relative to the start (the thick curve is the marked node), or the selectivity of every neuron of
    the marked node, as a share of the size of its activations (solid: began above 0; dashed: below; dotted: silent).
    """

    record: Race
    title = "known of each cause, % of ceiling"

    def _make_axes(self) -> None:
        self.figure, axes = panels(9.6, 4.2, 3, width_ratios=(1.15, 1, 1))
        self.tree_axes, self.curve_axes, self.node_axes = axes
        self.figure.subplots_adjust(left=0.012, right=0.975, top=0.9, bottom=0.135, wspace=0.28)
        tidy(self.node_axes, xlabel="training steps")
        self.node_axes.set(ylim=(0, 1), yticks=[])

    def _edges(self, record: Emergence) -> list[Artist]:
        texts = super()._edges(record)
        texts[0].set(text="8 leaves; dashed edges flip")
        return texts

    def _fill(self, record: Emergence) -> None:
        super()._fill(record)
        ax, tree = self.node_axes, record.topology
        ax.set_xlim(0, record.budget)
        self.zero = ax.axhline(0, color=QUIET, linewidth=0.8)
        self.heading = note(ax, 0, 1.03)
        beside: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "ha": "right", "va": "center_baseline"}
        self.ticks = [note(ax, 0, 0, **beside) for _ in FACTORS]
        self.lines = [new_curve(ax) for _ in tree.latents]
        self.ring = self.tree_axes.scatter([0.0], [0.0], s=760, facecolors="none", edgecolors=PREDICTED, linewidths=2)
        self.moving += [self.heading, *self.ticks, self.zero, *self.lines, self.ring]

    def _move(self, record: Emergence) -> None:
        super()._move(record)
        assert isinstance(record, Race)
        tree, steps = record.topology, record.trace.steps.tolist()
        self.ring.set_offsets([place(tree, *tree.latents[record.node])])
        halt = "" if record.trace.stopped is None else "\nstopped"
        self.caption.set_text(f"step {steps[-1]}\nq = {record.strength:g}\nroot {record.root:g}{halt}")
        for line in self.lines:
            line.set_data([], [])
        if record.show == OPERATORS:
            self._operators(record, steps)
        else:
            self._selectivities(record, steps)

    def _operators(self, record: Race, steps: list[int]) -> None:
        """One curve per node, from a tenth of its start to a hundred times it."""
        tree = record.topology
        self._scale("largest eigenvalue / start", [(height(log10(factor)), f"{factor:g}") for factor in FACTORS])
        self.zero.set_ydata([height(0.0)] * 2)
        curves = growth(record).clamp(1e-9, 1e9).log10().clamp(-1.1, 2.1).T
        for node, (line, curve) in enumerate(zip(self.lines, curves, strict=True)):
            line.set_data(steps, height(curve).tolist())
            colour = level_colour(tree.latents[node][0], tree.depth)
            line.set(color=colour, linestyle="-", linewidth=3 if node == record.node else 1.2)

    def _selectivities(self, record: Race, steps: list[int]) -> None:
        """One curve per neuron of the marked node."""
        heading = f"selectivities of node {node_name(record, record.node)}"
        self._scale(heading, [(0.5 + s / 1.6, f"{s:g}") for s in (-0.8, -0.4, 0, 0.4, 0.8)])
        self.zero.set_ydata([0.5, 0.5])
        curves = record.selectivity[:, record.node].T
        for line, curve, kind in zip(self.lines, curves, kinds(record), strict=False):
            line.set_data(steps, (0.5 + curve / 1.6).tolist())
            line.set(linewidth=2, **STYLES[kind])

    def _scale(self, heading: str, ticks: list[tuple[float, str]]) -> None:
        """Name the right side. Its scale is made of texts, which are redrawn faster than an axis."""
        self.heading.set_text(heading)
        for k, text in enumerate(self.ticks):
            y, word = ticks[k] if k < len(ticks) else (0.0, "")
            text.set(y=y, text=f"{word} –" if word else "")

    def describe(self) -> str:
        """Say the tree and the curves, then the right side."""
        record, words = self.record, super().describe()
        where = f" The root is 1 with probability {record.root:g}; {record.setting}."
        if record.show == OPERATORS:
            depth = record.topology.depth
            factors = record.by_level(growth(record)[-1].clamp_min(1e-9).log()).exp().tolist()
            parts = ", ".join(f"{level_name(level, depth)} {_short(x)}" for level, x in enumerate(factors, 1))
            return f"{words}{where} Largest eigenvalue of a node's operator, relative to the start: {parts}."
        first, last = record.selectivity[0, record.node], record.selectivity[-1, record.node]
        live = [kind != "silent" for kind in kinds(record)]
        kept = int((first * last > 0)[live].sum())
        return (
            f"{words}{where} Node {node_name(record, record.node)}: {kept} of {sum(live)} neurons that say something "
            f"at the start have the sign they began with; size of all selectivities "
            f"{first.norm():.2f} → {last.norm():.2f}."
        )


def height(decades: Any) -> Any:
    """The height of a power of ten on the right: 0 for a tenth, 1 for a hundred."""
    return (decades + 1) / 3


def growth(record: Race) -> Tensor:
    """‖OP‖ of every node relative to its start; 1 for a node whose operator was zero."""
    first = record.operators[0]
    return torch.where(first > 0, record.operators / first.clamp_min(1e-300), 1.0)


def kinds(record: Race) -> list[str]:
    """The sign of the initial selectivity of every neuron of the marked node."""
    return [
        "silent" if abs(s) < 1e-12 else "above" if s > 0 else "below"
        for s in record.selectivity[0, record.node].tolist()
    ]


def node_name(record: Emergence, node: int) -> str:
    """'root', or the level and a letter from the left."""
    level, k = record.topology.latents[node]
    return "root" if level == record.topology.depth else f"{level}{'abcd'[k]}"


def _short(x: float) -> str:
    return f"{x:.2f}" if x < 100 else f"{x:.0e}"
