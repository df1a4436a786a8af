"""What two views share: their joint law, listed and sampled."""

from jaxtyping import Float
from torch import Tensor

from ssl_explain.kit.charts import heat_map, legend, new_curve, panels
from ssl_explain.kit.picture import Picture
from ssl_explain.kit.style import FONT, INK, MEASURED, PREDICTED, QUIET, SCALE, tidy
from ssl_explain.records import record


@record
class SharedViews:
    """The joint law of two views of one point, listed and sampled, and how often the views are the same.

    ``joint[i, j]`` and ``sampled[i, j]`` belong to the leaf patterns i and j, in the order of binary counting.
    ``same[q]`` is the probability that both views are the same pattern, for every strength in ``strengths``.
    """

    joint: Float[Tensor, "pattern pattern"]
    sampled: Float[Tensor, "pattern pattern"]
    strength: float
    strengths: Float[Tensor, " q"]
    same: Float[Tensor, " q"]
    independent: float
    pairs: int
    labels: tuple[str, ...]


class SharedPicture(Picture[SharedViews]):
    """What to look at: how the diagonal fades as q grows, and what stays: two blocks, one for each value of the root.

    Left and middle, the probability of every pair of leaf patterns, listed and sampled; patterns likely under root 0
    come first. The square root is shown, so that rare pairs are visible. Right, the probability that both views are the
    same pattern, against q; the dotted line is that of two independent views.
    """

    def __init__(self, record: SharedViews) -> None:
        self.figure, (listed, sampled, curve) = panels(9.6, 4.0, 3)
        self.figure.subplots_adjust(left=0.082, right=0.985, top=0.87, bottom=0.14, wspace=0.2)
        n = len(record.joint)
        self.heats = [heat_map(ax, SCALE, vmin=0, extent=(0, n, n, 0)) for ax in (listed, sampled)]
        for ax, title in ((listed, "every pair, listed"), (sampled, f"{record.pairs:,} pairs, sampled")):
            tidy(ax, title=title, xlabel="view 2, same order")
            ax.set(xticks=[], yticks=[])
        listed.set_ylabel("view 1", fontsize=FONT + 1, color=INK, labelpad=36)
        self.names = [
            listed.text(-0.35, k + 0.5, "", fontsize=FONT - 1, family="monospace", ha="right", va="center", color=INK)
            for k in range(n)
        ]
        tidy(curve, xlabel="augmentation q", title="both views are the same")
        curve.set(xlim=(-0.04, 1.04), ylim=(0, 1.03))
        self.curve = new_curve(curve, color=PREDICTED, linewidth=2, label="listed")
        self.here = new_curve(curve, "o", color=MEASURED, markersize=9, markeredgecolor=INK, label="sampled, this q")
        self.floor = new_curve(curve, ":", color=QUIET, linewidth=1.6, label="nothing shared")
        legend(curve, "upper right")
        self.still = []
        self.moving = [*self.heats, *self.names, self.curve, self.floor, self.here]
        self.update(record)

    def update(self, record: SharedViews) -> bool:
        """Move everything; only the axes are still."""
        self.record = record
        for text, name in zip(self.names, record.labels, strict=True):
            text.set_text(name)
        size = max(float(record.joint.max()), float(record.sampled.max()))
        for heat, law in zip(self.heats, (record.joint, record.sampled), strict=True):
            heat.set_data((law / size).sqrt().numpy())
        self.curve.set_data(record.strengths.tolist(), record.same.tolist())
        self.floor.set_data([0, 1], [record.independent] * 2)
        self.here.set_data([record.strength], [float(record.sampled.trace())])
        return False

    def describe(self) -> str:
        """Say how often both views are the same pattern, listed, sampled, and if they were independent."""
        record = self.record
        gap = float((record.joint - record.sampled).abs().max())
        listed, sampled = (100 * float(law.trace()) for law in (record.joint, record.sampled))
        return (
            f"With q = {record.strength:g} both views are the same pattern in {listed:.1f} % of all pairs; sampled: "
            f"{sampled:.1f} %; if they shared nothing, it would be {100 * record.independent:.1f} %. Largest gap "
            f"between a listed and a sampled chance: {gap:.4f}, over {record.pairs:,} sampled pairs."
        )
