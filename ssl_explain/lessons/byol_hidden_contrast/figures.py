"""The ablation of BYOL on digits: predictor, centring, target, re-initialised predictor, decay; over seeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ssl_explain.kit.picture import Illustration
from ssl_explain.kit.style import FONT, MARKERS, MEASURED, POSITIVE, PREDICTED, QUIET, SERIES, drawing, new_figure, tidy
from ssl_explain.results import Table, interval, pick

TITLES = {"probe": "probe of the {}", "rank": "effective rank of the {}", "between": "between share of the {}"}
CENTRINGS = {"none": "not centred", "mean": "mean taken off", "BatchNorm": "BatchNorm"}
COLOURS = (PREDICTED, MEASURED, POSITIVE)
BASELINES: dict[str, dict[str, Any]] = {
    "InfoNCE": {"color": SERIES[0], "linestyle": "-."},
    "untrained": {"color": QUIET, "linestyle": "--"},
    "raw": {"color": SERIES[3], "linestyle": ":"},
}


def byol(table: Table, **values: float | str) -> Table:
    """The rows of BYOL with these settings; never re-initialised and without decay unless they say so."""
    chosen: dict[str, Any] = {"method": "BYOL", "reinitialise": 0, "decay": 0.0, **values}
    return pick(table, **chosen)


@drawing()
def figure_ablation(
    table: Table, *, layer: str = "output", measures: Sequence[str] = ("probe", "rank", "between")
) -> Illustration:
    """What to look at: which points fall below the untrained network, and what they have in common.

    A group per predictor; a colour per centring; circles where the target is the online network itself, squares where
    it follows slowly (EMA). Means over seeds, bars are 95 % intervals.
    """
    figure = new_figure(9.6, 4.4)
    words = []
    for ax, measure in zip(figure.subplots(1, len(measures)), measures, strict=True):
        tidy(ax, xlabel="predictor", title=TITLES[measure].format(layer))
        words += [_baselines(ax, table, layer, measure), _cells(ax, table, layer, measure)]
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=FONT, frameon=False, loc="upper center", ncols=4)
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
    return f"{TITLES[measure].format(layer).capitalize()}: {', '.join(said)};"


def _cells(ax: Axes, table: Table, layer: str, measure: str) -> str:
    """Draw every setting; say the lowest and the highest, for all 18 would bury the finding."""
    predictors = ("none", "linear", "mlp")
    said = []
    for k, (centring, name) in enumerate(CENTRINGS.items()):
        for j, target in enumerate(("shared", "EMA")):
            cells = [
                byol(table, predictor=p, centring=centring, target=target, layer=layer)[measure] for p in predictors
            ]
            x = np.arange(len(predictors)) + 0.24 * (k - 1) + 0.09 * (j - 0.5)
            label = f"{name}, {('target a copy', 'EMA')[j]}"
            _draw(ax, x, cells, color=COLOURS[k], marker=MARKERS[j], label=label, linestyle="none")
            said += [
                (float(cell.mean()), f"{_mean(cell)} ({p} predictor, {label})")
                for p, cell in zip(("no", "linear", "MLP"), cells, strict=True)
            ]
    ax.set_xticks(range(len(predictors)), ["none", "linear", "MLP"])
    return f"BYOL from {min(said)[1]} to {max(said)[1]}."


@drawing()
def figure_reinitialised(table: Table, *, layer: str = "output") -> Illustration:
    """What to look at: whether the curves stay above the untrained network as the predictor is forgotten more often.

    Probe against the steps between two re-initialisations; mean taken off, EMA target. Bars are 95 % intervals.
    """
    figure = new_figure(7.6, 3.8)
    ax = figure.subplots()
    tidy(ax, xlabel="predictor drawn anew every so many steps", title=TITLES["probe"].format(layer))
    words = [_baselines(ax, table, layer, "probe")]
    rows = pick(table, method="BYOL", decay=0.0, centring="mean", target="EMA", layer=layer)
    for k, predictor in enumerate(("linear", "mlp")):
        here = pick(rows, predictor=predictor)
        every = sorted(np.unique(here["reinitialise"]).tolist(), key=lambda steps: -(steps or 10**9))
        cells = [pick(here, reinitialise=steps)["probe"] for steps in every]
        name = ("linear predictor", "predictor with a hidden layer")[k]
        x = np.arange(len(every)) + 0.06 * (2 * k - 1)
        _draw(ax, x, cells, color=(MEASURED, POSITIVE)[k], marker=MARKERS[k], label=name, linestyle="-")
        ticks = [str(steps) if steps else "never" for steps in every]
        ax.set_xticks(range(len(every)), ticks)
        parts = ", ".join(f"{t} {_mean(cell)}" for t, cell in zip(ticks, cells, strict=True))
        words.append(f"{name}: {parts}.")
    ax.legend(fontsize=FONT, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.tight_layout()
    return Illustration(figure, " ".join(words))


def _draw(ax: Axes, x: np.ndarray, cells: Sequence[np.ndarray], **style: Any) -> None:
    means, ends = np.array([cell.mean() for cell in cells]), np.array([interval(cell) for cell in cells]).T
    ax.errorbar(x, means, np.abs(ends - means), capsize=3, linewidth=1.4, **style)


def _mean(values: np.ndarray) -> str:
    low, high = interval(values)
    return f"{values.mean():.3g} [{low:.3g}, {high:.3g}]"
