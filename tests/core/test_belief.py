"""Beliefs and ceilings against every configuration of latents, written out."""

from collections import Counter
from itertools import combinations_with_replacement
from math import comb, prod

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from literal import double_tree, every_configuration

from ssl_explain import LatentTree, Tree
from ssl_explain.worlds.belief import beliefs, exact_levels, with_prior


def group_sums(keys, weights):
    """Sum ``weights`` over equal rows of ``keys``; returns the sums and where each row went."""
    unique, where = keys.unique(dim=0, return_inverse=True)
    return torch.zeros(len(unique), dtype=torch.float64).index_add(0, where, weights), where


WIDE = (0.2, 1.0)
SMALL = pytest.mark.parametrize(
    "tree",
    [
        double_tree(1, polarity=WIDE),
        double_tree(2, seed=1, polarity=WIDE),
        double_tree(2, 3, seed=2, polarity=WIDE),
        double_tree(seed=3, polarity=WIDE),
        LatentTree((torch.tensor([1.0, -1.0, 0.0, 0.5]).double(), torch.tensor([-1.0, 0.4]).double())),
        LatentTree((torch.tensor([0.9, -0.8, 0.3, 0.5]).double(), torch.tensor([-0.7, 0.4]).double()), root=0.2),
        double_tree(root=0.15),
    ],
    ids=["1x2", "2x2", "2x3", "3x2", "certain", "unfair root", "3x2, unfair"],
)


@SMALL
def test_pattern_law_is_the_sum_over_all_latents(tree):
    levels, p = every_configuration(tree)
    x, law = tree.enumerate()
    assert len(x.unique(dim=0)) == 2**tree.dimension
    for root, column in ((-1.0, 0), (1.0, 1)):
        mine = levels[-1][:, 0] == root
        given_root = p[mine] / p[mine].sum()
        literal, _ = group_sums(torch.cat([x, levels[0][mine]]), torch.cat([torch.zeros(len(x)), given_root]))
        torch.testing.assert_close(law[:, column], literal, rtol=0, atol=1e-14)
    torch.testing.assert_close(law.sum(0), torch.ones(2, dtype=torch.float64), rtol=0, atol=1e-13)


@SMALL
def test_beliefs_and_ceilings_are_the_posterior_of_brute_force(tree, g):
    levels, p = every_configuration(tree)
    ceilings, b = tree.latent_ceilings(1, generator=g), tree.topology.branching
    computed = beliefs(tree.polarity, levels[0])
    for level in range(1, tree.topology.depth + 1):
        for k in range(tree.topology.widths[level]):
            below = levels[0][:, k * b**level : (k + 1) * b**level]
            total, where = group_sums(below, p)
            signed, _ = group_sums(below, p * levels[level][:, k])
            m = torch.where(total > 0, signed / total, 0.0)  # where P = 0 the posterior says nothing
            mean, possible = signed.sum(), total[where] > 0
            literal = (((total * m**2).sum() - mean**2) / (1 - mean**2)).sqrt()
            torch.testing.assert_close(ceilings[level - 1][k], literal, rtol=0, atol=1e-12)
            posterior = with_prior(computed[level - 1][possible, k], mean)  # the belief is that of a fair latent
            torch.testing.assert_close(posterior, m[where][possible], rtol=0, atol=1e-12)
    means = torch.stack([c.mean() for c in ceilings])
    torch.testing.assert_close(tree.ceiling(1, generator=g), means, rtol=0, atol=1e-12)


@given(st.integers(1, 3), st.integers(1, 6), st.integers(2, 3), st.integers(1, 200), st.integers(1, 10**7))
def test_levels_are_summed_while_their_patterns_are_few(runs, depth, branching, leaves, numbers):
    """From the bottom: two numbers for each pattern of the leaves below each latent of a level, in every run."""
    tree, levels = Tree(depth, branching), 0
    while levels < depth and branching ** (levels + 1) <= leaves:
        if sum(2 * runs * 2**branching ** (levels + 1) for _ in range(tree.widths[levels + 1])) > numbers:
            break
        levels += 1
    assert exact_levels(runs, tree, leaves, numbers) == levels


