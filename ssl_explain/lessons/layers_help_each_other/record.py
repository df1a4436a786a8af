"""What is measured while a network learns."""

from jaxtyping import Bool, Float
from torch import Tensor

from ssl_explain.records import record


@record
class Growth:
    """Two layers that grow: with both free, the bottom alone, the top alone, from one start (the mode axis).

    ``bottom`` and ``output`` are variances between points, ``top_norm`` is ‖W_2‖; ``stopped`` marks what has outgrown
    the limit and stands still from then on. ``shown`` is the mode that is looked at.
    """

    times: Float[Tensor, "t *runs"]
    bottom: Float[Tensor, "t mode *runs"]
    output: Float[Tensor, "t mode *runs"]
    top_norm: Float[Tensor, "t mode *runs"]
    stopped: Bool[Tensor, "t mode *runs"]
    shown: int = 0
    setting: str = ""
