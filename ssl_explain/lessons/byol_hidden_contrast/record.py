"""The growth of the directions of a simple world under BYOL, over time."""

from jaxtyping import Float
from torch import Tensor

from ssl_explain.records import record

TERMS = ("within", "between", "mean", "decay")


@record
class HiddenContrast:
    """A linear network trained without negatives, in a world of independent directions.

    ``sizes`` is ‖W e_i‖² of every direction i; ``rates[t, term, i]`` what each of :data:`TERMS` adds to the growth rate
    of ‖W e_i‖. ``second_moment`` is E‖f‖²; ``share`` the part of E‖f̄(x)‖² that differs between points; ``limit`` what
    the share tends to (None where no formula is claimed). ``offset`` is the squared length of the common mean,
    which lies in the last direction.
    """

    times: Float[Tensor, " t"]
    sizes: Float[Tensor, "t *runs direction"]
    rates: Float[Tensor, "t *runs term direction"]
    second_moment: Float[Tensor, "t *runs"]
    share: Float[Tensor, "t *runs"]
    between: tuple[float, ...]
    within: tuple[float, ...]
    offset: float
    limit: float | None
    shown: int = -1
    setting: str = ""
