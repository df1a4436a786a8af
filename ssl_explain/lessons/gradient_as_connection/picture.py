"""Inside one layer: gates, input, Jacobian and connection as heat maps, predictions against autograd."""

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from torch import Tensor

from ssl_explain.kit.charts import heat_map, legend, new_curve, new_strokes, note
from ssl_explain.kit.picture import Picture
from ssl_explain.kit.style import INK, MEASURED, PAPER, PREDICTED, QUIET, new_figure, tidy
from ssl_explain.records import record

GATES = ListedColormap(["#d9d9d9", INK]).with_extremes(bad=PAPER)
SIGNED = colormaps["RdBu_r"].with_extremes(bad="#ffffff")
GATE_KEY = ((INK, "open"), ("#d9d9d9", "closed"), (PAPER, "no neuron"))
SIGN_KEY = ((SIGNED(0.8), "> 0"), (SIGNED(0.2), "< 0, marked –"), (PAPER, "0"))
PALE = 0.05  # of the largest entry: paler cells get no mark of their sign
EXACT = 1e-12  # relative; float64 keeps about 16 digits


@record
class ConnectionView:
    """One layer, two inputs: the parts of the connection, and two predictions made from it beside autograd.

    ``gates`` are those of the first view, layer by layer; ``predicted_output`` is K_lᵀ vec(W_l).
    """

    widths: tuple[int, ...]
    layer: int
    setting: str
    gates: tuple[Float[Tensor, " _"], ...]
    layer_input: Float[Tensor, " d_in"]
    jacobian: Float[Tensor, "d_top d_out"]
    connection: Float[Tensor, "d_out d_in d_top"]
    predicted_output: Float[Tensor, " d_top"]
    output: Float[Tensor, " d_top"]
    predicted_gradient: Float[Tensor, "d_out d_in"]
    gradient: Float[Tensor, "d_out d_in"]


class ConnectionPicture(Picture[ConnectionView]):
    """What to look at: do the marks on the right lie on the diagonal?

    Top: the gates of all layers (the chosen one framed), the layer's input f_{l-1}, the Jacobian J_l.
    Below, the connection K_l: a row per output of the network, a block of columns per output of the layer, in each
    block the layer's input times one entry of J_l. Negative entries are blue and carry a minus.
    Right: what the connection predicts against what the network and autograd say, in units of the largest entry.
    """

    def __init__(self, record: ConnectionView) -> None:
        self.figure = new_figure(9.6, 4.8)
        left = self.figure.add_gridspec(2, 3, left=0.045, right=0.64, top=0.92, bottom=0.11, hspace=0.66, wspace=0.3)
        right = self.figure.add_gridspec(2, 1, left=0.745, right=0.985, top=0.93, bottom=0.12, hspace=0.7)
        boxes = [left[0, 0], left[0, 1], left[0, 2], left[1, :]]
        self.maps = [self.figure.add_subplot(box) for box in boxes]
        self.titles = [note(ax, 0, 1.06) for ax in self.maps]
        self.images = [_heat_map(ax) for ax in self.maps]
        self.images[0].set(cmap=GATES, clim=(0, 1))
        self.frame = new_strokes(self.maps[0], colors=PREDICTED, linewidths=3)
        self.blocks = new_strokes(self.maps[3], colors=INK, linewidths=1.2)
        self.minuses = [new_strokes(ax, linewidths=1.2) for ax in self.maps[1:]]
        _key(self.maps[0], GATE_KEY)
        _key(self.maps[1], SIGN_KEY)
        style: dict[str, Any] = {"color": INK, "ha": "right", "va": "center"}
        self.labels = [self.maps[0].text(-0.03, 0, "", **style) for _ in range(4)]
        self.scatters = []
        kinds = (("output", "the network's $f_L$", MEASURED, "o"), ("gradient", "autograd's ∂r/∂W", PREDICTED, "D"))
        for place, (name, truth, colour, marker) in enumerate(kinds):
            ax = self.figure.add_subplot(right[place, 0])
            tidy(ax, xlabel=truth, ylabel="predicted", title=f"{name} from K")
            ax.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), xticks=[-1, 0, 1], yticks=[-1, 0, 1])
            ax.plot([-1.2, 1.2], [-1.2, 1.2], color=QUIET, linewidth=1)
            marks = new_curve(ax, marker, color=colour, markersize=13, alpha=0.6, markeredgecolor=INK)
            self.scatters.append((marks, ax.text(-1.1, 1.12, "", color=INK, va="top")))
        self.texts = [*self.titles, *self.labels, *(verdicts for _, verdicts in self.scatters)]
        self.still = [*self.texts]
        self.moving = [*self.images, self.frame, self.blocks, *self.minuses, *(marks for marks, _ in self.scatters)]
        self._name(record)
        self._move(record)

    def update(self, record: ConnectionView) -> bool:
        """Move every artist; words are redrawn only where they change."""
        changed = self._name(record)
        self._move(record)
        return changed

    def _name(self, record: ConnectionView) -> bool:
        """Write shapes and verdicts; return whether any changed."""
        d_out, d_in, d_top = record.connection.shape
        depth, layer = len(record.gates), record.layer
        words = [
            f"gates of layers 1 to {depth}" if depth > 1 else "gates of layer 1",
            f"$f_{layer - 1}$: {d_in} inputs",
            f"$J_{layer}$: {d_top} × {d_out}",
            f"$K_{layer}$: {d_top} outputs × ({d_out} blocks of {d_in} weights)",
            *(str(row + 1) if row < depth else "" for row in range(len(self.labels))),
            *(verdict(*pair) for pair in _pairs(record)),
        ]
        changed = [text.get_text() for text in self.texts] != words
        for text, word in zip(self.texts, words, strict=True):
            text.set_text(word)
        for row, label in enumerate(self.labels):
            label.set_y((row + 0.5) / depth)
        return changed

    def _move(self, record: ConnectionView) -> None:
        """Move everything else; heat maps of any shape fill the same frame."""
        self.record = record
        depth, layer, d_out = len(record.gates), record.layer, record.connection.shape[0]
        gates = np.full((depth, max(len(gate) for gate in record.gates)), np.nan)
        for row, gate in enumerate(record.gates):
            gates[row, : len(gate)] = gate.numpy()
        self.images[0].set_data(gates[::-1])
        k = record.connection.flatten(0, 1).mT
        shown = (record.layer_input[None], record.jacobian, k)
        for image, minus, values in zip(self.images[1:], self.minuses, shown, strict=True):
            scale = float(values.abs().max()) or 1.0
            image.set_data(values.numpy())
            image.set_clim(-scale, scale)
            _mark_negative(minus, (values / scale).numpy())
        low, high = (layer - 1) / depth, layer / depth
        self.frame.set_segments([[(0, low), (1, low), (1, high), (0, high), (0, low)]])
        self.blocks.set_segments([[(o / d_out, 0), (o / d_out, 1)] for o in range(1, d_out)])
        for (marks, _), (true, predicted) in zip(self.scatters, _pairs(record), strict=True):
            scale = float(max(true.abs().max(), predicted.abs().max())) or 1.0
            marks.set_data((true.flatten() / scale).numpy(), (predicted.flatten() / scale).numpy())

    def describe(self) -> str:
        """Say setting, shapes, and both gaps."""
        record = self.record
        d_out, d_in, d_top = record.connection.shape
        opened = ", ".join(f"{int(gate.sum())} of {len(gate)}" for gate in record.gates)
        output, gradient = (verdict(*pair) for pair in _pairs(record))
        return (
            f"Layer {record.layer} of {'-'.join(map(str, record.widths))}, target: {record.setting}. "
            f"K has {d_out}·{d_in} weights by {d_top} outputs; open gates per layer: {opened}. "
            f"Kᵀvec(W) against the output: {output}. Predicted gradient against autograd: {gradient}."
        )


