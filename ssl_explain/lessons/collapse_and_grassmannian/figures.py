"""The effect of width: none on products of weights, and less drift of the tangent kernel."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ssl_explain.kit.charts import illustration, legend, means, panels, plain_ticks
from ssl_explain.kit.picture import Illustration
from ssl_explain.kit.style import INK, MARKERS, MEASURED, POSITIVE, PREDICTED, QUIET, SERIES, drawing, tidy
from ssl_explain.lessons.collapse_and_grassmannian.record import Drift

LINES = ("-", "--", "-.", ":")
COLOURS = (MEASURED, PREDICTED, POSITIVE, SERIES[5])


@drawing()
def figure_drift(
    widths: Sequence[int], drifts: Mapping[str, np.ndarray], slopes: Mapping[str, np.ndarray]
) -> Illustration:
    """What to look at: which lines fall, and which are flat.

    ``drifts[setting]`` is (widths, seeds), drawn as geometric means; ``slopes[setting]`` one slope per seed, with
    95 % intervals of their mean on the right.
    """
    figure, (left, right) = panels(9.6, 3.9, 2, width_ratios=(1.35, 1))
    words = []
    for k, (name, drift) in enumerate(drifts.items()):
        style: dict[str, Any] = {"color": COLOURS[k], "marker": MARKERS[k]}
        left.plot(widths, np.exp(np.log(drift).mean(1)), LINES[k], linewidth=2, label=name, **style)
        slope = means([slopes[name]])
        slope.bars_across(right, [-k], capsize=4, linewidth=2, **style)
        words += [f"{name}: {words}" for words in slope.words(".2f")]
    left.set(xscale="log", yscale="log")
    plain_ticks(left, widths)
    left.set_yticks((0.01, 0.03, 0.1, 0.3, 1), ("0.01", "0.03", "0.1", "0.3", "1"))
    left.set_ylim(0.005, 1.5)
    tidy(left, xlabel="width", title="drift of the tangent kernel")
    right.set_yticks([-k for k in range(len(drifts))], [name.replace(", ", ",\n") for name in drifts])
    right.set(ylim=(0.6 - len(drifts), 0.4), xlim=(-1.05, 0.2))
    for x, words_above in ((0.0, "flat"), (-0.5, "1/√width"), (-1.0, "1/width")):
        right.axvline(x, color=QUIET, linestyle=":", linewidth=1)
        right.text(x, 1.01, words_above, transform=right.get_xaxis_transform(), color=INK, ha="center")
    tidy(right, xlabel="slope of log drift on log width")
    seeds = drift.shape[1]
    return illustration(
        figure, f"Slope of log drift on log width, mean over {seeds} seeds [95 % interval]. {'; '.join(words)}."
    )


@drawing()
def figure_slopes(slopes: Mapping[str, Mapping[float, np.ndarray]]) -> Illustration:
    """What to look at: when does a slope reach zero, and which one never does?

    ``slopes[setting][time]`` holds one slope per seed; bars are 95 % intervals of their mean.
    """
    figure, (ax,) = panels(7.6, 3.6)
    words = []
    for k, (name, series) in enumerate(slopes.items()):
        seeds = means(series.values())
        style: dict[str, Any] = {"color": COLOURS[k], "marker": MARKERS[k], "linestyle": LINES[k]}
        seeds.bars(ax, list(series), capsize=3, linewidth=1.8, label=name, **style)
        words.append(f"{name}: " + ", ".join(f"T {t:g} → {m:.2f}" for t, m in zip(series, seeds.middle, strict=True)))
    ax.axhline(0, color=QUIET, linestyle=":")
    ax.set(xscale="log", ylim=(-1.05, 0.15))
    plain_ticks(ax, sorted({t for series in slopes.values() for t in series}))
    tidy(ax, xlabel="training time T", title="slope of log drift on log width")
    legend(ax, "beside")
    return illustration(figure, f"Slope against the training time. {'; '.join(words)}.")


@drawing()
def figure_moving(runs: Sequence[Drift]) -> Illustration:
    """What to look at: which curves go on rising, and which one has become flat. Thin lines are single runs."""
    figure, (ax,) = panels(7.6, 3.4)
    words = []
    for k, run in enumerate(runs):
        mean, name = run.drift.mean(1), f"{run.setting}, width {run.width}"
        ax.plot(run.times, run.drift.numpy(), color=COLOURS[k], linewidth=0.6, alpha=0.5)
        style: dict[str, Any] = {"color": COLOURS[k], "marker": MARKERS[k], "markevery": 0.12}
        ax.plot(run.times, mean, LINES[k], linewidth=2, label=run.setting, **style)
        words.append(f"{name}: {float(mean[-1]):.2g} at time {float(run.times[-1]):g}")
    tidy(ax, xlabel="training time", title=f"drift of the tangent kernel, width {runs[0].width}")
    legend(ax, "beside")
    return illustration(
        figure, f"Drift ‖K(t) - K(0)‖ / ‖K(0)‖, mean of {runs[0].drift.shape[1]} runs. {'; '.join(words)}."
    )


@drawing()
def figure_products(
    times: Tensor, products: Mapping[str, Mapping[str, Tensor]], equations: Mapping[str, Tensor]
) -> Illustration:
    """What to look at: marks of all widths on one curve.

    ``products[projection][width]`` holds M (t, k, d) from training both layers; ``equations[projection]`` the same from
    an equation for M alone. All entries of the first row of M are drawn.
    """
    figure, axes = panels(9.6, 3.5, len(products), sharey=True)
    words = []
    for ax, (name, widths) in zip(axes, products.items(), strict=True):
        curves = ax.plot(times, equations[name][:, 0].numpy(), color=QUIET, linewidth=1.6, zorder=1)
        curves[0].set_label("equation for M")
        for k, (width, m) in enumerate(widths.items()):
            every = slice(4 * k, None, 4 * len(widths))
            for j in range(m.shape[-1]):
                label = width if j == 0 else None
                ax.plot(
                    times[every], m[every, 0, j], MARKERS[k], color=COLOURS[k], markersize=6, mfc="none", label=label
                )
        spread = max(float((m - equations[name]).abs().max()) for m in widths.values())
        size = "below 1e-10" if spread < 1e-10 else f"{spread:.2g}"
        words.append(f"{name}: largest distance of any width from the equation {size}")
        tidy(ax, xlabel="time", title=name)
    axes[0].set_ylabel("first row of M = W₂W₁")
    legend(axes[-1], "beside")
    return illustration(
        figure, f"Entries of M over time, solid: equation; marks: two trained layers. {'; '.join(words)}."
    )
