"""Sampling and augmentation follow the model: every frequency is held against the probability it estimates."""

import math
from itertools import pairwise

import pytest
import torch

from ssl_explain import LatentTree

STRENGTHS = (0.0, 0.3, 0.7, 1.0)
N = 20_000
ERRORS = 4.5  # allowed distance in standard errors; seeds are fixed, so a pass stays a pass

BINARY = LatentTree(
    (
        torch.tensor([0.9, -0.8, 0.3, 0.0, -0.5, 0.7, 1.0, -1.0], dtype=torch.float64),
        torch.tensor([0.6, -0.9, 0.8, -0.4], dtype=torch.float64),
        torch.tensor([-0.7, 0.9], dtype=torch.float64),
    )
)
TERNARY = LatentTree(
    (
        torch.tensor([0.9, -0.8, 0.3, 0.2, -0.5, 0.7, -0.6, 0.95, 0.4], dtype=torch.float64),
        torch.tensor([-0.6, 0.9, 0.5], dtype=torch.float64),
    )
)
TREES = pytest.mark.parametrize("tree", [BINARY, TERNARY], ids=["binary", "ternary"])


def sign(levels):
    return [2.0 * level.double() - 1 for level in levels]


def assert_mean(samples, expected):
    """The mean of ±1 samples agrees with its expectation within its standard error."""
    allowed = ERRORS * ((1 - torch.as_tensor(expected) ** 2) / len(samples)).sqrt() + 1e-12
    assert (samples.mean(0) - expected).abs().le(allowed).all()


def assert_law_of_the_data(tree, levels):
    """Root fair, every edge with its own polarity, leaf patterns as enumerated."""
    z = sign(levels)
    assert_mean(z[-1], 0.0)
    for level, rho in enumerate(tree.polarity):
        parents = z[level + 1].repeat_interleave(tree.topology.branching, dim=1)
        assert_mean(z[level] * parents, rho)
    p = tree.enumerate()[1].mean(-1)
    weights = 2 ** torch.arange(tree.dimension).flip(0)
    counts = torch.bincount((levels[0].long() * weights).sum(-1), minlength=len(p)).double()
    expected = p * len(levels[0])
    assert counts[expected == 0].sum() == 0
    common = expected > 5  # rare patterns together make one more cell
    observed = torch.cat([counts[common], counts[~common].sum().view(1)])
    wanted = torch.cat([expected[common], expected[~common].sum().view(1)])
    chi2 = ((observed - wanted) ** 2 / wanted.clamp_min(1e-300)).sum()
    freedom = len(wanted) - 1
    assert chi2 < freedom + ERRORS * math.sqrt(2 * freedom)


@TREES
def test_data_has_the_law_of_the_model(tree, g):
    assert_law_of_the_data(tree, tree.sample(N, generator=g))


@TREES
@pytest.mark.parametrize("q", STRENGTHS)
def test_a_view_has_the_law_of_the_data_at_every_strength(tree, q, g):
    assert_law_of_the_data(tree, tree.augment(tree.sample(N, generator=g), q, generator=g))


