"""The posterior given all leaves, and its ceilings, against every configuration of latents; notebook 07."""

from functools import partial

import pytest
import torch
from literal import double_tree, every_configuration

from ssl_explain import LatentTree
from ssl_explain.lessons.latent_tree.two_way import two_way, two_way_ceilings

tree_of = partial(double_tree, polarity=(0.2, 1.0))
CERTAIN = LatentTree((torch.tensor([1.0, -1.0, 0.0, 0.5]).double(), torch.tensor([-1.0, 0.4]).double()))
TREES = [tree_of(1), tree_of(2, 3, seed=1), tree_of(seed=2), tree_of(root=0.2, seed=3), CERTAIN]


@pytest.mark.parametrize("tree", TREES, ids=["1x2", "2x3", "3x2", "unfair root", "certain"])
def test_posteriors_and_ceilings_are_those_of_brute_force(tree):
    levels, p = every_configuration(tree)
    computed, ceilings = two_way(tree, levels[0]), two_way_ceilings(tree)
    patterns, where = levels[0].unique(dim=0, return_inverse=True)
    total = torch.zeros(len(patterns), dtype=torch.float64).index_add(0, where, p)
    for level in range(1, tree.topology.depth + 1):
        for k in range(tree.topology.widths[level]):
            signed = torch.zeros_like(total).index_add(0, where, p * levels[level][:, k])
            m, possible = torch.where(total > 0, signed / total, 0.0), total[where] > 0
            torch.testing.assert_close(computed[level - 1][possible, k], m[where][possible], rtol=0, atol=1e-12)
            mean = signed.sum()
            literal = (((total * m**2).sum() - mean**2) / (1 - mean**2)).sqrt()
            torch.testing.assert_close(ceilings[level - 1][k], literal, rtol=0, atol=1e-12)


def test_all_leaves_say_more_of_every_latent_but_the_root():
    tree = double_tree(seed=4, polarity=(0.5, 1.0))
    below = tree.latent_ceilings(1, generator=torch.Generator())
    every = two_way_ceilings(tree)
    assert all((a > b + 1e-4).all() for a, b in zip(every[:-1], below[:-1], strict=True))
    torch.testing.assert_close(every[-1], below[-1], rtol=0, atol=1e-12)


def test_trees_side_by_side_are_trees_alone():
    trees = tree_of(2, seed=5, runs=3)
    for run in range(3):
        alone = two_way_ceilings(LatentTree(tuple(rho[run] for rho in trees.polarity)))
        for one, many in zip(alone, two_way_ceilings(trees), strict=True):
            torch.testing.assert_close(many[run], one, rtol=0, atol=1e-14)


def test_a_tree_too_large_to_list_is_refused_with_the_largest_that_fits():
    with pytest.raises(ValueError, match="`two_way_ceilings` must see 16 leaves or fewer, got 32"):
        two_way_ceilings(tree_of(5))
    with pytest.raises(ValueError, match="take fewer runs"):
        two_way_ceilings(tree_of(4, runs=1000))
