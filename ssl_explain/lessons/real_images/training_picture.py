"""What an encoder of pictures has learned, by a probe, beside raw pixels and the untrained encoder."""

import numpy as np
from matplotlib.legend import Legend

from ssl_explain.kit.charts import heading, illustration, legend, means, new_curve, panels
from ssl_explain.kit.picture import Illustration, Picture
from ssl_explain.kit.style import INK, MARKERS, MEASURED, PREDICTED, QUIET, SERIES, drawing, tidy
from ssl_explain.lessons.real_images.picture import mosaic
from ssl_explain.lessons.real_images.record import PictureTraining
from ssl_explain.lessons.start_here.stretches import Course, Marks, courses, ending, height_at
from ssl_explain.results import Table, interval, pick
from ssl_explain.subspaces import effective_rank

ROWS, COLUMNS = 5, 5
FEWEST = 1e-4  # share of the variance: smaller ones are not drawn


class TrainingPicture(Picture[PictureTraining]):
    """What to look at: does the blue curve end above both grey lines?

    Left, the weights of 25 neurons, laid out like the picture that they read (orange > 0, purple < 0), in units of the
    largest. Middle, how the variance of the output spreads over its principal directions, untrained and now. Right, the
    probe of the output over training steps; dotted, the same probe of raw pixels, dashed, of the untrained encoder.
    A thin line marks where settings changed during training.
    """

    def __init__(self, record: PictureTraining) -> None:
        self.figure, (neurons, spread, curve) = panels(9.6, 3.9, 3, width_ratios=(1.1, 0.85, 1.2))
        self.figure.subplots_adjust(left=0.012, right=0.975, top=0.83, bottom=0.145, wspace=0.27)
        self.image = neurons.imshow(_tiles(record), cmap="PuOr_r", vmin=-1, vmax=1, interpolation="nearest")
        neurons.set_axis_off()
        neurons.set_title("weights of 25 neurons", color=INK, loc="left")
        tidy(spread, xlabel="principal direction", title="variance of the output")
        d = record.spectra.shape[1]
        spread.set(xlim=(0, d + 1), yscale="log", ylim=(FEWEST, 1))
        self.spectra = [
            new_curve(spread, style, color=colour, linewidth=2, label=label)
            for style, colour, label in (("--", QUIET, "untrained"), ("-", MEASURED, "now"))
        ]
        legend(spread, "upper right")
        tidy(curve, xlabel="training steps", title="probe of the output")
        curve.set(ylim=(0.75, 1.0), xlim=(0, record.budget), yticks=np.linspace(0.75, 1, 6))
        self.axes = curve
        self.before = new_curve(curve, color=QUIET, linewidth=1.6, alpha=0.8)
        self.baselines = [
            curve.axhline(0, color=colour, linestyle=style, linewidth=1.6)
            for colour, style in ((PREDICTED, ":"), (QUIET, "--"))
        ]
        self.curve = new_curve(curve, "o-", color=MEASURED, markersize=4, linewidth=2)
        self.marks = Marks(curve, 0.985)
        self.heading = heading(neurons, 0.012, 0.945)
        self.still = [curve.xaxis, self._legend(record)]
        curves = [*self.spectra, *self.baselines, self.before, *self.marks.artists, self.curve]
        self.moving = [self.image, *curves, self.heading]
        self.record = record
        self.update(record)

    def _legend(self, record: PictureTraining) -> Legend:
        """Name the curves, the previous run by its settings."""
        _, before = _courses(record)
        label = "run before" + (f"\n{before.brief(18)}" if before else "")
        curves = {"raw pixels": self.baselines[0], "untrained": self.baselines[1], "student": self.curve}
        entries = {"handles": [*curves.values(), self.before], "labels": [*curves, label]}
        return legend(self.axes, "lower right", ncols=2, **entries)

    def update(self, record: PictureTraining) -> bool:
        """Move everything; another number of steps needs another axis, another previous run another legend."""
        (now, before), (_, old) = _courses(record), _courses(self.record)
        longer, renamed = record.budget != self.record.budget, before != old
        self.record = record
        if renamed:
            self.still[-1] = self._legend(record)
        if longer:
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
        self.marks.move(now, lambda step: [(height_at(step, self.curve), 1)], before, self.before)
        held = f"; these settings{now.since()}" if now.since() else ""
        self.heading.set_text(f"step {record.step}; strength q = {record.strength:g}; {record.loss}{held}")
        return longer or renamed

    def describe(self) -> str:
        """Say the probe beside its baselines, and how many directions the output fills."""
        r, (now, before) = self.record, _courses(self.record)
        how = (
            f"q = {r.strength:g}, {r.loss}" if not now.since() else f"{now.words()}; {'now ' * bool(now.told)}{r.loss}"
        )
        ranks = effective_rank(r.spectra).tolist()
        last = int(r.trace.steps[-1])
        text = (
            f"Step {r.step}, strength {how}. Probe of the output at step {last}: "
            f"{float(r.trace.values[-1]):.3f}; untrained {float(r.trace.values[0]):.3f}, raw pixels {r.raw:.3f}. "
            f"Directions that the output fills (effective rank): {ranks[1]:.1f}, untrained {ranks[0]:.1f}. "
            f"Largest weight shown {float(r.weights.abs().max()):.2f}."
        )
        if r.before is not None:
            text += ending(before, f"{float(r.before.values[-1]):.3f}")
        return text if r.trace.stopped is None else f"{text} Training {r.trace.stopped}."


