"""Worlds: what is asked of them, and what must hold of their views."""

import torch
from fuzz import FLOATS, SOUND, Target, seeded, tensor, tensors
from hypothesis import strategies as st

from ssl_explain import Clouds, LatentTree, PictureWorld, Recipe, Ring, Tree, Views, digits

FLAG, G = st.booleans(), st.builds(seeded, st.integers(0, 3))
N, SHARE = st.integers(1, 5), st.floats(0, 1)
DRAW = {"n": N, "views": N, "strength": SHARE, "generator": G}
SIZES = {"depth": st.integers(1, 4), "branching": st.integers(2, 3), "runs": st.sampled_from([None, 1, 2])}
TREES = st.builds(LatentTree.random, **SIZES, root=st.floats(0.01, 0.99), generator=G)
SMALL = st.builds(LatentTree.random, st.integers(1, 3), root=st.floats(0.01, 0.99), generator=G)
CLOUDS = st.sampled_from([Clouds(torch.ones(2), torch.zeros(2)), Clouds(torch.ones(1).double(), torch.ones(1))])
RINGS = st.builds(Ring, st.integers(5, 30))
RECIPES = st.builds(Recipe, *(FLAG,) * 5)
IMAGES = st.builds(lambda n, c, side, dtype: tensor((n, c, side, side), "zero", dtype) + 0.5,
                   st.integers(2, 5), st.sampled_from([1, 3]), st.integers(4, 7), st.sampled_from(FLOATS))  # fmt: skip
PICTURES = st.builds(PictureWorld, IMAGES, recipe=RECIPES, standardise=FLAG)


def same(result, expected):
    assert result == expected


def floats(x, axes):
    assert x.is_floating_point()
    assert x.ndim >= axes


def drawn(result, world, n, views, **_):
    assert isinstance(result, Views)
    lead = getattr(world, "runs", ())
    assert result.x.shape == (*lead, n, views, world.dimension)
    assert result.x.isfinite().all()
    assert all(latent.shape[:-1] == (*lead, n) for latent in result.latents or ())


def draw(world, **options):
    return world.draw(**options)


def levels(result, world, n, **_):
    assert [tuple(level.shape) for level in result] == [(*world.runs, n, w) for w in world.topology.widths]
    assert {int(x) for level in result for x in level.unique()} <= {0, 1}


def tree_of(result, depth, branching, runs=None, **_):
    assert result.topology.widths == Tree(depth, branching).widths
    assert result.runs == (() if runs is None else (runs,))


def chances(result, world, **_):
    assert ((result >= 0) & (result <= 1 + 1e-6)).all()
    torch.testing.assert_close(result.flatten(-2).sum(-1), torch.ones(world.runs))


def patterns(result, world):
    x, p = result
    assert x.shape == (2**world.dimension, world.dimension)
    torch.testing.assert_close(p.sum(-2), torch.ones(*world.runs, 2))


def ceilings(result, world, **_):
    assert result.shape == (*world.runs, world.topology.depth)
    assert ((result >= 0) & (result <= 1 + 1e-6)).all()


def all_of(result, world, strength):
    assert result.x.shape[1:] == (world.cells if strength == 1 else 2 * world.shift(strength) + 1, world.cells)
    assert len(result.x) == len(world.objects) * (1 if strength == 1 else world.cells)


def ring(result, cells, objects, dtype):
    patterns = result.patterns()
    assert patterns.shape == (len(objects), cells)
    assert patterns.dtype == dtype
    assert set(patterns.unique().tolist()) <= {0, 1}


def placed(tree, level):
    return tree, tree.horizontal(level), tree.level_slice(level)


def sized(result, depth, branching, level):
    at = result[0].widths[level]
    assert at == branching ** (depth - level)
    assert len(result[1]) == at
    assert result[2].stop - result[2].start == at


def pictures(result, images, **_):
    assert len(result) == len(images)
    assert result.inputs().shape == (len(images), result.dimension)
    assert result.inputs().isfinite().all()


