"""Runs of two towers on pictures: every option reaches them, and what is measured of their outputs."""

import pytest
import torch
from weights import copies, same

from ssl_explain import digits
from ssl_explain.lessons.byol_hidden_contrast.two_towers import (
    between_share,
    dual_run,
    filled_directions,
    forget_if_broken,
    open_student,
)
from ssl_explain.lessons.real_images.experiment import picture_run
from ssl_explain.losses.predictive import half_square
from ssl_explain.networks.dual import NO_CENTRING, Centring, linear_predictor, mlp_predictor

SMALL = {"batch": 16, "strength": 0.5, "seed": 3}
EVERYTHING = {
    "predictor": linear_predictor(64), "centring": Centring(), "momentum": 0.9, "reinitialise_every": 2, "decay": 0.1,
}  # fmt: skip


def weights_after(steps, **options):
    run = dual_run(digits(), **SMALL | options)
    for more in steps:
        run.advance(more)
    return copies(run.net)


@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["plain", "everything"])
def test_same_seed_same_bits_cut_or_not(options):
    whole = weights_after([5], **options)
    for again in (weights_after([5], **options), weights_after([1, 2, 2], **options)):
        assert all(torch.equal(a, b) for a, b in zip(whole, again, strict=True))
    other = weights_after([5], **options, seed=4)
    assert not any(torch.equal(a, b) for a, b in zip(whole, other, strict=True))


def test_every_option_changes_the_run():
    whole = weights_after([5], **EVERYTHING)[0]
    others = {
        "predictor": mlp_predictor(64), "centring": NO_CENTRING, "momentum": None, "reinitialise_every": 0,
        "decay": 0.0, "loss": half_square, "strength": 0.25, "learning_rate": 0.5, "batch": 17, "scale": 0.3,
    }  # fmt: skip
    for name, value in others.items():
        assert not torch.equal(weights_after([5], **EVERYTHING | {name: value})[0], whole), name


def test_after_a_step_the_target_follows_and_every_so_often_the_predictor_is_new():
    run = dual_run(digits(), **SMALL | EVERYTHING | {"reinitialise_every": 3, "momentum": 0.75})
    net, redrawn = run.net, []
    net.redraw_predictor = lambda generator: redrawn.append((run.step, generator))
    for _ in range(7):
        before = copies(net.own_target)
        run.advance()
        for a, b, c in zip(before, net.online.parameters(), net.own_target.parameters(), strict=True):
            torch.testing.assert_close(c, 0.75 * a + 0.25 * b)
    assert [step for step, _ in redrawn] == [3, 6]
    assert all(generator is run.generator for _, generator in redrawn)


def test_the_untrained_student_is_that_of_the_run_with_negatives():
    student = picture_run(digits(), seed=3).net
    for options in ({}, EVERYTHING):
        assert same(copies(student), dual_run(digits(), **SMALL | options).net.online)
    assert same(copies(student), open_student(digits(), generator=torch.Generator().manual_seed(3)))


def test_between_share_and_filled_directions_of_points_noise_and_constants(g):
    points = torch.randn(4000, 1, 3, generator=g, dtype=torch.float64)
    noise = torch.randn(4000, 2, 3, generator=g, dtype=torch.float64)
    offset = torch.tensor([2.0, 0.0, 0.0], dtype=torch.float64)
    f = points + 0.5 * noise + offset
    assert between_share(f) == pytest.approx(3 / (3 + 0.75 + 4), abs=0.02)
    assert between_share(noise) == pytest.approx(0, abs=0.03)
    assert between_share(1e-3 * f) == pytest.approx(between_share(f))
    assert between_share(torch.zeros(4, 2, 3)) == 0
    assert between_share(torch.ones(4, 2, 3)) == 0
    line = torch.randn(50, 2, 1, generator=g) * torch.tensor([1.0, 2.0, 3.0]) + 5
    assert filled_directions(line) == pytest.approx(1, abs=1e-3)
    assert filled_directions(torch.randn(4000, 2, 3, generator=g)) == pytest.approx(3, abs=0.01)
    assert filled_directions(torch.ones(4, 2, 3)) == 0


@pytest.mark.parametrize("measure", [between_share, filled_directions])
def test_outputs_that_are_no_numbers_are_named(measure):
    with pytest.raises(ValueError, match="`f` must hold finite numbers only"):
        measure(torch.full((2, 2, 2), float("inf")))


def test_a_run_that_is_not_sound_forgets_and_a_sound_one_does_not():
    run = dual_run(digits(), **SMALL)
    before = copies(run.net.online)
    forget_if_broken(run, run.net.online)
    assert same(before, run.net.online)
    run.learning_rate = float("inf")
    run.advance()
    assert run.stopped
    forget_if_broken(run, run.net.online)
    assert all(not weight.any() for weight in run.net.online.parameters())
    run = dual_run(digits(), **SMALL)
    with torch.no_grad():
        run.net.online.weights[0][0, 0, 0] = float("nan")
    forget_if_broken(run, run.net.online)
    assert all(not weight.any() for weight in run.net.online.parameters())
