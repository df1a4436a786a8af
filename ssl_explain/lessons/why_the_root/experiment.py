"""The augmentation graph of a small tree: its spectrum, and what every latent has to do with it."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.worlds.belief import beliefs
from ssl_explain.worlds.latent_tree import MOST_PAIRED, LatentTree

Law = Callable[[LatentTree, float], Tensor]
TREE = LatentTree(
    tuple(
        torch.tensor(level, dtype=torch.float64)
        for level in ([0.9, -0.8, 0.85, 0.95, -0.9, 0.75, 0.8, -0.95], [0.9, -0.8, 0.85, 0.95], [0.9, -0.85])
    )
)
"""The tree of notebook 14: three levels of latents above eight leaves."""
TIE = 1e-9
"""Eigenvalues nearer to each other than this are tied."""


def subtrees(tree: LatentTree, strength: float) -> Float[Tensor, "pattern pattern"]:
    """The pair law of the course's augmentation: the root stays, whole subtrees are drawn again."""
    return tree.pair_probabilities(strength)


def spectrum(law: Float[Tensor, "n n"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n n"]]:
    """Eigenvalues, largest first, and eigenfunctions φ_k (columns) of the augmentation graph of a pair law Π.

    A(x, x') = Π(x, x')/√(π(x) π(x')) with π the row sums of Π, A u_k = λ_k u_k, φ_k = u_k/√π. So E[φ_k²] = 1, and
    λ_k is the correlation of φ_k(view 1) with φ_k(view 2).

    Source: HaoChen, Wei, Gaidon, Ma (2021), arXiv 2106.04156.

    Example:
        >>> values, functions = spectrum(torch.tensor([[0.4, 0.1], [0.1, 0.4]], dtype=torch.float64))
        >>> [round(x, 6) for x in values.tolist()], bool((functions[:, 1].abs() - 1).abs().max() < 1e-12)
        ([1.0, 0.6], True)
    """
    root = law.sum(-1).sqrt()
    values, vectors = torch.linalg.eigh(law / (root.unsqueeze(-1) * root))
    return values.flip(-1), vectors.flip(-1) / root.unsqueeze(-1)


def known(tree: LatentTree) -> Float[Tensor, "pattern latent"]:
    """E[z | all leaves] of every latent in ±1 coding, for every leaf pattern, as a sum over all configurations.

    The columns stand in the order of ``tree.topology.latents``.

    Raises:
        ValueError: more than nine leaves (binary trees to depth 3), trees side by side, a root that is not fair.
    """
    remedy = "take a binary tree of depth 3 or less: 256 patterns, 32,768 configurations"
    require.that(tree.dimension <= MOST_PAIRED, "tree", f"have {MOST_PAIRED} leaves or fewer", tree.dimension, remedy)
    require.that(not tree.runs and tree.root == 0.5, "tree", "be one tree with a fair root", tree.runs, remedy)
    polarity, leaves = tuple(level.double() for level in tree.polarity), tree.dimension
    latents = len(tree.topology.latents)
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * (leaves + latents))
    parents = [leaves + k // tree.topology.branching for k in range(leaves + latents - 1)]
    weight = ((1 + torch.cat(polarity) * signs[:, :-1] * signs[:, parents]) / 2).prod(-1) / 2
    sums = (weight.unsqueeze(-1) * signs[:, leaves:]).view(2**leaves, -1, latents).sum(1)
    total = weight.view(2**leaves, -1).sum(1, keepdim=True)
    return torch.where(total > 0, sums / total.clamp_min(1e-300), 0.0)


def evidence(tree: LatentTree) -> Float[Tensor, "pattern 2"]:
    """Log odds of root = 1 given the leaves below its first child, and given those below all others."""
    patterns = tree.enumerate()[0].double()
    polarity = tuple(level.double() for level in tree.polarity)
    message = patterns if len(polarity) == 1 else beliefs(polarity, patterns)[-2]
    odds = 2 * torch.atanh((polarity[-1] * message).clamp(-1 + 1e-12, 1 - 1e-12))
    return torch.stack([odds[:, 0], odds[:, 1:].sum(-1)], dim=-1)


def checked(law: object, size: int) -> Float[Tensor, "n n"]:
    """A pair law in double precision.

    Raises:
        TypeError: something that is not a tensor.
        ValueError: another shape, negative entries, a sum other than 1, a row of zeros, a law that is not symmetric.
    """
    if not isinstance(law, Tensor):
        raise TypeError(f"expected a tensor of shape ({size}, {size}), got {type(law).__name__}")
    if law.shape != (size, size):
        raise ValueError(f"expected shape ({size}, {size}), got {tuple(law.shape)}")
    law = law.detach().double()
    if not (law.min() >= 0 and abs(float(law.sum()) - 1) < 1e-6):
        raise ValueError(f"expected probabilities that sum to 1, got a sum of {float(law.sum()):.3g}")
    if not (law.sum(-1) > 0).all():
        raise ValueError("expected every leaf pattern to occur, got a row of zeros")
    if not torch.allclose(law, law.mT, atol=1e-9):
        raise ValueError("expected a symmetric law: both views are made alike")
    return law
