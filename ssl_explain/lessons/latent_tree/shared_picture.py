"""What two views share: their joint law, and how often they are the same."""

from jaxtyping import Float
from torch import Tensor

from ssl_explain.kit.charts import heat_map, legend, new_curve, panels
from ssl_explain.kit.picture import Picture
from ssl_explain.kit.style import INK, MEASURED, PREDICTED, QUIET, SCALE, tidy
from ssl_explain.records import record


@record
class SharedViews:
    """The joint law of two views of one point, and how often the views are the same.

    ``joint[i, j]`` belongs to the leaf patterns i and j, in the order of ``labels``.
    ``same[q]`` is the probability that both views are the same pattern, for every strength in ``strengths``.
    """

    joint: Float[Tensor, "pattern pattern"]
    strength: float
    strengths: Float[Tensor, " q"]
    same: Float[Tensor, " q"]
    independent: float
    labels: tuple[str, ...]


class SharedPicture(Picture[SharedViews]):
    """What to look at: how the diagonal fades as q grows, and what stays: two blocks, one for each value of the root.

    Left, the probability of every pair of leaf patterns; patterns likely under root 0 come first. The square root is
    shown, so that rare pairs are visible. Right, the probability that both views are the same pattern, against q; the
    dotted line is that of two independent views.
    """

    def __init__(self, record: SharedViews) -> None:
        self.figure, (listed, curve) = panels(7.2, 4.3, 2)
        self.figure.subplots_adjust(left=0.11, right=0.98, top=0.87, bottom=0.14, wspace=0.2)
        n = len(record.joint)
        self.heat = heat_map(listed, SCALE, vmin=0, extent=(0, n, n, 0))
        tidy(listed, title="P(view 1, view 2)", xlabel="view 2, same order")
        listed.set(xticks=[], yticks=[])
        listed.set_ylabel("view 1", color=INK, labelpad=36)
        self.names = [
            listed.text(-0.35, k + 0.5, "", family="monospace", ha="right", va="center", color=INK) for k in range(n)
        ]
        tidy(curve, xlabel="augmentation q", title="both views are the same")
        curve.set(xlim=(-0.04, 1.04), ylim=(0, 1.03))
        self.curve = new_curve(curve, color=PREDICTED, linewidth=2, label="two views")
        self.here = new_curve(curve, "o", color=MEASURED, markersize=9, markeredgecolor=INK, label="this q")
        self.floor = new_curve(curve, ":", color=QUIET, linewidth=1.6, label="nothing shared")
        legend(curve, "upper right")
        self.still = []
        self.moving = [self.heat, *self.names, self.curve, self.floor, self.here]
        self.update(record)

    def update(self, record: SharedViews) -> bool:
        """Move everything; only the axes are still."""
        self.record = record
        for text, name in zip(self.names, record.labels, strict=True):
            text.set_text(name)
        self.heat.set_data((record.joint / record.joint.max()).sqrt().numpy())
        self.curve.set_data(record.strengths.tolist(), record.same.tolist())
        self.floor.set_data([0, 1], [record.independent] * 2)
        self.here.set_data([record.strength], [float(record.joint.trace())])
        return False

    def describe(self) -> str:
        """Say how often both views are the same pattern, and how often if they were independent."""
        record, same = self.record, 100 * float(self.record.joint.trace())
        return (
            f"With q = {record.strength:g} both views are the same pattern in {same:.1f} % of all pairs; if they "
            f"shared nothing, it would be {100 * record.independent:.1f} %."
        )
