"""Posterior of the latents given the leaves: one upward pass, for sampled leaves or for every leaf pattern.

Everything works in ±1 coding, where the belief in a latent is its posterior mean m ∈ [-1, 1].
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.topology import Tree

Polarity = tuple[Float[Tensor, "*runs _"], ...]


def check_levels(levels: object, runs: tuple[int, ...], widths: tuple[int, ...]) -> None:
    """Check that ``levels`` may be a sample of a tree of these widths.

    Raises:
        TypeError: levels that are not uint8 tensors.
        ValueError: levels of another tree.
    """
    remedy = "pass all that `sample` returned"
    if not isinstance(levels, Sequence) or not all(getattr(level, "dtype", None) == torch.uint8 for level in levels):
        require.fail("levels", "hold one uint8 tensor per level", f"{levels!r:.80}", remedy, TypeError)
    shapes = [tuple(level.shape) for level in levels]
    found = tuple(shape[-1] for shape in shapes if shape)
    require.that(found == widths, "levels", f"have {widths} nodes per level", found, remedy)
    same = len({shape[:-1] for shape in shapes}) == 1 and shapes[0][: len(runs)] == runs
    require.that(same, "levels", "have the same runs and points on every level", shapes, remedy)


def check_polarity(polarity: Polarity) -> None:
    """Check that every ρ lies in [-1, 1], so that (1 + ρ)/2 is a probability.

    Raises:
        TypeError: polarities that are not floating-point tensors.
        ValueError: levels without edges or of unequal runs, a polarity outside [-1, 1] or not finite.
    """
    if not isinstance(polarity, Sequence) or not all(isinstance(level, Tensor) for level in polarity):
        remedy = "or try `LatentTree.random`"
        require.fail("polarity", "hold one tensor per level", f"{polarity!r:.80}", remedy, TypeError)
    shapes = [tuple(level.shape) for level in polarity]
    if not shapes or any(not s or 0 in s or s[:-1] != shapes[0][:-1] for s in shapes):
        remedy = "the runs are the same on every level, and every level has edges"
        require.fail("polarity", "hold one (*runs, edges) tensor per level", f"shapes {shapes}", remedy)
    for level in polarity:
        floats = level.is_floating_point()
        require.that(floats, "polarity", "hold floating-point numbers", level.dtype, "write 1.0 for 1", TypeError)
        largest = float(require.finite("polarity", level).abs().max())
        remedy = "(1 + ρ)/2 is a probability"
        require.that(largest <= 1, "polarity", "lie in [-1, 1]", f"a magnitude of {largest:g}", remedy)


def check_table_size(asked: str, leaves: int, most: int, base: int, runs: int = 1) -> None:
    """Check that a table of ``base^leaves`` entries per run fits into memory.

    Raises:
        ValueError: more leaves than ``most``, or more ``runs`` than there is room for.
    """
    remedy = f"{base}^{leaves} entries are too many to list: sample instead, or take a shallower tree"
    require.that(leaves <= most, asked, f"see {most} leaves or fewer", leaves, remedy)
    require.room(asked, 2 * runs * base**leaves, "take fewer runs")


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


def _certain(like: Tensor) -> Float[Tensor, "2 2"]:
    """P(leaf | the leaf itself), with the type and on the device of ``like``."""
    return torch.eye(2, dtype=like.dtype, device=like.device)


def pattern_likelihoods(polarity: Polarity) -> Float[Tensor, "*runs pattern 2"]:
    """P(leaf pattern | root = 0 or 1) for every pattern, in the order of binary counting.

    One upward pass: P(pattern | z) = Π over children c of Σ_{z_c} P(z_c | z) P(pattern_c | z_c).
    """
    runs = polarity[0].shape[:-1]
    likelihood = _certain(polarity[0]).expand(*runs, polarity[0].shape[-1], 2, 2)
    branching = polarity[-1].shape[-1]
    for rho in polarity:
        message = transmit(likelihood, rho).unflatten(-3, (-1, branching))
        likelihood = message[..., 0, :, :]
        for child in range(1, branching):
            likelihood = (likelihood.unsqueeze(-2) * message[..., child, :, :].unsqueeze(-3)).flatten(-3, -2)
    return likelihood.squeeze(-3)


def transmit(likelihood: Float[Tensor, "*edges_patterns 2"], rho: Float[Tensor, "*edges"]) -> Tensor:
    """From P(patterns | child) to P(patterns | parent): the child agrees with probability (1 + ρ)/2."""
    agree = ((1 + rho) / 2).view(*rho.shape, *(1 for _ in likelihood.shape[rho.ndim :]))
    return agree * likelihood + (1 - agree) * likelihood.flip(-1)


def pair_likelihoods(polarity: Polarity, strength: float) -> Float[Tensor, "*runs pattern pattern 2"]:
    """P(leaves of view 1, leaves of view 2 | root = 0 or 1), both views of one data point.

    A child of a node that both views kept is kept by both with probability (1 - q)², and is then shared by both views.
    Otherwise at least one of them is drawn anew, and they are independent given the parent.
    """
    runs, branching, kept = polarity[0].shape[:-1], polarity[-1].shape[-1], (1 - strength) ** 2
    one = _certain(polarity[0])
    both = (one.unsqueeze(-2) * one.unsqueeze(-3)).expand(*runs, polarity[0].shape[-1], 2, 2, 2)
    for level, rho in enumerate(polarity):
        apart = _single(polarity[:level], rho)
        message = kept * transmit(both, rho) + (1 - kept) * apart.unsqueeze(-2) * apart.unsqueeze(-3)
        message = message.unflatten(-4, (-1, branching))
        both = message[..., 0, :, :, :]
        for child in range(1, branching):
            other = message[..., child, :, :, :]
            both = both[..., :, None, :, None, :] * other[..., None, :, None, :, :]
            both = both.flatten(-5, -4).flatten(-3, -2)
    return both.squeeze(-4)


def _single(below: Polarity, rho: Float[Tensor, "*runs edges"]) -> Float[Tensor, "*runs edges pattern 2"]:
    """P(leaves below a child | its parent) for every edge of one level."""
    if not below:
        return transmit(_certain(rho).expand(*rho.shape, 2, 2), rho)
    trees = tuple(level.unflatten(-1, (rho.shape[-1], -1)) for level in below)
    return transmit(pattern_likelihoods(trees), rho)


def exact_levels(runs: int, topology: Tree, leaves: int, numbers: int) -> int:
    """Number of levels, from the bottom, with few enough ``leaves`` below a latent and ``numbers`` of table entries."""
    below = [topology.branching**level for level in range(1, topology.depth + 1)]
    return sum(b <= leaves and 2 * runs * topology.n_leaves // b * 2**b <= numbers for b in below)


def with_prior(m: Tensor, mean: Tensor) -> Tensor:
    """The posterior mean of a latent with prior mean b, from its belief ``m`` under b = 0: (m + b) / (1 + m b)."""
    return (m + mean) / (1 + m * mean).clamp_min(torch.finfo(m.dtype).tiny)


def exact_ceilings(
    polarity: Polarity, branching: int, means: Sequence[Float[Tensor, "*runs _"]]
) -> list[Float[Tensor, "*runs _"]]:
    """The standard deviation of the posterior mean over that of the latent, as a sum over all leaf patterns below.

    With prior mean 0 that is √E[m²]. ``means`` holds E[z] of every latent in ±1 coding, level by level.
    """
    result = []
    for level, mean in zip(range(1, len(polarity) + 1), means, strict=True):
        below = tuple(rho.unflatten(-1, (-1, branching ** (level - k))) for k, rho in enumerate(polarity[:level]))
        p = pattern_likelihoods(below)
        one, zero = p[..., 1] * (1 + mean).unsqueeze(-1) / 2, p[..., 0] * (1 - mean).unsqueeze(-1) / 2
        total = one + zero
        square = torch.where(total > 0, (one - zero) ** 2 / total.clamp_min(torch.finfo(total.dtype).tiny), 0.0)
        result.append(ceiling(square.sum(-1), mean))
    return result


def ceiling(second_moment: Tensor, mean: Tensor) -> Tensor:
    """The largest correlation with a latent of this mean, from E[m²] of its posterior mean m."""
    spread = ((second_moment - mean**2) / (1 - mean**2)).clamp(0, 1)
    return spread.sqrt()
