"""The ablation of BYOL on digits: predictor, centring, target, re-initialised predictor, decay; over seeds."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ssl_explain.kit.charts import illustration, legend, means, panels
from ssl_explain.kit.picture import Illustration
from ssl_explain.kit.style import MARKERS, MEASURED, POSITIVE, PREDICTED, QUIET, SERIES, drawing, tidy
from ssl_explain.results import Table, pick

MEASURES = {"probe": "probe", "rank": "effective rank", "between": "between share"}
CENTRINGS = {"none": "not centred", "mean": "mean subtracted", "BatchNorm": "BatchNorm"}
COLOURS = (PREDICTED, MEASURED, POSITIVE)
BARS = {"capsize": 3, "linewidth": 1.4}
BASELINES: dict[str, dict[str, Any]] = {
    "InfoNCE": {"color": SERIES[0], "linestyle": "-."},
    "untrained": {"color": QUIET, "linestyle": "--"},
    "raw": {"color": SERIES[3], "linestyle": ":"},
}


def byol(table: Table, **values: float | str) -> Table:
    """The rows of BYOL with these settings; by default never re-initialised and without decay."""
    chosen: dict[str, Any] = {"method": "BYOL", "reinitialise": 0, "decay": 0.0, **values}
    return pick(table, **chosen)


@drawing()
def figure_ablation(table: Table, *, layer: str = "output") -> Illustration:
    """What to look at: which points fall below the untrained network, and what they have in common.

    A group per predictor; a colour per centring; circles where the target is the online network itself, squares where
    it follows slowly (EMA). Means over seeds, bars are 95 % intervals.
    """
    figure, axes = panels(9.6, 4.4, len(MEASURES))
    words = []
    for ax, (measure, name) in zip(axes, MEASURES.items(), strict=True):
        tidy(ax, xlabel="predictor", title=f"{name} of the {layer}")
        words += [_baselines(ax, table, layer, measure), _cells(ax, table, layer, measure)]
    handles, labels = axes[0].get_legend_handles_labels()
    legend(figure, "upper center", handles=handles, labels=labels, ncols=3)
    figure.tight_layout(rect=(0, 0, 1, 0.82))
    seeds = len(np.unique(table["seed"]))
    return Illustration(figure, f"Mean over {seeds} seeds [95 % interval]. {' '.join(words)}")


def _baselines(ax: Axes, table: Table, layer: str, measure: str) -> str:
    said = []
    for name, style in BASELINES.items():
        rows = pick(table, method=name)
        values = (rows if name == "raw" else pick(rows, layer=layer))[measure]
        label = "raw pixels" if name == "raw" else name
        if len(values) and np.isfinite(values).all():
            ax.axhline(float(values.mean()), linewidth=1.6, label=label, **style)
            said.append(f"{label} {values.mean():.3g}")
    return f"{MEASURES[measure].capitalize()} of the {layer}: {', '.join(said)};"


def _cells(ax: Axes, table: Table, layer: str, measure: str) -> str:
    """Draw every setting; say only the lowest and the highest of the 18."""
    predictors = ("none", "linear", "mlp")
    said = []
    for k, (centring, name) in enumerate(CENTRINGS.items()):
        for j, target in enumerate(("shared", "EMA")):
            rows = [byol(table, predictor=p, centring=centring, target=target, layer=layer) for p in predictors]
            x = np.arange(len(predictors)) + 0.24 * (k - 1) + 0.09 * (j - 0.5)
            label, seeds = f"{name}, {('target a copy', 'EMA')[j]}", means(row[measure] for row in rows)
            seeds.bars(ax, x, color=COLOURS[k], marker=MARKERS[j], label=label, linestyle="none", **BARS)
            said += [
                (mean, f"{words} ({p} predictor, {label})")
                for p, mean, words in zip(("no", "linear", "MLP"), seeds.middle, seeds.words(), strict=True)
            ]
    ax.set_xticks(range(len(predictors)), ["none", "linear", "MLP"])
    return f"BYOL from {min(said)[1]} to {max(said)[1]}."


@drawing()
def figure_reinitialised(table: Table) -> Illustration:
    """What to look at: whether the curves stay above the untrained network as the predictor is redrawn more often.

    Probe against the steps between two re-initialisations; mean subtracted, EMA target. Bars are 95 % intervals.
    """
    figure, (ax,) = panels(7.6, 3.8)
    tidy(ax, xlabel="predictor drawn anew every so many steps", title="probe of the output")
    words = [_baselines(ax, table, "output", "probe")]
    rows = pick(table, method="BYOL", decay=0.0, centring="mean", target="EMA", layer="output")
    for k, predictor in enumerate(("linear", "mlp")):
        here = pick(rows, predictor=predictor)
        every = sorted(np.unique(here["reinitialise"]).tolist(), key=lambda steps: -(steps or 10**9))
        seeds = means(pick(here, reinitialise=steps)["probe"] for steps in every)
        name = ("linear predictor", "predictor with a hidden layer")[k]
        x = np.arange(len(every)) + 0.06 * (2 * k - 1)
        seeds.bars(ax, x, color=(MEASURED, POSITIVE)[k], marker=MARKERS[k], label=name, linestyle="-", **BARS)
        ticks = [str(steps) if steps else "never" for steps in every]
        ax.set_xticks(range(len(every)), ticks)
        parts = ", ".join(f"{t} {mean}" for t, mean in zip(ticks, seeds.words(), strict=True))
        words.append(f"{name}: {parts}.")
    legend(ax, "beside")
    return illustration(figure, " ".join(words))
