"""All losses on one plane of the two variances, and the angles between the subspaces that they learn."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Wedge
from matplotlib.transforms import ScaledTranslation, Transform
from torch import Tensor

from ssl_explain.kit.charts import illustration, note, panels
from ssl_explain.kit.picture import Illustration
from ssl_explain.kit.style import INK, PAPER, QUIET, SERIES, drawing, new_figure, tidy
from ssl_explain.lessons.one_family.picture import letters, plane
from ssl_explain.lessons.one_family.record import Frontier

LINES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)), "-.", (0, (8, 2)), ":")
PETAL, HEART = 0.27, 0.1  # inches
SENTENCE = "What varies across points and survives augmentation is what grows"
LIMITS = ((0.06, 9.0), (0.012, 15.0))
CORNERS = (
    (0.07, 11.5, "mostly noise", "left"),
    (8.4, 11.5, "loud, shaky", "right"),
    (8.4, 0.0145, "loud, steady", "right"),
    (0.15, 0.0145, "quiet, steady", "left"),
)


def colour(number: int) -> str:
    """The colour of a loss."""
    return SERIES[number % len(SERIES)]


@drawing()
def figure_one_plane(record: Frontier) -> Illustration:
    """What to look at: full flowers lie on or below the border that most losses share; L_simp ignores the height.

    A flower per direction of the world, at its two variances, with a petal per loss, filled as far as the loss keeps
    the direction. The darker the ground, the more losses would grow a new direction there.
    """
    figure = new_figure(9.6, 6.4)
    ax = figure.add_axes((0.075, 0.09, 0.64, 0.83))
    plane(ax, "", LIMITS)
    ax.set_title(SENTENCE, color=INK, loc="left", pad=12)
    ax.set_xlabel("variance between points      varies across points  →")
    ax.set_ylabel("←  survives augmentation      variance within points")
    for x, y, words, side in CORNERS:
        ax.text(x, y, words, color=INK, style="italic", ha=side, va="bottom")
    _ground(ax, record)
    place = zip(record.between.tolist(), record.within.tolist(), strict=True)
    for number, (name, (x, y)) in enumerate(zip(letters(len(record.between)), place, strict=True)):
        _flower(ax, x, y, record.kept[:, number].tolist(), name)
    _key(figure.add_axes((0.735, 0.09, 0.26, 0.83)), record)
    return Illustration(figure, _words(record))


def _ground(ax: Axes, record: Frontier) -> None:
    """Shade by the number of losses that would grow a new direction, and draw the border of each."""
    x, heights = record.grid.numpy(), np.geomspace(*LIMITS[1], 300)
    votes = (record.border.numpy()[:, None, :] > heights[None, :, None]).sum(0)
    shades = np.array([0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.36])
    for level in range(1, votes.max() + 1):
        alpha = float(shades[min(level, 7)] - shades[min(level, 7) - 1]) * 1.6
        ax.contourf(x, heights, votes >= level, levels=(0.5, 1.5), colors=[SERIES[2]], alpha=alpha)
    for number, border in enumerate(record.border.numpy()):
        inside = np.isfinite(border) & (border > 0)
        ax.plot(x[inside], border[inside], color=colour(number), linestyle=LINES[number % 7], linewidth=1.8, zorder=2)
    together = _shared(record)
    if len(together) > 1:
        _label(ax, record, together)


def _shared(record: Frontier) -> list[int]:
    """The losses whose borders are within 3 % of the median border everywhere."""
    finite = record.border.isfinite().all(1)
    middle = record.border[finite].median(0).values
    return [i for i in range(len(finite)) if finite[i] and bool(((record.border[i] / middle).log().abs() < 0.03).all())]


def _label(ax: Axes, record: Frontier, together: Sequence[int]) -> None:
    """Write the losses that share one border along it."""
    x, y = record.grid.numpy(), record.border[together[0]].numpy()
    ends = ax.transData.transform([(x[0], y[0]), (x[-1], y[-1])])
    slope = math.degrees(math.atan2(*(ends[1] - ends[0])[::-1]))
    at = int(np.abs(np.log(x / 0.2)).argmin())
    words = f"one border of {len(together)} losses"
    lifted = ax.transData + ScaledTranslation(-0.05, 0.08, ax.figure.dpi_scale_trans)
    along: dict[str, Any] = {"transform": lifted, "rotation": slope, "rotation_mode": "anchor", "va": "bottom"}
    note(ax, x[at], y[at], words, zorder=3, **along)


def _flower(ax: Axes, x: float, y: float, shares: Sequence[float], name: str) -> None:
    """Draw a petal per loss, filled as far as the direction is kept."""
    where = _at(ax, x, y)
    step = 360 / len(shares)
    ax.add_patch(Circle((0, 0), PETAL, transform=where, facecolor=PAPER, edgecolor=QUIET, linewidth=0.8, zorder=4))
    for number, share in enumerate(shares):
        turn = 90 - step * number
        radius = HEART + (PETAL - HEART) * min(max(share, 0.0), 1.0)
        petal = Wedge((0, 0), radius, turn - step, turn, width=radius - HEART, transform=where, zorder=5)
        petal.set(facecolor=colour(number), edgecolor=PAPER, linewidth=0.8)
        ax.add_patch(petal)
    ax.add_patch(Circle((0, 0), HEART, transform=where, facecolor=PAPER, edgecolor=QUIET, linewidth=0.6, zorder=6))
    note(ax, 0, 0, name, transform=where, fontweight="bold", ha="center", va="center", zorder=7)


def _at(ax: Axes, x: float, y: float) -> Transform:
    """Offsets in inches from a point in data coordinates."""
    data: Any = ax.transData  # its signature is narrower than what ScaledTranslation takes
    return ax.figure.dpi_scale_trans + ScaledTranslation(x, y, data)


def _key(ax: Axes, record: Frontier) -> None:
    """Draw the legend of petals and borders."""
    ax.set_axis_off()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.text(0, 0.985, "petal and border of", color=INK, va="top")
    step, count = 360 / len(record.losses), len(record.losses)
    for number, name in enumerate(record.losses):
        y = 0.9 - 0.062 * number
        where = _at(ax, 0.06, y)
        ax.add_patch(Circle((0, 0), 0.13, transform=where, facecolor=PAPER, edgecolor=QUIET, linewidth=0.6))
        turn = 90 - step * number
        ax.add_patch(Wedge((0, 0), 0.13, turn - step, turn, transform=where, facecolor=colour(number)))
        everywhere = bool(record.border[number].isinf().all())
        if not everywhere:
            ax.plot((0.17, 0.36), (y, y), color=colour(number), linestyle=LINES[number % 7], linewidth=1.8)
        ax.text(0.41, y, name + (": none" if everywhere else ""), color=INK, va="center")
    lines = (
        "a petal is filled as far as",
        "its loss keeps the direction",
        f"(mean over {record.starts} starts)",
        "",
        "the darker the ground, the",
        "more losses would grow a",
        "new direction there",
        "",
        f"each network: {record.outputs} outputs",
    )
    ax.text(0, 0.86 - 0.062 * count, "\n".join(lines), color=INK, va="top", linespacing=1.35)


def _words(record: Frontier) -> str:
    names = letters(len(record.between))
    kept = [
        f"{loss} keeps " + ", ".join(f"{n} {s:.2f}" for n, s in zip(names, shares, strict=True) if s > 0.02)
        for loss, shares in zip(record.losses, record.kept.tolist(), strict=True)
    ]
    at = int(record.grid.log().abs().argmin())
    border = ", ".join(
        f"{loss} {'none' if math.isinf(w) else f'{w:.2f}'}"
        for loss, w in zip(record.losses, record.border[:, at].tolist(), strict=True)
    )
    world = ", ".join(
        f"{n} ({b:g}, {w:g})" for n, b, w in zip(names, record.between.tolist(), record.within.tolist(), strict=True)
    )
    return (
        f"Directions (variance between points, within points): {world}. Mean over {record.starts} starts, "
        f"{record.outputs} outputs: {'; '.join(kept)}. Largest within variance that still grows at between variance "
        f"{float(record.grid[at]):.2g}: {border}."
    )


@drawing()
def figure_angles(angles: Mapping[str, Mapping[str, Tensor]]) -> Illustration:
    """What to look at: the bright block. These losses learn one and the same subspace.

    The largest principal angle between two learned subspaces, in degrees, the median over starts; the spread
    over starts is in the words.
    """
    rows, columns = list(angles), list(next(iter(angles.values())))
    middle = np.array([[float(angles[a][b].median()) for b in columns] for a in rows])
    figure, (ax,) = panels(9.6, 4.6)
    tidy(ax, title="largest principal angle, degrees")
    ax.imshow(middle, cmap="cividis_r", vmin=0, vmax=90, aspect="auto")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_xticks(range(len(columns)), [name.replace(" ", "\n") for name in columns])
    ax.set_yticks(range(len(rows)), rows)
    for i, j in np.ndindex(middle.shape):
        dark = middle[i, j] > 50
        ax.text(j, i, f"{middle[i, j]:.0f}", ha="center", va="center", color=PAPER if dark else INK)
    pairs = {a: {b: angles[a][b] for b in columns if b not in rows[: k + 1]} for k, a in enumerate(rows)}
    words = "; ".join(f"{a}: {_grouped(others)}" for a, others in pairs.items() if others)
    a, b = max(
        ((a, b) for a in pairs for b in pairs[a]), key=lambda pair: float(np.ptp(pairs[pair[0]][pair[1]].numpy()))
    )
    widest = f"{a} and {b}, {float(pairs[a][b].min()):.0f} to {float(pairs[a][b].max()):.0f}"
    known = "Largest principal angle in degrees, median over starts, each pair once."
    return illustration(figure, f"{known} {words}. Widest spread over starts: {widest}.")


def _grouped(others: Mapping[str, Tensor]) -> str:
    """Say each angle once, the commonest last."""
    groups: dict[str, list[str]] = {}
    for name, values in others.items():
        groups.setdefault(f"{float(values.median()):.0f}", []).append(name)
    *rest, (degrees, names) = sorted(groups.items(), key=lambda group: len(group[1]))
    last = f"{degrees} to {'all others' if rest and len(names) > 2 else ', '.join(names)}"
    return ", ".join([*(f"{some} to {', '.join(these)}" for some, these in rest), last])
