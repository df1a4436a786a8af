"""The effective rank of a spectrum, by two measures, and the angles between two subspaces."""

import torch
from jaxtyping import Float
from torch import Tensor


def participation_ratio(variances: Float[Tensor, "*t d"]) -> Float[Tensor, "*t"]:
    """The participation ratio (Σλ)² / Σλ² of variances λ ≥ 0: k for k equal ones, little more with small ones added.

    It is 0 where all variances are 0.

    Source: Bell, Dean (1970), Atomic vibrations in vitreous silica, where it counts the atoms of a vibration.

    Example:
        >>> participation_ratio(torch.tensor([[2.0, 2.0, 0.0], [3.0, 1.0, 0.0]]))
        tensor([2.0000, 1.6000])
    """
    shares = variances / variances.amax(-1, keepdim=True).clamp_min(torch.finfo(variances.dtype).tiny)
    return shares.sum(-1).square() / shares.square().sum(-1).clamp_min(torch.finfo(variances.dtype).tiny)


def effective_rank(variances: Float[Tensor, "*t d"]) -> Float[Tensor, "*t"]:
    """The effective rank e^H, H = -Σ p log p the entropy of the shares p = λ / Σλ of variances λ ≥ 0.

    It is k for k equal variances, and at least the :func:`participation_ratio`, since small ones have more weight. It
    is 0 where all variances are 0.

    Source: Roy, Vetterli (2007), The effective rank: a measure of effective dimensionality. (They take the shares of
    singular values; here they are those of variances.)

    Example:
        >>> effective_rank(torch.tensor([[2.0, 2.0, 0.0], [3.0, 1.0, 0.0]])).round(decimals=2)
        tensor([2.0000, 1.7500])
    """
    total = variances.sum(-1, keepdim=True)
    shares = variances / total.clamp_min(torch.finfo(variances.dtype).tiny)
    return torch.where(total.squeeze(-1) > 0, (-torch.special.xlogy(shares, shares)).sum(-1).exp(), 0.0)


def principal_angles(a: Float[Tensor, "*t d k"], b: Float[Tensor, "*#t d l"]) -> Float[Tensor, "*t _"]:
    """The angles between two spaces given by orthonormal columns, ascending, in radians; small ones are exact too.

    There are as many as the smaller space has columns. Below 45° they come from the sines, the singular values of
    (I - bbᵀ)a, above from the cosines, those of bᵀa; a is the smaller space.

    Source: Björck, Golub (1973), Numerical methods for computing angles between linear subspaces.

    Example:
        >>> a, b = torch.eye(3)[:, :2], torch.eye(3)[:, 1:]
        >>> (principal_angles(a, b) / torch.pi * 180).round()
        tensor([ 0., 90.])
    """
    if a.shape[-1] > b.shape[-1]:
        a, b = b, a
    sines = torch.linalg.svdvals(a - b @ (b.mT @ a)).clamp(0, 1).flip(-1)
    cosines = torch.linalg.svdvals(b.mT @ a).clamp(0, 1)
    return torch.where(cosines > 0.7, sines.asin(), cosines.acos())
