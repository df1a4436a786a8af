"""Variance between and within points as a picture: outputs, connections, and the spectrum of the operator."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ssl_explain.kit.charts import heading, key, legend, new_curve, new_strokes, note, panels
from ssl_explain.kit.picture import Illustration, Picture
from ssl_explain.kit.style import MEASURED, PREDICTED, QUIET, drawing, tidy
from ssl_explain.records import record

SHOWN = 24  # eigenvalues
FLOOR = 1e-5  # of the largest: smaller ones are not drawn
FOLLOWED = 4  # points whose views are joined to their mean


@record
class Spectrum:
    """Outputs and connections of one layer, split between and within points, and the operator's spectrum.

    ``outputs`` and ``connections`` are places in the plane in which all views vary most, seen from the mean of all;
    ``shares`` the part of their variance, over all directions, that lies between points. ``total`` holds the
    eigenvalues of all variance of K, ``between`` those of the operator, ``directions`` its participation ratio
    (Σλ)² / Σλ². ``cosine`` and ``length`` compare 2·OP·vec(W) with the real step: its direction, and predicted / real.
    """

    outputs: Float[Tensor, "n a 2"]
    connections: Float[Tensor, "n a 2"]
    shares: tuple[float, float]
    between: Float[Tensor, " d_weights"]
    total: Float[Tensor, " d_weights"]
    directions: float
    cosine: float
    length: float
    layer: int
    strength: float
    operator: str

    @property
    def kept(self) -> float:
        """The sum of the operator's eigenvalues as a share of all variance of K."""
        return float(self.between.sum() / self.total.sum().clamp_min(1e-300))


def plane(values: Float[Tensor, "n a d"], frame: Float[Tensor, "m d"]) -> Float[Tensor, "n a 2"]:
    """Places in the plane in which the rows of ``frame`` vary most, seen from their mean.

    Example:
        >>> frame = torch.tensor([[-2.0, 1.0, 0.0], [2.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, -1.0]])
        >>> plane(torch.tensor([[[2.0, 1.0, 0.0]]]), frame).round(decimals=4).tolist()[0][0][0]
        2.0
    """
    centre = frame.mean(0)
    axes = torch.linalg.svd(frame - centre, full_matrices=False).Vh[:2]
    signs = axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()  # fix the sign of each axis
    return (values - centre) @ (axes * signs).mT


