"""Partial derivatives of a loss with respect to its energies, and the pair weights of the covariance operator."""

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.losses.contrastive import Loss, check_energies
from ssl_explain.torch_modes import own_modes


def pull_and_push(
    loss: Loss, r_pos: Float[Tensor, " n"], r_neg: Float[Tensor, "n h"]
) -> tuple[Float[Tensor, " n"], Float[Tensor, "n h"]]:
    """∂L/∂r+ > 0 and ∂L/∂r_k- < 0 of every point; they sum to zero over each point.

    Raises:
        ValueError: no negatives, shapes that do not belong together, energies that are not finite.
        TypeError: a loss that is not a function, energies that are not floating-point tensors.

    Example:
        >>> from ssl_explain.losses.contrastive import simple_contrastive
        >>> pull_and_push(simple_contrastive, torch.zeros(1), torch.zeros(1, 2))
        (tensor([1.]), tensor([[-0.5000, -0.5000]]))
    """
    require.function("loss", loss, "pass the function itself, such as info_nce")
    check_energies(r_pos, r_neg)
    require.integer("number of negatives", r_neg.shape[-1], 1, "a contrastive loss needs something to push away")
    for name, r in (("r_pos", r_pos), ("r_neg", r_neg)):
        require.finite(name, r)
    with own_modes(r_pos.device):
        energies = (r_pos.detach().clone().requires_grad_(), r_neg.detach().clone().requires_grad_())
        pull, push = torch.autograd.grad(loss(*energies).sum(), energies)
    return pull, push


def pair_weights(loss: Loss, mean_outputs: Float[Tensor, "n d_top"]) -> Float[Tensor, "n n"]:
    """ξ(x, x') = -∂L/∂r- at r+ = 0 and r- = ½‖f̄(x) - f̄(x')‖², one negative: the weight of each pair of points.

    Symmetric, since the energy is. L_simp gives all pairs the same weight, InfoNCE and soft triplet near pairs more.

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578.

    Raises:
        ValueError: outputs that are not finite, or whose pairs would not fit into memory.
        TypeError: a loss that is not a function, outputs that are not floating-point tensors.

    Example:
        >>> from ssl_explain.losses.contrastive import info_nce
        >>> pair_weights(info_nce, torch.tensor([[0.0], [0.1], [2.0]]).double()).round(decimals=2).tolist()
        [[0.5, 0.49, 0.0], [0.49, 0.5, 0.0], [0.0, 0.0, 0.5]]
    """
    n, d = require.tensor("mean_outputs", mean_outputs, "n d_top", "one row per point").shape
    require.room("mean_outputs", n * n * d, "take fewer points")
    require.finite("mean_outputs", mean_outputs)
    r = 0.5 * (mean_outputs.unsqueeze(1) - mean_outputs.unsqueeze(0)).square().sum(-1)
    _, push = pull_and_push(loss, torch.zeros_like(r.flatten()), r.flatten().unsqueeze(-1))
    return -push.view(r.shape)
