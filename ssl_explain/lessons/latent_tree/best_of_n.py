"""Initial selectivity: how well the best of n random neurons correlates with a latent before any training."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.worlds.latent_tree import LatentTree


def expected_maximum(pool: Float[Tensor, " n"], draws: int) -> float:
    """The expected maximum of ``draws`` independent draws from a pool of values, each draw with replacement.

    Σ x_(i) [(i/N)^n - ((i-1)/N)^n], x_(i) sorted upwards: the maximum is x_(i) if all draws are at most x_(i), but
    not all at most x_(i-1).

    Raises:
        ValueError: draws below 1, an empty pool.

    Example:
        >>> expected_maximum(torch.tensor([0.0, 1.0]), draws=2)
        0.75
    """
    require.integer("draws", draws, 1, "a maximum needs a draw")
    if pool.ndim != 1 or not len(pool):
        raise ValueError(f"`pool` must be a list of values, got shape {tuple(pool.shape)}; flatten it.")
    edges = (torch.arange(len(pool) + 1, dtype=torch.float64) / len(pool)) ** draws
    return float(pool.sort().values.double() @ edges.diff())


def random_correlations(
    tree: LatentTree, *, nets: int, neurons: int, below: int = 10, generator: torch.Generator
) -> Float[Tensor, "nets neuron"]:
    """|correlation| with the root of the random ReLU neurons in the root's node, of untrained networks side by side.

    All nodes below hold ``below`` neurons. Given these, the neurons of the top node are independent draws.
    A finite sum over the leaf patterns; silent neurons count 0.

    Raises:
        ValueError: more than 16 leaves.
    """
    x, given_root = tree.enumerate()
    p = given_root @ given_root.new_tensor([1 - tree.root, tree.root])
    f = x.unflatten(-1, (-1, 1)).expand(nets, *x.shape, 1)
    depth, b = tree.topology.depth, tree.topology.branching
    for level in range(1, depth + 1):
        inputs = f.unflatten(-2, (-1, b)).flatten(-2)
        many = neurons if level == depth else below
        shape = (nets, tree.topology.widths[level], inputs.shape[-1], many)
        weights = torch.randn(shape, generator=generator, device=generator.device, dtype=torch.float32).to(f.dtype)
        f = torch.relu(torch.einsum("rpni,rnij->rpnj", inputs, weights))
    f = f.squeeze(-2)
    f = f - torch.einsum("p,rpj->rj", p, f).unsqueeze(-2)
    z = given_root[:, 1] * tree.root / p - tree.root
    covariance = torch.einsum("p,rpj,p->rj", p, f, z)
    size = torch.einsum("p,rpj->rj", p, f.square()).sqrt()
    spread = (tree.root * (1 - tree.root)) ** 0.5
    return torch.where(size > 1e-9, covariance.abs() / (size.clamp_min(1e-9) * spread), 0.0)


def best_of(values: Float[Tensor, "nets neuron"], counts: Sequence[int]) -> Float[Tensor, "count nets"]:
    """The best of the first 1, 2, 5, … neurons of every network."""
    return torch.stack([values[:, :n].amax(-1) for n in counts])
