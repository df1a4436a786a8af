"""The covariance operator as a picture: its spectrum, its strongest directions, and the step it predicts."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from ssl_explain.kit.charts import heading, heat_map, illustration, legend, new_curve, note, panels
from ssl_explain.kit.picture import Illustration, Picture
from ssl_explain.kit.style import FONT, INK, MARKERS, MEASURED, PREDICTED, QUIET, SERIES, drawing, new_figure, tidy
from ssl_explain.records import Trace, record

SHOWN = 24  # eigenvalues
FLOOR = 1e-5  # of the largest: smaller ones are not drawn


@record
class Spectrum:
    """The covariance operator of one layer, and one step of its weights, predicted and taken.

    ``total`` holds the eigenvalues of all variance of the connection, ``between`` those of OP; ``share`` is the ratio
    of their sums, ``directions`` the participation ratio (Σλ)² / Σλ² of OP. ``length`` is taken / predicted.
    """

    between: Float[Tensor, " d_weights"]
    total: Float[Tensor, " d_weights"]
    features: Float[Tensor, "k d_out d_in"]
    predicted: Float[Tensor, " d_weights"]
    taken: Float[Tensor, " d_weights"]
    share: float
    directions: float
    cosine: float
    length: float
    layer: int
    points: int
    views: int
    strength: float
    step: str


class SpectrumPicture(Picture[Spectrum]):
    """What to look at: how far the filled circles drop below the open squares when augmentation grows.

    Left, eigenvalues of OP (filled) and of the total variance of K (open), in units of the largest total one.
    Middle, the three strongest eigenvectors, laid out like the weights: a row per neuron, a column per input.
    Right, one point per weight: the step taken against the step predicted.
    """

    def __init__(self, record: Spectrum) -> None:
        self.figure = new_figure(9.6, 4.2)
        grid = self.figure.add_gridspec(
            3, 3, width_ratios=(1.15, 0.8, 1), left=0.075, right=0.985, top=0.84, bottom=0.14, wspace=0.3, hspace=0.35
        )
        left, right = (self.figure.add_subplot(grid[:, column]) for column in (0, 2))
        maps = [self.figure.add_subplot(grid[row, 1]) for row in range(3)]
        tidy(left, xlabel="eigenvalue number", title="which directions vary")
        left.set(yscale="log", ylim=(FLOOR / 2, 60), xlim=(0, SHOWN + 1))  # room for the caption
        tidy(right, xlabel="predicted step", title="step taken, per weight")
        right.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.7), yticks=(-1, -0.5, 0, 0.5, 1))
        right.axline((0, 0), slope=1, color=QUIET, linewidth=1, linestyle="--", label="taken = predicted")
        legend(right, "lower right")
        self.total = new_curve(left, "s", color=QUIET, fillstyle="none", markersize=6, label="all variance of K")
        self.between = new_curve(left, "o", color=PREDICTED, markersize=6, label="OP: between points")
        legend(left, "lower left")
        self.dots = new_curve(right, "o", color=MEASURED, markersize=4, alpha=0.8)
        for number, ax in enumerate(maps, 1):
            ax.set(xticks=[], yticks=[])
            ax.set_ylabel(f"no. {number}", fontsize=FONT, color=INK)
        self.maps = [heat_map(ax, "PuOr_r") for ax in maps]
        maps[0].set_title("strongest eigenvectors", fontsize=FONT + 2, color=INK, loc="left")
        maps[-1].set_xlabel("columns: inputs, rows: neurons", fontsize=FONT, color=INK)
        self.captions = [note(left, 0.98, 0.99, va="top", ha="right"), note(right, 0.03, 0.99, va="top")]
        self.heading = heading(left, 0.015, 0.955, size=FONT + 1)
        self.still = []
        self.moving = [self.total, self.between, *self.maps, self.dots, *self.captions, self.heading]
        self.update(record)

    def update(self, record: Spectrum) -> bool:
        """Move everything; only the axes are still."""
        self.record = record
        unit = max(float(record.total[0]), 1e-300)
        for line, values in ((self.total, record.total), (self.between, record.between)):
            shown = (values[:SHOWN] / unit).clamp_min(FLOOR / 10).tolist()
            line.set_data(range(1, len(shown) + 1), shown)
        for image, feature in zip(self.maps, record.features, strict=True):
            image.set_data((feature / feature.abs().max().clamp_min(1e-300)).numpy())
        size = max(float(record.predicted.abs().max()), float(record.taken.abs().max()), 1e-300)
        self.dots.set_data((record.predicted / size).tolist(), (record.taken / size).tolist())
        self.captions[0].set_text(f"{100 * record.share:.0f} % survives\n{record.directions:.1f} directions")
        self.captions[1].set_text(f"cosine {record.cosine:.3f}\nlength × {record.length:.2f}")
        self.heading.set_text(
            f"layer {record.layer}, {record.points} points, {_views(record)} each (q = {record.strength:g}); "
            f"step: {record.step}"
        )
        return False

    def describe(self) -> str:
        """Say the share between points, the number of directions, and how the step compares."""
        r = self.record
        values = ", ".join(f"{x:.3g}" for x in r.between[:4].tolist())
        return (
            f"Layer {r.layer}, augmentation strength q = {r.strength:g}, {r.points} points with {_views(r)} each: "
            f"{100 * r.share:.0f} % of the variance of the connection is between points, spread over "
            f"{r.directions:.1f} directions (participation ratio); largest eigenvalues of OP: {values}. "
            f"Step taken ({r.step}): cosine {r.cosine:.3f} with the predicted one, {r.length:.2f} times as long."
        )


def _views(record: Spectrum) -> str:
    return f"{record.views} view{'s' * (record.views > 1)}"


@drawing()
def figure_growth(runs: dict[str, Trace], step_size: float) -> Illustration:
    """What to look at: the free run ends, because it diverges.

    Between-point variance of the output against time, one curve per run.
    """
    figure, (ax,) = panels(7.2, 3.4)
    tidy(ax, xlabel="time", title="between-point variance of the output")
    words = []
    for number, (name, trace) in enumerate(runs.items()):
        values, times = trace.values.flatten(), trace.steps * step_size
        colour = (PREDICTED, MEASURED, QUIET)[number % 3]
        ax.plot(times, values, color=colour, marker=MARKERS[number], markevery=0.1, linewidth=2, label=name)
        ended = ""
        if trace.stopped is not None:
            ax.axvline(float(times[-1]), color=colour, linestyle=":")
            ax.annotate("stopped", (float(times[-1]), 1e4), xytext=(6, 0), textcoords="offset points", fontsize=FONT)
            ended = f", {trace.stopped}"
        words.append(f"{name}: {values[0]:.2g} at the start, {values[-1]:.2g} at time {float(times[-1]):.2f}{ended}.")
    ax.set(yscale="log", ylim=(1e-1, 1e6))
    legend(ax, "upper right")
    return illustration(figure, " ".join(words))


@drawing()
def figure_step_error(step_sizes: Sequence[float], errors: dict[str, Sequence[float]]) -> Illustration:
    """What to look at: the slope. Ten times the step, ten times the error, while both are small.

    Relative distance between one step and the flow over the same time, against the size of the step.
    """
    figure, (ax,) = panels(6.0, 3.4)
    tidy(ax, xlabel="step size", title="error of one step, relative")
    for number, (name, error) in enumerate(errors.items()):
        ax.plot(step_sizes, error, color=SERIES[number + 4], marker=MARKERS[number], linewidth=2, label=name)
    first = next(iter(errors.values()))
    guide = [first[0] * s / step_sizes[0] for s in step_sizes]
    ax.plot(step_sizes, guide, color=QUIET, linestyle=":", label="slope 1")
    ax.set(xscale="log", yscale="log")
    legend(ax)
    words = "; ".join(
        f"{name}: " + ", ".join(f"{s:g} → {100 * e:.2g} %" for s, e in zip(step_sizes, error, strict=True))
        for name, error in errors.items()
    )
    return illustration(figure, f"Relative error of one step against its size. {words}.")
