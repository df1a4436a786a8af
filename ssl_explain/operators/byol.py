"""The expected update of BYOL as three operators: within points, between points, and of the mean."""

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.operators.covariance import mean_connection
from ssl_explain.records import ForwardPass, record


@record
class Term:
    """One operator on vec(W_l): T = E_r[F_r A F_rᵀ], with F_r of shape (D, d_top).

    ``factor`` holds F_rᵀ for every r; ``middle`` is A, square, and symmetric only if the predictor is.
    Only :meth:`as_matrix` forms the D × D matrix.
    """

    factor: Float[Tensor, "r d_top d_weights"]
    middle: Float[Tensor, "d_top d_in"]

    def matvec(self, v: Float[Tensor, " d_weights"]) -> Float[Tensor, " d_weights"]:
        """T v, by two matrix-vector products with A between them."""
        rows = self.factor.flatten(0, 1)
        u = (rows @ v).view(self.factor.shape[:2]) @ self.middle.mT
        return rows.mT @ u.flatten() / len(self.factor)

    def as_matrix(self) -> Float[Tensor, "d_weights d_out"]:
        """The whole D × D matrix."""
        return self.factor.flatten(0, 1).mT @ (self.middle @ self.factor).flatten(0, 1) / len(self.factor)


@torch.no_grad()
def byol_terms(
    forward: ForwardPass,
    layer: int,
    predictor: Float[Tensor, "d_top d_in"],
    *,
    online: bool = False,
    target: bool = False,
    through: bool = True,
    batch: int | None = None,
) -> dict[str, Term]:
    """Split the expected update of layer l, -∇E½‖P f - f+‖² with stop-gradient on f+, into three operators.

    With K̿ = E K the mean connection: within -E_x V_{x'|x}[K] weighed by PᵀP, between E_x[(K̄-K̿) Pᵀ(1-P) (K̄-K̿)ᵀ], and
    mean K̿ (push·Pᵀ - pull·PᵀP) K̿ᵀ. Their sum, applied to vec(W_l), is the update. Pull is 0 if the ``online`` tower is
    centred, else 1; push is 0 if the ``target`` is, or the online tower with the gradient ``through`` its mean.
    ``batch``: the towers subtract the mean of their own batch of B independent points, a factor (1 - 1/B) of all terms.
    ``forward`` comes from views (n, a, d), every point and view equally likely; view pairs are drawn independently.

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578, earlier version; the split of the mean is derived here.

    Raises:
        ValueError: a predictor of another width than the output, a layer that does not exist, non-finite inputs,
            a batch of one, a batch with a centring that leaves the mean inside, more points than there is room for.
        TypeError: no forward pass, a layer that is not an integer, a predictor of another type than the network.

    Example:
        >>> from ssl_explain.networks.relu import ReLUNet
        >>> g = torch.Generator().manual_seed(0)
        >>> net = ReLUNet((3, 4, 2), generator=g, normalise=False)
        >>> terms = byol_terms(net.forward_pass(torch.randn(9, 5, 3, generator=g)), 1, 0.5 * torch.eye(2))
        >>> list(terms), terms["mean"].as_matrix().shape
        (['within', 'between', 'mean'], torch.Size([12, 12]))
    """
    means = mean_connection(forward, layer)
    centre = means.mean(0)
    p, width = require.tensor("predictor", predictor, "d_top d_in", "such as 0.5 * torch.eye(d_top)"), len(centre)
    if p.shape != (width, width):
        expected, got = f"be a ({width}, {width}) matrix, as wide as the output", f"shape {tuple(p.shape)}"
        require.fail("predictor", expected, got, f"a fixed one is p * torch.eye({width})")
    require.dtype("predictor", require.finite("predictor", p), centre.dtype, "the weights of the network")
    points = forward.map(lambda tensor: tensor.flatten(0, 1).unsqueeze(1))  # every view counts as a point of its own
    views = mean_connection(points, layer).unflatten(0, forward.output.shape[:2])
    pull, push = not online, not (target or (online and through))
    share = _share(batch, pull or push)
    return {
        "within": Term((views - means.unsqueeze(1)).flatten(0, 1), -share * p.mT @ p),
        "between": Term(means - centre, share * (p.mT - p.mT @ p)),
        "mean": Term(centre.unsqueeze(0), push * p.mT - pull * p.mT @ p),
    }


def _share(batch: int | None, mean_inside: bool) -> float:
    """1 - 1/B, since the mean of a batch contains 1/B of every point in it."""
    if batch is None:
        return 1.0
    if mean_inside:
        expected = "be None with a centring that leaves the mean inside"
        require.fail("batch", expected, f"{batch!r:.80}", "centre both towers")
    return 1 - 1 / require.integer("batch", batch, 2, "a point minus the mean of itself is 0")
