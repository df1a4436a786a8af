"""What the leaves say about the latents: one upward pass, for sampled leaves or for every leaf pattern.

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
    """Refuse what no tree of these widths can have sampled.

    Raises:
        TypeError: levels that are no uint8 tensors.
        ValueError: levels of another tree.
    """
    kept = "pass all that `sample` returned"
    if not isinstance(levels, Sequence) or not all(getattr(level, "dtype", None) == torch.uint8 for level in levels):
        raise TypeError(f"`levels` must hold one uint8 tensor per level, got {levels!r:.80}; {kept}.")
    shapes = [tuple(level.shape) for level in levels]
    if tuple(shape[-1] for shape in shapes if shape) != widths:
        raise ValueError(
            f"`levels` must have {widths} nodes per level, got {tuple(shape[-1] for shape in shapes if shape)}; {kept}."
        )
    if len({shape[:-1] for shape in shapes}) > 1 or shapes[0][: len(runs)] != runs:
        raise ValueError(f"`levels` must have the same runs and points on every level, got {shapes}; {kept}.")


def check_polarity(polarity: Polarity) -> None:
    """Refuse what is no probability in disguise.

    Raises:
        TypeError: polarities that are no floating-point tensors.
        ValueError: levels without edges or of unequal runs, a polarity outside [-1, 1] or not finite.
    """
    if not isinstance(polarity, Sequence) or not all(isinstance(level, Tensor) for level in polarity):
        raise TypeError(f"`polarity` must hold one tensor per level, got {polarity!r:.80}; or try `LatentTree.random`.")
    shapes = [tuple(level.shape) for level in polarity]
    if not shapes or any(not s or 0 in s or s[:-1] != shapes[0][:-1] for s in shapes):
        raise ValueError(
            f"`polarity` must hold one (*runs, edges) tensor per level, got shapes {shapes}; "
            "the runs are the same on every level, and every level has edges."
        )
    for level in polarity:
        if not level.is_floating_point():
            raise TypeError(f"`polarity` must hold floating-point numbers, got {level.dtype}; write 1.0 for 1.")
        require.finite("polarity", level)
        if level.abs().max() > 1:
            worst = float(level.abs().max())
            raise ValueError(
                f"`polarity` must lie in [-1, 1], got a magnitude of {worst:g}; (1 + ρ)/2 is a probability."
            )


def few_leaves(asked: str, leaves: int, most: int, base: int, runs: int = 1) -> None:
    """Refuse to list what would not fit.

    Raises:
        ValueError: more leaves than ``most``, or more ``runs`` than there is room for.
    """
    if leaves > most:
        raise ValueError(
            f"`{asked}` must see {most} leaves or fewer, got {leaves}; {base}^{leaves} entries are too many to list: "
            "sample instead, or take a shallower tree."
        )
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
    """P(leaf | the leaf itself), where ``like`` lives."""
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

    A child of a node that both views kept is kept by both with probability (1 - q)². Then the views below share it.
    Otherwise at least one of them is drawn afresh, and they are independent given the parent.
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


def summable(runs: int, topology: Tree, leaves: int, numbers: int) -> int:
    """How many levels, from the bottom, have at most so many leaves below a latent and so many patterns in all."""
    below = [topology.branching**level for level in range(1, topology.depth + 1)]
    return sum(b <= leaves and 2 * runs * topology.n_leaves // b * 2**b <= numbers for b in below)


def lean(m: Tensor, mean: Tensor) -> Tensor:
    """The posterior mean of a latent that is not fair, from its belief ``m`` under a fair one: (m + b) / (1 + m b)."""
    return (m + mean) / (1 + m * mean).clamp_min(torch.finfo(m.dtype).tiny)


def exact_ceilings(
    polarity: Polarity, branching: int, means: Sequence[Float[Tensor, "*runs _"]]
) -> list[Float[Tensor, "*runs _"]]:
    """The standard deviation of the posterior mean over that of the latent, as a sum over all leaf patterns below.

    For a fair latent that is √E[m²]. ``means`` holds E[z] of every latent in ±1 coding, level by level.
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
