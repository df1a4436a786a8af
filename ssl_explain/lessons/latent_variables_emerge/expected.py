"""The expectation of a loss over the whole joint law of two views: finite sums in place of batches.

``f`` holds the outputs of every pattern, ``joint[i, j]`` the probability that two views of one point are patterns i
and j, p its row sums. The negative is a view of an independent point, so its law is p.
"""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_explain import require
from ssl_explain.lessons.latent_variables_emerge.pair_law import PairLaw
from ssl_explain.losses.contrastive import Loss, Objective
from ssl_explain.records import Views

Outputs = Float[Tensor, "*runs pattern d"]
Joint = Float[Tensor, "*runs pattern pattern"]
Expected = Callable[[Tensor, Tensor], Tensor]


def expected_simple(f: Outputs, joint: Joint) -> Float[Tensor, "*runs"]:
    """E L_simp = E[r+] - E[r-] = -Σ_ij (joint_ij - p_i p_j) f_i · f_j, since both views have the same law.

    Example:
        >>> f = torch.tensor([[0.0], [2.0]])
        >>> expected_simple(f, torch.eye(2) / 2).item()  # r+ is always 0, r- is 0 or 2
        -1.0
    """
    f = f - joint.sum(-1).unsqueeze(-2) @ f  # now Σ_i p_i f_i = 0, and p_i p_j adds nothing
    return -(f * (joint @ f)).sum((-2, -1))


def expected_info_nce(f: Outputs, joint: Joint, *, temperature: float = 0.1) -> Float[Tensor, "*runs"]:
    """InfoNCE in the limit of many negatives, E[r+] + τ E_i log Σ_k p_k e^{-r_ik/τ}.

    With H negatives the loss is this plus τ log H, up to O(1/H).

    Raises:
        ValueError: temperature not positive.

    Example:
        >>> f = torch.zeros(2, 1)
        >>> abs(expected_info_nce(f, torch.eye(2) / 2).item())  # constant outputs
        0.0
    """
    tau = require.single("temperature", temperature, "try 0.1", open_low=True)
    p, r = joint.sum(-1), energies(f)
    push = torch.logsumexp(p.log().unsqueeze(-2) - r / tau, dim=-1)
    return (joint * r).sum((-2, -1)) + tau * (p * push).sum(-1)


def expected_loss(f: Float[Tensor, "pattern d"], joint: Float[Tensor, "pattern pattern"], loss: Loss) -> Tensor:
    """E ℓ(r+, r-) for any loss with one negative: a sum over triples, anchor by anchor.

    Time and memory grow like patterns³: 4,096 terms at depth 2, 17 million at depth 3.

    Example:
        >>> from ssl_explain.losses.contrastive import simple_contrastive
        >>> f = torch.tensor([[0.0], [2.0]])
        >>> expected_loss(f, torch.eye(2) / 2, simple_contrastive).item()
        -1.0
    """
    p, r = joint.sum(-1), energies(f)
    n = len(r)
    anchors = [
        joint[i] @ (loss(r[i].unsqueeze(-1).expand(n, n), r[i].expand(n, n).unsqueeze(-1)) @ p) for i in range(n)
    ]
    return torch.stack(anchors).sum()


def energies(f: Outputs) -> Float[Tensor, "*runs pattern pattern"]:
    """r_ij = ½‖f_i - f_j‖² of all pairs."""
    f = _centred(f)
    square = f.square().sum(-1)
    return ((square.unsqueeze(-1) + square.unsqueeze(-2)) / 2 - f @ f.mT).clamp_min(0)


def _centred(f: Outputs) -> Outputs:
    """Centred outputs: differences stay the same, and sums of squares keep their digits."""
    return f - f.detach().mean(-2, keepdim=True)


def over_the_law(expected: Expected) -> Objective:
    """Make a training objective of an expected loss, for a world that gives a :class:`PairLaw`.

    The objective raises a TypeError for views of any other kind: they carry no law.
    """
    return partial(_expect, expected)


def _expect(expected: Expected, net: nn.Module, views: Views) -> Tensor:
    """The expected loss over the law that the views carry."""
    if not isinstance(views, PairLaw):
        raise TypeError(f"`views` must be a PairLaw, got {type(views).__name__}; train on a SameLaw.")
    return expected(net(views.x).squeeze(-2), views.joint)
