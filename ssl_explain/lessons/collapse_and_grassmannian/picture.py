"""Columns of features: they merge, shrink to zero, or span the top eigenvectors."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from ssl_explain.kit.charts import heading, illustration, key, legend, new_curve, panels, plain_ticks
from ssl_explain.kit.picture import Illustration, Picture
from ssl_explain.kit.style import MARKERS, MEASURED, NEGATIVE, POSITIVE, PREDICTED, QUIET, SERIES, drawing, tidy
from ssl_explain.lessons.collapse_and_grassmannian.record import SpanFlow
from ssl_explain.subspaces import participation_ratio

MOST = 4  # columns at most
DECADES = 11.0
COLOURS = (MEASURED, PREDICTED, POSITIVE, NEGATIVE)


class SpanPicture(Picture[SpanFlow]):
    """What to look at: do the arrows on the left fall together, and do the angles on the right reach zero?

    Left, the columns in the plane of the two top eigenvectors of C, divided by the longest if it is longer than 1;
    open marks are the start. Middle, the singular values of Θ. Right, the principal angles between the span of Θ and
    the k top eigenvectors. Marks are small steps, dashed curves the closed form, both up to the time shown.
    """

    def __init__(self, record: SpanFlow) -> None:
        self.figure, axes = panels(9.6, 3.9, 3, width_ratios=(0.9, 1, 1))
        self.plane_axes, self.size_axes, self.angle_axes = axes
        self.figure.subplots_adjust(left=0.072, right=0.985, top=0.8, bottom=0.14, wspace=0.28)
        self._plane()
        tidy(self.size_axes, xlabel="time", title="singular values of Θ")
        self.size_axes.set(xlim=(0, 24.4), ylim=(-DECADES, DECADES))
        ticks = (-10, -5, 0, 5, 10)
        self.size_axes.set_yticks(ticks, ["1" if t == 0 else f"$10^{{{t}}}$" for t in ticks])
        tidy(self.angle_axes, xlabel="time", title="angles to the top k, in °")
        self.angle_axes.set(xlim=(0, 24.4), ylim=(-3, 93), yticks=(0, 30, 60, 90))
        self.sizes, self.predicted_sizes = self._curves(self.size_axes)
        self.angles, self.predicted_angles = self._curves(self.angle_axes)
        steps = key("steps", color=MEASURED, marker="o", linestyle="none", markersize=4)
        closed = key("closed form", color=PREDICTED, linestyle="--", linewidth=1.8)
        legend(self.size_axes, "upper left", handles=[steps, closed])
        self.caption = heading(self.plane_axes, 0.012, 0.985, va="top")
        self.still = []
        curves = [*self.predicted_sizes, *self.sizes, *self.predicted_angles, *self.angles]
        self.moving = [*curves, *self.starts, *self.arrows, self.caption]
        self.update(record)

    def _plane(self) -> None:
        ax = self.plane_axes
        tidy(ax, xlabel="along eigenvector 1", ylabel="along eigenvector 2", title="columns of Θ")
        ax.set(xlim=(-1.12, 1.12), ylim=(-1.12, 1.12), xticks=(-1, 0, 1), yticks=(-1, 0, 1), aspect="equal")
        turn = np.linspace(0, 2 * np.pi, 90)
        ax.plot(np.cos(turn), np.sin(turn), color=QUIET, linewidth=0.8, linestyle=":")
        ax.plot(0, 0, "+", color=QUIET)
        kinds = list(zip(COLOURS, MARKERS, strict=False))
        self.starts = [new_curve(ax, m, color=c, markersize=6, markerfacecolor="white") for c, m in kinds]
        self.arrows = [new_curve(ax, color=c, linewidth=2, marker=m, markersize=7, markevery=[1]) for c, m in kinds]

    def _curves(self, ax: Axes) -> tuple[list[Line2D], list[Line2D]]:
        """Marks of the steps and dashed curves of the closed form, one each per column."""
        steps = [new_curve(ax, "o", color=MEASURED, markersize=3, clip_on=False) for _ in range(MOST)]
        return steps, [new_curve(ax, "--", color=PREDICTED, linewidth=1.8) for _ in range(MOST)]

    def update(self, record: SpanFlow) -> bool:
        """Move the artists; nothing else changes."""
        self.record = record
        times, t = record.times.numpy(), record.shown
        past = slice(t + 1)
        _draw(self.sizes, times[past], decades(record.columns[past]))
        _draw(self.predicted_sizes, times[past], decades(record.predicted[past]))
        _draw(self.angles, times[past], record.angles[past].rad2deg())
        _draw(self.predicted_angles, times[past], record.predicted_angles[past].rad2deg())
        now, first = scaled(record.columns[t]), scaled(record.columns[0])
        for j, (arrow, start) in enumerate(zip(self.arrows, self.starts, strict=True)):
            there = j < now.shape[1]
            x, y = now[:2, j].tolist() if there else (0.0, 0.0)
            arrow.set_data([0, x] if there else [], [0, y] if there else [])
            start.set_data(*([[v] for v in first[:2, j].tolist()] if there else ([], [])))
        self.caption.set_text(f"{record.setting}; dt = {record.step_size:g}, time {times[t]:.3g}\n{_found(record)}")
        return False

    def describe(self) -> str:
        """Say setting, participation ratio, singular values and angles, those of the steps beside the closed form."""
        record, t = self.record, self.record.shown
        sizes = ", ".join(f"{x:.2g}" for x in _sizes(record.columns[t]).tolist())
        steps, closed = (
            ", ".join(f"{x:.1f}" for x in a[t].rad2deg().tolist()) for a in (record.angles, record.predicted_angles)
        )
        return (
            f"Time {record.times[t]:.3g}, {record.setting}, dt = {record.step_size:g}. {_found(record)}. "
            f"Singular values: {sizes}. Angles to the top {record.columns.shape[-1]} of the eigenvectors, in degrees: "
            f"{steps}; closed form: {closed}."
        )


def decades(columns: Tensor) -> Tensor:
    """log10 of the singular values, (t, k), inside the frame."""
    return _sizes(columns).clamp(1e-30, 1e30).log10().clamp(-DECADES, DECADES)


def _sizes(columns: Tensor) -> Tensor:
    return torch.linalg.svdvals(columns.double())


def scaled(columns: Tensor) -> Tensor:
    """Columns divided by the longest, if that is longer than 1."""
    return columns / columns.norm(dim=0).max().clamp_min(1.0)


def directions(columns: Tensor) -> float:
    """The participation ratio (Σλ)² / Σλ² of their squared singular values λ, 1 once all columns have merged."""
    s = _sizes(columns)
    return float(participation_ratio((s / s[0].clamp_min(1e-300)).square()))


def _found(record: SpanFlow) -> str:
    """Say participation ratio, size, and distance to the closed form."""
    columns = record.columns[record.shown]
    error = float(record.error[record.shown].rad2deg())
    k = columns.shape[1]
    many = f"{k} column{'s' * (k > 1)}"
    size = "" if record.orthonormal else f", largest singular value {float(_sizes(columns)[0]):.2g}"
    return f"Participation ratio {directions(columns):.2f} of {many}{size}; span off the closed form by {error:.2g}°"


def _draw(lines: Sequence[Line2D], times: np.ndarray, curves: Tensor) -> None:
    for j, line in enumerate(lines):
        there = j < curves.shape[1]
        line.set_data(times if there else [], curves[:, j].numpy() if there else [])


@drawing()
def figure_order(step_sizes: Sequence[float], errors: Mapping[str, Sequence[float]]) -> Illustration:
    """What to look at: the slope. Half the step, half the error.

    Largest principal angle between steps and closed form at one time, against the size of the step.
    """
    figure, (ax,) = panels(7.6, 3.4)
    tidy(ax, xlabel="step size dt", title="angle between steps and closed form, radians")
    for number, (name, error) in enumerate(errors.items()):
        ax.plot(step_sizes, error, color=SERIES[number + 4], marker=MARKERS[number], linewidth=2, label=name)
    first = next(iter(errors.values()))
    ax.plot(step_sizes, [first[0] * s / step_sizes[0] for s in step_sizes], color=QUIET, linestyle=":", label="slope 1")
    ax.set(xscale="log", yscale="log")
    plain_ticks(ax, step_sizes)
    legend(ax, "beside")
    words = "; ".join(
        f"{name}: " + ", ".join(f"{s:g} → {e:.2g}" for s, e in zip(step_sizes, error, strict=True))
        for name, error in errors.items()
    )
    return illustration(figure, f"Largest angle to the closed form, in radians, against the step. {words}.")


@drawing()
def figure_features(x: Tensor, features: Mapping[str, Tensor]) -> Illustration:
    """What to look at: k curves on one side, one curve drawn k times on the other.

    ``features[name]`` holds the features (n, k) at the inputs x (n,), each scaled to a largest value of 1.
    """
    figure, axes = panels(9.0, 3.4, len(features), sharey=True)
    order, words = x.argsort(), []
    for ax, (name, f) in zip(axes, features.items(), strict=True):
        f = f / f.abs().amax(0)
        f = f * f.gather(0, f.abs().argmax(0, keepdim=True)).sign()
        for j in range(f.shape[1]):
            kind = MARKERS[j] + ("-", "--", ":", "-.")[j]
            ax.plot(x[order], f[order, j], kind, color=COLOURS[j], markersize=4, linewidth=2)
        tidy(ax, xlabel="input x", title=name)
        pairs = torch.corrcoef(f.mT).abs()
        off = float((pairs.sum() - pairs.trace()) / (len(pairs) * (len(pairs) - 1)))
        words.append(f"{name}: mean |correlation| between two features {off:.2f}")
    axes[0].set_ylabel("feature, largest = 1")
    return illustration(figure, f"{f.shape[1]} kernel features over the input. {'; '.join(words)}.")
