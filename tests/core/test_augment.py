"""Views of pictures: strength 0 changes nothing, every part does its own work, and chance has one source."""

import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssl_explain.worlds.augment import CHANCES, Recipe, augment, chances, change

PARTS = ("affine", "crop", "erase", "blur", "colour")


def pictures(n=6, c=3, h=10, w=8, seed=3):
    return torch.rand(n, c, h, w, generator=torch.Generator().manual_seed(seed))


def only(*parts):
    return Recipe(**{part: part in parts for part in PARTS})


def decided(n=6, value=None, **columns):
    """Chances in the middle, where nothing moves and a hole is half as large as it may be, but for those given."""
    u = torch.full((n, sum(CHANCES.values())), 0.5 if value is None else value)
    starts = dict(zip(CHANCES, torch.tensor([0, *CHANCES.values()]).cumsum(0).tolist(), strict=False))
    for name, value in columns.items():
        part, place = name.split("_")
        u[:, starts[part] + int(place)] = value
    return u


@pytest.mark.parametrize(
    ("recipe", "strength"),
    [(Recipe(), 0.0), *((only(part), 0.0) for part in PARTS), (only(), 3.0)],
    ids=["all", *PARTS, "nothing switched on"],
)
def test_strength_zero_and_no_part_give_the_picture_back_bit_for_bit(recipe, strength, g):
    x = pictures()
    assert torch.equal(augment(x, strength, recipe=recipe, generator=g), x)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_works_alone(part, g):
    x = pictures(32)
    view = augment(x, 4.0, recipe=only(part), generator=g)
    assert view.shape == x.shape
    assert (view - x).abs().mean() > 0.005


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_off_leaves_the_chances_of_the_others_alone(part):
    x, others = pictures(), [name for name in PARTS if name != part]
    u = chances(6, generator=torch.Generator().manual_seed(1))
    other = u.clone()
    start = list(CHANCES).index(part)
    low = sum(list(CHANCES.values())[:start])
    other[:, low : low + CHANCES[part]] = 0.123
    assert torch.equal(change(x, u, 1.0, only(*others)), change(x, other, 1.0, only(*others)))
    assert not torch.equal(change(x, u, 1.0, Recipe()), change(x, other, 1.0, Recipe()))


def test_colour_is_for_colours():
    x, u = pictures(c=1), chances(6, generator=torch.Generator().manual_seed(1))
    assert torch.equal(change(x, u, 2.0, only("colour")), x)
    assert torch.equal(change(x, u, 2.0, Recipe()), change(x, u, 2.0, only("affine", "crop", "erase", "blur")))


@given(st.floats(0, 1e12), st.sampled_from([1, 3]), st.integers(0, 99))
def test_views_of_any_strength_are_pictures(strength, channels, seed):
    x = pictures(4, channels, seed=seed)
    view = augment(x, strength, generator=torch.Generator().manual_seed(seed))
    assert view.shape == x.shape
    assert view.dtype == x.dtype
    assert torch.isfinite(view).all()
    assert 0 <= view.min() <= view.max() <= 1
    assert torch.equal(x, pictures(4, channels, seed=seed))  # the original is left as it was


@pytest.mark.parametrize("shape", [(4, 4), (5, 4), (8, 8), (9, 32)])
def test_small_and_oblong_pictures(shape, g):
    assert augment(pictures(3, 1, *shape), 8.0, generator=g).shape == (3, 1, *shape)


