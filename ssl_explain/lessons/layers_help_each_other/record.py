"""The growth of two layers."""

from jaxtyping import Bool, Float
from torch import Tensor

from ssl_explain.records import record


@record
class Growth:
    """The growth of two layers: both free, the bottom alone, the top alone, from one start (the mode axis).

    ``bottom`` and ``output`` are variances between points, ``top_norm`` is ‖W_2‖; ``stopped`` marks what has exceeded
    the limit and is constant from then on. ``shown`` is the mode drawn bold.
    """

    times: Float[Tensor, "t *runs"]
    bottom: Float[Tensor, "t mode *runs"]
    output: Float[Tensor, "t mode *runs"]
    top_norm: Float[Tensor, "t mode *runs"]
    stopped: Bool[Tensor, "t mode *runs"]
    shown: int = 0
    setting: str = ""
