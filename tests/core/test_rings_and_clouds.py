"""The two small worlds: what is drawn follows what is enumerated, and what cannot be is refused."""

from collections import Counter

import pytest
import torch
from refusals import refused

from ssl_explain.worlds.clouds import Clouds
from ssl_explain.worlds.ring import Ring


def rows(x):
    return [tuple(row) for row in x.flatten(0, -2).int().tolist()]


@pytest.mark.parametrize(
    ("cells", "strength", "shift"),
    [(6, 0.0, 0), (8, 0.25, 1), (8, 0.5, 2), (8, 0.99, 3), (7, 0.99, 3), (8, 1.0, None), (7, 1.0, None), (5, 0.01, 0)],
)
def test_strength_sets_the_largest_shift(cells, strength, shift):
    ring = Ring(cells)
    assert ring.shift(strength) == shift
    n, a = (2, cells) if shift is None else (2 * cells, 2 * shift + 1)
    views = ring.enumerate(strength)
    assert views.x.shape == (n, a, cells)
    assert all(len(set(rows(point))) == a for point in views.x.unsqueeze(1))  # no view is counted twice


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.9, 1.0])
def test_every_view_shows_the_object_of_its_point_near_its_place(strength):
    ring = Ring(9)
    views, r = ring.enumerate(strength), ring.shift(strength)
    for point, kind, place in zip(views.x, *(z.flatten().tolist() for z in views.latents), strict=True):
        shifts = range(9) if r is None else range(-r, r + 1)
        expected = {tuple(ring.patterns()[kind].roll(place + by).int().tolist()) for by in shifts}
        assert set(rows(point)) == expected
    assert Counter(views.latents[0].flatten().tolist()) == dict.fromkeys((0, 1), 1 if r is None else 9)


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_drawing_follows_the_enumerated_law(strength, seeded):
    ring, n = Ring(6), 20_000
    views = ring.draw(n, views=2, strength=strength, generator=seeded(4))
    drawn = Counter(zip(rows(views.x[:, :1]), rows(views.x[:, 1:]), strict=True))
    every = ring.enumerate(strength)
    law = Counter()
    for point in every.x:
        for one in rows(point):
            for other in rows(point):
                law[one, other] += 1 / (len(every.x) * len(point) ** 2)
    assert sum(law.values()) == pytest.approx(1)
    assert set(drawn) <= set(law)
    for pair, p in law.items():
        assert abs(drawn[pair] / n - p) < 4.5 * (p * (1 - p) / n) ** 0.5
    assert set(zip(*(z.flatten().tolist() for z in views.latents), strict=True)) == set(
        zip(*(z.flatten().tolist() for z in every.latents), strict=True)
    )


def test_linear_neuron_cannot_tell_the_objects_apart_under_all_shifts():
    x = Ring(6, dtype=torch.float64).enumerate(1.0).x
    torch.testing.assert_close(x.mean(1), torch.full((2, 6), 2 / 6, dtype=torch.float64))


def test_same_seed_same_bits(seeded):
    worlds = (Ring(6), Clouds(torch.ones(3), torch.ones(3)))
    for world in worlds:
        a, b = (world.draw(7, views=3, strength=0.5, generator=seeded(1)).x for _ in range(2))
        assert a.shape == (7, 3, world.dimension)
        assert torch.equal(a, b)
        assert not torch.equal(a, world.draw(7, views=3, strength=0.5, generator=seeded(2)).x)


def test_dtype_is_what_was_asked_for(seeded):
    assert Ring(6, dtype=torch.float64).enumerate(0.5).x.dtype == torch.float64
    clouds = Clouds(torch.ones(2).double(), torch.ones(2).double())
    assert clouds.draw(3, generator=seeded(0)).x.dtype == torch.float64


@pytest.mark.parametrize("make", [lambda: Ring(6), lambda: Clouds(torch.ones(3), torch.ones(3))])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "`n` must be an integer ≥ 1, got 0"),
        ({"views": 0}, "`views` must be an integer ≥ 1, got 0"),
        ({"strength": 1.2}, r"`strength` must lie in \[0, 1\], got 1.2"),
        ({"strength": -0.1}, r"`strength` must lie in \[0, 1\], got -0.1"),
        ({"strength": float("nan")}, r"`strength` must lie in \[0, 1\], got nan"),
    ],
)
def test_draw_refuses(make, options, words, g):
    given = {"n": 3, "views": 2, "strength": 0.5} | options
    before = g.get_state()
    with pytest.raises(ValueError, match=words):
        make().draw(given.pop("n"), generator=g, **given)
    assert torch.equal(g.get_state(), before)  # nothing half-done


def clouds(between, within):
    return Clouds(torch.tensor(between), torch.tensor(within))


refuses = refused(
    (lambda: Ring(4), "`cells` must be an integer from 5 to 256, got 4"),
    (lambda: Ring(257), "`cells` must be an integer from 5 to 256, got 257"),
    (lambda: Ring(6, ((1, 1), (1, 0, 0, 0, 1))), "`objects` must fit on half of 6 cells"),
    (lambda: Ring(6, ((1, 1), (1, 1))), "`objects` must .* differ under every shift"),
    (lambda: Ring(6, ((1, 1), (0, 1, 1))), "`objects` must .* differ under every shift"),
    (lambda: Ring(6, ((1, 1), (0, 0))), "`objects` must hold at least one pattern with a 1 in it"),
    (lambda: Ring(6, ()), "`objects` must hold at least one pattern"),
    (lambda: clouds([1.0, -1.0], [1.0, 1.0]), "`between` must hold one standard deviation ≥ 0 per direction"),
    (lambda: clouds([1.0, 1.0], [1.0, float("nan")]), "`within` must hold finite numbers only"),
    (lambda: clouds([1.0, 1.0], [1.0]), "`within` must have 2 directions, got 1"),
)
test_what_is_no_world_is_refused = pytest.mark.usefixtures("unshaped")(refuses)


def test_largest_ring_keeps_every_position():
    assert Ring(256).enumerate(0.01).latents[1].unique().tolist() == list(range(256))


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_clouds_have_the_promised_variances(strength, seeded):
    between, within, n = torch.tensor([2.0, 1.0, 0.0]).double(), torch.tensor([0.0, 1.0, 3.0]).double(), 40_000
    x = Clouds(between, within).draw(n, views=2, strength=strength, generator=seeded(7)).x
    sampled = {"spread": (x[:, 0] - x[:, 1]).var(0) / 2, "total": x[:, 0].var(0), "shared": (x[:, 0] * x[:, 1]).mean(0)}
    promised = {
        "spread": (strength * within) ** 2,
        "total": between**2 + (strength * within) ** 2,
        "shared": between**2,
    }
    for name, value in promised.items():
        sd = (2 / n) ** 0.5 * (between**2 + within**2)
        assert ((sampled[name] - value).abs() <= 4.5 * sd).all(), name
    if strength == 0:
        assert torch.equal(x[:, 0], x[:, 1])
