"""The joint law of two views of a point, and the covariance operator that follows from it exactly."""

from dataclasses import field

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.operators.covariance import CovarianceOperator, covariance_operator
from ssl_explain.records import ForwardPass, Views, record


@record
class PairLaw(Views):
    """All possible views, each once, and the probability of each pair as two views of one point.

    ``x`` has one row per pattern (its view axis has length one); ``joint[i, j]`` is the probability that the two views
    of a point are patterns i and j. It is symmetric, and its row sums are the probabilities of single views.
    """

    joint: Float[Tensor, "*runs pattern pattern"] = field(kw_only=True)


def law_operator(forward: ForwardPass, layer: int, joint: Float[Tensor, "pattern pattern"]) -> CovarianceOperator:
    """The covariance operator of a known joint law: OP = Σ_ij (joint_ij - p_i p_j) K_i K_jᵀ.

    ``forward`` comes from the patterns of a :class:`PairLaw`. The same operator as
    :func:`~ssl_explain.operators.covariance.covariance_operator`, for
    E_x[K̄ K̄ᵀ] = E[K(view 1) K(view 2)ᵀ]; as a weighted one its weights are n²(p_i p_j - joint_ij)/2.

    Raises:
        ValueError: a layer that does not exist, non-finite inputs or weights, a joint law of another shape or that is
            not symmetric.
    """
    symmetric = joint.shape[-1] == joint.shape[-2] and torch.allclose(joint, joint.mT, atol=1e-6)
    remedy = "both views of a point have the same law: take `PairLaw.joint`"
    require.that(symmetric, "joint", "be a symmetric square matrix", f"shape {tuple(joint.shape)}", remedy)
    both = (joint + joint.mT) / 2  # remove rounding asymmetry
    p = both.sum(-1)
    return covariance_operator(forward, layer, (p.unsqueeze(-1) * p - both) * (len(p) ** 2 / 2))