SAMPLED = object()  # stands for what this very tree has sampled
TREE_DRAW = {"world": TREES} | DRAW
TARGETS = {
    "Tree": Target(
        lambda depth, branching, level: placed(Tree(depth, branching), level),
        {"depth": st.integers(1, 5), "branching": st.integers(2, 4), "level": st.just(1)}, sized,
    ),
    "Views": Target(
        Views, {"x": tensors((2, 2, 3), (1, 2, 2, 3), fills=SOUND), "latents": st.none()},
        lambda result, x, latents: floats(result.x, 3), spoil=("x",),
    ),
    "Clouds": Target(
        Clouds, {"between": tensors((2,), fills=("zero", "one")), "within": tensors((2,), fills=("zero", "one"))},
        lambda result, between, within: drawn(result.draw(3, generator=seeded()), result, 3, 2),
    ),
    "Clouds.draw": Target(draw, {"world": CLOUDS} | DRAW, drawn, spoil=tuple(DRAW)),
    "Ring": Target(
        Ring, {"cells": st.integers(5, 30), "objects": st.sampled_from([((1, 1), (1, 0, 1)), ((1,),)]),
               "dtype": st.sampled_from(FLOATS)}, ring,
    ),
    "Ring.draw": Target(draw, {"world": RINGS} | DRAW, drawn, spoil=tuple(DRAW)),
    "Ring.enumerate": Target(
        lambda world, strength: world.enumerate(strength), {"world": RINGS, "strength": SHARE}, all_of,
        spoil=("strength",),
    ),
    "LatentTree": Target(
        LatentTree, {"polarity": st.just((torch.ones(4), torch.ones(2))), "root": st.floats(0.01, 0.99)},
        lambda result, polarity, root: tree_of(result, 2, 2),
    ),
    "LatentTree.random": Target(
        LatentTree.random,
        SIZES | {"polarity": st.just((0.8, 1.0)), "root": st.floats(0.01, 0.99), "generator": G}, tree_of,
    ),
    "LatentTree.draw": Target(draw, TREE_DRAW, drawn, spoil=tuple(DRAW)),
    "LatentTree.sample": Target(
        lambda world, n, generator: world.sample(n, generator=generator), {"world": TREES, "n": N, "generator": G},
        levels, spoil=("n", "generator"),
    ),
    "LatentTree.augment": Target(
        lambda world, sampled, strength, generator: world.augment(
            world.sample(3, generator=seeded()) if sampled is SAMPLED else sampled, strength, generator=generator
        ),
        {"world": TREES, "sampled": st.just(SAMPLED), "strength": SHARE,
         "generator": G},
        lambda result, world, **_: levels(result, world, 3),
        spoil=("sampled", "strength", "generator"),
    ),
    "LatentTree.as_input": Target(
        lambda world, leaves: world.as_input(leaves), {"world": TREES, "leaves": st.just(torch.ones(3, 4).byte())},
        lambda result, leaves, **_: same(result.shape, leaves.shape), spoil=("leaves",),
    ),
    "LatentTree.enumerate": Target(lambda world: world.enumerate(), {"world": SMALL}, patterns, spoil=()),
    "LatentTree.pair_probabilities": Target(
        lambda world, strength: world.pair_probabilities(strength), {"world": SMALL, "strength": SHARE}, chances,
        spoil=("strength",),
    ),
    "LatentTree.ceiling": Target(
        lambda world, n, generator: world.ceiling(n, generator=generator), {"world": TREES, "n": N, "generator": G},
        ceilings, spoil=("n", "generator"),
    ),
    "Recipe": Target(
        Recipe, dict.fromkeys(("affine", "crop", "erase", "blur", "colour"), FLAG),
        lambda result, **parts: same(set(result.parts), {name for name in parts if parts[name]}),
    ),
    "PictureWorld": Target(
        PictureWorld,
        {"images": IMAGES, "labels": st.none(), "names": st.just(()), "recipe": RECIPES, "standardise": FLAG}, pictures,
    ),
    "PictureWorld.draw": Target(
        draw, {"world": PICTURES} | DRAW | {"n": st.just(2), "strength": st.floats(0, 9)}, drawn, spoil=tuple(DRAW)
    ),
    "digits": Target(
        digits, {"split": st.sampled_from(["train", "test"]), "recipe": RECIPES},
        lambda result, split, recipe: same(result.shape, (1, 8, 8)),
    ),
}  # fmt: skip
