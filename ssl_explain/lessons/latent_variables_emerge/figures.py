"""Statistics over seeds: every mean with its 95 % interval, drawn by seaborn."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from torch import Tensor

from ssl_explain.kit.charts import illustration, legend, mean_curve, means, panels
from ssl_explain.kit.picture import Illustration
from ssl_explain.kit.style import INK, MARKERS, MEASURED, QUIET, SERIES, drawing, tidy
from ssl_explain.results import Table, interval, pick


@drawing()
def figure_overparameterisation(table: Table) -> Illustration:
    """What to look at: how far the ends (filled) lie above the start (open), for more and more neurons.

    Best |correlation| with the root against neurons per node, one panel per polarity range; bars are 95 % intervals of
    the mean over seeds; the dotted line is the mean ceiling. The start is that of the gated top.
    """
    import seaborn  # it takes a second to import, and few figures need it

    runs, root = int(table["run"].max()) + 1, pick(table, level=table["level"].max())
    lows = np.unique(root["polarity_low"])
    figure, axes = panels(9.6, 3.6, len(lows), sharey=True)
    lines = [
        f"Best |correlation| with the root, {runs} seeds. Neurons: start → end [95 % interval]; end of a linear top."
    ]
    for ax, low in zip(axes, lows, strict=True):
        here = pick(root, polarity_low=low)
        gated, linear = (pick(here, top=top) for top in ("gated", "linear"))
        common = {"x": "neurons", "ax": ax, "errorbar": interval, "capsize": 0.12, "linestyle": "none"}
        start = {"color": QUIET, "markers": "s", "markerfacecolor": "white", "label": "start"}
        seaborn.pointplot(gated, y="start", **start, **common)
        hues = {"palette": [MEASURED, SERIES[3]], "markers": ["o", "D"], "dodge": 0.3}
        seaborn.pointplot(here, y="end", hue=[f"end, {top} top" for top in here["top"]], **hues, **common)
        ceiling = float(here["ceiling"].mean())
        ax.axhline(ceiling, color=QUIET, linestyle=":", label="ceiling (Bayes)")
        ax.set_ylim(0, 1.02)
        tidy(ax, xlabel="neurons per node", title=f"|ρ| from {low:g} to 1")
        ax.legend().remove()
        widths = np.unique(here["neurons"])
        starts = [pick(gated, neurons=m)["start"].mean() for m in widths]
        ends = means(pick(gated, neurons=m)["end"] for m in widths).words(".2f")
        others = [pick(linear, neurons=m)["end"].mean() for m in widths]
        rows = zip(widths, starts, ends, others, strict=True)
        parts = [f"{m}: {start:.2f} → {end}; {other:.2f}" for m, start, end, other in rows]
        lines.append(f"|ρ| ≥ {low:g}, ceiling {ceiling:.2f}: {' | '.join(parts)}.")
    axes[0].set_ylabel("best |correlation| with the root")
    legend(axes[-1], "lower right")
    return illustration(figure, "\n".join(lines))


@drawing()
def figure_gap_closed(steps: Sequence[int], closed: Float[Tensor, "t runs level"]) -> Illustration:
    """What to look at: which level's curve leaves zero first.

    ``closed`` is the share of the gap between start and ceiling that each level has closed; bands are 95 %
    intervals of the mean over seeds.
    """
    figure, (ax,) = panels(7.2, 3.6)
    depth = closed.shape[-1]
    words = []
    for level in range(1, depth):
        name = "root" if level == depth - 1 else f"level {level + 1}"
        colour = SERIES[6] if level == depth - 1 else SERIES[level + 1]
        y = closed[..., level]
        style = {"color": colour, "marker": MARKERS[(level + 1) % len(MARKERS)], "markevery": 4, "label": name}
        mean_curve(ax, steps, y.T, **style)
        words.append(f"{name} {100 * float(y[-1].mean()):.0f} %")
    tidy(ax, xlabel="training steps", title="part of the way from start to ceiling")
    ax.set_ylim(-0.1, 1)
    legend(ax, ncols=2)
    what = f"Part of the way to the ceiling after {steps[-1]} steps, {closed.shape[1]} seeds"
    return illustration(figure, f"{what}: {', '.join(words)}.")


@drawing()
def figure_outcomes(shares: Mapping[str, Float[Tensor, "runs"]]) -> Illustration:
    """What to look at: how far the dots of a row lie from those of the others, and how wide a row spreads.

    One row per way to look for the root, one dot per seed: the share of the root's ceiling; the tick is the mean.
    """
    import seaborn

    figure, (ax,) = panels(7.2, 0.5 * len(shares) + 0.9)
    names = [name for name, values in shares.items() for _ in values]
    values = 100 * np.concatenate([np.asarray(values) for values in shares.values()])
    seaborn.swarmplot(x=values, y=names, ax=ax, color=MEASURED, size=4)
    for row, own in enumerate(shares.values()):
        ax.plot(2 * [100 * float(own.mean())], [row - 0.3, row + 0.3], color=INK, linewidth=1.5)
    ax.axvline(100, color=QUIET, linestyle=":")
    ax.set_xlim(0, 105)
    tidy(ax, xlabel="the root: share of its ceiling, per cent")
    parts = [f"{name} {100 * float(own.mean()):.0f} %" for name, own in shares.items()]
    return illustration(figure, f"Mean share of the root's ceiling over {len(own)} seeds: {', '.join(parts)}.")
