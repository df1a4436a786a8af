"""One mode of linear BYOL on its plane: which starts live, and what matrices do beside the prediction."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon
from torch import Tensor

from ssl_explain.kit.picture import Illustration, Picture
from ssl_explain.kit.style import FONT, INK, MARKERS, MEASURED, PREDICTED, QUIET, SERIES, drawing, new_figure, tidy
from ssl_explain.lessons.byol_solved.record import PhasePlane

LEFT, RIGHT, TOP = -0.3, 1.2, 1.5
SHADE = "#d9d9d9"
LINES: tuple[Any, ...] = ("-", "--")
MARKS: tuple[Any, ...] = (("o", "full"), ("s", "none"))
BASIN: dict[str, Any] = {"facecolor": SHADE, "edgecolor": "#a8a8a8", "hatch": "//", "linewidth": 0}


class PlanePicture(Picture[PhasePlane]):
    """What to look at: on which side of the thick line does the start lie, and does the dotted training follow?

    Left, the plane of one mode: p of the predictor, s of the weights. Hatched starts die. The curve is the parabola
    s = p²/α with both fixed points, the dashed one that through the start; arrows show where a start goes first.
    Right, s of the start and of a second mode over time, and the invariant of both.
    """

    def __init__(self, record: PhasePlane) -> None:
        """Make the axes once and fill them."""
        self.figure = new_figure(9.6, 4.9)
        grid = self.figure.add_gridspec(
            2, 2, width_ratios=(1.2, 1), left=0.06, right=0.985, top=0.78, bottom=0.11, wspace=0.17, hspace=0.42
        )
        self.plane = self.figure.add_subplot(grid[:, 0])
        self.size_axes, self.offset_axes = (self.figure.add_subplot(grid[row, 1]) for row in (0, 1))
        tidy(self.plane, xlabel="p, the predictor", ylabel="s, the weights")
        self.plane.set(xlim=(LEFT, RIGHT), ylim=(0, TOP))
        tidy(self.size_axes, title="s of two modes")
        tidy(self.offset_axes, title="s - p²/α of both", xlabel="time")
        self.size_axes.set(xlim=(0, record.length), ylim=(0, TOP))
        self.offset_axes.set(xlim=(0, record.length), ylim=(-1, 1.4))
        self.offset_axes.axhline(0, color=QUIET, linewidth=0.8)
        self._make_plane()
        self._make_curves()
        self._legends()
        self.captions = [
            self.plane.text(
                x, 0.975, "", transform=self.figure.transFigure, fontsize=FONT + 1, color=INK, va="top", ha=side
            )
            for x, side in ((0.06, "left"), (0.985, "right"))
        ]
        self.moving += self.captions
        self._drawn: object = None
        self.update(record)

    def _make_plane(self) -> None:
        """Whatever depends on the rates alone stands still while the start moves."""
        ax = self.plane
        self.basin = Polygon(np.zeros((3, 2)), **BASIN)
        ax.add_patch(self.basin)
        self.edge = ax.plot([], [], color=INK, linewidth=2.6)[0]
        self.parabola = ax.plot([], [], color=PREDICTED, linewidth=1.6)[0]
        self.watershed = ax.plot([], [], "D", color=PREDICTED, markersize=9, markerfacecolor="white")[0]
        self.goal = ax.plot([], [], "*", color=PREDICTED, markersize=16, markeredgecolor="white")[0]
        where = np.meshgrid(np.linspace(-0.2, 1.1, 11), np.linspace(0.1, 1.4, 8))
        zero = np.zeros(where[0].size)
        self.arrows = ax.quiver(
            *(x.ravel() for x in where), zero, zero, color=QUIET, angles="xy", units="inches", width=0.016, scale=1,
            scale_units="inches", pivot="mid", headwidth=5,
        )  # fmt: skip
        self.still: list[Artist] = [self.basin, self.arrows, self.edge, self.parabola, self.watershed, self.goal]

    def _make_curves(self) -> None:
        ax = self.plane
        self.through = ax.plot([], [], color=PREDICTED, linewidth=1.4, linestyle="--")[0]
        self.path = ax.plot([], [], color=MEASURED, linewidth=2.4)[0]
        self.start = ax.plot([], [], "o", color=MEASURED, markersize=9, markeredgecolor="white")[0]
        pair = (self.size_axes, self.offset_axes)
        self.lines = [
            [a.plot([], [], color=PREDICTED, linestyle=kind, linewidth=1.8)[0] for kind in LINES] for a in pair
        ]
        self.dots = [
            [a.plot([], [], mark, color=MEASURED, markersize=4, fillstyle=fill)[0] for mark, fill in MARKS]
            for a in pair
        ]
        flat = [artist for group in (*self.lines, *self.dots) for artist in group]
        self.moving: list[Artist] = [self.through, self.path, self.start, *flat]

    def _legends(self) -> None:
        keys = [
            Line2D([], [], color=INK, linewidth=2.6, label="watershed"),
            Patch(label="dies", **BASIN),
            Line2D([], [], color=PREDICTED, label="s = p²/α"),
            Line2D([], [], color=PREDICTED, linestyle="--", label="s = p²/α + c"),
            Line2D([], [], color=PREDICTED, marker="*", linestyle="", markersize=13, label="p+"),
            Line2D([], [], color=PREDICTED, marker="D", markerfacecolor="white", linestyle="", label="p-"),
        ]
        box: dict[str, Any] = {"fontsize": FONT, "frameon": False, "borderaxespad": 0, "columnspacing": 1.2}
        self.plane.legend(handles=keys, loc="lower left", bbox_to_anchor=(0, 1.02), ncols=3, **box)
        names = ("this start", "second mode")
        keys = [
            Line2D([], [], color=PREDICTED, linestyle=kind, label=f"{name}, predicted")
            for kind, name in zip(LINES, names, strict=True)
        ]
        keys += [
            Line2D([], [], color=MEASURED, marker=mark, fillstyle=fill, linestyle="", markersize=4, label="trained")
            for mark, fill in MARKS
        ]
        self.figure.legend(handles=keys, loc="upper right", bbox_to_anchor=(0.985, 0.93), ncols=2, **box)

    def update(self, record: PhasePlane) -> bool:
        """Move the start and its curves; the plane only if a rate has changed."""
        self.record = record
        setting = (record.predictor_speed, record.decay, record.noise, record.target_rate)
        changed, self._drawn = setting != self._drawn, setting
        if changed:
            self._move_plane(record)
        p, s = record.predicted.predictor[:, 0], record.predicted.size[:, 0]
        grid = np.linspace(LEFT, RIGHT, 61)
        offset = float(s[0] - p[0] ** 2 / record.predictor_speed)
        self.through.set_data(grid, _inside(grid**2 / record.predictor_speed + offset))
        self.path.set_data(p.numpy(), s.numpy())
        self.start.set_data(p[:1].numpy(), s[:1].numpy())
        decay = np.exp(-2 * record.decay * record.predicted.times.numpy())
        for mode in range(2):
            self.lines[0][mode].set_data(record.predicted.times.numpy(), record.predicted.size[:, mode].numpy())
            self.lines[1][mode].set_data(record.predicted.times.numpy(), float(record.offset[0, mode]) * decay)
            self.dots[0][mode].set_data(record.trained.times.numpy(), record.trained.size[:, mode].numpy())
            self.dots[1][mode].set_data(record.trained.times.numpy(), record.offset[:, mode].numpy())
        fate = "Survives" if record.survives else "Dies"
        self.captions[0].set_text(
            f"{fate} at η = {record.decay:.2f} (threshold {record.threshold:.3f}), {_target(record)}"
        )
        self.captions[1].set_text(f"{record.setting}: s is off by {record.gap:.3f}")
        return changed

    def _move_plane(self, record: PhasePlane) -> None:
        p, edge = record.columns.numpy(), np.minimum(record.boundary.numpy(), 2 * TOP)
        self.basin.set_xy(np.concatenate([[[p[0], 0]], np.stack([p, edge], 1), [[p[-1], 0]]]))
        self.edge.set_data(p, edge)
        curve = np.linspace(LEFT, RIGHT, 61)
        self.parabola.set_data(curve, _inside(curve**2 / record.predictor_speed))
        fixed = [(x, x**2 / record.predictor_speed) for x in record.fixed]
        self.watershed.set_data(*np.array(fixed[:1]).reshape(-1, 2).T)
        self.goal.set_data(*np.array(fixed[1:]).reshape(-1, 2).T)
        _, _, u, v = record.arrows.numpy()
        length = np.maximum(np.hypot(u / (RIGHT - LEFT), v / TOP), 1e-9)
        self.arrows.set_UVC(0.22 * u / length / (RIGHT - LEFT), 0.22 * v / length / TOP)

    def describe(self) -> str:
        """What becomes of the start, where the threshold lies, and how far training is from the prediction."""
        r = self.record
        start = f"A start at p = {float(r.predicted.predictor[0, 0]):.2f}, s = {float(r.predicted.size[0, 0]):.2f}"
        fate = "survives" if r.survives else "dies"
        where = (
            f"fixed points p- = {r.fixed[0]:.3f} and p+ = {r.fixed[1]:.3f}" if r.fixed else "no fixed point but zero"
        )
        gap = f"trained and predicted s differ by at most {r.gap:.3f}"
        first, last = r.offset[[0, -1], 0].tolist()
        return (
            f"{start} {fate}. Weight decay η = {r.decay:.2f}, threshold {r.threshold:.3f}: {where} (α = "
            f"{r.predictor_speed:g}, σ² = {r.noise:g}, {_target(r)}). Training, {r.setting}: {gap}. "
            f"In training s - p²/α goes from {first:.3f} to {last:.3f}."
        )


def _inside(heights: Any) -> Any:
    """Heights that are shown; a line is broken outside."""
    return np.where((heights >= 0) & (heights <= TOP), heights, np.nan)


def _target(record: PhasePlane) -> str:
    return "target: a copy" if record.target_rate is None else f"target rate β = {record.target_rate:g}"


@drawing()
def figure_basins(
    columns: Tensor, boundaries: Mapping[str, Tensor], fixed: Mapping[str, Sequence[float]]
) -> Illustration:
    """What to look at: the line climbs with the weight decay, and beyond the threshold there is none.

    Starts below a line die. Every marker is a p-, at s = p-².
    """
    figure = new_figure(7.6, 3.8)
    ax = figure.subplots()
    words, drawn = [], set()
    for k, (name, edge) in enumerate(boundaries.items()):
        style: dict[str, Any] = {"color": SERIES[(3, 4, 6, 0, 2)[k % 5]], "linestyle": ("-", "--", "-.", ":")[k % 4]}
        label = name if fixed[name] else f"{name}: everything dies"
        ax.plot(columns, edge.clamp_max(10), linewidth=2.2, label=label, **style)
        if not fixed[name]:
            words.append(label)
            continue
        low = fixed[name][0]
        if low not in drawn:
            ax.plot([low], [low**2], MARKERS[k], color=style["color"], markersize=9, markeredgecolor=INK)
        drawn.add(low)
        left, right = (float(edge[int((columns - p).abs().argmin())]) for p in (0.0, 0.8))
        words.append(f"{name}: p- = {low:.3f}, a start lives above s = {left:.3f} at p = 0 and {right:.3f} at p = 0.8")
    highest = max(float(edge[edge.isfinite()].max()) for edge in boundaries.values() if bool(edge.isfinite().any()))
    tidy(ax, xlabel="p at the start", ylabel="s at the start", title="below the line a mode dies")
    ax.set(xlim=(LEFT, RIGHT), ylim=(0, 1.2 * highest))
    ax.legend(fontsize=FONT, frameon=False, loc="upper center")
    figure.tight_layout()
    return Illustration(figure, "Where collapse begins. " + "; ".join(words) + ".")


@drawing()
def figure_unaligned(runs: Mapping[str, tuple[Tensor, Tensor, Tensor]]) -> Illustration:
    """What to look at: left, the modes are off from the start; right, only decay makes the weights a square of P.

    ``runs[name]`` holds times, the gap between trained and predicted s (largest over modes), and the distance of
    W Wᵀ from PᵀP/α as a share of W Wᵀ.
    """
    figure = new_figure(9.0, 3.5)
    gaps, offsets = figure.subplots(1, 2)
    words = []
    for k, (name, (times, gap, offset)) in enumerate(runs.items()):
        style: dict[str, Any] = {"color": SERIES[(6, 4, 2)[k]], "linestyle": LINES[k % 2], "linewidth": 2}
        style |= {"marker": MARKERS[k], "markevery": 0.1, "markersize": 5}
        gaps.plot(times, gap, label=name, **style)
        offsets.plot(times, offset, label=name, **style)
        words.append(
            f"{name}: s is off by up to {float(gap.max()):.3f}; the distance of W Wᵀ from PᵀP/α goes from "
            f"{float(offset[0]):.2f} to {float(offset[-1]):.2f}"
        )
    tidy(gaps, xlabel="time", title="modes: largest error of s")
    tidy(offsets, xlabel="time", title="distance of W Wᵀ from PᵀP/α")
    for ax in (gaps, offsets):
        ax.set_ylim(bottom=0)
    gaps.legend(fontsize=FONT, frameon=False)
    figure.tight_layout()
    return Illustration(figure, "A start that is not aligned. " + "; ".join(words) + ".")