def test_same_seed_same_bits(seeded):
    x = pictures()
    a, b, c = (augment(x, 1.0, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_no_other_source_of_chance(seeded):
    """The global state is neither read nor moved, and a generator moves alike for all strengths and recipes."""
    before, states = torch.random.get_rng_state(), []
    for strength, recipe in [(0.0, Recipe()), (2.0, Recipe()), (2.0, only("blur")), (2.0, only())]:
        generator = seeded(1)
        augment(pictures(), strength, recipe=recipe, generator=generator)
        states.append(generator.get_state())
    assert all(torch.equal(state, states[0]) for state in states)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_picture_is_changed_alike_in_any_company():
    x, u = pictures(), chances(6, generator=torch.Generator().manual_seed(1))
    together = change(x, u, 1.5, Recipe())
    alone = torch.cat([change(x[k : k + 1], u[k : k + 1], 1.5, Recipe()) for k in range(6)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("part", PARTS)
def test_a_larger_strength_goes_further(part):
    x, u = pictures(64, h=12, w=12), chances(64, generator=torch.Generator().manual_seed(1))
    away = [(change(x, u, s, only(part)) - x).abs().mean().item() for s in (0.0, 0.05, 0.25, 1.0)]
    assert away == sorted(away)
    assert away[0] == 0 < away[-1]


def test_the_middle_of_the_chances_moves_nothing():
    x = pictures(1)
    still = decided(1, crop_0=0.0)
    torch.testing.assert_close(change(x, still, 3.0, only("affine", "crop", "colour")), x, rtol=0, atol=2e-6)


def test_a_shift_by_whole_pixels_shifts_by_whole_pixels():
    x = pictures(1, 1, 10, 10)
    right = change(x, decided(1, affine_3=0.5 + 0.5 * 2 / 3), 5.0, only("affine"))  # 2/3 of 0.3 of 10 pixels: 2
    torch.testing.assert_close(right[..., 2:], x[..., :-2], rtol=0, atol=1e-5)
    assert right[..., :2].abs().max() < 1e-5  # what comes in is black
    down = change(x, decided(1, affine_4=0.5 + 0.5 * 2 / 3), 5.0, only("affine"))
    torch.testing.assert_close(down[..., 2:, :], x[..., :-2, :], rtol=0, atol=1e-5)


def test_a_quarter_turn_is_a_quarter_turn():
    x = pictures(1, 1, 9, 9)
    turned = change(x, decided(1, affine_0=1.0), 6.0, only("affine"))  # 6 · 15° = 90°
    torch.testing.assert_close(turned, x.rot90(-1, (2, 3)), rtol=0, atol=1e-5)


def test_a_crop_shows_a_window_of_the_picture_only():
    """A picture that is even stays even: no black comes in from outside."""
    x, u = torch.full((64, 1, 12, 12), 0.7), chances(64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(change(x, u, 5.0, only("crop")), x, rtol=0, atol=1e-5)
    ramp = torch.linspace(0, 1, 12).expand(1, 1, 12, 12)
    left = change(ramp, decided(1, crop_0=1.0, crop_1=0.0), 3.4657359, only("crop"))  # e^(-0.2 · 3.47) = half the side
    assert left.max() < 0.5 + 1e-5
    assert change(ramp, decided(1, crop_0=1.0, crop_1=1.0), 3.4657359, only("crop")).min() > 0.5 - 1e-5


def test_a_hole_is_black_and_a_rectangle_of_the_right_size():
    x = torch.ones(1, 3, 8, 16)
    hole = change(x, decided(1, erase_0=1.0, erase_1=1.0, erase_2=0.0, erase_3=1.0), 2.0, only("erase"))
    assert hole.sum() == x.numel() - 3 * 4 * 8  # half of every side
    assert not hole[:, :, :4, 8:].any()


def test_blur_keeps_the_light_and_spreads_it():
    x = torch.zeros(1, 1, 17, 17)
    x[..., 8, 8] = 1
    blurred = change(x, decided(1, blur_0=1.0), 2.0, only("blur"))
    place = torch.arange(17) - 8.0
    variance = (blurred[0, 0].sum(0) * place**2).sum()
    assert blurred.sum() == pytest.approx(1, abs=1e-5)
    assert variance == pytest.approx((0.05 * 17) ** 2, rel=0.25)  # cut off at two standard deviations


@pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf"), -float("inf")])
def test_an_impossible_strength_is_refused_before_anything_is_drawn(strength, g):
    before = g.get_state()
    with pytest.raises(ValueError, match=r"`strength` must lie in \[0, inf\), got"):
        augment(pictures(), strength, generator=g)
    assert torch.equal(g.get_state(), before)


def test_without_kornia_the_error_says_what_to_install(monkeypatch, g):
    monkeypatch.setitem(sys.modules, "kornia", None)
    x = pictures()
    assert torch.equal(augment(x, 0.0, generator=g), x)
    with pytest.raises(ImportError, match=r"needs kornia, .* in the checkout: pip install -e '\.\[images\]'"):
        augment(x, 1.0, generator=g)
