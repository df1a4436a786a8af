"""The growth of two layers: how the top speeds up the bottom, in one run and over many."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.lines import Line2D
from torch import Tensor

from ssl_explain.kit.charts import Interval, heading, illustration, key, legend, new_curve, panels, plain_ticks
from ssl_explain.kit.picture import Illustration, Picture
from ssl_explain.kit.style import INK, MARKERS, MEASURED, NEGATIVE, PREDICTED, QUIET, drawing, tidy
from ssl_explain.lessons.layers_help_each_other.experiment import crossing
from ssl_explain.lessons.layers_help_each_other.record import Growth

MODES = ("both layers", "bottom only", "top only")
STYLES: tuple[dict[str, Any], ...] = (
    {"color": MEASURED, "linestyle": "-"},
    {"color": PREDICTED, "linestyle": "--"},
    {"color": NEGATIVE, "linestyle": "-."},
)
LIMITS = ((0.85, 40.0), (0.7, 2e3), (0.9, 15.0))


class GrowthPicture(Picture[Growth]):
    """What to look at: at the vertical line, how far does the solid curve lie above the dashed one?

    Growth against time, from one start: the variance between points at the bottom and at the output, and ‖W₂‖, each
    relative to its start, up to now. The line stands where the bottom, trained alone, has grown by the factor 1.35; a
    cross ends a curve that has exceeded the limit. The chosen mode is drawn bold.
    """

    def __init__(self, record: Growth) -> None:
        self.figure, self.axes = panels(9.6, 4.0, 3)
        self.figure.subplots_adjust(left=0.06, right=0.98, top=0.81, bottom=0.14, wspace=0.27)
        titles = ("bottom: variance between points", "output: variance between points", "norm of the top, ‖W₂‖")
        self.curves: list[list[Line2D]] = []
        self.ends: list[list[Line2D]] = []
        for ax, title, limits in zip(self.axes, titles, LIMITS, strict=True):
            tidy(ax, xlabel="share of the time shown")
            ax.set_title(title, color=INK, loc="left")
            ax.set(ylim=np.log10(limits), xlim=(0, 1.02))  # drawn as log10: twice as fast as a logarithmic axis
            ticks = [t for t in (1, 2, 5, 10, 30, 100, 1000) if limits[0] < t < limits[1]]
            ticks = ticks if limits[1] < 100 else [t for t in ticks if t not in (2, 5, 30)]
            ax.set_yticks(np.log10(ticks), [f"{t}×" for t in ticks])
            self.curves.append([new_curve(ax, marker="o", markersize=5, markevery=[-1], **style) for style in STYLES])
            colours = [style["color"] for style in STYLES]
            self.ends.append([new_curve(ax, "X", color=colour, markersize=8, clip_on=False) for colour in colours])
        keys = [key(mode, linewidth=2, **style) for mode, style in zip(MODES, STYLES, strict=True)]
        legend(self.axes[2], "upper left", handles=keys)
        self.line = self.axes[0].axvline(0, color=INK, linewidth=1)
        self.dots = new_curve(self.axes[0], "o", color=INK, markersize=6, markerfacecolor="white")
        self.caption = heading(self.axes[0], 0.06, 0.985, va="top")
        self.still = []
        flat = [artist for group in [*self.curves, *self.ends] for artist in group]
        self.moving = [self.line, *flat, self.dots, self.caption]
        self.update(record)

    def update(self, record: Growth) -> bool:
        """Move the artists; nothing else changes."""
        self.record = record
        times = (record.times / record.times[-1]).numpy()
        for panel, series in enumerate((record.bottom, record.output, record.top_norm)):
            for mode in range(3):
                self._draw(panel, mode, times, (series / series[0])[:, mode])
        index, ratio = moment(record)
        self.line.set_visible(index is not None)
        self.dots.set_visible(index is not None)
        words = "so far" if record.shown % len(times) < len(times) - 1 else "at all"
        words = f"the bottom alone has not grown 1.35× {words}"
        if index is not None:
            relative = _shown((record.bottom[index] / record.bottom[0])[:2], 0)
            self.line.set_xdata([times[index]] * 2)
            self.dots.set_data([times[index]] * 2, relative)
            words = f"at the line the bottom has {ratio:.2f}× the variance if the top learns too"
        self.caption.set_text(f"{record.setting}\n{words}")
        return False

    def _draw(self, panel: int, mode: int, times: np.ndarray, growth: Tensor) -> None:
        now = self.record.shown % len(times)
        stopped = self.record.stopped[: now + 1, mode]
        end = int(stopped.to(torch.uint8).argmax()) if bool(stopped.any()) else now
        curve, cross = self.curves[panel][mode], self.ends[panel][mode]
        curve.set_data(times[: end + 1], _shown(growth[: end + 1], panel))
        bold = mode == self.record.mode
        curve.set(linewidth=3.2 if bold else 1.6)
        shown = [times[end]] if bool(stopped.any()) else []
        cross.set_data(shown, _shown(growth[end : end + len(shown)], panel))

    def describe(self) -> str:
        """Say the ratio at the line, then the growth of each mode."""
        record = self.record
        now, (index, ratio) = record.shown, moment(record)
        if index is None:
            text = "Trained alone, the bottom has not grown by the factor 1.35."
        else:
            text = (
                "When the bottom trained alone had grown by the factor 1.35, the bottom trained together with the top "
                f"had {ratio:.2f} times its variance between points."
            )
        ends = ", ".join(
            f"{mode} {float(record.bottom[now, k] / record.bottom[0, k]):.2f} and "
            f"{float(record.output[now, k] / record.output[0, k]):.3g}"
            + (" (stopped by growth)" if bool(record.stopped[now, k]) else "")
            for k, mode in enumerate(MODES)
        )
        time = f"at time {float(record.times[now]):.3g}"
        return f"{record.setting}. {text} Growth of bottom and output {time}: {ends}."


def _shown(growth: Tensor, panel: int) -> np.ndarray:
    """The height of a growth on the axis of a panel."""
    return growth.clamp(*LIMITS[panel]).log10().numpy()


def moment(record: Growth) -> tuple[int | None, float]:
    """When the bottom alone has grown 1.35×, if it has by now, and how much larger it is then with both layers free."""
    index = int(crossing(record))
    return (
        (None, float("nan"))
        if index < 0 or index > record.shown % len(record.times)
        else (index, float(record.bottom[index, 0] / record.bottom[index, 1]))
    )


@drawing()
def figure_ratios(ratios: Mapping[str, Tensor], intervals: Mapping[str, tuple[float, float, float]]) -> Illustration:
    """What to look at: is any dot below 1?

    One dot per seed: bottom variance with both layers free over bottom alone. Bars: median and its 95 % interval.
    """
    import seaborn  # it takes a second to import, and few figures need it

    figure, (ax,) = panels(7.6, 3.4)
    ax.set_xscale("log")
    cases = np.repeat(list(ratios), [len(values) for values in ratios.values()])
    every = torch.cat(list(ratios.values()))
    seaborn.stripplot(x=every, y=cases, ax=ax, color=MEASURED, alpha=0.7, size=6, jitter=False)
    for dots in ax.collections:  # spread by the golden ratio: seaborn's jitter would use a global generator
        places = np.array(dots.get_offsets())
        places[:, 1] += 0.24 * ((0.618 * np.arange(len(places))) % 1 - 0.5)
        dots.set_offsets(places)
    middle, low, high = np.array(list(intervals.values())).T
    found, rows, style = Interval(low, middle, high), np.arange(len(low)), {"color": PREDICTED, "marker": MARKERS[3]}
    found.bars_across(ax, rows + 0.3, capsize=5, linewidth=2, linestyle="none", **style)
    for row, end, median in zip(rows, high, found.words(".2f"), strict=True):
        ax.text(end * 1.06, row + 0.32, f"median {median}", va="center")
    ax.axvline(1, color=QUIET, linestyle=":")
    least, largest = min(0.8, float(every.min())), 1.5 * float(every.max())
    plain_ticks(ax, [t for t in (0.5, 1, 1.5, 2, 3, 5, 10, 20, 50) if least <= t <= largest])
    tidy(ax, xlabel="bottom variance: both layers free / bottom alone", title="paired over seeds")
    ax.set_ylim(len(ratios) - 0.45, -0.45)
    words = "; ".join(
        f"{name}: median {intervals[name][0]:.2f}, 95 % interval {intervals[name][1]:.2f} to {intervals[name][2]:.2f}, "
        f"smallest {float(values.min()):.2f}, {len(values)} seeds"
        for name, values in ratios.items()
    )
    return illustration(
        figure, f"Bottom variance with both layers free over bottom alone, when the latter has grown 1.35×. {words}."
    )
