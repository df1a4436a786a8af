"""Columns of features over time, and the drift of a tangent kernel."""

from jaxtyping import Float
from torch import Tensor

from ssl_explain.records import record


@record
class SpanFlow:
    """Linear features over time, in coordinates along the eigenvectors of C (largest eigenvalue first).

    ``columns[t]`` are the features Θ that small steps of size ``step_size`` reached, ``predicted[t]`` those of the
    closed form, up to a rotation within their span where they are kept orthonormal. ``angles`` are the principal
    angles to the top eigenspace, in radians and rising, of the steps; ``predicted_angles`` of the closed form, and
    ``error`` is the largest angle between both. ``shown`` is the index of the time shown.
    """

    times: Float[Tensor, " t"]
    eigenvalues: Float[Tensor, " d"]
    columns: Float[Tensor, "t d k"]
    predicted: Float[Tensor, "t d k"]
    angles: Float[Tensor, "t k"]
    predicted_angles: Float[Tensor, "t k"]
    error: Float[Tensor, " t"]
    orthonormal: bool
    step_size: float
    shown: int
    setting: str


@record
class Drift:
    """The drift of the tangent kernel of a network, ‖K(t) - K(0)‖ / ‖K(0)‖, of every run."""

    times: Float[Tensor, " t"]
    drift: Float[Tensor, "t runs"]
    width: int
    setting: str
