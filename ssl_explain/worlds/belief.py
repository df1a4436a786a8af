"""What the leaves say about the latents: one upward pass, for sampled leaves or for every leaf pattern.

Everything works in ±1 coding, where the belief in a latent is its posterior mean m ∈ [-1, 1].
"""

import torch
from jaxtyping import Float
from torch import Tensor

Polarity = tuple[Float[Tensor, "*runs _"], ...]


def beliefs(polarity: Polarity, leaves: Float[Tensor, "*runs n leaf"]) -> list[Float[Tensor, "*runs n _"]]:
    """Posterior mean of every latent given the leaves (-1 or 1) below it, one tensor per level 1..depth.

    m = (Π(1 + ρ_c m_c) - Π(1 - ρ_c m_c)) / (Π(1 + ρ_c m_c) + Π(1 - ρ_c m_c)) over the children c.
    Leaves that the model forbids (possible only where |ρ| = 1) get belief 0.
    """
    m, result = leaves, []
    branching = polarity[-1].shape[-1]
    for rho in polarity:
        message = (rho.unsqueeze(-2) * m).unflatten(-1, (-1, branching))
        for_one, for_zero = (1 + message).prod(-1), (1 - message).prod(-1)
        total = for_one + for_zero
        m = torch.where(total > 0, (for_one - for_zero) / total.clamp_min(torch.finfo(total.dtype).tiny), 0.0)
        result.append(m)
    return result


def pattern_likelihoods(polarity: Polarity) -> Float[Tensor, "*runs pattern 2"]:
    """P(leaf pattern | root = 0 or 1) for every pattern, in the order of binary counting.

    One upward pass: P(pattern | z) = Π over children c of Σ_{z_c} P(z_c | z) P(pattern_c | z_c).
    """
    runs = polarity[0].shape[:-1]
    likelihood = torch.eye(2, dtype=polarity[0].dtype).expand(*runs, polarity[0].shape[-1], 2, 2)
    branching = polarity[-1].shape[-1]
    for rho in polarity:
        same, other = ((1 + rho) / 2)[..., None, None], ((1 - rho) / 2)[..., None, None]
        message = (same * likelihood + other * likelihood.flip(-1)).unflatten(-3, (-1, branching))
        likelihood = message[..., 0, :, :]
        for child in range(1, branching):
            likelihood = (likelihood.unsqueeze(-2) * message[..., child, :, :].unsqueeze(-3)).flatten(-3, -2)
    return likelihood.squeeze(-3)


def exact_ceilings(polarity: Polarity, branching: int) -> list[Float[Tensor, "*runs _"]]:
    """√E[m²] of every latent, level by level, as a sum over all leaf patterns below it."""
    result = []
    for level in range(1, len(polarity) + 1):
        below = tuple(rho.unflatten(-1, (-1, branching ** (level - k))) for k, rho in enumerate(polarity[:level]))
        p = pattern_likelihoods(below)
        difference, total = p[..., 1] - p[..., 0], p[..., 1] + p[..., 0]
        square = torch.where(total > 0, difference**2 / total.clamp_min(torch.finfo(total.dtype).tiny), 0.0)
        result.append((square.sum(-1) / 2).sqrt())
    return result
