"""The surface of a loss over the plane of energies, and its slopes at one point."""

from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.patches import FancyArrowPatch, Rectangle
from torch import Tensor

from ssl_explain.kit.charts import heat_map, legend, new_curve, panels
from ssl_explain.kit.picture import Picture
from ssl_explain.kit.style import INK, NEGATIVE, PAPER, POSITIVE, QUIET, SCALE, tidy
from ssl_explain.records import record

LARGEST = 8  # negatives that fit into the right panel


@record
class Landscape:
    """A loss over the plane of energies, and its partial derivatives at one point.

    ``surface[i, j]`` is the loss where the nearest r- is ``grid[i]`` and r+ is ``grid[j]``. ``energies`` holds r+, then
    every r_k-; ``slopes`` the partial derivatives in the same order. ``along`` is the loss where r+ alone moves over
    the grid, then where all negatives move together. ``reach`` is the largest energy that outputs can have.
    """

    name: str
    grid: Float[Tensor, " g"]
    surface: Float[Tensor, "g g"]
    along: Float[Tensor, "2 g"]
    energies: Float[Tensor, " k"]
    slopes: Float[Tensor, " k"]
    value: float
    reach: float = float("inf")


class LandscapePicture(Picture[Landscape]):
    """What to look at: the green bar and the pink stack have the same height, wherever the point is.

    Left, the loss over the plane of energies (bright is high), contour lines, and the point with the way downhill.
    Middle, the loss along the two lines through the point. Right, the slopes there: the pull of the positive
    upwards, the pushes of all negatives downwards, nearest first, and what both add up to.
    """

    def __init__(self, record: Landscape) -> None:
        self.figure, (self.plane, self.cuts, self.balance) = panels(9.6, 3.7, 3, width_ratios=(1, 1.1, 0.9))
        self.figure.subplots_adjust(left=0.072, right=0.985, top=0.87, bottom=0.155, wspace=0.32)
        tidy(self.plane, xlabel="r+ (same point)", ylabel="nearest r- (other point)", title="the loss: bright is high")
        tidy(self.cuts, xlabel="energy r", title="along the two lines")
        tidy(self.balance, ylabel="slope of the loss", title="pull and push")
        end = float(record.grid[-1])
        self.plane.set(xlim=(0, end), ylim=(0, end))
        self.cuts.set(xlim=(0, end), ylim=(-4.2, 6.8))
        self.balance.set(xlim=(-0.6, 2.6), ylim=(-1.3, 1.3))
        self.balance.set_xticks([0, 1, 2], ["r+", "all r-", "sum"])
        self.balance.axhline(0, color=QUIET, linewidth=0.8)
        self._build(end)
        self._move(record)

    def _build(self, end: float) -> None:
        style: dict[str, Any] = {"cmap": SCALE, "origin": "lower", "interpolation": "bilinear"}
        self.image = heat_map(self.plane, extent=(0, end, 0, end), **style)
        self.lines: list[Artist] = []
        self.beyond = [Rectangle((0, 0), 0, 0, facecolor=PAPER, alpha=0.75, edgecolor=INK) for _ in range(2)]
        for patch in self.beyond:
            self.plane.add_patch(patch)
        self.across = new_curve(self.plane, color=POSITIVE, linewidth=1.5)
        self.upward = new_curve(self.plane, color=NEGATIVE, linewidth=1.5, linestyle="--")
        self.downhill = FancyArrowPatch((0, 0), (0, 0), arrowstyle="-|>", mutation_scale=16, linewidth=2.5, color=PAPER)
        self.plane.add_patch(self.downhill)
        self.point = new_curve(self.plane, "o", color=INK, markersize=9, markeredgecolor=PAPER, clip_on=False)
        common = {"linewidth": 2.2, "markevery": [], "markersize": 8}
        self.by_pos = new_curve(self.cuts, color=POSITIVE, label="r+ moves", marker="o", **common)
        self.by_neg = new_curve(self.cuts, color=NEGATIVE, ls="--", label="all r- move", marker="s", **common)
        legend(self.cuts, "upper left")
        self.pull = self.balance.bar([0], [0], width=0.7, color=POSITIVE)[0]
        self.pushes = list(self.balance.bar([1] * LARGEST, [0] * LARGEST, width=0.7, color=NEGATIVE, edgecolor=PAPER))
        self.sum = new_curve(self.balance, "D", color=INK, markersize=8)
        self.numbers = [self.balance.text(x, 0, "", color=INK, ha="center") for x in range(3)]
        self.still = []
        self.moving = []

    def update(self, record: Landscape) -> bool:
        """Move every artist; a new surface redraws the still ones."""
        fresh = not np.array_equal(record.surface, self.record.surface) or record.reach != self.record.reach
        self._move(record, fresh)
        return fresh

    def _move(self, record: Landscape, fresh: bool = True) -> None:
        self.record = record
        if fresh:
            self._landscape(record)
        r_pos, r_neg = record.energies[:2].tolist()
        grid = record.grid.numpy()
        self.across.set_data([0, grid[-1]], [r_neg, r_neg])
        self.upward.set_data([r_pos, r_pos], [0, grid[-1]])
        self.point.set_data([r_pos], [r_neg])
        pull, push = float(record.slopes[0]), float(record.slopes[1:].sum())
        self.downhill.set_positions((r_pos, r_neg), (r_pos - 0.8 * pull, r_neg - 0.8 * push))
        self.downhill.set_visible(max(pull, -push) > 0.05)
        for line, values, at in zip((self.by_pos, self.by_neg), record.along, (r_pos, r_neg), strict=True):
            line.set_data(grid, values.numpy())
            line.set_markevery([int(np.abs(grid - at).argmin())])
        self.pull.set_height(pull)
        base = 0.0
        for k, bar in enumerate(self.pushes, 1):
            height = float(record.slopes[k]) if k < len(record.slopes) else 0.0
            bar.set(y=base, height=height, visible=k < len(record.slopes))
            base += height
        self.sum.set_data([2], [pull + push])
        for text, value, up, gap in zip(
            self.numbers, (pull, push, pull + push), (1, -1, 1), (0.05, 0.05, 0.11), strict=True
        ):
            text.set_text(_signed(value))
            text.set(y=value + up * gap, va="bottom" if up > 0 else "top")
        lines = [self.across, self.upward, self.downhill, self.point, self.by_pos, self.by_neg]
        self.moving = [*lines, self.pull, *self.pushes[: len(record.slopes) - 1], self.sum, *self.numbers]

    def _landscape(self, record: Landscape) -> None:
        """Redraw surface, contour lines and the energies out of reach."""
        for line in self.lines:
            if line in self.plane.collections:  # an interrupt may have come after its removal
                line.remove()
        surface, grid = record.surface.numpy(), record.grid.numpy()
        self.image.set_data(surface)
        self.image.set_clim(surface.min(), max(surface.max(), surface.min() + 1e-9))
        self.lines = [self.plane.contour(grid, grid, surface, levels=8, colors=PAPER, linestyles="-", linewidths=0.6)]
        end, reach = grid[-1], min(record.reach, float(grid[-1]))
        self.beyond[0].set_bounds(reach, 0, end - reach, end)
        self.beyond[1].set_bounds(0, reach, reach, end - reach)
        self.still = [self.image, *self.lines, *self.beyond]

    def describe(self) -> str:
        """Say energies, loss, and the balance of pull and push."""
        record = self.record
        pull, pushes = float(record.slopes[0]), record.slopes[1:].tolist()
        each = ", ".join(f"{round(push, 2) + 0.0:.2f}" for push in pushes)
        total = pull + sum(pushes)
        verdict = "they balance" if abs(total) < 1e-9 else "nothing balances the pull"
        text = (
            f"{record.name} at r+ = {record.energies[0]:.1f}, nearest r- = {record.energies[1]:.1f}, "
            f"{len(pushes)} negative{'s' if len(pushes) > 1 else ''}: loss {record.value:.2f}. "
            f"Pull ∂L/∂r+ = {pull:.2f}, push ∂L/∂r- = {each}; sum {_signed(total)}: {verdict}."
        )
        beyond = "" if record.energies.max() <= record.reach else " This point cannot be reached: r is at most 2."
        return text + beyond


def _signed(value: float) -> str:
    return "0" if abs(value) < 1e-9 else f"{value:+.2f}"