class Split:
    """One panel: all views, the means of points, and for a few points the arrows that make up the variance."""

    def __init__(self, ax: Axes, title: str) -> None:
        tidy(ax, title=title)
        ax.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.3), xticks=[], yticks=[], aspect="equal")
        self.views = new_curve(ax, "o", color=QUIET, fillstyle="none", markersize=4, label="views")
        self.fans = new_strokes(ax, colors=MEASURED, linewidths=1, alpha=0.7, label="within: view - its mean")
        self.means = new_curve(ax, "o", color=PREDICTED, markersize=4, label="means of points")
        style: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.014}
        self.arrows = ax.quiver(*[[0.0] * FOLLOWED] * 4, color=PREDICTED, zorder=3, **style)
        self.words = note(ax, 0.02, 0.99, va="top")

    @property
    def artists(self) -> list[Artist]:
        """From back to front."""
        return [self.views, self.fans, self.means, self.arrows, self.words]

    def legend(self, figure: Figure, ncols: int) -> None:
        """Say below the figure what the marks are."""
        arrow = key("between: mean - mean of all", color=PREDICTED, linewidth=3)
        handles = [self.views, self.fans, self.means, arrow]
        legend(figure, "lower left", handles=handles, ncols=ncols)

    def update(self, places: Float[Tensor, "n a 2"], share: float) -> None:
        """Move all artists; the box around all views fills the panel."""
        low, high = places.amin((0, 1)), places.amax((0, 1))
        places = 2 * (places - (low + high) / 2) / (high - low).max().clamp_min(1e-300)
        means, n = places.mean(1), len(places)
        centre, some = means.mean(0), [n * k // FOLLOWED for k in range(FOLLOWED)]
        self.views.set_data(*places.flatten(0, 1).T.numpy())
        self.fans.set_segments([np.stack([means[i], view]) for i in some for view in places[i]])
        self.means.set_data(*means.T.numpy())
        self.arrows.set_offsets(centre.expand(FOLLOWED, 2).numpy())
        self.arrows.set_UVC(*(means[some] - centre).T.numpy())
        self.words.set_text(f"between {100 * share:.0f} %, within {100 * (1 - share):.0f} %")


class SpectrumPicture(Picture[Spectrum]):
    """What to look at: when q grows, the orange arrows shrink, and with them the orange circles on the right.

    Left the outputs, in the middle the connections of one layer: open dots are views, thin blue lines join the views of
    four points to their mean, orange arrows lead from the mean of all views to these means. Right, eigenvalues of OP
    (filled) and of the total variance of K (open), in units of the largest total one.
    """

    def __init__(self, record: Spectrum) -> None:
        self.figure, (left, middle, right) = panels(9.6, 4.4, 3, width_ratios=(1, 1, 1.05))
        self.figure.subplots_adjust(left=0.02, right=0.985, top=0.84, bottom=0.21, wspace=0.18)
        self.splits = Split(left, "outputs f"), Split(middle, "connections K")
        tidy(right, xlabel="eigenvalue number", title="variance of K, by direction")
        right.set(yscale="log", ylim=(FLOOR / 2, 500), xlim=(0, SHOWN + 1))  # room for the caption
        self.total = new_curve(right, "s", color=QUIET, fillstyle="none", markersize=6, label="all variance of K")
        self.between = new_curve(right, "o", color=PREDICTED, markersize=6, label="OP: between points")
        legend(right, "lower left")
        self.splits[0].legend(self.figure, ncols=4)
        self.caption = note(right, 0.98, 0.99, va="top", ha="right")
        self.heading = heading(left, 0.015, 0.955)
        self.still = []
        self.moving = [part for split in self.splits for part in split.artists]
        self.moving += [self.total, self.between, self.caption, self.heading]
        self.update(record)

    def update(self, record: Spectrum) -> bool:
        """Move everything; only the axes are still."""
        self.record = record
        for split, places, share in zip(self.splits, (record.outputs, record.connections), record.shares, strict=True):
            split.update(places, share)
        unit = max(float(record.total[0]), 1e-300)
        for line, values in ((self.total, record.total), (self.between, record.between)):
            shown = (values[:SHOWN] / unit).clamp_min(FLOOR / 10).tolist()
            line.set_data(range(1, len(shown) + 1), shown)
        self.caption.set_text(f"{_left(record)}\npredicted step:\n{_step(record)}")
        self.heading.set_text(f"layer {record.layer}, {_world(record)}, {record.operator}")
        return False

    def describe(self) -> str:
        """Say the shares between points, the number of directions, and how the predicted step compares."""
        r = self.record
        values = ", ".join(f"{x:.3g}" for x in r.between[:4].tolist())
        outputs, connections = (f"{100 * share:.0f} %" for share in r.shares)
        return (
            f"Layer {r.layer}, {_world(r)}: of the variance of the outputs {outputs} is between points, of that of the "
            f"connections {connections}. {r.operator} has {_left(r).replace(chr(10), ' ')} "
            f"(participation ratio); its largest eigenvalues: {values}. 2·OP·vec(W) against the real step: {_step(r)}."
        )


def _world(record: Spectrum) -> str:
    n, a = record.outputs.shape[:2]
    return f"q = {record.strength:g}: {n} points, {a} view{'s' * (a > 1)} each"


def _left(record: Spectrum) -> str:
    return f"{100 * record.kept:.0f} % of all variance,\n{record.directions:.1f} directions"


def _step(record: Spectrum) -> str:
    return f"cosine {record.cosine:.3f}, length × {record.length:.2f}"


@drawing()
def figure_split(values: Mapping[str, Float[Tensor, "n a d"]]) -> Illustration:
    """What to look at: the orange arrows against the thin blue lines.

    One panel for each of ``values``, by its title: all views in the plane in which they vary most.
    """
    figure, axes = panels(1.5 + 4.2 * len(values), 4.2, len(values))
    words = []
    for ax, (name, given) in zip(axes, values.items(), strict=True):
        split, means, centre = Split(ax, name), given.mean(1), given.mean((0, 1))
        share = float((means - centre).square().sum(-1).mean() / (given - centre).square().sum(-1).mean())
        split.update(plane(given, given.flatten(0, 1)), share)
        words.append(f"{name}: between points {100 * share:.0f} %, within {100 * (1 - share):.0f} %")
    split.legend(figure, ncols=2 * len(values))
    figure.subplots_adjust(left=0.02, right=0.98, top=0.9, bottom=0.08 + 0.08 / len(values), wspace=0.05)
    return Illustration(figure, ". ".join(words) + ".")
