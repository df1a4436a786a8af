"""Latents emerging in hidden neurons: the tree coloured by the correlations reached, beside their curves."""

from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axis import Axis

from ssl_explain.kit.charts import branches, key, legend, new_curve, new_strokes, panels, place
from ssl_explain.kit.picture import Picture
from ssl_explain.kit.style import BRANCH, FONT, INK, LOWEST, MARKERS, QUIET, SCALE, SERIES, on_scale, tidy
from ssl_explain.lessons.start_here.record import Emergence
from ssl_explain.lessons.start_here.stretches import Course, Marks, Spans, courses, ending, height_at

TOP = 1.08  # of the curves' axis: above 1 is room for the changed settings


class EmergencePicture(Picture[Emergence]):
    """What to look at: does the root light up, although no label ever named it?

    Left, every circle is a latent, with the best |correlation| of a neuron in its node as a percentage of the
    Bayes ceiling (colour and number); edge width is |ρ|, dashed edges flip. Right, the mean over each level
    against training steps, its ceiling as a dotted line; ``levels`` picks the curves (all of them if
    empty; 0 is the root, -1 the level below).
    The dashed grey curve is the root of the previous run. A thin line marks where settings changed during training.
    """

    title = "what the neurons know of each hidden cause"

    def __init__(self, record: Emergence, *, levels: tuple[int, ...] = ()) -> None:
        self.levels = levels
        self._make_axes()
        self.tree_axes.set_axis_off()
        self.tree_axes.set(xlim=(-0.015, 1.015), ylim=(-0.13, 1.09))
        self.tree_axes.set_title(self.title, color=INK, loc="left")
        tidy(self.curve_axes, xlabel="training steps", title="best |correlation| with the cause")
        self.curve_axes.set(ylim=(0, TOP))
        self.still, self.moving = [], []
        self._fill(record)
        self._move(record)

    def _make_axes(self) -> None:
        self.figure, (self.tree_axes, self.curve_axes) = panels(9.6, 4.2, 2, width_ratios=(2, 1))
        self.figure.subplots_adjust(left=0.012, right=0.968, top=0.9, bottom=0.135, wspace=0.16)

    def _fill(self, record: Emergence) -> None:
        """Make every artist that depends on the tree, the budget or the previous run."""
        for artist in [*self.still, *self.moving]:
            if not isinstance(artist, Axis):  # an axis belongs to its Axes
                artist.remove()
        self.moving = []
        self.still = [*self._edges(record), *self._frame_of_curves(record)]
        self._nodes(record)
        self._curves(record)
        self._tune(record)

    def _edges(self, record: Emergence) -> list[Artist]:
        """Draw the edges, |ρ| as width and its sign as line style, and the leaves."""
        tree, ax = record.topology, self.tree_axes
        self.edges = new_strokes(ax, branches(tree), colors=BRANCH, zorder=1)
        size = 900 / max(tree.n_leaves, 12)
        leaves = ax.scatter(tree.horizontal(0), [0] * tree.n_leaves, s=size, marker="s", c=INK, zorder=2)
        words = f"{tree.n_leaves} leaves: all that the network sees. Dashed edges flip."
        self.moving += [self.edges, leaves]
        return [ax.text(0.5, -0.11, words, color=INK, ha="center")]

    def _frame_of_curves(self, record: Emergence) -> list[Artist]:
        """Draw ceilings and legend, and return what stays still: the legend and the axis of the steps."""
        ax, depth, shown = self.curve_axes, record.topology.depth, self._levels(record)
        ax.set_xlim(0, record.budget)
        colours = [level_colour(level, depth) for level in shown]
        self.ceilings = [ax.axhline(0, color=colour, linestyle=":", linewidth=1.6) for colour in colours]
        keys = [key(level_name(level, depth), **_style(level, depth)) for level in shown]
        keys.append(key("ceiling (Bayes)", color=colours[0] if len(shown) == 1 else QUIET, linestyle=":"))
        if record.before is not None:
            keys.append(key(_label_before(record), color=QUIET, linestyle="--"))
        columns = {"ncols": 1 + (len(keys) > 4)}
        room = {"bbox_to_anchor": (0, 0, 1, 1 / TOP)}
        self.moving += self.ceilings
        return [ax.xaxis, legend(ax, _legend_place(record), handles=keys, **columns, **room)]

    def _tune(self, record: Emergence) -> None:
        """Fit edges and ceilings to a tree of the same shape, without redrawing axis and legend."""
        rho = torch.cat(record.polarity).tolist()
        self.edges.set_linewidth([0.4 + 2.2 * abs(r) for r in rho])
        self.edges.set_linestyle(["-" if r >= 0 else (0, (2, 1.5)) for r in rho])
        ceilings = record.by_level(record.ceilings).tolist()
        for line, level in zip(self.ceilings, self._levels(record), strict=True):
            line.set_ydata([ceilings[level - 1]] * 2)

    def _nodes(self, record: Emergence) -> None:
        tree, ax = record.topology, self.tree_axes
        points = [place(tree, *latent) for latent in tree.latents]
        widest = tree.widths[1]
        fonts = [FONT - (tree.widths[level] > 12) for level, _ in tree.latents]  # 100 has three digits
        columns, rows = zip(*points, strict=True)
        size = min(520.0, 420 * (16 / widest) ** 1.6)
        look: dict[str, Any] = {"cmap": SCALE, "vmin": LOWEST, "vmax": 1, "edgecolors": INK, "linewidths": 0.8}
        self.nodes = ax.scatter(columns, rows, s=size, c=[0.0] * len(points), zorder=3, **look)
        self.numbers = [
            ax.text(x, y, "", fontsize=font, ha="center", va="center_baseline", zorder=4)
            for (x, y), font in zip(points, fonts, strict=True)
            if widest <= 16
        ]
        self.caption = ax.text(0.0, 1.06, "", color=INK, va="top")
        self.moving += [self.nodes, *self.numbers, self.caption]

    def _curves(self, record: Emergence) -> None:
        ax, depth = self.curve_axes, record.topology.depth
        self.curves = [new_curve(ax, markevery=0.15, **_style(level, depth)) for level in self._levels(record)]
        self.ghost = new_curve(ax, color=QUIET, linestyle="--", linewidth=1.8)
        self.marks = Marks(ax, (1 + TOP) / 2)
        self.moving += [self.ghost, *self.marks.artists, *self.curves]

    def _levels(self, record: Emergence) -> tuple[int, ...]:
        depth = record.topology.depth
        wanted = tuple(level if level > 0 else depth + level for level in self.levels)
        return tuple(level for level in wanted if 1 <= level <= depth) or tuple(range(1, depth + 1))

    def update(self, record: Emergence) -> bool:
        """Move the artists; another tree, budget or previous run needs new still ones."""
        old = self.record
        refill = record.before is not old.before or record.topology != old.topology
        refill |= _label_before(record) != _label_before(old)
        if record.ceilings is not old.ceilings:
            refill |= _legend_place(record) != _legend_place(old)
        longer = record.budget != old.budget
        if refill:
            self._fill(record)
        elif longer:
            self.curve_axes.set_xlim(0, record.budget)
        if not refill and record.polarity is not old.polarity:
            self._tune(record)
        self._move(record)
        return refill or longer

    def _move(self, record: Emergence) -> None:
        self.record = record
        share = (record.trace.values[-1] / record.ceilings.clamp_min(1e-9)).clamp(0, 1).tolist()
        self.nodes.set_array(share)
        for number, part in zip(self.numbers, share, strict=False):
            number.set_text(f"{100 * part:.0f}")
            number.set_color(on_scale(part))
        means, steps = record.by_level(record.trace.values), record.trace.steps.tolist()
        for curve, level in zip(self.curves, self._levels(record), strict=True):
            curve.set_data(steps, means[:, level - 1].tolist())
        if record.before is not None:
            self.ghost.set_data(record.before.steps.tolist(), record.by_level(record.before.values)[:, -1].tolist())
        now, before = _courses(record)
        self.marks.move(now, self._spans, before, self.ghost)
        when = f",{now.since()}:" if now.since() else ""
        halt = when if record.trace.stopped is None else ", stopped: not finite"
        self.caption.set_text(f"step {steps[-1]}{halt}\n{now.now()}")

    def _spans(self, step: int) -> Spans:
        """From the top through all curves, or from the bottom where the legend is above the curves."""
        heights = [height_at(step, curve) for curve in self.curves]
        return [(min(heights), TOP)] if _legend_place(self.record) == "lower left" else [(0, max(heights)), (1, TOP)]

    def describe(self) -> str:
        """Say the root against its ceiling, then every level in per cent of its ceiling."""
        record, (now, before) = self.record, _courses(self.record)
        ceilings, means = record.by_level(record.ceilings), record.by_level(record.trace.values)
        parts = (100 * means[-1] / ceilings).round().int().tolist()
        start, end = float(means[0, -1]), float(means[-1, -1])
        depth = record.topology.depth
        levels = ", ".join(f"{level_name(level, depth)} {part} %" for level, part in enumerate(parts, 1))
        steps = int(record.trace.steps[-1])
        moved = f"went from {start:.2f} to {end:.2f}" if steps else f"is {start:.2f}"
        when = f"After {steps} step{'s' * (steps > 1)}" if steps else "Before training"
        text = (
            f"{when} with augmentation strength "
            f"{now.words()}: the best neuron's |correlation| with the root {moved} (ceiling "
            f"{float(ceilings[-1]):.2f}). Share of the ceiling: {levels}."
        )
        if record.before is not None:
            last = float(record.before.values[-1, -1])
            text += ending(before, f"{last:.2f}")
        return text if record.trace.stopped is None else f"{text} Training {record.trace.stopped}."


def _courses(record: Emergence) -> tuple[Course, Course | None]:
    return courses("q", record.strength, record.trace, record.before)


def _label_before(record: Emergence) -> str:
    """The label of the previous run."""
    _, before = _courses(record)
    if before is None:
        return "root, run before"
    how = before.brief(22)
    return f"root, run before{' ' if len(how) < 12 else chr(10)}({how})"


def _legend_place(record: Emergence) -> str:
    """Below the curves, or above them where the ceiling of the root is so low that its curve stays low."""
    return "lower left" if float(record.ceilings[-1]) > 0.6 else "upper left"


def level_name(level: int, depth: int) -> str:
    """The name of a level."""
    return "root" if level == depth else f"level {level}"


def level_colour(level: int, depth: int) -> str:
    """The colour of a level; that of the root is the same at every depth."""
    return SERIES[6] if level == depth else SERIES[level]


def _style(level: int, depth: int) -> dict[str, Any]:
    marker = MARKERS[level % len(MARKERS)]
    return {"color": level_colour(level, depth), "marker": marker, "markersize": 5, "linewidth": 2.2}