def relative_gap(true: Float[Tensor, "*shape"], predicted: Float[Tensor, "*shape"]) -> float:
    """Largest difference, in units of the largest entry of either; 0 where both are zero throughout."""
    true, predicted = true.detach(), predicted.detach()
    scale = float(max(true.abs().max(), predicted.abs().max()))
    return float((true - predicted).abs().max()) / scale if scale else 0.0


def verdict(true: Float[Tensor, "*shape"], predicted: Float[Tensor, "*shape"]) -> str:
    """Say that a prediction is exact in float64, or how far it is off."""
    gap = relative_gap(true, predicted)
    return "exact to 1e-12" if gap <= EXACT else f"off by {100 * gap:.0f} %"


def _pairs(record: ConnectionView) -> list[tuple[Tensor, Tensor]]:
    return [(record.output, record.predicted_output), (record.gradient, record.predicted_gradient)]


def _mark_negative(minus: LineCollection, values: np.ndarray) -> None:
    """Draw a short dash in every negative cell: dark on pale, white on dark."""
    rows, columns = values.shape
    row, column = np.nonzero(values < -PALE)
    y, x = 1 - (row + 0.5) / rows, (column + 0.5) / columns
    half = 0.2 / columns
    minus.set_segments([[(a - half, b), (a + half, b)] for a, b in zip(x.tolist(), y.tolist(), strict=True)])
    minus.set_color([PAPER if value < -0.6 else INK for value in values[row, column]])


def _key(ax: Axes, entries: tuple[tuple[Any, str], ...]) -> None:
    """Draw a legend of small patches in one line below a heat map."""
    patches = [Patch(facecolor=colour, edgecolor=QUIET, linewidth=0.8, label=word) for colour, word in entries]
    size = {"handlelength": 0.8, "handleheight": 0.8}
    room = {"handletextpad": 0.3, "columnspacing": 0.5, "borderpad": 0.2, "borderaxespad": 0}
    legend(ax, "upper left", handles=patches, bbox_to_anchor=(-0.03, -0.01), ncols=2, **size, **room)


def _heat_map(ax: Axes) -> AxesImage:
    """Make a heat map in a frame without ticks."""
    ax.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_color(QUIET)
    return heat_map(ax, SIGNED)
