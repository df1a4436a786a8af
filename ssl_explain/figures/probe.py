"""What a student of pictures has learned, as a probe sees it: always beside raw pixels and the untrained student."""

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.text import Text

from ssl_explain.figures.picture import Picture
from ssl_explain.figures.pictures import mosaic
from ssl_explain.figures.style import FONT, INK, MEASURED, PREDICTED, QUIET, new_figure, tidy
from ssl_explain.records import PictureTraining

ROWS, COLUMNS = 5, 5
FEWEST = 1e-4  # share of the variance: smaller ones are drawn no more


class TrainingPicture(Picture[PictureTraining]):
    """What to look at: does the blue curve end above both grey lines?

    Left, the weights of 25 neurons, laid out like the picture that they read (orange > 0, purple < 0), in units of the
    largest. Middle, how the variance of the output spreads over its principal directions, untrained and now. Right, the
    probe of the output over training steps; dotted, the same probe of raw pixels, dashed, of the untrained student.
    """

    def __init__(self, record: PictureTraining) -> None:
        """Make the axes once and fill them."""
        self.figure = new_figure(9.6, 3.9)
        neurons, spread, curve = self.figure.subplots(1, 3, width_ratios=(1.25, 0.85, 1.1))
        self.figure.subplots_adjust(left=0.012, right=0.985, top=0.83, bottom=0.145, wspace=0.27)
        self.image: AxesImage = neurons.imshow(_tiles(record), cmap="PuOr_r", vmin=-1, vmax=1, interpolation="nearest")
        neurons.set_axis_off()
        neurons.set_title("weights of 25 neurons", fontsize=FONT + 2, color=INK, loc="left")
        tidy(spread, xlabel="principal direction", title="variance of the output")
        d = record.spectra.shape[1]
        spread.set(xlim=(0, d + 1), yscale="log", ylim=(FEWEST, 1))
        self.spectra: list[Line2D] = [
            spread.plot([], [], style, color=colour, linewidth=2, label=label)[0]
            for style, colour, label in (("--", QUIET, "untrained"), ("-", MEASURED, "now"))
        ]
        spread.legend(fontsize=FONT, frameon=False, loc="lower left")
        tidy(curve, xlabel="training steps", title="probe of the output")
        curve.set(ylim=(0.75, 1.0), xlim=(0, record.budget), yticks=np.linspace(0.75, 1, 6))
        self.axis = curve.xaxis
        self.axes = curve
        self.before = curve.plot([], [], color=QUIET, linewidth=1.6, alpha=0.7, label="run before")[0]
        self.baselines = [
            curve.axhline(0, color=colour, linestyle=style, linewidth=1.6, label=label)
            for colour, style, label in ((PREDICTED, ":", "raw pixels"), (QUIET, "--", "untrained"))
        ]
        self.curve = curve.plot([], [], "o-", color=MEASURED, markersize=4, linewidth=2, label="this student")[0]
        curve.legend(fontsize=FONT - 1, frameon=False, loc="lower right", ncols=2, columnspacing=1)
        self.heading: Text = neurons.text(
            0.012, 0.945, "", transform=self.figure.transFigure, fontsize=FONT + 1, color=INK
        )
        self.still: list[Artist] = [self.axis]
        self.moving: list[Artist] = [
            self.image, *self.spectra, *self.baselines, self.before, self.curve, self.heading
        ]  # fmt: skip
        self.record = record
        self.update(record)

    def update(self, record: PictureTraining) -> bool:
        """Move everything; only another number of steps needs another axis."""
        other = record.budget != self.record.budget
        self.record = record
        if other:
            self.axes.set_xlim(0, record.budget)
        self.image.set_data(_tiles(record))
        for line, shares in zip(self.spectra, record.spectra.clamp_min(FEWEST / 10), strict=True):
            line.set_data(range(1, len(shares) + 1), shares.tolist())
        values = record.trace.values.tolist()
        for line, height in zip(self.baselines, (record.raw, values[0]), strict=True):
            line.set_ydata([height] * 2)
        self.curve.set_data(record.trace.steps.tolist(), values)
        earlier = record.before
        self.before.set_data(*([], []) if earlier is None else (earlier.steps.tolist(), earlier.values.tolist()))
        self.heading.set_text(f"step {record.step}; {record.loss}; strength s = {record.strength:g}")
        return other

    def describe(self) -> str:
        """The probe beside its baselines, and how many directions the output fills."""
        r = self.record
        ranks = [float((-torch.special.xlogy(shares, shares)).sum().exp()) for shares in r.spectra]
        text = (
            f"Step {r.step}, {r.loss}, strength s = {r.strength:g}. Probe of the output at step "
            f"{int(r.trace.steps[-1])}: {float(r.trace.values[-1]):.3f}; untrained {float(r.trace.values[0]):.3f}, raw pixels {r.raw:.3f}. "
            f"Directions that the output fills (effective rank): {ranks[1]:.1f}, untrained {ranks[0]:.1f}. "
            f"Largest weight {float(r.weights.abs().max()):.2f}."
        )
        if r.before is not None:
            text += f" The run before, with s = {r.before_strength:g}, ended at {float(r.before.values[-1]):.3f}."
        return text if r.trace.stopped is None else f"{text} Training {r.trace.stopped}."


def _tiles(record: PictureTraining) -> np.ndarray:
    weights = record.weights / record.weights.abs().max().clamp_min(1e-30)
    return mosaic(weights.unflatten(0, (ROWS, COLUMNS)))
