"""The shape of a tree, counted from the leaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssl_explain import Tree

trees = st.builds(Tree, st.integers(1, 5), st.integers(2, 4))


@given(trees)
def test_every_level_is_branching_times_the_one_above(tree):
    assert tree.widths[-1] == 1
    assert len(tree.widths) == tree.depth + 1
    assert all(low == tree.branching * high for low, high in zip(tree.widths, tree.widths[1:], strict=False))
    assert tree.n_leaves == tree.widths[0]


@given(trees)
def test_level_slices_cut_the_latents_into_levels(tree):
    for level in range(1, tree.depth + 1):
        assert tree.latents[tree.level_slice(level)] == tuple((level, k) for k in range(tree.widths[level]))
    assert len(tree.latents) == sum(tree.widths[1:])
    assert tree.latents[-1] == (tree.depth, 0)


@given(trees)
def test_parent_stands_above_the_middle_of_its_children(tree):
    b = tree.branching
    for level in range(tree.depth):
        children, parents = tree.horizontal(level), tree.horizontal(level + 1)
        for k, x in enumerate(parents):
            assert x == pytest.approx(sum(children[b * k : b * k + b]) / b)


def test_largest_and_too_large():
    assert Tree(20).n_leaves == 2**20
    with pytest.raises(ValueError, match=r"2\^20 leaves or fewer, got 3\^13"):
        Tree(13, 3)
    with pytest.raises(ValueError, match="from 1 to 20, got 1000000000000"):
        Tree(10**12)  # says so at once: the number of its leaves is never computed
