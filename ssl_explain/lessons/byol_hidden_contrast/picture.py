"""BYOL direction by direction: the terms of each growth rate, the size of the output, and its share between points."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from ssl_explain.kit.charts import heading, illustration, legend, medians, new_curve, note, panels
from ssl_explain.kit.picture import Illustration, Picture
from ssl_explain.kit.style import (
    INK,
    MARKERS,
    MEASURED,
    NEGATIVE,
    POSITIVE,
    PREDICTED,
    QUIET,
    SERIES,
    drawing,
    tidy,
)
from ssl_explain.lessons.byol_hidden_contrast.record import TERMS, HiddenContrast

COLOURS = (NEGATIVE, POSITIVE, PREDICTED, QUIET)
HATCHES = ("", "", "...", "xxx")  # not on all: a hatched bar takes four times as long to draw
HEIGHTS = (1.8, 2.6, 5.2, 10.4)
LOW, HIGH = -4.0, 6.0
COLLAPSED, RUNAWAY = 0.01, 1e6


class ContrastPicture(Picture[HiddenContrast]):
    """What to look at: which diamonds lie above zero, and which directions those are.

    Left, the growth rate of each direction at the time looked at: one bar per term, the diamond is their sum. Middle,
    the second moment of the output up to then, in powers of ten; below 1 % of its start it counts as collapsed.
    Right, the share of E‖f̄(x)‖² that differs between points, and its predicted limit.
    """

    def __init__(self, record: HiddenContrast) -> None:
        self.figure, self.axes = panels(9.6, 4.35, 3, width_ratios=(1.25, 1, 1))
        self.figure.subplots_adjust(left=0.065, right=0.985, top=0.74, bottom=0.17, wspace=0.26)
        self.bars = _bars(self.axes[0], record)
        self.sums = new_curve(self.axes[0], "D", color=INK, markersize=7)
        moment, share = self.axes[1:]
        tidy(moment, xlabel="time", title="E‖f‖², relative to its start")
        moment.set(ylim=(LOW, HIGH), xlim=(0, float(record.times[-1])))
        moment.set_yticks(range(-4, 7, 2), [f"$10^{{{k}}}$" for k in range(-4, 7, 2)])
        moment.axhline(math.log10(COLLAPSED), color=QUIET, linestyle=":")
        across = moment.get_yaxis_transform()
        note(moment, 0.02, math.log10(COLLAPSED) - 0.15, "1 %: collapsed", va="top", transform=across)
        tidy(share, xlabel="time", title="between share of output")
        share.set(ylim=(-0.03, 1.06), xlim=(0, float(record.times[-1])))
        here = {"marker": "o", "markersize": 6, "markevery": [-1], "clip_on": False}
        self.moment, self.share = (new_curve(ax, color=MEASURED, linewidth=2, **here) for ax in (moment, share))
        self.limit = new_curve(share, "--", color=PREDICTED, linewidth=2)
        handles = [*(bars[0] for bars in self.bars), self.sums, self.limit]
        labels = [*TERMS, "growth rate (sum)", "predicted limit"]
        legend(self.figure, "upper left", handles=handles, labels=labels, bbox_to_anchor=(0.0, 0.9), ncols=6)
        self.heading = heading(moment, 0.012, 0.985, va="top")
        self.still = [self.axes[0].yaxis]
        curves = [self.sums, self.limit, self.moment, self.share]
        self.moving = [*(bar for bars in self.bars for bar in bars), *curves, self.heading]
        self.height = 0.0
        self.update(record)

    def update(self, record: HiddenContrast) -> bool:
        """Move everything; the axis of the bars takes one of a few heights."""
        self.record = record
        rates = record.rates[record.shown].numpy()
        up, down = _stack(self.bars, rates)
        wanted = max(up, down)
        height = next((h for h in HEIGHTS if h >= wanted * 1.02), HEIGHTS[-1])
        other, self.height = height != self.height, height
        if other:
            self.axes[0].set_ylim(-height, height)
        self.sums.set_data(range(rates.shape[1]), rates.sum(0).clip(-height, height))
        past = slice(record.shown + 1)
        times = record.times.numpy()
        growth = (record.second_moment[past] / record.second_moment[0]).clamp(1e-300).log10().numpy()
        self.moment.set_data(times[past], np.where((growth >= LOW) & (growth <= HIGH), growth, np.nan))
        self.share.set_data(times[past], record.share[past].numpy())
        self.limit.set_data(*([], []) if record.limit is None else ([0, times[-1]], [record.limit] * 2))
        self.heading.set_text(record.setting.replace("; offset", "\noffset"))
        return other

    def describe(self) -> str:
        """Say the growth rate of every direction, the second moment and the share, at the time shown."""
        r = self.record
        rates = ", ".join(f"{x:.3g}" for x in (r.rates[r.shown].sum(0) + 0.0).tolist())
        growth = float(r.second_moment[r.shown] / r.second_moment[0])
        state = "collapsed" if growth < COLLAPSED else "running away" if growth > RUNAWAY else "alive"
        limit = "" if r.limit is None else f", predicted limit {r.limit:.3f}"
        return (
            f"{r.setting}. Growth rates of directions 1 to {len(r.between)} at time {float(r.times[r.shown]):.3g}: "
            f"{rates}. Second moment of the output: {growth:.3g} times its start ({state}); between share "
            f"{float(r.share[r.shown]):.3f}{limit}."
        )


def _bars(ax: Axes, record: HiddenContrast) -> list[list[Rectangle]]:
    count = len(record.between)
    tidy(ax, xlabel="direction, and its signal fraction", title="growth rate of each direction")
    names = [f"{k}\n{b / (b + w):.2f}" for k, (b, w) in enumerate(zip(record.between, record.within, strict=True), 1)]
    names[-1] = names[-1].replace("\n", " (mean)\n")
    ax.set_xticks(range(count), names)
    ax.set_xlim(-0.6, count - 0.4)
    ax.axhline(0, color=INK, linewidth=1)
    style: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.5}
    return [
        list(ax.bar(range(count), [0.0] * count, width=0.56, color=colour, hatch=hatch, **style))
        for colour, hatch in zip(COLOURS, HATCHES, strict=True)
    ]


def _stack(bars: list[list[Rectangle]], rates: np.ndarray) -> tuple[float, float]:
    """Stack positive terms upwards from zero, negative ones downwards; return the height of each stack."""
    tops = [np.zeros(rates.shape[1]), np.zeros(rates.shape[1])]
    for group, values in zip(bars, rates, strict=True):
        for k, (bar, value) in enumerate(zip(group, values.tolist(), strict=True)):
            side = tops[value < 0]
            bar.set_y(side[k] if value >= 0 else -side[k] + value)
            bar.set_height(abs(value))
            bar.set_visible(value != 0)
            side[k] += abs(value)
    return float(tops[0].max()), float(tops[1].max())


@drawing()
def figure_threshold(
    p: Float[Tensor, " p"],
    predicted: Float[Tensor, "p direction"],
    measured: Float[Tensor, "p direction"],
    fractions: Sequence[float],
) -> Illustration:
    """What to look at: every curve crosses zero at its own p, its signal fraction, long before p = 1.

    Growth rate of each direction against p: lines predicted, markers measured on a run.
    """
    figure, (ax,) = panels(7.6, 3.8)
    tidy(ax, xlabel="predictor p", title="growth rate of each direction, centred")
    ax.axhline(0, color=INK, linewidth=1)
    for k, fraction in enumerate(fractions):
        style: dict[str, Any] = {"color": SERIES[(4, 2, 6, 5)[k % 4]]}
        ax.plot(p, predicted[:, k], linestyle=("-", "--", "-.", ":")[k % 4], linewidth=2, **style)
        label = f"direction {k + 1}, signal fraction {fraction:.2f}"
        ax.plot(p, measured[:, k], MARKERS[k], markevery=2, linestyle="none", label=label, **style)
        ax.plot([fraction], [0], "o", markersize=11, markerfacecolor="none", markeredgewidth=1.6, **style)
    legend(ax, "lower left")
    gap = float((predicted - measured).abs().max())
    signs = ", ".join(f"{k} up to p = {fraction:.2f}" for k, fraction in enumerate(fractions, 1))
    exact = "below 1e-10" if gap < 1e-10 else f"{gap:.2g}"
    return illustration(
        figure, f"Growth rates against p, lines predicted, markers measured (largest gap {exact}). Growing: {signs}."
    )


@drawing()
def figure_shares(runs: Mapping[str, Mapping[float, HiddenContrast]]) -> Illustration:
    """What to look at: left the curves of large offsets fall, right all of them rise.

    Between share of the output over time, mean over starts; one panel per centring, one curve per squared offset. The
    dashes at the ends are the predicted limits.
    """
    figure, axes = panels(9.6, 3.6, len(runs), sharey=True)
    words = []
    for ax, (name, offsets) in zip(axes, runs.items(), strict=True):
        tidy(ax, xlabel="time", title=name)
        said = []
        for k, (offset, run) in enumerate(offsets.items()):
            colour, share = SERIES[(0, 2, 3, 6)[k % 4]], run.share.mean(1)
            label = f"squared offset {offset:g}"
            ax.plot(run.times, share, color=colour, marker=MARKERS[k], markevery=0.12, linewidth=2, label=label)
            limit = float("nan") if run.limit is None else run.limit
            ax.plot([float(run.times[-1]) * 1.02], [limit], marker="_", color=colour, markersize=16, clip_on=False)
            said.append(f"{offset:g}: {share[0]:.2f} → {share[-1]:.2f} (limit {limit:.2f})")
        words.append(f"{name}, squared offset {'; '.join(said)}.")
        ax.set_ylim(-0.03, 1.06)
    axes[0].set_ylabel("between share of the output")
    legend(axes[0], "center right", frameon=True, framealpha=0.85, edgecolor="none")
    return illustration(figure, f"Between share, start → end, mean over starts. {' '.join(words)}")


@drawing()
def figure_resets(moments: Mapping[str, Mapping[int, Float[Tensor, " runs"]]]) -> Illustration:
    """What to look at: which curves fall below the collapse line as resets become frequent, and which rise.

    E‖f‖² at the end relative to its start, median over starts, bars from the 10th to the 90th percentile, against
    the steps between two resets. Names that end alike share a colour.
    """
    figure, (ax,) = panels(8.0, 4.0)
    tidy(ax, xlabel="steps between two resets", title="E‖f‖² at the end, relative to its start")
    sizes = list(dict.fromkeys(name.split(",")[-1] for name in moments))
    words, ticks = [], []
    for k, (name, cells) in enumerate(moments.items()):
        x = np.arange(len(cells)) + 0.06 * (k - (len(moments) - 1) / 2)
        starts = medians((values.clamp_min(1e-6) for values in cells.values()), 0.8)
        colour = (PREDICTED, MEASURED)[sizes.index(name.split(",")[-1]) % 2]
        style: dict[str, Any] = {"color": colour, "marker": MARKERS[k], "linestyle": ("--", "-")[k % 2]}
        starts.bars(ax, x, capsize=4, linewidth=1.8, label=name, **style)
        ticks = ["never" if every == 0 else str(every) for every in cells]
        parts = ", ".join(f"{t} {m:.2g}" for t, m in zip(ticks, starts.middle, strict=True))
        words.append(f"{name}: {parts}")
    ax.set(yscale="log", ylim=(5e-7, 30))
    ax.set_xticks(range(len(ticks)), ticks)
    ax.axhline(COLLAPSED, color=QUIET, linestyle=":", label="1 %: collapsed")
    legend(ax, "lower left")
    return illustration(figure, f"Median over starts, by the steps between two resets. {'; '.join(words)}.")
