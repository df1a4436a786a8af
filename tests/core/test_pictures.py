"""Worlds of real pictures: what their views keep and change, and what is refused."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from ssl_explain.worlds.augment import Recipe
from ssl_explain.worlds.pictures import PictureWorld, digits


def tiny(n=5, c=1, side=6, **options):
    images = torch.rand(n, c, side, side, generator=torch.Generator().manual_seed(3))
    return PictureWorld(images, torch.arange(n, dtype=torch.uint8), **options)


# --- the world ----------------------------------------------------------------------------------------------


def test_digits_are_whole_and_split_once():
    train, test = digits("train"), digits("test")
    assert (len(train), len(test)) == (1197, 600)
    assert train.shape == (1, 8, 8)
    assert train.dimension == 64
    assert train.images.dtype == torch.float32
    assert (train.images.min(), train.images.max()) == (0, 1)
    assert set(train.labels.tolist()) == set(test.labels.tolist()) == set(range(10))
    assert torch.bincount(test.labels.int()).min() > 50
    train.images.zero_()
    assert digits("train").images.any()  # nobody spoils the digits for others


def test_without_strength_a_view_is_the_picture_itself(g):
    world = tiny()
    views = world.draw(4, views=3, strength=0.0, generator=g)
    (labels,) = views.latents
    expected = world.inputs()[labels[:, 0].long()]
    assert all(torch.equal(views.x[:, a], expected) for a in range(3))
    assert len(labels.unique()) == 4  # no picture twice


@pytest.mark.parametrize("c", [1, 3])
def test_views_differ_and_come_flattened(c, g):
    views = tiny(c=c).draw(5, views=2, strength=1.0, generator=g)
    assert views.x.shape == (5, 2, 36 * c)
    assert views.x.dtype == torch.float32
    assert views.latents[0].shape == (5, 1)
    assert views.latents[0].dtype == torch.uint8
    assert not torch.isclose(views.x[:, 0], views.x[:, 1]).all(-1).any()


def test_same_seed_same_bits(seeded):
    world = tiny()
    a, b, c = (world.draw(4, strength=0.7, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(a.x, b.x)
    assert torch.equal(a.latents[0], b.latents[0])
    assert not torch.equal(a.x, c.x)


def test_every_picture_comes_equally_often(seeded):
    g, world, n = seeded(0), tiny(10), 400
    drawn = torch.cat([world.draw(3, strength=0.0, generator=g).latents[0].flatten() for _ in range(n)])
    share = torch.bincount(drawn.int(), minlength=10) / n
    assert (share - 0.3).abs().max() < 4.5 * (0.3 * 0.7 / n) ** 0.5


@given(st.floats(0, 50), st.booleans())
def test_inputs_are_standardised_picture_by_picture(strength, colour):
    world = tiny(8, 3 if colour else 1)
    x = world.draw(8, strength=strength, generator=torch.Generator().manual_seed(0)).x
    assert torch.isfinite(x).all()
    assert x.mean(-1).abs().max() < 1e-4
    assert x.square().mean(-1).max() < 1 + 1e-4


def test_standardising_removes_brightness_and_contrast_and_nothing_else():
    world = tiny()
    bright = 0.5 + 0.4 * world.images
    torch.testing.assert_close(world.as_input(bright), world.as_input(world.images), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(world.inputs().square().mean(-1), torch.ones(5), rtol=1e-4, atol=0)
    assert torch.equal(world.as_input(torch.full((1, 6, 6), 0.5)), torch.zeros(36))
    assert torch.equal(replace(world, standardise=False).inputs(), world.images.flatten(1))


def test_the_recipe_decides_what_views_may_differ_in(seeded):
    nothing = Recipe(False, False, False, False, False)
    still = tiny(recipe=nothing).draw(5, strength=3.0, generator=seeded(0)).x
    assert torch.equal(still, tiny().draw(5, strength=0.0, generator=seeded(0)).x)


def test_strength_runs_to_where_the_shape_of_a_digit_is_lost(seeded):
    """The nearest neighbour among the pictures themselves: nearly always right for mild views, at chance from 5 on."""
    known, test = digits("train"), digits("test")
    right = []
    for strength in (0.0, 0.5, 1.0, 2.0, 5.0):
        views = test.draw(600, views=1, strength=strength, generator=seeded(0))
        nearest = torch.cdist(views.x[:, 0], known.inputs()).argmin(1)
        right.append((known.labels[nearest] == views.latents[0][:, 0]).float().mean().item())
    assert right == sorted(right, reverse=True)
    assert right[0] > 0.95
    assert right[1] > 0.9
    assert 0.6 < right[2] < 0.9
    assert right[-1] < 0.17


def test_labels_are_optional_and_never_in_the_views(g):
    plain = replace(tiny(), labels=None)
    assert plain.draw(3, strength=0.0, generator=g).latents is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 1}, "`n` must be an integer from 2 to 5, got 1; a batch of one has no other picture"),
        ({"n": 6}, "`n` must be an integer from 2 to 5, got 6; .* no picture is drawn twice"),
        ({"views": 0}, "`views` must be an integer ≥ 1, got 0"),
        ({"strength": -0.1}, r"`strength` must lie in \[0, inf\), got -0.1"),
        ({"strength": float("nan")}, r"`strength` must lie in \[0, inf\), got nan"),
    ],
)
def test_draw_refuses(options, words, g):
    given = {"n": 3, "views": 2, "strength": 0.5} | options
    before = g.get_state()
    with pytest.raises(ValueError, match=words):
        tiny().draw(given.pop("n"), generator=g, **given)
    assert torch.equal(g.get_state(), before)  # nothing half-done


refuses = refused(
    (
        lambda: PictureWorld(torch.zeros(5, 8, 8)),
        r"`images` must have shape \(pictures, 1 or 3 channels, height, width\), got \(5, 8, 8\)",
    ),
    (lambda: PictureWorld(torch.zeros(5, 2, 8, 8)), r"`images` must have shape .* got \(5, 2, 8, 8\)"),
    (lambda: PictureWorld(torch.zeros(1, 1, 8, 8)), r"shape .* got \(1, 1, 8, 8\); at least two pictures"),
    (lambda: PictureWorld(torch.zeros(5, 1, 8, 3)), r"`images` must have shape .* got \(5, 1, 8, 3\)"),
    (lambda: PictureWorld(torch.full((5, 1, 8, 8), 16.0)), r"`images` must lie in \[0, 1\], got 16 to 16"),
    (lambda: PictureWorld(torch.full((5, 1, 8, 8), -0.5)), r"`images` must lie in \[0, 1\], got -0.5 to -0.5"),
    (lambda: PictureWorld(torch.full((5, 1, 8, 8), float("nan"))), "`images` must hold finite numbers only"),
    (
        lambda: replace(tiny(), labels=torch.zeros(4, dtype=torch.uint8)),
        r"`labels` must hold one label for each of 5 images, got shape \(4,\)",
    ),
    (lambda: digits("all"), "`split` must be one of train, test, got 'all'"),
)
test_what_is_no_world_of_pictures_is_refused = pytest.mark.usefixtures("unshaped")(refuses)


def test_kornia_waits_until_a_view_is_changed():
    code = """
import sys, torch
from ssl_explain.worlds.pictures import PictureWorld
world, g = PictureWorld(torch.ones(9, 1, 8, 8)), torch.Generator()
world.draw(5, strength=0.0, generator=g)
before = "kornia" in sys.modules
world.draw(5, strength=0.1, generator=g)
print(before, "kornia" in sys.modules)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "True"]
