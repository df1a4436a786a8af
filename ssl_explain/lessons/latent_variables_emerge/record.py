"""What is measured at every node of a small tree while a network learns from exact expectations."""

from dataclasses import field

from jaxtyping import Float
from torch import Tensor

from ssl_explain.lessons.start_here.record import Emergence
from ssl_explain.records import record


@record
class Race(Emergence):
    """One exact run up to the time shown; all histories end with ``trace``.

    ``operators[t]`` holds the largest eigenvalue of the covariance operator of every node's own weights,
    ``selectivity[t]`` the s_j of every neuron as a share of the size √E‖f‖² of its node. ``node`` is the marked latent,
    ``show`` which of both to draw; ``root`` is P(root = 1).
    """

    operators: Float[Tensor, "t latent"] = field(kw_only=True)
    selectivity: Float[Tensor, "t latent neuron"] = field(kw_only=True)
    node: int = field(kw_only=True)
    show: str = field(kw_only=True)
    root: float = field(kw_only=True)
    setting: str = field(kw_only=True)