def _courses(record: PictureTraining) -> tuple[Course, Course | None]:
    return courses("q", record.strength, record.trace, record.before)


def _tiles(record: PictureTraining) -> np.ndarray:
    weights = record.weights / record.weights.abs().max().clamp_min(1e-30)
    return mosaic(weights.unflatten(0, (ROWS, COLUMNS)))


LAYERS = {"output": "probe of the output", "hidden": "probe of the hidden layer"}


@drawing()
def figure_strength(table: Table, *, measure: str = "probe") -> Illustration:
    """What to look at: where the blue curve lies above both baselines, and where below.

    One panel per layer; the probe after training against the strength of training. Bars are 95 % intervals of the
    mean over seeds; raw pixels do not depend on a seed.
    """
    import seaborn  # it takes a second to import, and only this figure needs it

    figure, axes = panels(9.6, 3.6, 2, sharey=True)
    words = []
    raw = float(pick(table, layer="pixels")[measure].mean())
    for ax, (layer, title) in zip(axes, LAYERS.items(), strict=True):
        title = title.replace("probe", measure)
        here = pick(table, layer=layer)
        common = {"x": "strength", "y": measure, "errorbar": interval, "capsize": 0.12, "ax": ax}
        start, end = (pick(here, when=when) for when in ("untrained", "trained"))
        seaborn.pointplot(
            data=start, color=QUIET, markers="s", linestyle="--", markerfacecolor="white", label="untrained", **common
        )
        seaborn.pointplot(data=end, color=MEASURED, markers="o", label="trained", **common)
        ax.axhline(raw, color=PREDICTED, linestyle=":", linewidth=1.8, label="raw pixels")
        ax.set_xticks(ax.get_xticks(), [f"{s:g}" for s in np.unique(here["strength"])])
        tidy(ax, xlabel="strength q of the augmentation", title=title)
        ax.legend().remove()
        once = pick(start, strength=start["strength"].min())[measure]  # the same encoders at every strength
        strengths = np.unique(end["strength"])
        trained = means(pick(end, strength=s)[measure] for s in strengths).words(".3f")
        over = ", ".join(f"q {s:g} → {mean}" for s, mean in zip(strengths, trained, strict=True))
        words.append(f"{title}: {over}; untrained {means([once]).words('.3f')[0]}.")
    legend(axes[0], "lower center")
    seeds = len(np.unique(table["seed"]))
    return illustration(
        figure,
        f"Trained with strength q, mean over {seeds} seeds [95 % interval]; raw pixels {raw:.3f}. {' '.join(words)}",
    )


@drawing()
def figure_losses(table: Table) -> Illustration:
    """What to look at: which points lie above both baselines, and which ε pulls too hard.

    The probe after training with mild views, against τ; a colour and a marker per loss. Bars are 95 % intervals of the
    mean over seeds. L_simp has no τ and is on the left.
    """
    figure, (ax,) = panels(9.6, 3.8)
    here, words = pick(table, layer="output"), []
    raw = float(pick(table, loss="raw")["probe"].mean())
    untrained = means([pick(here, loss="untrained")["probe"]])
    ax.axhline(raw, color=PREDICTED, linestyle=":", linewidth=1.8, label="raw pixels")
    ax.axhspan(*untrained.low, *untrained.high, color=QUIET, alpha=0.3, label="untrained")
    series = named_losses(here)
    names = {tau: f"{tau:g}" if tau else "no τ" for tau in sorted({0.0, *here["temperature"]})}
    for number, (name, rows) in enumerate(series.items()):
        taus = np.unique(rows["temperature"])  # 0 for L_simp
        seeds = means(pick(rows, temperature=tau)["probe"] for tau in taus)
        shift = 0.0 if name == "L_simp" else 0.08 * (number - (len(series) - 1) / 2)
        style = {"color": SERIES[number + 1], "marker": MARKERS[number], "label": name}
        seeds.bars(ax, np.searchsorted(list(names), taus) + shift, capsize=3, linewidth=1.4, **style)
        said = zip(taus, seeds.words(".3f"), strict=True)
        words.append(f"{name}: " + ", ".join(f"{f'τ {tau:g} → ' if tau else ''}{mean}" for tau, mean in said))
    ax.set_xticks(range(len(names)), list(names.values()))
    tidy(ax, xlabel="temperature τ", title="probe of the output")
    legend(ax, "beside")
    return illustration(
        figure,
        f"Probe of the output, mean over {len(np.unique(table['seed']))} seeds [95 % interval]; raw pixels "
        f"{raw:.3f}, untrained {untrained.words('.3f')[0]}. {'; '.join(words)}.",
    )


def named_losses(table: Table) -> dict[str, Table]:
    """The rows of each loss, and of each ε of the frozen one, by the label of its curve."""
    names = {"nce": "InfoNCE", "triplet": "soft triplet", "simple": "L_simp"}
    found = {name: pick(table, loss=loss) for loss, name in names.items()}
    frozen = pick(table, loss="frozen")
    found |= {f"frozen, ε = {extra:g}": pick(frozen, extra=extra) for extra in np.unique(frozen["extra"])}
    return {name: rows for name, rows in found.items() if len(rows["probe"])}
