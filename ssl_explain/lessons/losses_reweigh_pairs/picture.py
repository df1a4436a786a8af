"""The weights of pairs of points under a loss, and the predicted update against the true one."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from torch import Tensor

from ssl_explain.kit.charts import heading, heat_map, illustration, legend, mean_curve, new_curve, note, panels
from ssl_explain.kit.picture import Illustration, Picture
from ssl_explain.kit.style import INK, MARKERS, MEASURED, PREDICTED, QUIET, SCALE, drawing, tidy
from ssl_explain.lessons.losses_reweigh_pairs.record import Reweighing

NEAREST, FARTHEST = 1e-4, 1e2  # of the axis of spread / τ


class PairsPicture(Picture[Reweighing]):
    """What to look at: bright cells are pairs that count; then how the blue dots leave the diagonal as σ grows.

    Left, the pair weights ξ between points, in units of the largest; points are sorted by their output, so that
    neighbours stand side by side. Middle, one point per weight of layer 1: true update against the predicted one.
    Right, cosine and relative error of the prediction against spread / τ; the large marks are the present σ.
    """

    def __init__(self, record: Reweighing) -> None:
        self.figure, (heat, dots, curve) = panels(9.6, 4.0, 3, width_ratios=(1, 1, 1.1))
        self.figure.subplots_adjust(left=0.06, right=0.975, top=0.82, bottom=0.15, wspace=0.32)
        n = len(record.now.pair_weights)
        self.heat = heat_map(heat, SCALE, vmin=0, extent=(0.5, n + 0.5, n + 0.5, 0.5), aspect="equal")
        heat.set(xticks=range(1, n + 1, 1 if n < 11 else 2), yticks=range(1, n + 1))
        tidy(heat, xlabel="point pushed away", ylabel="anchor", title="pair weights ξ / largest")
        tidy(dots, xlabel="predicted update", title="true update, per weight")
        dots.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
        dots.axline((0, 0), slope=1, color=QUIET, linewidth=1, linestyle="--", label="equal")
        legend(dots, "lower right")
        self.dots = new_curve(dots, "o", color=MEASURED, markersize=4, alpha=0.8)
        tidy(curve, xlabel="spread / τ", title="quality of the prediction")
        curve.set(xscale="log", xlim=(NEAREST, FARTHEST), ylim=(-1.05, 2.05))
        curve.axhline(0, color=QUIET, linewidth=0.8)
        self.cosine = new_curve(curve, "o-", color=MEASURED, markersize=4, label="cosine")
        self.error = new_curve(curve, "s--", color=PREDICTED, markersize=4, label="relative error")
        self.here = [
            new_curve(curve, mark, color=colour, markersize=11, markeredgecolor=INK)
            for mark, colour in (("o", MEASURED), ("s", PREDICTED))
        ]
        legend(curve, "upper left")
        self.captions = [note(dots, 0.03, 0.99, va="top"), heading(heat, 0.015, 0.95)]
        self.still = []
        self.moving = [self.heat, self.dots, self.cosine, self.error, *self.here, *self.captions]
        self.update(record)

    def update(self, record: Reweighing) -> bool:
        """Move everything; only the axes are still."""
        self.record = record
        now, sweep = record.now, record.sweep
        largest = float(now.pair_weights.max())
        self.heat.set_data((now.pair_weights / max(largest, 1e-300)).numpy())
        size = max(float(now.predicted.abs().max()), float(now.true.abs().max()), 1e-300)
        self.dots.set_data((now.predicted / size).tolist(), (now.true / size).tolist())
        x = (sweep.spread / record.temperature).clamp(NEAREST, FARTHEST).tolist()
        self.cosine.set_data(x, sweep.cosine.tolist())
        self.error.set_data(x, sweep.error.clamp_max(2).tolist())
        here = [min(max(float(now.spread) / record.temperature, NEAREST), FARTHEST)]
        self.here[0].set_data(here, [float(now.cosine)])
        self.here[1].set_data(here, [min(float(now.error), 2)])
        self.captions[0].set_text(f"cosine {float(now.cosine):.3f}\nerror {100 * float(now.error):.3g} %")
        self.captions[1].set_text(f"{record.setting}; largest ξ = {largest:.2f}")
        return False

    def describe(self) -> str:
        """Say the range of pair weights, then the quality of the prediction."""
        r, now = self.record, self.record.now
        weights = now.pair_weights
        pairs = weights[~np.eye(len(weights), dtype=bool)]
        definite = "yes" if r.lowest > -1e-9 else f"no, lowest eigenvalue {100 * r.lowest:.2g} % of the largest"
        return (
            f"{r.setting}. Pair weights between different points run from {float(pairs.min()):.3f} to "
            f"{float(pairs.max()):.3f}. Spread / τ is {float(now.spread) / r.temperature:.3g}: the predicted update "
            f"has cosine {float(now.cosine):.3f} with the true one, relative error {100 * float(now.error):.3g} %. "
            f"Operator positive semi-definite: {definite}."
        )


@drawing()
def figure_residue(
    ratio: Float[Tensor, "noise runs"], cosine: Tensor, error: Tensor, noise: list[float]
) -> Illustration:
    """What to look at: both curves leave their ideal where the spread of the views comes near τ.

    Thin lines are networks, thick ones their median.
    """
    figure, axes = panels(9.6, 3.5, 2)
    words = []
    kinds = ((error, PREDICTED, "relative error"), (cosine, MEASURED, "cosine"))
    for ax, (values, colour, title) in zip(axes, kinds, strict=True):
        tidy(ax, xlabel="spread / τ", title=f"{title} of the predicted update")
        ax.plot(ratio.numpy(), values.numpy(), color=colour, linewidth=0.8, alpha=0.35)
        middle, x = values.median(1).values, ratio.median(1).values
        ax.plot(x.tolist(), middle.tolist(), color=colour, marker="o", linewidth=2.5, label="median")
        ax.set_xscale("log")
        legend(ax)
        if title == "relative error":
            ax.set_yscale("log")
        words.append(
            f"{title}: " + ", ".join(f"σ {s:g} → {m:.3g}" for s, m in zip(noise, middle.tolist(), strict=True))
        )
    return illustration(figure, f"Median over {ratio.shape[1]} networks. {'; '.join(words)}.")


@drawing()
def figure_training(steps: list[int], traces: Mapping[str, Float[Tensor, "t runs quantity"]]) -> Illustration:
    """What to look at: does the error follow the spread?

    Quantities are spread / τ, spread / between-point variance, relative error: the median over networks, and the
    band that holds the middle half of them.
    """
    figure, axes = panels(9.6, 3.4, 3)
    titles = ("spread / τ", "spread / variance between", "relative error")
    words = []
    for number, (ax, title) in enumerate(zip(axes, titles, strict=True)):
        for k, (name, values) in enumerate(traces.items()):
            y = values[..., number]
            style = {"color": (PREDICTED, MEASURED)[k % 2], "marker": MARKERS[k], "label": name}
            mean_curve(ax, steps, y.T, estimator="median", errorbar=("pi", 50), **style)
            start, end = np.median(y[[0, -1]].numpy(), axis=1)
            words.append(f"{title}, {name}: median {start:.2g} → {end:.2g}")
        tidy(ax, xlabel="training steps", title=title)
        ax.set_ylim(0, None)
        ax.legend().remove()
    axes[0].set_ylim(0, 1.35 * axes[0].get_ylim()[1])  # room for the legend above the bands
    legend(axes[0], "upper left")
    return illustration(figure, "; ".join(words) + ".")


@drawing()
def figure_definite(spectra: Mapping[str, Float[Tensor, " k"]]) -> Illustration:
    """What to look at: whether the last points fall below zero.

    All eigenvalues of the frozen operator, one row of marks per loss.
    """
    figure, (ax,) = panels(7.2, 3.2)
    words = []
    for number, (name, values) in enumerate(spectra.items()):
        share = (values / values.max()).tolist()
        colour = (MEASURED, PREDICTED)[number % 2]
        ax.plot(range(1, len(share) + 1), share, MARKERS[number], color=colour, markersize=4, label=name)
        words.append(f"{name}: lowest eigenvalue {100 * min(share):.2g} % of the largest")
    ax.axhline(0, color=QUIET, linewidth=0.8)
    ax.set_yscale("symlog", linthresh=1e-4)
    ax.set_ylim(top=3)
    tidy(ax, xlabel="eigenvalue number", title="eigenvalues of the frozen operator / largest")
    legend(ax)
    return illustration(figure, "; ".join(words) + ".")
