"""The outputs for clouds of views during training, and where pull and push move them."""

from typing import Any

import torch
from jaxtyping import Float
from matplotlib.patches import Rectangle
from torch import Tensor

from ssl_explain.kit.charts import key, legend, new_curve, note, panels
from ssl_explain.kit.picture import Picture
from ssl_explain.kit.style import INK, MARKERS, MEASURED, NEGATIVE, POSITIVE, QUIET, SERIES, tidy
from ssl_explain.records import record

LONGEST = 0.4  # of the arrows, in half widths of the window


@record
class CloudRun:
    """Views in the plane and a network's outputs for them at ``times``, in steps; ``shown`` is the index of one.

    ``between`` and ``within`` are the variances of the outputs between and within points. ``pull`` and ``push`` say
    where the loss moves the output of the first view of every point: minus its gradient, in two parts.
    """

    name: str
    inputs: Float[Tensor, "n a 2"]
    times: Float[Tensor, " t"]
    outputs: Float[Tensor, "t n a 2"]
    between: Float[Tensor, " t"]
    within: Float[Tensor, " t"]
    pull: Float[Tensor, "t n 2"]
    push: Float[Tensor, "t n 2"]
    steps: int
    stopped: str | None = None
    shown: int = 0


class CloudPicture(Picture[CloudRun]):
    """What to look at: green arrows pull two views of a point together, pink ones push points apart. Who wins?

    Left, the views as they come in, one colour and marker per point. Middle, the outputs for the same views, and arrows
    at the first view of every point, the longest of them always of one length; when outputs leave the picture it zooms
    out, and the square is the window of before. Right, the variance of the outputs between points and within points,
    up to the step shown, on a log scale.
    """

    WINDOW = 3.2
    FLOOR, TOP = 1e-4, 1e4

    def __init__(self, record: CloudRun) -> None:
        self.figure, axes = panels(9.6, 3.7, 3, width_ratios=(1, 1, 1.2))
        self.input_axes, self.output_axes, self.curve_axes = axes
        self.figure.subplots_adjust(left=0.03, right=0.98, top=0.88, bottom=0.155, wspace=0.26)
        tidy(self.input_axes, title="views, as they come in")
        tidy(self.output_axes, title="outputs, same views")
        for ax in (self.input_axes, self.output_axes):
            ax.set(xlim=(-self.WINDOW, self.WINDOW), ylim=(-self.WINDOW, 1.25 * self.WINDOW), xticks=[0], yticks=[0])
            ax.set(aspect="equal", xticklabels=[], yticklabels=[])
            ax.grid(color="#dddddd", linewidth=0.8)
        tidy(self.curve_axes, xlabel="steps", title="variance of the outputs")
        self.curve_axes.set(yscale="log", ylim=(self.FLOOR, self.TOP), xlim=(0, record.steps))
        self._build()
        self.update(record)

    def _build(self) -> None:
        self.inputs, self.outputs = (
            [new_curve(ax, m, color=colour, markersize=5) for m, colour in zip(MARKERS, SERIES, strict=True)]
            for ax in (self.input_axes, self.output_axes)
        )
        style: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.014, "zorder": 4}
        self.pull, self.push = (
            self.output_axes.quiver(*[[0.0] * len(MARKERS)] * 4, color=colour, **style)
            for colour in (POSITIVE, NEGATIVE)
        )
        arrows = [key("pull", color=POSITIVE, linewidth=3), key("push", color=NEGATIVE, linewidth=3)]
        legend(self.output_axes, "upper left", handles=arrows, ncols=2)
        self.between = new_curve(self.curve_axes, color=MEASURED, linewidth=2.2, label="between points")
        self.within = new_curve(self.curve_axes, color=QUIET, linewidth=2.2, ls="--", label="within points")
        legend(self.curve_axes, "upper right")
        self.before = Rectangle((0, 0), 0, 0, fill=False, edgecolor=INK, linestyle=":")
        self.output_axes.add_patch(self.before)
        self.zoomed = note(self.output_axes, 0, -0.03, va="top")
        self.ratio = note(self.curve_axes, 0.03, 0.03)
        self.still = []
        self.moving = [*self.inputs, *self.outputs, self.before, self.push, self.pull, self.zoomed]
        self.moving += [self.between, self.within, self.ratio]

    def update(self, record: CloudRun) -> bool:
        """Move every artist; only the axes are still."""
        self.record = record
        at, f = record.shown, record.outputs[record.shown]
        zoom = max(1.0, float(f.abs().max()) / (0.95 * self.WINDOW))
        for line, points in zip([*self.inputs, *self.outputs], [*record.inputs, *(f / zoom)], strict=True):
            line.set_data(points[:, 0].numpy(), points[:, 1].numpy())
        moves = torch.stack([record.pull[at], record.push[at]])
        longer = LONGEST * self.WINDOW / float(moves.norm(dim=-1).max().clamp_min(1e-30))
        for arrows, moved in zip((self.pull, self.push), moves, strict=True):
            arrows.set_offsets((f[:, 0] / zoom).numpy())
            arrows.set_UVC(*(longer * moved).T.numpy())
        end = self.WINDOW / zoom
        self.before.set(bounds=(-end, -end, 2 * end, 2 * end), visible=zoom > 1)
        self.zoomed.set_text(f"zoomed out {zoom:.2g} times" if zoom > 1 else "arrow lengths are relative")
        for line, values in ((self.between, record.between), (self.within, record.within)):
            shown = values[: at + 1].clamp(self.FLOOR / 10, self.TOP * 10)
            line.set_data(record.times[: at + 1].numpy(), shown.numpy())
        self.ratio.set_text(f"within / between:\n{_ratio(record, 0)} → {_ratio(record, at)}")
        return False

    def describe(self) -> str:
        """Say both variances and their ratio at the start and at the step shown."""
        record, at = self.record, self.record.shown
        between, within = record.between, record.within
        text = (
            f"{record.name}, after {int(record.times[at])} steps: variance between points "
            f"{_short(between[0])} → {_short(between[at])}, within points {_short(within[0])} → {_short(within[at])}; "
            f"within / between {_ratio(record, 0)} → {_ratio(record, at)}."
        )
        over = record.stopped is not None and at == len(record.times) - 1
        return f"{text} {str(record.stopped).capitalize()}." if over else text


def _short(value: Float[Tensor, ""]) -> str:
    return f"{float(value):.2g}"


def _ratio(record: CloudRun, at: int) -> str:
    return _short(record.within[at] / record.between[at].clamp_min(torch.finfo(record.between.dtype).tiny))
