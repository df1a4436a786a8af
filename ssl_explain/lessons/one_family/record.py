"""Runs of a loss in a world of independent directions, and what each loss learns there."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from ssl_explain.records import record


@record
class FamilyRun:
    """Linear networks of ``k`` neurons that one loss trained in worlds of ``d`` directions, step by step.

    ``between`` and ``within`` are the variances of each direction. The loss moves W by A_b W C_b + A_w W C_w - η W;
    ``on_between`` and ``on_within`` are A_b and A_w, each the mean since the moment
    before, and ``decay`` is η; ``predictors`` is P, which only BYOL reads.
    ``overlap`` is how much of each direction lies in the row space of W; it sums to the rank of W.
    """

    loss: str
    between: Float[Tensor, "runs d"]
    within: Float[Tensor, "runs d"]
    steps: Float[Tensor, " t"]
    weights: Float[Tensor, "t runs k d"]
    on_between: Float[Tensor, "t runs k k"]
    on_within: Float[Tensor, "t runs k k"]
    predictors: Float[Tensor, "t runs k k"]
    overlap: Float[Tensor, "t runs d"]
    decay: float


@record
class FamilyView:
    """One moment of a :class:`FamilyRun`: how fast each direction grows, and what has been learned.

    ``rates`` is the growth rate of the column of W of each direction, or the largest possible one where it is zero.
    An empty direction grows below ``border``, a within variance for every between variance of ``grid``. ``loudest`` are
    the k directions with the most variance between points, ``steadiest`` those with the largest share of it; none where
    there is a tie. ``terms`` are weighted.
    """

    loss: str
    step: int
    strength: float
    between: Float[Tensor, " d"]
    within: Float[Tensor, " d"]
    rates: Float[Tensor, " d"]
    overlap: Float[Tensor, " d"]
    on_between: Float[Tensor, "k k"]
    on_within: Float[Tensor, "k k"]
    grid: Float[Tensor, " g"]
    border: Float[Tensor, " g"]
    loudest: tuple[int, ...]
    steadiest: tuple[int, ...]
    terms: Mapping[str, float]

    @property
    def rank(self) -> int:
        """How many directions W fills."""
        return round(float(self.overlap.sum()))


@record
class Frontier:
    """The directions that each loss keeps of one world, and its border at the end of training.

    ``kept[loss, direction]`` is the mean overlap over starts, ``spread`` its standard deviation; ``border[loss]`` is
    the largest within variance that still grows, at each between variance of ``grid`` (infinite if all grow).
    """

    losses: tuple[str, ...]
    between: Float[Tensor, " d"]
    within: Float[Tensor, " d"]
    kept: Float[Tensor, "loss d"]
    spread: Float[Tensor, "loss d"]
    grid: Float[Tensor, " g"]
    border: Float[Tensor, "loss g"]
    starts: int
    outputs: int
