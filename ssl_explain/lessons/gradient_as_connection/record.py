"""The parts of a connection, with predictions and what they are compared with."""

from jaxtyping import Float
from torch import Tensor

from ssl_explain.records import record


@record
class ConnectionView:
    """One layer, two inputs: the parts of the connection, and two predictions made from it beside autograd.

    ``gates`` are those of the first view, layer by layer; ``predicted_output`` is K_lᵀ vec(W_l).
    """

    widths: tuple[int, ...]
    layer: int
    setting: str
    gates: tuple[Float[Tensor, " _"], ...]
    layer_input: Float[Tensor, " d_in"]
    jacobian: Float[Tensor, "d_top d_out"]
    connection: Float[Tensor, "d_out d_in d_top"]
    predicted_output: Float[Tensor, " d_top"]
    output: Float[Tensor, " d_top"]
    predicted_gradient: Float[Tensor, "d_out d_in"]
    gradient: Float[Tensor, "d_out d_in"]
