"""InfoNCE with frozen pair weights: the loss whose gradient the theory predicts."""

import torch
from jaxtyping import Float

from ssl_explain import require
from ssl_explain.losses.contrastive import check_energies, require_negatives


def negative_weights(
    r_neg: Float[torch.Tensor, "*batch n h"], *, temperature: float = 0.1
) -> Float[torch.Tensor, "*batch n h"]:
    """The weight of each negative: ξ_k = e^{-r_k-/τ} / (1 + Σ_j e^{-r_j-/τ}), InfoNCE's weights at r+ = 0.

    No gradient flows through them. They depend on negatives alone; near ones weigh most.

    Raises:
        ValueError: temperature not positive, no negatives, no row of them per point.
        TypeError: energies that are no floating-point tensor.

    Example:
        >>> negative_weights(torch.zeros(1, 3), temperature=1.0)
        tensor([[0.2500, 0.2500, 0.2500]])
    """
    require.tensor("r_neg", r_neg, "*batch n h", "one row of negative energies per point")
    tau = require.single("temperature", temperature, "try 0.1", open_low=True)
    logits = -require_negatives(r_neg).detach() / tau
    return torch.cat([torch.zeros_like(logits[..., :1]), logits], dim=-1).softmax(-1)[..., 1:]


def frozen_info_nce(
    r_pos: Float[torch.Tensor, "*batch n"],
    r_neg: Float[torch.Tensor, "*batch n h"],
    *,
    temperature: float = 0.1,
    extra: float = 0.0,
) -> Float[torch.Tensor, "*batch n"]:
    """The stop-gradient surrogate of InfoNCE: L = Σ_k ξ_k (r+ - r_k-) + ε ξ r+, with ξ = Σ_k ξ_k.

    ξ_k are :func:`negative_weights`, no gradient flows through them. So ∂L/∂r+ = (1 + ε) ξ and ∂L/∂r_k- = -ξ_k: pull
    and push balance at ε = 0, as in every loss of the theory; ε > 0 pulls harder. The value of L is no
    measure of progress: its weights change from step to step. Where ξ depends on the two points only, the descent
    direction at ε = 0 is the covariance operator exactly; here r- is taken per view, which makes it an approximation.

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578.

    Raises:
        ValueError: temperature not positive, ε negative, no negatives, shapes that do not belong together.
        TypeError: energies that are no floating-point tensors.

    Example:
        >>> frozen_info_nce(torch.ones(1), torch.zeros(1, 1), temperature=1.0, extra=1.0)  # ξ = 1/2
        tensor([1.])
    """
    check_energies(r_pos, r_neg)
    extra = require.single("extra", extra, "0 balances pull and push")
    weights = negative_weights(r_neg, temperature=temperature)
    return (weights * ((1 + extra) * r_pos.unsqueeze(-1) - r_neg)).sum(-1)
