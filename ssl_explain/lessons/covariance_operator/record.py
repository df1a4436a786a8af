"""The spectrum of the covariance operator, and the step that it predicts."""

from jaxtyping import Float
from torch import Tensor

from ssl_explain.records import record


@record
class Spectrum:
    """The covariance operator of one layer, and one step of its weights, predicted and taken.

    ``total`` holds the eigenvalues of all variance of the connection, ``between`` those of OP; ``share`` is the ratio
    of their sums, ``directions`` the participation ratio (Σλ)² / Σλ² of OP. ``length`` is taken / predicted.
    """

    between: Float[Tensor, " d_weights"]
    total: Float[Tensor, " d_weights"]
    features: Float[Tensor, "k d_out d_in"]
    predicted: Float[Tensor, " d_weights"]
    taken: Float[Tensor, " d_weights"]
    share: float
    directions: float
    cosine: float
    length: float
    layer: int
    points: int
    views: int
    strength: float
    step: str
