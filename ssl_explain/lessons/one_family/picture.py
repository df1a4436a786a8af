"""A loss on the plane of the two variances: which directions it learns, and the border of growth."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from ssl_explain.kit.charts import heading, heat_map, key, legend, new_curve, note
from ssl_explain.kit.picture import Picture
from ssl_explain.kit.style import INK, MEASURED, NEGATIVE, POSITIVE, PREDICTED, QUIET, new_figure, tidy
from ssl_explain.lessons.one_family.record import FamilyView

PLANE = ((0.06, 9.0), (0.004, 15.0))
Limits = tuple[tuple[float, float], tuple[float, float]]
GROWS, SHRINKS = POSITIVE, NEGATIVE
STILL = 0.01  # of the largest rate
ROUNDING = 1e-9


def letters(count: int) -> str:
    """The names of the directions."""
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:count]


def plane(ax: Axes, title: str, limits: Limits) -> None:
    """The plane of the two variances, logarithmic on both axes."""
    tidy(ax, xlabel="variance between points", ylabel="variance within points", title=title)
    ax.set(xscale="log", yscale="log", xlim=limits[0], ylim=limits[1])
    ax.set_xticks([0.1, 1], ["0.1", "1"])
    marks = [y for y in (0.01, 0.1, 1, 10) if y > limits[1][0]]
    ax.set_yticks(marks, [f"{y:g}" for y in marks])


class FamilyPicture(Picture[FamilyView]):
    """What to look at: which triangles point up below the border, and whether the bars end at diamonds or at squares.

    Left, every direction of the world by its two variances; a triangle points up if its column of W grows, its size is
    the rate. Below the border an empty direction would grow. Middle, the two small matrices of the loss. Right,
    how much of each direction lies in the row space of W.
    """

    def __init__(self, record: FamilyView) -> None:
        self.figure = new_figure(9.6, 4.5)
        grid = self.figure.add_gridspec(
            2, 3, width_ratios=(1.35, 0.42, 1), left=0.088, right=0.985, top=0.82, bottom=0.2, wspace=0.24, hspace=0.55
        )
        left, right = self.figure.add_subplot(grid[:, 0]), self.figure.add_subplot(grid[:, 2])
        plane(left, "directions of the world", PLANE)
        self.ground = Polygon([[1, 1]], color=POSITIVE, alpha=0.13, linewidth=0)
        left.add_patch(self.ground)
        self.border = new_curve(left, color=PREDICTED, linewidth=2)
        kinds = (("^", GROWS), ("o", QUIET), ("v", SHRINKS))
        self.up, self.calm, self.down = (
            left.scatter([], [], marker=mark, color=colour, edgecolors=INK, linewidths=0.6) for mark, colour in kinds
        )
        keys = [
            key("grows", marker="^", color=GROWS, linestyle="", markersize=8),
            key("shrinks", marker="v", color=SHRINKS, linestyle="", markersize=8),
            key("hardly moves", marker="o", color=QUIET, linestyle="", markersize=7),
            key("below it a new one would grow", color=PREDICTED, linewidth=2),
        ]
        place = {"bbox_to_anchor": (0.06, -0.005), "ncols": 4}
        legend(self.figure, "lower left", handles=keys, **place)
        d = len(record.between)
        self.names = [
            left.text(1, 1, name, fontweight="bold", color=INK, ha="left", va="center") for name in letters(d)
        ]
        middle = [self.figure.add_subplot(grid[row, 1]) for row in range(2)]
        for ax, name in zip(middle, ("$A_b$: between", "$A_w$: within"), strict=True):
            ax.set(xticks=[], yticks=[])
            ax.set_title(name, color=INK, loc="left")
        self.maps = [heat_map(ax, "RdBu_r", aspect="equal") for ax in middle]
        self.units = [note(ax, 0, -0.05, va="top") for ax in middle]
        self._bars(right, d)
        self.heading = heading(left, 0.015, 0.99, va="top")
        self.still = []
        marks = [self.ground, self.border, self.up, self.down, self.calm, *self.names]
        self.moving = [*marks, *self.maps, *self.units, *self.bars, self.loud, self.steady, self.heading]
        self.update(record)

    def _bars(self, ax: Axes, d: int) -> None:
        tidy(ax, title="what W has learned", xlabel="share in the row space of W")
        ax.set(xlim=(0, 1.3), ylim=(d - 0.4, -1.6))
        ax.set_xticks([0, 0.5, 1])
        ax.set_yticks(range(d), list(letters(d)))
        self.bars = list(ax.barh(range(d), [0.0] * d, height=0.6, color=MEASURED))
        self.loud = new_curve(ax, "s", color=INK, fillstyle="none", markersize=8, label="loudest k")
        self.steady = new_curve(ax, "D", color=PREDICTED, markersize=6, label="steadiest k")
        legend(ax, "upper right", ncols=2, borderaxespad=0)

    def update(self, record: FamilyView) -> bool:
        """Move everything; only the axes are still."""
        self.record = record
        x, rates = record.between.numpy(), record.rates.numpy()
        y = record.within.clamp_min(PLANE[1][0] * 1.3).numpy()  # no variance is drawn at the lower edge
        sizes = 30 + 130 * np.abs(rates) / max(np.abs(rates).max(), 1e-12)
        moves = moving(record)
        for marks, chosen in ((self.up, moves > 0), (self.down, moves < 0), (self.calm, moves == 0)):
            marks.set_offsets(np.column_stack([x, y])[chosen])
            marks.set_sizes(sizes[chosen])
        edge = record.border.clamp(PLANE[1][0] / 10, PLANE[1][1] * 10).numpy()
        above = y > 1.05 * np.interp(x, record.grid.numpy(), edge)
        for text, a, b, over in zip(self.names, x, y, above, strict=True):
            below = max(b * 0.8, PLANE[1][0] * 1.4)  # above the axis
            text.set_position((a * 1.02, b * 1.65) if over else (a * 1.15, below))  # away from the border
        self.border.set_data(record.grid.numpy(), edge)
        corners = [(PLANE[0][1], PLANE[1][0] / 10), (PLANE[0][0], PLANE[1][0] / 10)]
        self.ground.set_xy([*zip(record.grid.tolist(), edge.tolist(), strict=True), *corners])
        for image, unit, matrix in zip(self.maps, self.units, (record.on_between, record.on_within), strict=True):
            largest = float(matrix.abs().max())
            image.set_data((matrix / max(largest, 1e-12)).numpy())
            unit.set_text(f"largest {largest if largest > ROUNDING else 0:.2g}")
        for bar, share in zip(self.bars, record.overlap.tolist(), strict=True):
            bar.set_width(share)
        self.loud.set_data([1.08] * len(record.loudest), record.loudest)
        self.steady.set_data([1.2] * len(record.steadiest), record.steadiest)
        self.heading.set_text(
            f"{record.loss}, augmentation q = {record.strength:g}, step {record.step}\n{terms(record)}"
        )
        return False

    def describe(self) -> str:
        """Say what was learned, the loudest and the steadiest directions, and what still grows."""
        r = self.record
        names = letters(len(r.between))
        share = ", ".join(f"{name} {value:.2f}" for name, value in zip(names, r.overlap.tolist(), strict=True))
        growing = "".join(name for name, move in zip(names, moving(r), strict=True) if move > 0)
        return (
            f"{r.loss}, augmentation strength q = {r.strength:g}, step {r.step}. Learned: {share}; W fills {r.rank} of "
            f"{len(r.on_between)} possible directions. Loudest: {pick(names, r.loudest)}; steadiest: "
            f"{pick(names, r.steadiest)}. Growing now: {growing or 'none'}. {border_words(r)} Terms: {terms(r)}."
        )


def moving(record: FamilyView) -> np.ndarray:
    """1 for a direction that grows, -1 for one that shrinks, 0 for one far slower than the fastest."""
    rates = record.rates.numpy()
    return np.sign(rates) * (np.abs(rates) > max(STILL * np.abs(rates).max(), ROUNDING))


def pick(names: str, chosen: tuple[int, ...]) -> str:
    """The letters of chosen directions."""
    return "".join(names[i] for i in chosen) or "all alike"


def terms(record: FamilyView) -> str:
    """The loss, term by term."""
    parts = ", ".join(f"{name} {value:.3g}" for name, value in record.terms.items())
    return f"{parts}; sum {sum(record.terms.values()):.3g}"


def border_words(record: FamilyView) -> str:
    """Say the border at a between variance of about one."""
    at = int((record.grid.log()).abs().argmin())
    b, w = float(record.grid[at]), float(record.border[at])
    if math.isinf(w):
        return "A new direction grows, whatever its within variance."
    if w == 0:
        return f"At between variance {b:.2g} no new direction grows."
    return f"At between variance {b:.2g} a new direction grows if its within variance is below {w:.2g}."
