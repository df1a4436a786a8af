"""The growth of two layers."""

from jaxtyping import Bool, Float
from torch import Tensor

from ssl_explain.records import record


@record
class Growth:
    """The growth of two layers: both free, the bottom alone, the top alone, from one start (the mode axis).

    ``bottom`` and ``output`` are variances between points, ``top_norm`` is ‖W_2‖; ``stopped`` marks what has exceeded
    the limit and is constant from then on. ``mode`` is drawn bold, up to the time of index ``shown``.
    """

    times: Float[Tensor, "t *runs"]
    bottom: Float[Tensor, "t mode *runs"]
    output: Float[Tensor, "t mode *runs"]
    top_norm: Float[Tensor, "t mode *runs"]
    stopped: Bool[Tensor, "t mode *runs"]
    mode: int = 0
    shown: int = -1
    setting: str = ""
