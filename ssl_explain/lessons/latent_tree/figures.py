"""Many trees at once: how the root's variance fades below it, the ceilings of latents, and initial correlations."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from torch import Tensor

from ssl_explain.kit.charts import illustration, legend, means, medians, panels, plain_ticks
from ssl_explain.kit.picture import Illustration
from ssl_explain.kit.style import FONT, MARKERS, MEASURED, PREDICTED, QUIET, SERIES, drawing, tidy


@drawing()
def figure_fading(shares: Mapping[str, Float[Tensor, "trees depth"]]) -> Illustration:
    """What to look at: a straight fall on a logarithmic axis, and a band that widens as it falls.

    ``shares[range][tree, d]`` is ρ_{0μ}² of a node μ that lies d edges below the root. Lines are medians, bands hold
    nine trees in ten, dotted lines are means over trees.
    """
    figure, (ax,) = panels(8.0, 3.8)
    words = []
    for k, (name, share) in enumerate(shares.items()):
        colour, steps, trees = SERIES[(6, 4, 2)[k % 3]], np.arange(share.shape[1]), medians(share.T, 0.9)
        trees.band(ax, steps, color=colour, marker=MARKERS[k], linewidth=2, label=f"|ρ| from {name}")
        ax.plot(steps, share.mean(0), color=colour, linestyle=":", linewidth=1.6)
        words.append(
            f"|ρ| from {name}: median {trees.middle[1]:.2g} one edge below, {trees.middle[-1]:.2g} after {steps[-1]} "
            f"edges (nine in ten trees from {trees.low[-1]:.1g} to {trees.high[-1]:.2g})"
        )
    ax.set_yscale("log")
    ax.set_ylim(1e-8, 1.5)
    title = "ρ²: what of the root's variance arrives (median, and nine trees in ten)"
    tidy(ax, xlabel="edges below the root", title=title)
    ax.plot([], [], color=QUIET, linestyle=":", label="mean over trees")
    legend(ax, "lower left")
    return illustration(figure, f"ρ_0μ² over {len(share)} trees. {'; '.join(words)}.")


@drawing()
def figure_ceilings(
    predicted: Float[Tensor, " latent"], found: Float[Tensor, " latent"], worlds: Mapping[str, Float[Tensor, "t level"]]
) -> Illustration:
    """What to look at: the dots on the line; then curves that fall, more and more slowly.

    Left, every latent of one tree: its ceiling against the best correlation of any lookup table. Right, the mean
    ceiling of each level over trees, with 95 % intervals of that mean.
    """
    figure, (left, right) = panels(9.6, 3.7, 2, width_ratios=(1, 1.5))
    low, high = float(predicted.min()) - 0.02, float(predicted.max()) + 0.02
    left.plot([low, high], [low, high], color=PREDICTED, linestyle="--", linewidth=1.2, label="equal")
    left.plot(predicted.tolist(), found.tolist(), "o", color=MEASURED, markersize=7, label="one latent")
    tidy(left, xlabel="ceiling, by one upward pass", title="best lookup table, by brute force")
    legend(left, "lower right")
    words = []
    for k, (name, ceilings) in enumerate(worlds.items()):
        levels, trees = np.arange(1, ceilings.shape[1] + 1), means(ceilings.T)
        style = {"color": SERIES[(6, 4, 2)[k % 3]], "marker": MARKERS[k], "label": f"|ρ| from {name}"}
        trees.bars(right, levels + 0.05 * (k - 1), linewidth=2, capsize=3, **style)
        words.append(f"|ρ| from {name}: " + " ".join(f"{mean:.3f}" for mean in trees.middle))
    tidy(right, xlabel="level (1: just above the leaves)", title="mean ceiling of a level")
    right.set_xticks(levels)
    legend(right, "lower left")
    gap = float((predicted - found).abs().max())
    equal = "below 1e-12" if gap < 1e-12 else f"{gap:.2g}"
    return illustration(
        figure,
        f"Largest gap between the ceiling of a latent and the best lookup table: {equal}. Mean ceilings of levels 1, "
        f"2, …: {'; '.join(words)}.",
    )


@drawing()
def figure_luck(
    counts: Sequence[int],
    measured: Mapping[str, Float[Tensor, "count nets"]],
    expected: Mapping[str, Sequence[float]],
) -> Illustration:
    """What to look at: left the dots lie on the line; right they fall below it as neurons are added.

    ``measured[setting]`` holds the best |correlation| among the first 1, 2, … neurons of every node; dots are means
    with 95 % intervals. The line is the expected maximum of as many independent draws from all neurons.
    """
    figure, axes = panels(9.6, 3.7, len(measured), sharey=True)
    words = []
    for ax, (setting, best) in zip(axes, measured.items(), strict=True):
        nets = means(best)
        ax.plot(counts, expected[setting], color=PREDICTED, linestyle="--", linewidth=2, label="expected maximum")
        nets.bars(ax, counts, color=MEASURED, marker="o", linestyle="none", capsize=4, label="measured")
        ax.set_xscale("log")
        plain_ticks(ax, counts)
        tidy(ax, xlabel="neurons in the root's node", title=setting)
        pairs = zip(counts, nets.middle, expected[setting], strict=True)
        words.append(f"{setting}: " + ", ".join(f"{n} neuron{'s' * (n > 1)} {m:.3f} ({e:.3f})" for n, m, e in pairs))
    axes[0].set_ylabel("best |correlation| with the root", fontsize=FONT)
    legend(axes[-1], "lower right")
    return illustration(figure, f"Mean best |correlation| at the start (expected maximum). {'; '.join(words)}.")
