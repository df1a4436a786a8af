"""The covariance of neurons between two views: what the root alone would leave, and what is there."""

from jaxtyping import Float
from torch import Tensor

from ssl_explain.kit.charts import heading, heat_map, new_curve, panels
from ssl_explain.kit.picture import Picture
from ssl_explain.kit.style import MEASURED, PREDICTED, tidy
from ssl_explain.records import record

BARELY = 1e-9  # of an activation's variance: below it there is only rounding


@record
class Covariances:
    """Covariances of neurons on the children of a latent μ between two views: ρ_{0μ}² a aᵀ, and what is measured.

    ``share`` is ρ_{0μ}², ``strength`` the augmentation, ``root`` P(root = 1).
    """

    predicted: Float[Tensor, "neuron neuron"]
    measured: Float[Tensor, "neuron neuron"]
    share: float
    strength: float
    root: float
    activation: str


class NeuronsPicture(Picture[Covariances]):
    """What to look at: the two squares are alike only if the views share nothing but a fair root.

    Left and middle, the covariance that the formula says and the one between two views, in units of the largest entry.
    Right, every entry of one against the other; on the dashed line both are equal.
    """

    def __init__(self, record: Covariances) -> None:
        self.figure, (left, middle, dots) = panels(7.6, 2.9, 3)
        self.figure.subplots_adjust(left=0.02, right=0.98, top=0.8, bottom=0.2, wspace=0.25)
        self.heats = []
        for ax, title in ((left, "ρ² a aᵀ"), (middle, "between two views")):
            ax.set(xticks=[], yticks=[])
            ax.set_title(title, loc="left")
            self.heats.append(heat_map(ax, "RdBu_r", aspect="equal"))
        tidy(dots, xlabel="ρ² a aᵀ / largest entry", title="entry by entry")
        dots.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        dots.axline((0, 0), slope=1, color=PREDICTED, linewidth=1.2, linestyle="--")
        self.dots = new_curve(dots, "o", color=MEASURED, markersize=5, alpha=0.7)
        self.title = heading(left, 0.02, 0.93)
        self.still = []
        self.moving = [*self.heats, self.dots, self.title]
        self.update(record)

    def update(self, record: Covariances) -> bool:
        """Move everything; only the axes are still."""
        self.record = record
        size = max(float(record.predicted.abs().max()), float(record.measured.abs().max()))
        both = [x.numpy() / (size if size > BARELY else 1.0) for x in (record.predicted, record.measured)]
        for heat, values in zip(self.heats, both, strict=True):
            heat.set_data(values)
        self.dots.set_data(*(values.flatten() for values in both))
        self.title.set_text(f"covariance of {record.activation} neurons, largest entry {size:.3g}")
        return False

    def describe(self) -> str:
        """Say the largest entries, the gap, and by how much what is measured exceeds the formula."""
        record = self.record
        largest = [float(x.abs().max()) for x in (record.predicted, record.measured)]
        gap = float((record.predicted - record.measured).abs().max())
        said, seen = (f"{size:.3g}" if size > BARELY else "0" for size in largest)
        text = (
            f"{record.activation} neurons, q = {record.strength:g}, ρ² = {record.share:.3f}: largest entry of ρ² a aᵀ "
            f"{said}, of the covariance between two views {seen}; largest gap "
            f"{f'{gap:.2g}' if gap > 1e-12 else 'below 1e-12'}."
        )
        if largest[0] < BARELY:
            text += " No neuron tells z = 0 from z = 1."
        return text if record.root == 0.5 else f"{text} The root is 1 with probability {record.root:g}, not ½."
