"""Many worlds at once: what of the root arrives far below, what can be known of a cause, and how lucky a start is."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from torch import Tensor

from ssl_explain.kit.picture import Illustration
from ssl_explain.kit.style import FONT, MARKERS, MEASURED, PREDICTED, QUIET, SERIES, drawing, new_figure, tidy
from ssl_explain.results import interval


@drawing()
def figure_fading(shares: Mapping[str, Float[Tensor, "trees depth"]]) -> Illustration:
    """What to look at: a straight fall on a logarithmic axis, and a band that widens as it falls.

    ``shares[range][tree, d]`` is ρ_{0μ}² of a node μ that lies d edges below the root. Lines are medians, bands hold
    nine trees in ten, dotted lines are means over trees.
    """
    figure = new_figure(8.0, 3.8)
    ax = figure.subplots()
    words = []
    for k, (name, share) in enumerate(shares.items()):
        colour, steps = SERIES[(6, 4, 2)[k % 3]], np.arange(share.shape[1])
        low, middle, high = np.quantile(share.numpy(), (0.05, 0.5, 0.95), axis=0)
        mean = share.mean(0).numpy()
        ax.fill_between(steps, low, high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(steps, middle, color=colour, marker=MARKERS[k], linewidth=2, label=f"|ρ| from {name}")
        ax.plot(steps, mean, color=colour, linestyle=":", linewidth=1.6)
        words.append(
            f"|ρ| from {name}: median {middle[1]:.2g} one edge below, {middle[-1]:.2g} after {steps[-1]} edges "
            f"(nine in ten trees from {low[-1]:.1g} to {high[-1]:.2g})"
        )
    ax.set_yscale("log")
    ax.set_ylim(1e-8, 1.5)
    title = "ρ²: what of the root's variance arrives (median, and nine trees in ten)"
    tidy(ax, xlabel="edges below the root", title=title)
    ax.plot([], [], color=QUIET, linestyle=":", label="mean over trees")
    ax.legend(fontsize=FONT, frameon=False, loc="lower left")
    figure.tight_layout()
    trees = next(iter(shares.values())).shape[0]
    return Illustration(figure, f"ρ_0μ² over {trees} trees. {'; '.join(words)}.")


@drawing()
def figure_ceilings(
    predicted: Float[Tensor, " latent"], found: Float[Tensor, " latent"], worlds: Mapping[str, Float[Tensor, "t level"]]
) -> Illustration:
    """What to look at: the dots on the line; then curves that fall, more and more slowly.

    Left, every latent of one tree: its ceiling against the best correlation of any lookup table. Right, the mean
    ceiling of each level over trees, with 95 % intervals of that mean.
    """
    figure = new_figure(9.6, 3.7)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    low, high = float(predicted.min()) - 0.02, float(predicted.max()) + 0.02
    left.plot([low, high], [low, high], color=PREDICTED, linestyle="--", linewidth=1.2, label="equal")
    left.plot(predicted.tolist(), found.tolist(), "o", color=MEASURED, markersize=7, label="one latent")
    tidy(left, xlabel="ceiling, by one upward pass", title="best lookup table, by brute force")
    left.legend(fontsize=FONT, frameon=False, loc="lower right")
    words = []
    for k, (name, ceilings) in enumerate(worlds.items()):
        levels = np.arange(1, ceilings.shape[1] + 1)
        means = ceilings.mean(0).tolist()
        ends = np.array([interval(column) for column in ceilings.T.tolist()]).T
        right.errorbar(
            levels + 0.05 * (k - 1), means, yerr=np.abs(ends - means), color=SERIES[(6, 4, 2)[k % 3]],
            marker=MARKERS[k], linewidth=2, capsize=3, label=f"|ρ| from {name}",
        )  # fmt: skip
        words.append(f"|ρ| from {name}: " + " ".join(f"{mean:.3f}" for mean in means))
    tidy(right, xlabel="level (1: just above the leaves)", title="mean ceiling of a level")
    right.set_xticks(levels)
    right.legend(fontsize=FONT, frameon=False, loc="lower left")
    figure.tight_layout()
    gap = float((predicted - found).abs().max())
    equal = "below 1e-12" if gap < 1e-12 else f"{gap:.2g}"
    return Illustration(
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
    figure = new_figure(9.6, 3.7)
    axes = np.atleast_1d(figure.subplots(1, len(measured), sharey=True))
    words = []
    for ax, (setting, best) in zip(axes, measured.items(), strict=True):
        means = best.mean(1).tolist()
        ends = np.array([interval(row) for row in best.tolist()]).T
        ax.plot(counts, expected[setting], color=PREDICTED, linestyle="--", linewidth=2, label="expected maximum")
        ax.errorbar(
            counts, means, yerr=np.abs(ends - means), color=MEASURED, marker="o", linestyle="none", capsize=4,
            label="measured",
        )  # fmt: skip
        ax.set_xscale("log")
        ax.set_xticks(counts, [str(n) for n in counts])
        ax.minorticks_off()
        tidy(ax, xlabel="neurons in the root's node", title=setting)
        pairs = zip(counts, means, expected[setting], strict=True)
        words.append(f"{setting}: " + ", ".join(f"{n} neuron{'s' * (n > 1)} {m:.3f} ({e:.3f})" for n, m, e in pairs))
    axes[0].set_ylabel("best |correlation| with the root", fontsize=FONT)
    axes[-1].legend(fontsize=FONT, frameon=False, loc="lower right")
    figure.tight_layout()
    return Illustration(figure, f"Mean best |correlation| at the start (expected maximum). {'; '.join(words)}.")
