"""Posterior of every latent given all leaves of its tree: one pass up, one pass down (belief propagation)."""

from math import prod

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.worlds.belief import beliefs, ceiling, check_table_size, with_prior
from ssl_explain.worlds.latent_tree import MOST_LEAVES, LatentTree


def two_way(tree: LatentTree, leaves: Float[Tensor, "*runs n leaf"]) -> list[Float[Tensor, "*runs n _"]]:
    """Posterior mean of every latent given all leaves (-1 or 1), one tensor per level 1..depth.

    M_c = m_c ⊕ ρ_c e_c with a ⊕ b = (a + b) / (1 + ab): m_c comes from the leaves below c, and e_c is the mean of its
    parent given all other leaves, which joins what the siblings of c and the parent's own parent say.

    Example:
        >>> tree = LatentTree((torch.full((4,), 0.5), torch.full((2,), 0.5)))
        >>> two_way(tree, torch.tensor([[1.0, -1.0, 1.0, 1.0]]))[0]  # its cousins decide where its own leaves disagree
        tensor([[0.2000, 0.8000]])
    """
    branching, prior = tree.topology.branching, 2 * tree.root - 1
    below = beliefs(tree.polarity, leaves)
    above = torch.full_like(below[-1], prior)  # what is known of a node without the leaves below it
    found, own = [with_prior(below[-1], above)], torch.eye(branching, dtype=torch.bool, device=leaves.device)
    for level in range(tree.topology.depth - 1, 0, -1):
        rho, m = tree.polarity[level].unsqueeze(-2), below[level - 1]
        siblings = (rho * m).unflatten(-1, (-1, branching)).unsqueeze(-2).masked_fill(own, 0)  # (…, parent, child, by)
        known = above.unsqueeze(-1)
        for said in siblings.unbind(-1):
            known = with_prior(said, known)
        above = rho * known.flatten(-2)
        found.append(with_prior(m, above))
    return found[::-1]


def two_way_ceilings(tree: LatentTree) -> tuple[Float[Tensor, "*runs _"], ...]:
    """The largest correlation of a latent with any function of *all* leaves, one tensor per level 1..depth.

    √E[M²] under a fair root, M from :func:`two_way`: a sum over all leaf patterns.

    Raises:
        ValueError: more than 16 leaves, or more runs than there is room for.
    """
    check_table_size("two_way_ceilings", tree.dimension, MOST_LEAVES, 2, prod(tree.runs) * tree.dimension)
    x, given_root = tree.enumerate()
    p = (given_root @ given_root.new_tensor([1 - tree.root, tree.root])).unsqueeze(-1)
    means = [(2 * tree.root - 1) * rho for rho in tree.from_root()[1:]]
    every = two_way(tree, x.expand(*tree.runs, *x.shape))
    return tuple(ceiling((p * m.square()).sum(-2), b) for m, b in zip(every, means, strict=True))
