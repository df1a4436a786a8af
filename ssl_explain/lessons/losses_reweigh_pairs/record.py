"""An update predicted with frozen pair weights, beside the true one."""

from jaxtyping import Float
from torch import Tensor

from ssl_explain.records import record


@record
class Residue:
    """The true update of a layer and the one predicted with frozen pair weights; ``error`` is relative to the true one.

    ``spread`` is tr V_{x'|x}[f_L], averaged over points.
    """

    pair_weights: Float[Tensor, "*runs n n"]
    true: Float[Tensor, "*runs d_weights"]
    predicted: Float[Tensor, "*runs d_weights"]
    spread: Float[Tensor, "*runs"]
    cosine: Float[Tensor, "*runs"]
    error: Float[Tensor, "*runs"]


@record
class Reweighing:
    """A loss that weighs pairs: its :class:`Residue` now, and over a range of view noise (``sweep``, as runs).

    ``lowest`` is the smallest eigenvalue of the frozen operator, as a share of the largest.
    """

    now: Residue
    sweep: Residue
    temperature: float
    noise: float
    lowest: float
    setting: str
