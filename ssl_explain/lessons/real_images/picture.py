"""Real pictures: their views, and the directions of weights that grow on them."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.kit.charts import heading, illustration, legend, mean_curve, new_curve, panels
from ssl_explain.kit.picture import Illustration, Picture
from ssl_explain.kit.style import INK, MARKERS, MEASURED, PREDICTED, QUIET, SERIES, drawing, tidy
from ssl_explain.lessons.real_images.record import DirectionsSweep, PictureViews

GAP = 1  # pixels of paper between two pictures


def mosaic(grid: Float[Tensor, "row column h w"], wide: tuple[int, ...] = ()) -> np.ndarray:
    """Tile pictures in one, with gaps of NaN; the gap after the columns in ``wide`` is three times as wide."""
    rows, columns, h, w = grid.shape
    left = [column * (w + GAP) + sum(2 * GAP for k in wide if k < column) for column in range(columns)]
    whole = np.full((rows * (h + GAP) - GAP, left[-1] + w), np.nan, dtype=np.float32)
    for row in range(rows):
        for column in range(columns):
            top = row * (h + GAP)
            whole[top : top + h, left[column] : left[column] + w] = grid[row, column].numpy()
    return whole


class ViewsPicture(Picture[PictureViews]):
    """What to look at: from which strength on can you no longer recognise the digits?

    Left, a digit per row: the picture, then its views. Right, the share of views that still lie nearest
    to a picture of their own digit: the curve with every part switched on, the large mark as set now.
    """

    def __init__(self, record: PictureViews) -> None:
        self.figure, (grid, curve) = panels(9.6, 4.2, 2, width_ratios=(1.75, 1))
        self.figure.subplots_adjust(left=0.03, right=0.985, top=0.83, bottom=0.145, wspace=0.14)
        first = mosaic(record.grid, wide=(0,))
        self.image = grid.imshow(first, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        grid.set_axis_off()
        for row, name in enumerate(record.names):
            middle = row * (record.grid.shape[2] + GAP) + (record.grid.shape[2] - 1) / 2
            grid.text(-2, middle, name, color=INK, ha="right", va="center")
        grid.set_title("picture and its views", color=INK, loc="left")
        tidy(curve, xlabel="strength q", title="views nearest to their own digit")
        curve.set(xlim=(-0.15, 6.3), ylim=(0, 1.03))
        curve.plot(record.strengths, record.kept.tolist(), "o-", color=QUIET, markersize=4, label="every part on")
        curve.axhline(0.1, color=QUIET, linestyle=":", label="chance")
        self.here = new_curve(curve, "o", color=PREDICTED, markersize=11, markeredgecolor=INK, label="as set now")
        legend(curve, "upper right")
        self.heading = heading(grid, 0.012, 0.945)
        self.still = []
        self.moving = [self.image, self.here, self.heading]
        self.update(record)

    def update(self, record: PictureViews) -> bool:
        """Move everything; only the axes are still."""
        self.record = record
        self.image.set_data(mosaic(record.grid, wide=(0,)))
        self.here.set_data([record.strength], [record.kept_now])
        self.heading.set_text(f"strength q = {record.strength:g}; switched on: {_parts(record)}")
        return False

    def describe(self) -> str:
        """Say how far the views are from their pictures, and how many are still recognised."""
        r = self.record
        changed = float((r.grid[:, 1:] - r.grid[:, :1]).abs().mean())
        curve = ", ".join(f"{s:g} → {100 * k:.0f} %" for s, k in zip(r.strengths, r.kept.tolist(), strict=True))
        return (
            f"Digits {', '.join(r.names)}, {r.grid.shape[1] - 1} views each at strength q = {r.strength:g} "
            f"(on: {_parts(r)}). The grey value of a pixel (from 0 to 1) "
            f"changes by {changed:.2f} on average. Of 300 views of other digits "
            f"{100 * r.kept_now:.0f} % lie nearest to a picture of their own class; with every part on: {curve}."
        )


def _parts(record: PictureViews) -> str:
    return ", ".join(record.parts) or "nothing"


class DirectionsPicture(Picture[DirectionsSweep]):
    """What to look at: how strokes of a pen turn into blobs as s grows.

    Left, the six strongest eigenvectors of OP of the bottom layer as pictures of pixels (orange > 0, purple < 0): above
    at strength 0, below at the one chosen. Right, over q: the overlap with strength 0, the overlap between two drawings
    of the views (chance alone), and the roughness of the pictures in units of that at strength 0.
    """

    def __init__(self, record: DirectionsSweep) -> None:
        self.figure, (grid, curve) = panels(9.6, 3.8, 2, width_ratios=(1.5, 1))
        self.figure.subplots_adjust(left=0.09, right=0.985, top=0.84, bottom=0.145, wspace=0.14)
        first = mosaic(_above_and_below(record))
        self.image = grid.imshow(first, cmap="PuOr_r", vmin=-1, vmax=1, interpolation="nearest")
        grid.set_axis_off()
        h, w = record.now.pictures.shape[1:]
        self.shares = [
            grid.text(k * (w + GAP) + (w - 1) / 2, y, "", color=INK, ha="center", va=side)
            for y, side in ((-0.8, "bottom"), (2 * h + GAP - 0.2, "top"))
            for k in range(record.now.pictures.shape[0])
        ]
        self.rows = [
            grid.text(-1.2, y, words, color=INK, ha="right", va="center")
            for y, words in ((h / 2, "q = 0"), (h + GAP + h / 2, ""))
        ]
        self.heading = heading(grid, 0.012, 0.945)
        tidy(curve, xlabel="strength q of the views", title="compared with q = 0")
        places = range(len(record.strengths))
        curve.set(xlim=(-0.2, len(record.strengths) - 0.8), ylim=(0, 1.42), yticks=np.linspace(0, 1, 6))
        curve.set_xticks(places, [f"{s:g}" for s in record.strengths])
        self.curves = [
            new_curve(curve, mark, color=colour, markersize=5, label=label)
            for mark, colour, label in (
                (":", QUIET, "overlap of two draws of views"),
                ("o-", MEASURED, "overlap with q = 0"),
                ("s--", PREDICTED, "roughness"),
            )
        ]
        self.line = new_curve(curve, color=INK, linewidth=1.2)
        legend(curve, "upper right", borderaxespad=0)
        self.still = []
        self.moving = [self.image, *self.shares, *self.rows, self.heading, *self.curves, self.line]
        self.update(record)

    def update(self, record: DirectionsSweep) -> bool:
        """Move everything; only the axes are still."""
        self.record = record
        first, now = record.sweep[0], record.now
        self.image.set_data(mosaic(_above_and_below(record)))
        values = [*first.values.tolist(), *now.values.tolist()]
        for text, value in zip(self.shares, values, strict=True):
            text.set_text(f"{100 * value:.0f} %")
        rough = [float(d.roughness.mean() / first.roughness.mean()) for d in record.sweep]
        rows = (record.redrawn, [d.overlap for d in record.sweep], rough)
        for curve, row in zip(self.curves, rows, strict=True):
            curve.set_data(range(len(record.strengths)), row)
        self.line.set_data([record.shown] * 2, [0, 1.0])
        self.rows[1].set_text(f"q = {record.strengths[record.shown]:g}")
        self.heading.set_text(f"strongest eigenvectors of OP, layer 1, and their share of its trace; {record.network}")
        return False

    def describe(self) -> str:
        """Say how much the directions have turned, beside the effect of chance, and how smooth they are."""
        record, first, now = self.record, self.record.sweep[0], self.record.now
        return (
            f"Network: {record.network}. The six strongest eigenvectors of OP of layer 1 at q = "
            f"{record.strengths[record.shown]:g} carry {100 * float(now.values.sum()):.0f} % of its trace, which "
            f"is {100 * now.survives:.0f} % of that at q = 0. Overlap with the directions at q = 0: {now.overlap:.2f}; "
            f"between two drawings of the views: {record.redrawn[record.shown]:.2f}. Mean roughness "
            f"{float(now.roughness.mean()):.2f}, at q = 0 {float(first.roughness.mean()):.2f}. A picture carries "
            f"{100 * float(now.share_of_one.mean()):.0f} % of its eigenvector on average."
        )


def _above_and_below(record: DirectionsSweep) -> Tensor:
    """Pictures at strength 0 in the first row, at the chosen one in the second, each in units of its largest pixel."""
    both = torch.stack([record.sweep[0].pictures, record.now.pictures])
    return both / both.abs().amax((-2, -1), keepdim=True)


@drawing()
def figure_over_strength(
    strengths: Sequence[float], curves: Mapping[str, Float[Tensor, "runs strength"]], *, title: str, low: float = 0.0
) -> Illustration:
    """What to look at: which curve falls first, and how far apart the bands are.

    One curve per name over the strength, equally spaced; bands are 95 % intervals of the mean over seeds.
    """
    figure, (ax,) = panels(7.2, 3.5)
    words = []
    for number, (name, values) in enumerate(curves.items()):
        style = {"color": SERIES[(6, 4, 0, 2)[number % 4]], "marker": MARKERS[number], "markersize": 6, "linewidth": 2}
        mean_curve(ax, range(len(strengths)), values, label=name, **style)
        means = ", ".join(f"q {s:g} → {v:.2f}" for s, v in zip(strengths, values.mean(0).tolist(), strict=True))
        words.append(f"{name}: {means}")
    ax.set_xticks(range(len(strengths)), [f"{s:g}" for s in strengths])
    ax.set_ylim(low, 1.05)
    if low < 0:
        ax.axhline(0, color=QUIET, linewidth=0.8)
    tidy(ax, xlabel="strength q of the views", title=title)
    legend(ax, "beside")
    return illustration(figure, f"Mean over {len(values)} seeds. {'; '.join(words)}.")


@drawing()
def figure_spectra(layers: Mapping[str, Mapping[str, Float[Tensor, "runs k"]]]) -> Illustration:
    """What to look at: how far training lifts a curve, and how flat it is: the flatter, the more directions grow.

    One panel per layer; eigenvalues of OP, bands are 95 % intervals of the mean over seeds.
    """
    figure, axes = panels(9.6, 3.5, len(layers))
    words = []
    for ax, (layer, curves) in zip(axes, layers.items(), strict=True):
        for number, (name, values) in enumerate(curves.items()):
            k = values.shape[1]
            style = {"color": SERIES[(0, 6, 4)[number % 3]], "marker": MARKERS[number], "markersize": 5}
            mean_curve(ax, range(1, k + 1), values, linewidth=1.8, label=name, **style)
            words.append(f"{layer}, {name}: {float(values[:, 0].mean()):.3g} down to {float(values[:, -1].mean()):.3g}")
        ax.set(yscale="log")
        tidy(ax, xlabel="eigenvalue number", title=f"{layer}: eigenvalues of OP")
        legend(ax)
    return illustration(figure, f"Mean over {len(values)} seeds, the largest {k} eigenvalues. {'; '.join(words)}.")