def closed_form(tree, survive):
    """E[z z'] of every node: Σ_j P(the first j of the edges above it survive, the next does not) · Π ρ² below."""
    b, result = tree.topology.branching, []
    for level, width in enumerate(tree.topology.widths):
        values = []
        for k in range(width):
            rho = [float(tree.polarity[j][k // b ** (j - level)]) for j in range(level, len(tree.polarity))][::-1]
            split = [survive**j * (1 - survive) * math.prod(x * x for x in rho[j:]) for j in range(len(rho))]
            values.append(survive ** len(rho) + sum(split))
        result.append(torch.tensor(values, dtype=torch.float64))
    return result


@TREES
@pytest.mark.parametrize("q", STRENGTHS)
def test_view_remembers_its_point_as_much_as_strength_allows(tree, q, g):
    levels = tree.sample(N, generator=g)
    view = tree.augment(levels, q, generator=g)
    for a, b, expected in zip(sign(levels), sign(view), closed_form(tree, 1 - q), strict=True):
        assert_mean(a * b, expected)


@TREES
@pytest.mark.parametrize("q", STRENGTHS)
def test_two_views_of_a_point_agree_where_both_keep(tree, q, g):
    x = tree.draw(N, strength=q, generator=g).x
    assert_mean(x[:, 0] * x[:, 1], closed_form(tree, (1 - q) ** 2)[0])


@TREES
def test_strength_zero_changes_nothing_and_the_root_always_stays(tree, g):
    levels = tree.sample(100, generator=g)
    assert all(torch.equal(a, b) for a, b in zip(levels, tree.augment(levels, 0, generator=g), strict=True))
    for q in STRENGTHS:
        assert torch.equal(levels[-1], tree.augment(levels, q, generator=g)[-1])


def test_at_full_strength_views_are_independent_given_the_root(g):
    views = BINARY.draw(2 * N, strength=1.0, generator=g)
    p, rho = BINARY.enumerate()
    for root in (0, 1):
        a, b = views.x[views.latents[-1].squeeze(-1) == root].unbind(1)
        mean = rho[:, root] @ p
        assert_mean(a, mean)
        cross = (a.unsqueeze(-1) * b.unsqueeze(-2)).flatten(1)
        assert_mean(cross, torch.outer(mean, mean).flatten())


def kept(q, generator, depth=3):
    """Which nodes a view keeps: every level is labelled by its number, and edges that only copy pass the label on."""
    tree = LatentTree(tuple(torch.ones(2**k) for k in range(depth, 0, -1)))
    labels = [torch.full((N, 2 ** (depth - level)), level, dtype=torch.uint8) for level in range(depth + 1)]
    view = tree.augment(labels, q, generator=generator)
    return [seen == own for seen, own in zip(view, labels, strict=True)]


@pytest.mark.parametrize("q", STRENGTHS)
def test_whole_subtrees_are_redrawn(q, g):
    keep = kept(q, g)
    for level, (child, parent) in enumerate(pairwise(keep)):
        parent = parent.repeat_interleave(2, dim=1)
        assert not (child & ~parent).any(), "a kept node has a parent that was redrawn"
        for k in range(child.shape[1]):
            if parent[:, k].any():
                assert_mean(2.0 * child[parent[:, k], k].double() - 1, 2 * (1 - q) - 1)
        assert_mean(2.0 * child.double() - 1, 2 * (1 - q) ** (3 - level) - 1)


def test_siblings_are_kept_independently_of_each_other(g):
    both = kept(0.4, g, depth=1)[0].all(1).double()
    assert_mean(2 * both - 1, 2 * 0.6**2 - 1)


@pytest.mark.parametrize("rho", [1.0, -1.0])
def test_certain_edges_never_err(rho, g):
    tree = LatentTree((torch.full((9,), rho), torch.full((3,), rho)))
    for levels in (tree.sample(500, generator=g), tree.augment(tree.sample(500, generator=g), 0.6, generator=g)):
        z = sign(levels)
        assert all(torch.equal(a, rho * b.repeat_interleave(3, 1)) for a, b in pairwise(z))


def test_random_polarity_fills_its_range_with_both_signs(g):
    tree = LatentTree.random(depth=10, polarity=(0.5, 0.8), generator=g)
    rho = torch.cat(tree.polarity)
    assert rho.abs().min() >= 0.5
    assert rho.abs().max() <= 0.8
    u = (rho.abs() - 0.5) / 0.3  # uniform on [0, 1]: mean 1/2, variance 1/12
    assert abs(u.mean() - 0.5) < ERRORS * (1 / 12 / len(u)) ** 0.5
    assert_mean(rho.sign().unsqueeze(-1).double(), 0.0)


def test_the_polarity_that_is_furthest_out_is_named():
    with pytest.raises(ValueError, match=r"got a magnitude of 1\.5; "):
        LatentTree((torch.tensor([0.5, -1.5]),))


def test_a_child_may_know_nothing_of_its_parent(g):
    assert LatentTree.random(depth=1, polarity=(0.0, 0.0), generator=g).polarity[0].tolist() == [0.0, 0.0]


def test_views_and_latents_belong_together(g):
    views = TERNARY.draw(50, views=3, strength=0.0, generator=g)
    assert views.x.shape == (50, 3, 9)
    assert torch.equal(views.x, TERNARY.as_input(views.latents[0]).unsqueeze(1).expand(50, 3, 9))
    assert set(views.x.unique().tolist()) == {-1.0, 1.0}


def test_trees_side_by_side_are_their_own_worlds(g):
    trees = LatentTree.random(depth=2, polarity=(0.3, 1.0), generator=g, runs=3)
    assert [tuple(rho.shape) for rho in trees.polarity] == [(3, 4), (3, 2)]
    assert not torch.equal(trees.polarity[0][0], trees.polarity[0][1])
    views = trees.draw(N, views=2, strength=0.5, generator=g)
    assert views.x.shape == (3, N, 2, 4)
    assert [tuple(z.shape) for z in views.latents] == [(3, N, 4), (3, N, 2), (3, N, 1)]
    augmented = trees.augment(views.latents, 0.7, generator=g)
    for run in range(3):
        single = LatentTree(tuple(rho[run].double() for rho in trees.polarity))
        assert_law_of_the_data(single, [z[run] for z in views.latents])
        assert_law_of_the_data(single, [z[run] for z in augmented])
        torch.testing.assert_close(trees.enumerate()[1][run].double(), single.enumerate()[1], rtol=1e-5, atol=1e-7)
    assert not torch.equal(views.latents[-1][0], views.latents[-1][1])


def test_same_seed_same_bits(seeded):
    def everything(seed):
        g = seeded(seed)
        tree = LatentTree.random(depth=3, generator=g, runs=2)
        levels = tree.sample(20, generator=g)
        view = tree.augment(levels, 0.5, generator=g)
        return [*tree.polarity, *levels, *view, tree.draw(20, strength=0.5, generator=g).x]

    before = torch.get_rng_state()
    once, again, other = everything(1), everything(1), everything(2)
    assert torch.equal(before, torch.get_rng_state())  # the global state is left alone
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))
    assert not torch.equal(once[-1], other[-1])


@pytest.mark.parametrize("runs", [None, 3])
def test_draws_ahead_are_single_draws_at_any_strength(runs, seeded):
    tree = LatentTree.random(depth=3, polarity=(0.2, 0.9), generator=seeded(0), runs=runs)
    one, many = seeded(1), seeded(1)
    draws = tree.ahead(7, generator=many, most=5)
    assert len(draws) == 5
    for index, q in enumerate((0.0, 0.3, 0.3, 1.0, 0.5)):
        expected, found = tree.draw(7, strength=q, generator=one), draws.at(index, q)
        assert torch.equal(found.x, expected.x)
        assert all(map(torch.equal, found.latents, expected.latents))
    assert torch.equal(one.get_state(), many.get_state())


def test_a_draw_is_a_sample_and_its_augmentation(seeded):
    tree = LatentTree.random(depth=2, branching=3, polarity=(0.2, 0.9), generator=seeded(0))
    g, again = seeded(1), seeded(1)
    levels = tree.sample(6, generator=g)
    twice = [level.unsqueeze(1).expand(-1, 2, -1) for level in levels]
    leaves = tree.augment(twice, 0.4, generator=g)[0]
    views = tree.draw(6, strength=0.4, generator=again)
    assert torch.equal(views.x, tree.as_input(leaves))
    assert all(map(torch.equal, views.latents, levels))
