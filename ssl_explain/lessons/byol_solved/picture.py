"""One mode of linear BYOL on its plane: which starts survive, and trained matrices beside the prediction."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.patches import Patch, Polygon
from torch import Tensor

from ssl_explain.kit.charts import heading, illustration, key, legend, new_curve, panels
from ssl_explain.kit.picture import Illustration, Picture
from ssl_explain.kit.style import INK, MARKERS, MEASURED, PREDICTED, QUIET, SERIES, drawing, new_figure, tidy
from ssl_explain.lessons.byol_solved.record import PhasePlane

LEFT, RIGHT, TOP = -0.3, 1.2, 1.5
SHADE = "#d9d9d9"
LINES: tuple[Any, ...] = ("-", "--")
MARKS: tuple[Any, ...] = (("o", "full"), ("s", "none"))
BASIN: dict[str, Any] = {"facecolor": SHADE, "edgecolor": "#a8a8a8", "hatch": "//", "linewidth": 0}


class PlanePicture(Picture[PhasePlane]):
    """What to look at: on which side of the thick line does the start lie, and does the dotted training follow?

    Left, the plane of one mode: p of the predictor, w² of the weights. Hatched starts die. The curve is the parabola
    w² = p²/α with both fixed points, the dashed one that through the start; arrows show where a start goes first.
    Right, w² of the start and of a second mode over time, and the invariant of both.
    """

    def __init__(self, record: PhasePlane) -> None:
        self.figure = new_figure(9.6, 5.0)
        grid = self.figure.add_gridspec(
            2, 2, width_ratios=(1.2, 1), left=0.075, right=0.985, top=0.77, bottom=0.11, wspace=0.17, hspace=0.42
        )
        self.plane = self.figure.add_subplot(grid[:, 0])
        self.size_axes, self.offset_axes = (self.figure.add_subplot(grid[row, 1]) for row in (0, 1))
        tidy(self.plane, xlabel="p, the predictor", ylabel="w², the weights")
        self.plane.set(xlim=(LEFT, RIGHT), ylim=(0, TOP))
        tidy(self.size_axes, title="w² of two modes")
        tidy(self.offset_axes, title="w² - p²/α of both", xlabel="time")
        self.size_axes.set(xlim=(0, record.length), ylim=(0, TOP))
        self.offset_axes.set(xlim=(0, record.length), ylim=(-1, 1.4))
        self.offset_axes.axhline(0, color=QUIET, linewidth=0.8)
        self._make_plane()
        self._make_curves()
        self._legends()
        ends = ((0.075, "left"), (0.985, "right"))
        self.captions = [heading(self.plane, x, 0.975, va="top", ha=side) for x, side in ends]
        self.moving += self.captions
        self._drawn: object = None
        self.update(record)

    def _make_plane(self) -> None:
        """Make the artists that depend on the rates alone; they are still while the start moves."""
        ax = self.plane
        self.basin = Polygon(np.zeros((3, 2)), **BASIN)
        ax.add_patch(self.basin)
        self.edge = new_curve(ax, color=INK, linewidth=2.6)
        self.parabola = new_curve(ax, color=PREDICTED, linewidth=1.6)
        self.saddle = new_curve(ax, "D", color=PREDICTED, markersize=9, markerfacecolor="white")
        self.goal = new_curve(ax, "*", color=PREDICTED, markersize=16, markeredgecolor="white")
        where = np.meshgrid(np.linspace(-0.2, 1.1, 11), np.linspace(0.1, 1.4, 8))
        zero = np.zeros(where[0].size)
        inches: dict[str, Any] = {"units": "inches", "width": 0.016, "scale": 1, "scale_units": "inches"}
        self.arrows = ax.quiver(*where, zero, zero, color=QUIET, angles="xy", pivot="mid", headwidth=5, **inches)
        self.still = [self.basin, self.arrows, self.edge, self.parabola, self.saddle, self.goal]

    def _make_curves(self) -> None:
        ax = self.plane
        self.through = new_curve(ax, color=PREDICTED, linewidth=1.4, linestyle="--")
        self.path = new_curve(ax, color=MEASURED, linewidth=2.4)
        self.start = new_curve(ax, "o", color=MEASURED, markersize=9, markeredgecolor="white")
        pair = (self.size_axes, self.offset_axes)
        self.lines = [[new_curve(a, kind, color=PREDICTED, linewidth=1.8) for kind in LINES] for a in pair]
        self.dots = [
            [new_curve(a, mark, color=MEASURED, markersize=4, fillstyle=fill) for mark, fill in MARKS] for a in pair
        ]
        flat = [artist for group in (*self.lines, *self.dots) for artist in group]
        self.moving = [self.through, self.path, self.start, *flat]

    def _legends(self) -> None:
        keys = [
            key("separatrix", color=INK, linewidth=2.6),
            Patch(label="dies", **BASIN),
            key("w² = p²/α", color=PREDICTED),
            key("w² = p²/α + γ", color=PREDICTED, linestyle="--"),
            key("p+", color=PREDICTED, marker="*", linestyle="", markersize=13),
            key("p-", color=PREDICTED, marker="D", markerfacecolor="white", linestyle=""),
        ]
        box: dict[str, Any] = {"borderaxespad": 0}
        legend(self.plane, "lower left", handles=keys, bbox_to_anchor=(0, 1.02), ncols=3, **box)
        names = zip(LINES, ("this start", "second mode"), strict=True)
        keys = [key(f"{name}, predicted", color=PREDICTED, linestyle=kind) for kind, name in names]
        dots: dict[str, Any] = {"color": MEASURED, "linestyle": "", "markersize": 4}
        keys += [key("trained", marker=mark, fillstyle=fill, **dots) for mark, fill in MARKS]
        legend(self.figure, "upper right", handles=keys, bbox_to_anchor=(0.985, 0.94), ncols=2, **box)

    def update(self, record: PhasePlane) -> bool:
        """Move the start and its curves; the plane only if a rate has changed."""
        self.record = record
        setting = (record.predictor_speed, record.decay, record.noise, record.target_rate)
        changed, self._drawn = setting != self._drawn, setting
        if changed:
            self._move_plane(record)
        p, w2 = record.predicted.predictor[:, 0], record.predicted.size[:, 0]
        grid = np.linspace(LEFT, RIGHT, 61)
        offset = float(w2[0] - p[0] ** 2 / record.predictor_speed)
        self.through.set_data(grid, _inside(grid**2 / record.predictor_speed + offset))
        self.path.set_data(p.numpy(), w2.numpy())
        self.start.set_data(p[:1].numpy(), w2[:1].numpy())
        times, steps = record.predicted.times.numpy(), record.trained.times.numpy()
        decay = np.exp(-2 * record.decay * times)
        for mode in range(2):
            self.lines[0][mode].set_data(times, record.predicted.size[:, mode].numpy())
            self.lines[1][mode].set_data(times, float(record.offset[0, mode]) * decay)
            self.dots[0][mode].set_data(steps, record.trained.size[:, mode].numpy())
            self.dots[1][mode].set_data(steps, record.offset[:, mode].numpy())
        fate = "Survives" if record.survives else "Dies"
        self.captions[0].set_text(
            f"{fate}: η = {record.decay:.2f}, threshold {record.threshold:.3f}, {_target(record)}"
        )
        self.captions[1].set_text(f"{record.setting}: error {record.gap:.3f}")
        return changed

    def _move_plane(self, record: PhasePlane) -> None:
        p, edge = record.columns.numpy(), np.minimum(record.boundary.numpy(), 2 * TOP)
        self.basin.set_xy(np.concatenate([[[p[0], 0]], np.stack([p, edge], 1), [[p[-1], 0]]]))
        self.edge.set_data(p, edge)
        curve = np.linspace(LEFT, RIGHT, 61)
        self.parabola.set_data(curve, _inside(curve**2 / record.predictor_speed))
        fixed = [(x, x**2 / record.predictor_speed) for x in record.fixed]
        self.saddle.set_data(*np.array(fixed[:1]).reshape(-1, 2).T)
        self.goal.set_data(*np.array(fixed[1:]).reshape(-1, 2).T)
        _, _, u, v = record.arrows.numpy()
        length = np.maximum(np.hypot(u / (RIGHT - LEFT), v / TOP), 1e-9)
        self.arrows.set_UVC(0.22 * u / length / (RIGHT - LEFT), 0.22 * v / length / TOP)

    def describe(self) -> str:
        """Say whether the start survives, the threshold, and how far training is from the prediction."""
        r = self.record
        start = f"A start at p = {float(r.predicted.predictor[0, 0]):.2f}, w² = {float(r.predicted.size[0, 0]):.2f}"
        fate = "survives" if r.survives else "dies"
        where = (
            f"fixed points p- = {r.fixed[0]:.3f} and p+ = {r.fixed[1]:.3f}" if r.fixed else "no fixed point but zero"
        )
        gap = f"trained and predicted w² differ by at most {r.gap:.3f}"
        first, last = r.offset[[0, -1], 0].tolist()
        return (
            f"{start} {fate}. Weight decay η = {r.decay:.2f}, threshold {r.threshold:.3f}: {where} (α = "
            f"{r.predictor_speed:g}, σ² = {r.noise:g}, {_target(r)}). Training, {r.setting}: {gap}. "
            f"In training w² - p²/α goes from {first:.3f} to {last:.3f}."
        )


def _inside(heights: Any) -> Any:
    """Heights within the frame, NaN outside, where a line is broken."""
    return np.where((heights >= 0) & (heights <= TOP), heights, np.nan)


def _target(record: PhasePlane) -> str:
    return "target: a copy" if record.target_rate is None else f"target β = {record.target_rate:g}"


@drawing()
def figure_basins(
    columns: Tensor, boundaries: Mapping[str, Tensor], fixed: Mapping[str, Sequence[float]]
) -> Illustration:
    """What to look at: the line rises with the weight decay, and above the threshold there is none.

    Starts below a line die. Every marker is a p-, at w² = p-².
    """
    figure, (ax,) = panels(7.6, 3.8)
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
        words.append(f"{name}: p- = {low:.3f}, a start lives above w² = {left:.3f} at p = 0 and {right:.3f} at p = 0.8")
    highest = max(float(edge[edge.isfinite()].max()) for edge in boundaries.values() if bool(edge.isfinite().any()))
    tidy(ax, xlabel="p at the start", ylabel="w² at the start", title="below the line a mode dies")
    ax.set(xlim=(LEFT, RIGHT), ylim=(0, 1.2 * highest))
    legend(ax, "upper center")
    return illustration(figure, "Where collapse begins. " + "; ".join(words) + ".")


@drawing()
def figure_unaligned(runs: Mapping[str, tuple[Tensor, Tensor, Tensor]]) -> Illustration:
    """What to look at: left, the modes are off from the start; right, only with decay does W Wᵀ approach PᵀP/α.

    ``runs[name]`` holds times, the gap between trained and predicted w² (largest over modes), and the distance of
    W Wᵀ from PᵀP/α as a share of W Wᵀ.
    """
    figure, (gaps, offsets) = panels(9.0, 3.5, 2)
    words = []
    for k, (name, (times, gap, offset)) in enumerate(runs.items()):
        style: dict[str, Any] = {"color": SERIES[(6, 4, 2)[k]], "linestyle": LINES[k % 2], "linewidth": 2}
        style |= {"marker": MARKERS[k], "markevery": 0.1, "markersize": 5}
        gaps.plot(times, gap, label=name, **style)
        offsets.plot(times, offset, label=name, **style)
        words.append(
            f"{name}: w² is off by up to {float(gap.max()):.3f}; the distance of W Wᵀ from PᵀP/α goes from "
            f"{float(offset[0]):.2f} to {float(offset[-1]):.2f}"
        )
    tidy(gaps, xlabel="time", title="modes: largest error of w²")
    tidy(offsets, xlabel="time", title="distance of W Wᵀ from PᵀP/α")
    for ax in (gaps, offsets):
        ax.set_ylim(bottom=0)
    legend(gaps)
    return illustration(figure, "A start that is not aligned. " + "; ".join(words) + ".")
