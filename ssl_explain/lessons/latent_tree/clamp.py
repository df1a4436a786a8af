"""One latent of a tree, observed: posterior of all others, points that agree with it, views of the leaves below it."""

import dataclasses

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from ssl_explain import require
from ssl_explain.worlds.belief import check_table_size, pair_likelihoods, pattern_likelihoods, transmit
from ssl_explain.worlds.latent_tree import MOST_PAIRED, LatentTree
from ssl_explain.worlds.tree_draws import Levels

TRIES = 256  # with P(root = 1) from 0.1 to 0.9 a latent has its rarer value in a tenth of the points or more


def chances(tree: LatentTree, level: int, node: int, value: int | None) -> tuple[Float[Tensor, " _"], ...]:
    """P(z = 1) of every node given that latent ``node`` of ``level`` is ``value`` (None: the prior).

    In ±1 coding a child has ρ times the mean of its parent. On the way down to the known latent both ends count:
    with prior mean b and ρ the product of polarities down to the known c, the mean is (b + ρc) / (1 + bρc).

    Example:
        >>> tree = LatentTree((torch.tensor([0.8, 0.5]),))
        >>> [level.tolist() for level in chances(tree, 1, 0, 1)]
        [[0.8999999761581421, 0.75], [1.0]]
    """
    branching, prior = tree.topology.branching, 2 * tree.root - 1
    from_root = tree.from_root()
    down, k = {}, node  # level -> index on the way from the root to the known latent, and ρ from there on
    rho = torch.ones_like(from_root[-1][0])
    for above in range(level, tree.topology.depth + 1):
        down[above] = (k, rho)
        if above < tree.topology.depth:
            rho, k = rho * tree.polarity[above][k], k // branching
    mean, result = torch.full_like(from_root[-1], prior), []
    for here in range(tree.topology.depth, -1, -1):
        if here < tree.topology.depth:
            mean = mean.repeat_interleave(branching) * tree.polarity[here]
        if value is not None and here in down:
            k, rho = down[here]
            b, told = prior * from_root[here][k], rho * (2 * value - 1)
            mean = mean.clone()
            mean[k] = (b + told) / (1 + b * told)
        result.append((1 + mean) / 2)
    return tuple(result[::-1])


def draw_clamped(
    tree: LatentTree, level: int, node: int, value: int | None, *, generator: torch.Generator
) -> list[UInt8[Tensor, "1 _"]]:
    """One data point in which the latent has this value: draw many, keep the first that agrees.

    Raises:
        RuntimeError: a value that hardly ever occurs in this tree.
    """
    levels = tree.sample(TRIES, generator=generator)
    agree = torch.ones(TRIES, dtype=torch.bool) if value is None else levels[level][:, node] == value
    if not agree.any():
        raise RuntimeError(f"No data point in {TRIES} has value {value} at latent {node} of level {level}.")
    first = int(agree.nonzero()[0])
    return [z[first : first + 1] for z in levels]


def views_and_kept(
    tree: LatentTree, levels: Levels, strength: float, *, views: int, generator: torch.Generator
) -> tuple[UInt8[Tensor, "views leaf"], Bool[Tensor, "views leaf"]]:
    """The leaves of some views of one point, and which of them were kept.

    The same draws act on a marked tree, in which every node carries its level and every child copies its parent:
    a leaf that still shows level 0 was kept, any other shows the level of the latent that it was redrawn from.
    """
    many = [z.expand(views, -1) for z in levels]
    marks = [torch.full_like(z, level) for level, z in enumerate(many)]
    faithful = dataclasses.replace(tree, polarity=tuple(torch.ones_like(rho) for rho in tree.polarity))
    twin = torch.Generator(generator.device)
    twin.set_state(generator.get_state())
    seen = tree.augment(many, strength, generator=generator)[0]
    marked = faithful.augment(marks, strength, generator=twin)[0]
    return seen, marked == 0


def pair_law_below(tree: LatentTree, level: int, node: int, strength: float) -> Float[Tensor, "pattern pattern"]:
    """P(view 1, view 2) of the leaves below one node alone, for two views of one point.

    On from the node's own tree, up to the root: a node is kept in both views with probability (1 - q)² if its parent
    is. Otherwise the views below it are independent given the parent.

    Raises:
        ValueError: more than nine leaves below the node, strength outside [0, 1].
    """
    kept = (1 - require.number("strength", strength, 0, 1, "0 is no augmentation, 1 keeps only the root")) ** 2
    branching = tree.topology.branching
    check_table_size("pair_law_below", branching**level, MOST_PAIRED, 4)
    width = tree.topology.widths[level]
    below = tuple(rho.unflatten(-1, (width, -1))[node] for rho in tree.polarity[:level])
    both, single = pair_likelihoods(below, strength), pattern_likelihoods(below)
    for above in range(level, tree.topology.depth):
        rho, node = tree.polarity[above][node], node // branching
        single = transmit(single, rho)
        both = kept * transmit(both, rho) + (1 - kept) * single.unsqueeze(-2) * single.unsqueeze(-3)
    return tree.root * both[..., 1] + (1 - tree.root) * both[..., 0]
