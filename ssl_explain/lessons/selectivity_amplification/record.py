"""What is measured on neurons on a ring while they learn."""

from jaxtyping import Bool, Float
from torch import Tensor

from ssl_explain.records import record


@record
class Selectivity:
    """Neurons on a ring of shifting objects, over time; ``shown`` is the index of the time shown.

    ``responses[t, object, place, neuron]`` is the mean activation over the views of one point. ``dead`` neurons had
    the same mean connection at every point at the start. ``shift`` is the largest shift, None where all are equally
    likely.
    """

    objects: Float[Tensor, "object cell"]
    times: Float[Tensor, " t"]
    weights: Float[Tensor, "t neuron cell"]
    responses: Float[Tensor, "t object place neuron"]
    dead: Bool[Tensor, " neuron"]
    shift: int | None
    steps: int
    shown: int = -1
    setting: str = ""
