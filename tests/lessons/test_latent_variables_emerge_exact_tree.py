"""The joint law of two views: against brute force over every configuration, and against sampling."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from literal import double_tree as tree_of
from literal import every_configuration, law_of_leaves, redraw_table
from refusals import refused

from ssl_explain.lessons.latent_variables_emerge.exact_tree import ExactTree, SameLaw
from ssl_explain.worlds.latent_tree import LatentTree

SMALL = [(1, 2), (1, 3), (2, 2)]
SIZES = [*SMALL, (3, 2), (2, 3)]
STRENGTHS = (0.0, 0.3, 1.0)


@pytest.mark.parametrize(("depth", "branching"), SMALL)
@pytest.mark.parametrize("q", STRENGTHS)
@pytest.mark.parametrize("root", [0.5, 0.2])
def test_the_law_is_the_sum_over_every_configuration(depth, branching, q, root):
    tree = tree_of(depth, branching, root)
    z, p = every_configuration(tree)
    expected = law_of_leaves(tree, p, redraw_table(tree, z, q))
    torch.testing.assert_close(tree.pair_probabilities(q), expected, rtol=0, atol=1e-14)


@pytest.mark.gate(1)
@pytest.mark.parametrize(("depth", "branching"), SIZES)
@given(q=st.floats(0, 1), root=st.floats(0.01, 0.99), seed=st.integers(0, 99))
def test_a_view_has_the_law_of_the_data_for_every_strength(depth, branching, q, root, seed):
    tree = tree_of(depth, branching, root, seed)
    law, (_, given_root) = tree.pair_probabilities(q), tree.enumerate()
    marginal = given_root @ torch.tensor([1 - root, root], dtype=torch.float64)
    assert (law >= 0).all()
    torch.testing.assert_close(law, law.mT, rtol=0, atol=1e-15)
    torch.testing.assert_close(law.sum(-1), marginal, rtol=0, atol=1e-14)
    assert torch.linalg.eigvalsh(law)[0] > -1e-14  # two views of one point are exchangeable given the point


@pytest.mark.parametrize(("depth", "branching"), SIZES)
def test_sampling_agrees_with_the_law(depth, branching):
    tree, n = tree_of(depth, branching, 0.3), 200_000
    x, _ = tree.enumerate()
    views = tree.draw(n, views=2, strength=0.4, generator=torch.Generator().manual_seed(1)).x
    power = 2 ** torch.arange(tree.dimension - 1, -1, -1)
    index = (((views + 1) / 2).long() * power).sum(-1)
    g = torch.Generator().manual_seed(2)
    functions = torch.randn(len(x), 6, generator=g, dtype=torch.float64)  # moments of random functions of the patterns
    law = tree.pair_probabilities(0.4)
    expected = functions.mT @ law @ functions
    seen = functions[index[:, 0]].mT @ functions[index[:, 1]] / n
    torch.testing.assert_close(seen, expected, rtol=0, atol=5 / n**0.5)


def test_runs_side_by_side_are_single_trees():
    g = torch.Generator().manual_seed(0)
    trees = LatentTree.random(2, generator=g, runs=3, root=0.3)
    law = ExactTree(trees).law(0.4)
    assert law.x.shape == (3, 16, 1, 4)
    for k in range(3):
        alone = LatentTree(tuple(level[k] for level in trees.polarity), 0.3)
        torch.testing.assert_close(law.joint[k], alone.pair_probabilities(0.4))


def test_an_unfair_root_is_sampled_and_leans_on_every_latent():
    tree = tree_of(3, 2, 0.2)
    levels = tree.sample(100_000, generator=torch.Generator().manual_seed(0))
    for level, rho in zip(levels, tree.from_root(), strict=True):
        torch.testing.assert_close(2 * level.double().mean(0) - 1, -0.6 * rho, rtol=0, atol=0.015)


def test_every_step_of_an_exact_run_gets_the_whole_law():
    exact, g = ExactTree(tree_of(2, 2)), torch.Generator().manual_seed(0)
    before = g.get_state()
    for n, views in ((2, 2), (100, 7)):
        assert SameLaw(exact).draw(n, views=views, strength=0.3, generator=g) is exact.law(0.3)
    assert torch.equal(g.get_state(), before)


def test_a_law_is_computed_once():
    world = ExactTree(tree_of(2, 2))
    assert world.law(0.3) is world.law(0.3)
    assert world.law(0.3) is not world.law(0.4)


test_bad_trees_and_strengths_are_named = refused(
    (lambda: tree_of(1, 2).pair_probabilities(-0.1), "`strength`"),
    (lambda: tree_of(1, 2).pair_probabilities(1.1), "`strength`"),
    (lambda: tree_of(1, 2).pair_probabilities(float("nan")), "`strength`"),
    (lambda: tree_of(1, 2, 0.0), "`root`"),
    (lambda: tree_of(1, 2, 1.0), "`root`"),
    (lambda: tree_of(1, 2, -1.0), "`root`"),
    (lambda: tree_of(1, 2, float("nan")), "`root`"),
    (lambda: ExactTree(tree_of(4, 2)).law(0.5), r"`pair_probabilities` must see 9 leaves or fewer, got 16"),
)