def law_of_belief(rho, branching, depth):
    """Posterior mean of the root -> (P(it | root = 0), P(it | root = 1)), all edges alike: each value once."""
    law = {-1.0: (1.0, 0.0), 1.0: (0.0, 1.0)}
    keep, flip = (1 + rho) / 2, (1 - rho) / 2
    for _ in range(depth):
        message = {m: (keep * p0 + flip * p1, flip * p0 + keep * p1) for m, (p0, p1) in law.items()}
        law = {}
        for children in combinations_with_replacement(message.items(), branching):
            ways = arrangements([m for m, _ in children])
            p0, p1 = (ways * prod(p[z] for _, p in children) for z in (0, 1))
            m = round((p1 - p0) / (p0 + p1), 12)
            law[m] = tuple(a + b for a, b in zip(law.get(m, (0.0, 0.0)), (p0, p1), strict=True))
    return law


def arrangements(items):
    """In how many orders a multiset can stand."""
    ways, left = 1, len(items)
    for count in Counter(items).values():
        ways, left = ways * comb(left, count), left - count
    return ways


@pytest.mark.parametrize(("depth", "branching", "rho"), [(5, 2, 0.8), (5, 2, 0.4), (3, 3, 0.6)])
def test_sampled_ceilings_agree_with_the_exact_law_of_belief(depth, branching, rho, g):
    """Above 16 leaves the ceiling is estimated: here against an exact recursion on the few values a belief can take."""
    n = 4_000
    signs = [2.0 * torch.randint(0, 2, (branching**k,), generator=g) - 1 for k in range(depth, 0, -1)]
    tree = LatentTree(tuple(rho * s.double() for s in signs))  # signs do not matter for a ceiling
    computed = tree.latent_ceilings(n, generator=g)
    for level in range(1, depth + 1):
        law = law_of_belief(rho, branching, level)
        square = sum(m**2 * (p0 + p1) / 2 for m, (p0, p1) in law.items())
        fourth = sum(m**4 * (p0 + p1) / 2 for m, (p0, p1) in law.items())
        exact = branching**level <= 16
        allowed = 1e-9 if exact else 4.5 * ((fourth - square**2) / n) ** 0.5
        assert (computed[level - 1] ** 2 - square).abs().max() <= allowed


@pytest.mark.parametrize(("rho", "ceiling"), [(1.0, 1.0), (-1.0, 1.0), (0.0, 0.0)])
@pytest.mark.parametrize("depth", [2, 5])
def test_certain_and_useless_edges_give_no_nan(rho, ceiling, depth, g):
    tree = LatentTree(tuple(torch.full((2**k,), rho) for k in range(depth, 0, -1)))
    assert torch.equal(tree.ceiling(50, generator=g), torch.full((depth,), ceiling))
    impossible = torch.tensor([1.0, -1.0]).repeat(2 ** (depth - 1)).unsqueeze(0)
    assert all((m == 0).all() for m in beliefs(tree.polarity, impossible))


def test_one_certain_leaf_is_enough(g):
    tree = LatentTree((torch.tensor([0.0, 1.0]),))
    assert tree.ceiling(1, generator=g).item() == 1.0


def test_ceilings_side_by_side_equal_those_one_by_one(g, seeded):
    trees = LatentTree.random(depth=3, polarity=(0.5, 1.0), generator=g, runs=3)
    together = trees.latent_ceilings(1, generator=g)
    for run in range(3):
        alone = LatentTree(tuple(rho[run] for rho in trees.polarity)).latent_ceilings(1, generator=g)
        for a, b in zip(together, alone, strict=True):
            torch.testing.assert_close(a[run], b, rtol=1e-6, atol=0)
    deep = LatentTree.random(depth=5, generator=g, runs=3)
    once, again = (deep.ceiling(100, generator=seeded(1)) for _ in range(2))
    assert once.shape == (3, 5)
    assert torch.equal(once, again)
