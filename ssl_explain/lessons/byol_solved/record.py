"""Linear BYOL over time: as matrices, as modes, and on the plane of one mode."""

from jaxtyping import Float
from torch import Tensor

from ssl_explain.records import record


@record
class ByolRun:
    """Weights W, predictor P and target weights W_a of linear BYOL at some times."""

    times: Float[Tensor, " t"]
    weights: Float[Tensor, "t d_out d_in"]
    predictor: Float[Tensor, "t d_out d_out"]
    target: Float[Tensor, "t d_out d_in"]


@record
class ModeRun:
    """Every mode over time: p of the predictor, w² of W Wᵀ, and ω, the target as a share of the weights."""

    times: Float[Tensor, " t"]
    predictor: Float[Tensor, "t *modes"]
    size: Float[Tensor, "t *modes"]
    target: Float[Tensor, "t *modes"]


@record
class PhasePlane:
    """One setting of linear BYOL: the plane (p, w²) with its basins, two predicted modes, and the same two trained.

    A start at ``columns[j]`` dies if its w² is below ``boundary[j]`` (infinite: always). ``fixed`` holds p- and p+, or
    nothing where all collapses. ``arrows`` is p, w² and their velocities at ω = 1. The first mode is the chosen start.
    ``offset`` holds the invariant w² - p²/α of both trained modes, ``gap`` the largest distance between a trained w²
    and the predicted one. Training takes the time ``length``; the predicted path goes on.
    """

    predictor_speed: float
    decay: float
    noise: float
    target_rate: float | None
    threshold: float
    fixed: tuple[float, ...]
    columns: Float[Tensor, " column"]
    boundary: Float[Tensor, " column"]
    arrows: Float[Tensor, "4 arrow"]
    predicted: ModeRun
    trained: ModeRun
    offset: Float[Tensor, "t 2"]
    survives: bool
    gap: float
    length: float
    setting: str
