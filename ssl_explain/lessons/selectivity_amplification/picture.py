"""Neurons on a ring: their weights, and their selectivity over time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist

from ssl_explain.kit.charts import heat_map, illustration, key, legend, new_strokes, note, panels
from ssl_explain.kit.picture import Illustration, Picture
from ssl_explain.kit.style import INK, MARKERS, MEASURED, PREDICTED, QUIET, SERIES, drawing, tidy
from ssl_explain.lessons.selectivity_amplification.experiment import identity_share, selectivity
from ssl_explain.lessons.selectivity_amplification.record import Selectivity
from ssl_explain.results import interval

NAMES = ("11", "101")
STYLES: dict[str, dict[str, Any]] = {
    "first": {"color": MEASURED, "linestyle": "-"},
    "second": {"color": PREDICTED, "linestyle": "--"},
    "dead": {"color": QUIET, "linestyle": ":"},
}
LABELS = {"first": "began > 0", "second": "began < 0", "dead": "dead"}
LIMIT = 0.23


class RingPicture(Picture[Selectivity]):
    """What to look at: does a curve ever cross zero, and does a grey one ever move?

    Left, the two objects on their ring. Middle, one row of weights per neuron, ordered by its first selectivity;
    the letter says what the neuron tells apart, place (p) or object (o), and nothing (·) if dead. Right, the
    selectivity of every neuron up to the time shown, coloured by its initial sign.
    """

    def __init__(self, record: Selectivity) -> None:
        self.figure, axes = panels(9.6, 4.4, 3, width_ratios=(0.62, 1, 1.6))
        self.figure.subplots_adjust(left=0.02, right=0.975, top=0.9, bottom=0.15, wspace=0.32)
        self.ring_axes, self.weight_axes, self.curve_axes = axes
        self.ring_axes.set_axis_off()
        self.ring_axes.set(xlim=(-1.3, 1.3), ylim=(-1.45, 4.5), aspect="equal")
        self.ring_axes.set_title("two objects", color=INK, loc="left")
        below = "cells; red > 0, blue < 0\no object, p place, · dead"
        tidy(self.weight_axes, title="weights of each neuron", xlabel=below)
        self.weight_axes.set(xticks=[], yticks=[], xlim=(0, 1.09), ylim=(1, 0))
        tidy(self.curve_axes, xlabel="steps of the flow", title="selectivity s of each neuron")
        self.curve_axes.set_ylabel("101 ←  fires more for  → 11", color=INK, labelpad=1)
        self._decorate(record.steps)
        self.still, self.moving = [], []
        self._fill(record)
        self._move(record)

    def _decorate(self, steps: int) -> None:
        """Draw what never changes on the right."""
        ax = self.curve_axes
        ax.set(xlim=(0, 1), ylim=(-LIMIT, LIMIT))
        ax.set_xticks(np.linspace(0, 1, 5), [f"{t:.0f}" for t in np.linspace(0, steps, 5)])
        ax.axhline(0, color=QUIET, linewidth=0.8)
        keys = [key(LABELS[kind], linewidth=1.6, **STYLES[kind]) for kind in STYLES]
        legend(ax, "lower left", handles=keys, ncols=3, borderaxespad=0.2)

    def _fill(self, record: Selectivity) -> None:
        """Make the artists that depend on the ring and on the number of neurons."""
        for artist in [*self.still, *self.moving]:
            artist.remove()
        m, ax = len(record.dead), self.weight_axes
        self.heat = heat_map(ax, "RdBu_r", vmin=-0.8, vmax=0.8, extent=(0, 1, 1, 0))
        ax.set(xlim=(0, 1.09), ylim=(1, 0))
        self.letters = [ax.text(1.045, (row + 0.5) / m, "", ha="center", va="center_baseline") for row in range(m)]
        self.later = self.curve_axes.axvspan(0, 1, color=INK, alpha=0.07, linewidth=0)  # what is still to come
        self.dots = self.curve_axes.scatter([0.0] * m, [0.0] * m, s=36, zorder=5, clip_on=False)
        self.still = [*self._rings(record), *self._curves()]
        self.moving = [self.heat, *self.letters, self.later, *self.curves.values(), self.dots]
        self._tune(record)

    def _rings(self, record: Selectivity) -> list[Artist]:
        ax, drawn = self.ring_axes, list[Artist]()
        d = record.objects.shape[1]
        angles = np.pi / 2 - 2 * np.pi * np.arange(d) / d
        for cells, name, height in zip(record.objects, NAMES, (3.2, 0.2), strict=False):
            colours = [INK if on else "#ffffff" for on in cells.tolist()]
            x, y = np.cos(angles), height + np.sin(angles)
            drawn.append(ax.scatter(x, y, s=min(150, 1100 / d), c=colours, edgecolors=QUIET))
            drawn.append(ax.text(0, height, name, color=INK, ha="center", va="center"))
        shift = "any shift" if record.shift is None else f"shift up to ±{record.shift} of {d}"
        drawn.append(ax.text(0, -1.42, shift if record.shift != 0 else "no shift", ha="center"))
        return drawn

    def _curves(self) -> list[Artist]:
        """Make a collection of curves for each kind of initial selectivity, and return the words above them."""
        ax = self.curve_axes
        self.curves = {kind: new_strokes(ax, linewidths=2, alpha=0.85, **style) for kind, style in STYLES.items()}
        self.words = note(ax, 0.01, 0.99, va="top")
        return [self.words]

    def _tune(self, record: Selectivity) -> None:
        """Fit words and colours to another run on the same ring, without new artists."""
        kinds = _kinds(record)
        self.dots.set_color([STYLES[kind]["color"] for kind in kinds])
        counts = f"{kinds.count('first')} began above 0, {kinds.count('second')} below; {kinds.count('dead')} dead"
        self.words.set_text(f"{record.setting}\n{counts}")

    def update(self, record: Selectivity) -> bool:
        """Move the artists; another run needs other still ones, and another ring needs new ones."""
        old = self.record
        same_ring = record.shift == old.shift and record.weights.shape == old.weights.shape
        if not same_ring:
            self._fill(record)
        elif record.weights is not old.weights:
            self._tune(record)
        self._move(record)
        return record.weights is not old.weights

    def _move(self, record: Selectivity) -> None:
        self.record = record
        s = selectivity(record.responses)
        order = s[0].argsort(descending=True).tolist()
        x, y = (record.times / record.times[-1])[: record.shown + 1].numpy(), s[: record.shown + 1].numpy()
        kinds = _kinds(record)
        self.later.set(x=x[-1], width=1 - x[-1])
        for kind, collection in self.curves.items():
            collection.set_segments([np.column_stack([x, y[:, j]]) for j, own in enumerate(kinds) if own == kind])
        self.heat.set_data(record.weights[record.shown][order].numpy())
        learned = winners(record)
        for text, j in zip(self.letters, order, strict=True):
            text.set_text(learned[j])
        self.dots.set_offsets(np.column_stack([np.full(s.shape[1], x[-1]), y[-1]]))

    def describe(self) -> str:
        """Say how many neurons kept their sign, how |s| changed, and what they tell apart."""
        record, kinds = self.record, _kinds(self.record)
        s, live = selectivity(record.responses), [k != "dead" for k in kinds]
        start, end, alive = s[0][live], s[record.shown][live], sum(live)
        step = record.steps * (record.shown % len(record.times)) // (len(record.times) - 1)
        time = f"After {step} steps, {record.setting}"
        if not alive:
            return f"{time}: all {len(live)} neurons have an operator of zero. None learns anything."
        kept, learned = int((start * end > 0).sum()), winners(record)
        moved = f"mean |s| of these went from {start.abs().mean():.3f} to {end.abs().mean():.3f}"
        told = f"{learned.count('o')} neurons tell objects apart, {learned.count('p')} places"
        return (
            f"{time}: {kept} of {alive} neurons that can learn have the sign they began with; {moved}; "
            f"{len(live) - alive} dead. {told}."
        )


def winners(record: Selectivity) -> list[str]:
    """The main source of variance between points for each neuron: object (o), place (p), or none (·)."""
    f = record.responses[record.shown]
    silent = record.dead | (f.flatten(0, 1).var(0, correction=0) < 1e-20)
    pairs = zip(silent.tolist(), (identity_share(f) > 0.5).tolist(), strict=True)
    return ["·" if none else "o" if objects else "p" for none, objects in pairs]


def _kinds(record: Selectivity) -> list[str]:
    s = selectivity(record.responses)[0].tolist()
    return ["dead" if none else "first" if a > 0 else "second" for none, a in zip(record.dead.tolist(), s, strict=True)]


@drawing()
def figure_signs_kept(shares: dict[str, dict[str, Sequence[float]]]) -> Illustration:
    """What to look at: how far below 1 the share of kept signs falls, and for whom.

    ``shares[setting][group]`` holds one share per run; dots are means over runs, bars 95 % intervals.
    """
    import seaborn  # it takes a second to import, and only this figure needs it

    figure, (ax,) = panels(9.0, 3.6)
    styles = {"luckier half": (MEASURED, "o"), "less lucky half": (PREDICTED, "s")}
    for dodge, (group, (colour, marker)) in zip((-0.08, 0.08), styles.items(), strict=True):
        values = [groups[group] for groups in shares.values()]
        where = np.repeat(np.arange(len(values)) + dodge, [len(runs) for runs in values])
        style = {"color": colour, "markers": marker, "linestyle": "none", "capsize": 0.05, "label": group}
        seaborn.pointplot(x=where, y=np.concatenate(values), native_scale=True, errorbar=interval, ax=ax, **style)
    ax.axhline(0.5, color=QUIET, linestyle=":")
    ax.text(len(shares) - 0.55, 0.51, "coin", color=QUIET, ha="right")
    tidy(ax, title="share of neurons that end with the sign they began with")
    ax.set(ylim=(0.35, 1.03), xlim=(-0.5, len(shares) - 0.5))
    ax.set_xticks(range(len(shares)), list(shares))
    legend(ax, "lower left", ncols=2)
    parts = [
        f"{setting}: " + ", ".join(f"{group} {100 * np.mean(v):.0f} %" for group, v in groups.items())
        for setting, groups in shares.items()
    ]
    return illustration(figure, "Signs kept, mean over runs. " + "; ".join(parts).replace("\n", " ") + ".")


@drawing()
def figure_winners(shares: dict[str, dict[float, float]]) -> Illustration:
    """What to look at: at which shift the winners change from place to object.

    ``shares[curve][q]`` is the share of neurons whose between-point variance is mostly due to the object.
    """
    figure, (ax,) = panels(8.0, 3.6)
    for k, (name, curve) in enumerate(shares.items()):
        style: dict[str, Any] = {"color": SERIES[6 - k], "marker": MARKERS[k], "linestyle": ("-", "--", "-.", ":")[k]}
        ax.plot(list(curve), list(curve.values()), label=name, linewidth=2, markersize=6, **style)
    ax.axvline(0.5, color=QUIET, linewidth=0.8)
    ax.text(0.505, 1, "a quarter of the ring", color=QUIET, rotation=90, va="top")
    below = "augmentation q: largest shift, as a share of half the ring"
    tidy(ax, xlabel=below, title="share of neurons that tell objects, not places")
    ax.set_ylim(-0.03, 1.03)
    legend(ax, "upper left")
    words = "; ".join(
        f"{name}: " + ", ".join(f"{100 * y:.0f} % at {x:.2f}" for x, y in curve.items())
        for name, curve in shares.items()
    )
    return illustration(figure, f"Neurons that tell objects rather than places apart, by the augmentation q. {words}.")
