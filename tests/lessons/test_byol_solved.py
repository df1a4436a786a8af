"""Linear BYOL: matrices against autograd, modes against matrices, the invariant, the threshold and the separatrix."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refused

from ssl_explain.lessons.byol_solved import modes as byol_modes
from ssl_explain.lessons.byol_solved.experiment import (
    Rates,
    Spread,
    invariant,
    isotropic,
    matrix_flow,
    matrix_training,
    motion,
    spread_of,
)
from ssl_explain.lessons.byol_solved.modes import (
    basin_boundary,
    fixed_points,
    misalignment,
    mode_flow,
    mode_velocity,
    modes_of,
    quick_flow,
    threshold,
)
from ssl_explain.records import Views

TIMES = torch.linspace(0, 12, 13, dtype=torch.float64)
COPY, SLOW = Rates(1.5, 0.06), Rates(0.7, 0.03, 0.2)
BOTH = pytest.mark.parametrize("rates", [COPY, SLOW], ids=["copy", "slow target"])


def draw(g, *shape):
    return torch.randn(*shape, generator=g, dtype=torch.float64)


def orthogonal(g, d):
    return torch.linalg.qr(draw(g, d, d))[0]


def any_spread(g, d=5):
    a, b = draw(g, d, d), draw(g, d, d)
    return Spread(a @ a.mT / d, 0.3 * b @ b.mT / d)


def aligned(g, p=(0.2, 0.9, 0.5), s=(1.0, 0.5, 0.2), d_in=5):
    u, v = orthogonal(g, len(p)), orthogonal(g, d_in)[: len(p)]
    p, s = torch.tensor(p, dtype=torch.float64), torch.tensor(s, dtype=torch.float64)
    return u @ s.sqrt().diag() @ v, u @ p.diag() @ u.mT


@pytest.mark.parametrize("rates", [Rates(1.7, 0.2, 0.3), Rates(0.4)])
def test_motion_is_autograd_of_the_population_loss(rates, g):
    x = draw(g, 4, 3, 5) + 0.5  # a mean: nothing is centred
    w, p, a = draw(g, 3, 5), draw(g, 3, 3), draw(g, 3, 5)
    w.requires_grad_(), p.requires_grad_()
    target = w.detach() if rates.target is None else a
    pairs = ((x[i, k] @ w.mT @ p.mT - x[i, j] @ target.mT) for i in range(4) for k in range(3) for j in range(3))
    loss = sum(0.5 * error.square().sum() for error in pairs) / 36
    gw, gp = torch.autograd.grad(loss, (w, p))
    spread = spread_of(Views(x))
    total = spread.between + spread.within
    got = motion(w.detach(), p.detach(), a, spread.between, total, rates)
    torch.testing.assert_close(got[0], -gw - rates.decay * w.detach(), rtol=0, atol=1e-12)
    torch.testing.assert_close(got[1], -rates.predictor * gp - rates.decay * p.detach(), rtol=0, atol=1e-12)
    expected = got[0] if rates.target is None else rates.target * (w.detach() - a)
    torch.testing.assert_close(got[2], expected, rtol=0, atol=1e-14)


@BOTH
def test_small_gradient_steps_follow_the_flow_with_an_error_of_first_order(rates, g):
    w, p = draw(g, 2, 4) / 2, draw(g, 2, 2) / 2
    spread, target = any_spread(g, 4), None if rates.target is None else draw(g, 2, 4) / 2
    times = torch.tensor([0.0, 4.0], dtype=torch.float64)
    exact = matrix_flow(w, p, target, spread=spread, rates=rates, times=times)
    gaps = []
    for steps in (200, 400):
        run = matrix_training(
            w, p, target, spread=spread, rates=rates, learning_rate=4 / steps, steps=steps, every=steps
        )
        gaps.append(
            max(
                float((getattr(run, k) - getattr(exact, k))[-1].abs().max()) for k in ("weights", "predictor", "target")
            )
        )
    assert gaps[0] < 0.05
    assert 1.8 < gaps[0] / gaps[1] < 2.2


@BOTH
def test_aligned_modes_are_the_matrices(rates, g):
    w, p = aligned(g)
    run = matrix_flow(w, p, spread=isotropic(5, 0.5), rates=rates, times=TIMES)
    modes = modes_of(run)
    solved = mode_flow(modes.predictor[0], modes.size[0], noise=0.5, rates=rates, times=TIMES)
    for name in ("predictor", "size", "target"):
        torch.testing.assert_close(getattr(solved, name), getattr(modes, name), rtol=0, atol=1e-9)
    assert float(misalignment(run).max()) < 1e-10


def test_a_target_that_starts_as_a_multiple_keeps_the_modes(g):
    w, p = aligned(g)
    run = matrix_flow(w, p, 0.4 * w, spread=isotropic(5, 0.2), rates=SLOW, times=TIMES)
    modes = modes_of(run)
    solved = mode_flow(modes.predictor[0], modes.size[0], 0.4, noise=0.2, rates=SLOW, times=TIMES)
    torch.testing.assert_close(solved.size, modes.size, rtol=0, atol=1e-9)


@BOTH
def test_modes_fail_for_starts_that_are_not_aligned(rates, g):
    w, p = aligned(g)
    turn = orthogonal(g, 3)
    run = matrix_flow(w, turn @ p @ turn.mT, spread=isotropic(5, 0.5), rates=rates, times=TIMES)
    modes = modes_of(run)
    solved = mode_flow(modes.predictor[0], modes.size[0], noise=0.5, rates=rates, times=TIMES)
    assert float((solved.size - modes.size).abs().max()) > 5e-3
    turned = misalignment(run)
    assert turned[-1] < turned[0] / 3


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6), alpha=st.floats(0.3, 3), decay=st.floats(0, 0.5), beta=st.none() | st.floats(0, 2),
    d_out=st.integers(1, 3), d_in=st.integers(1, 4),
)  # fmt: skip
def test_the_invariant_holds_for_every_data_start_and_target(seed, alpha, decay, beta, d_out, d_in):
    g = torch.Generator().manual_seed(seed)
    target = None if beta is None else draw(g, d_out, d_in)
    run = matrix_flow(
        draw(g, d_out, d_in), draw(g, d_out, d_out), target, spread=any_spread(g, d_in),
        rates=Rates(alpha, decay, beta), times=torch.linspace(0, 5, 6),
    )  # fmt: skip
    c = invariant(run, alpha)
    expected = torch.exp(-2 * decay * run.times).view(-1, 1, 1) * c[0]
    torch.testing.assert_close(c, expected, rtol=0, atol=1e-8 * (1 + float(c[0].abs().max())))


@settings(max_examples=30, deadline=None)
@given(noise=st.floats(0, 3), share=st.floats(0.01, 0.999), alpha=st.floats(0.2, 5), beta=st.floats(0, 3))
def test_fixed_points_stand_still_and_only_the_upper_one_attracts(noise, share, alpha, beta):
    decay = share * threshold(noise)
    low, high = fixed_points(noise, decay)
    assert 0 < low < high < 1 / (1 + noise)
    for p in (low, high):
        v = mode_velocity(p, p**2 / alpha, 1.0, noise, Rates(alpha, decay, beta))
        assert max(map(abs, v)) < 1e-12
    for p, sign in ((low, 1), (high, -1)):  # along the parabola, ṗ changes sign as a separatrix or as a goal does
        beyond = p + 1e-4 * (high - low)
        v = mode_velocity(beyond, beyond**2 / alpha, 1.0, noise, Rates(alpha, decay))
        assert math.copysign(1, v[0]) == sign


def long_run(p, s, noise, rates, end=1500.0):
    times = torch.tensor([0.0, end], dtype=torch.float64)
    return mode_flow(p, s, noise=noise, rates=rates, times=times, tolerance=1e-8).size[-1]


@pytest.mark.parametrize("noise", [0.0, 0.7])
def test_the_threshold_by_bisection(noise):
    p = torch.tensor(1 / (2 * (1 + noise)), dtype=torch.float64)
    low, high = 0.5 * threshold(noise), 2 * threshold(noise)
    for _ in range(10):
        middle = (low + high) / 2
        alive = bool(long_run(p, p**2, noise, Rates(decay=middle)) > 1e-6)
        low, high = (middle, high) if alive else (low, middle)
    assert low == pytest.approx(threshold(noise), rel=2e-3)
    assert fixed_points(noise, 1.001 * threshold(noise)) == ()


@pytest.mark.parametrize(("noise", "share", "alpha"), [(0.0, 0.8, 1.0), (0.5, 0.5, 3.0)])
def test_the_watershed_on_the_parabola_by_bisection(noise, share, alpha):
    rates = Rates(alpha, share * threshold(noise))
    p = torch.linspace(0.02, 0.6, 59, dtype=torch.float64) / (1 + noise)
    alive = long_run(p, p**2 / alpha, noise, rates, 400.0) > 1e-6
    assert torch.equal(alive, p > fixed_points(noise, rates.decay)[0])
    edge = basin_boundary(p, noise=noise, rates=rates)
    assert torch.equal(alive, p**2 / alpha > edge)


@pytest.mark.parametrize("rates", [Rates(1.0, 0.1), Rates(2.0, 0.15, 0.3), Rates(1.0, 0.2, 0.03), Rates(0.7, 0.02)])
def test_the_basin_boundary_parts_the_starts(rates):
    columns = torch.linspace(-0.3, 1.1, 8, dtype=torch.float64)
    edge = basin_boundary(columns, noise=0.1, rates=rates)
    assert torch.isfinite(edge).all()
    for factor, lives in ((0.8, False), (1.25, True)):
        s = edge * factor + (0.006 if lives else -0.006)
        shown = s > 0
        final = long_run(columns[shown], s[shown], 0.1, rates, 600.0)
        assert bool(((final > 1e-4) == lives).all())


def test_the_basin_boundary_where_it_is_known():
    columns = torch.linspace(-0.2, 1.0, 7, dtype=torch.float64)
    edge = basin_boundary(columns, noise=0.0, rates=Rates(2.0, 0.2, 1e-3))
    torch.testing.assert_close(edge, torch.full_like(edge, fixed_points(0.0, 0.2)[0] ** 2 / 2), rtol=0.1, atol=0)
    columns = torch.tensor([-0.3, -0.1, 0.1, 0.8], dtype=torch.float64)
    edge = basin_boundary(columns, noise=0.0, rates=Rates(2.0))
    torch.testing.assert_close(edge, torch.tensor([0.045, 0.005, 0.0, 0.0], dtype=torch.float64), rtol=0, atol=2e-3)


def test_above_the_threshold_everything_dies(g):
    p, s = draw(g, 200), 3 * torch.rand(200, generator=g, dtype=torch.float64)
    for rates in (Rates(1.0, 0.26), Rates(2.0, 0.26, 0.1)):
        assert torch.isinf(basin_boundary(torch.zeros(3), noise=0.0, rates=rates)).all()
        later = quick_flow(p, s, noise=0.0, rates=rates, times=torch.tensor([0.0, 500.0]))
        assert float(later.size[-1].max()) < 1e-6


@BOTH
def test_the_quick_flow_is_the_exact_one(rates):
    p, s = torch.tensor([0.1, 0.9, 0.4]), torch.tensor([1.2, 0.3, 0.05])
    exact, quick = (f(p, s, noise=0.5, rates=rates, times=TIMES) for f in (mode_flow, quick_flow))
    for name in ("predictor", "size", "target"):
        torch.testing.assert_close(getattr(quick, name), getattr(exact, name), rtol=1e-5, atol=1e-5)


def test_where_weights_pass_through_zero_the_equations_for_s_end():
    rates, p, s = Rates(1.0, 0.0, 0.05), torch.tensor(-1.0), torch.tensor(0.04)
    with pytest.raises(ValueError, match="`times` must end before the solution does"):
        mode_flow(p, s, noise=0.0, rates=rates, times=TIMES)
    w = torch.tensor([[0.2, 0.0]], dtype=torch.float64)
    run = matrix_flow(w, p.view(1, 1), w, spread=isotropic(2, 0.0), rates=rates, times=TIMES)
    assert float(run.weights[:, 0, 0].min()) < 0
    torch.testing.assert_close(
        quick_flow(p, s, noise=0.0, rates=rates, times=TIMES).size,
        run.weights.square().sum((1, 2)),
        rtol=1e-4,
        atol=1e-6,
    )


def test_training_with_steps_that_are_too_large_ends_early():
    run = matrix_training(
        3 * torch.eye(2, 3), 0.3 * torch.eye(2), spread=isotropic(3, 1.0), rates=Rates(), learning_rate=1.0, steps=50
    )
    assert len(run.times) < 50
    assert torch.isfinite(run.weights).all()


W, ONES = torch.ones(2, 3, dtype=torch.float64), torch.ones(2)
FLOW = {"spread": isotropic(3, 0.1), "rates": Rates(), "times": TIMES}


test_bad_input_is_named = refused(
        (lambda: Rates(predictor=0.0), "`predictor` must lie in"),
        (lambda: Rates(decay=-0.1), "`decay` must lie in"),
        (lambda: Rates(target=-0.1), "`target` must lie in"),
        (lambda: Rates(target=math.inf), "`target` must lie in"),
        (lambda: Rates(target=math.nan), "`target` must lie in"),
        (lambda: Spread(torch.ones(2, 2).triu(), torch.eye(2)), "`between` must be symmetric"),
        (lambda: Spread(torch.eye(2), -torch.eye(2)), "`within` must have no negative eigenvalue"),
        (lambda: Spread(torch.eye(2), torch.eye(3)), "must have one shape"),
        (lambda: isotropic(3, -1.0), "`noise` must lie in"),
        (lambda: matrix_flow(W, torch.eye(3), **FLOW), r"`predictor` must have shape \(2, 2\), got \(3, 3\)"),
        (lambda: matrix_flow(W, torch.ones(2, 3), **FLOW), "`predictor` must have shape"),
        (lambda: matrix_flow(W[:, :2], torch.eye(2), **FLOW), "`weights` must have 3 entries"),
        (lambda: matrix_flow(W, torch.eye(2), W, **FLOW), "`target` must be left out of a copy"),
        (lambda: matrix_flow(W * math.nan, torch.eye(2), **FLOW), "`weights` must hold finite numbers"),
        (lambda: matrix_flow(W, torch.eye(2), **FLOW | {"times": TIMES.flip(0)}), "`times` must increase"),
        (lambda: mode_flow(ONES, -ONES, noise=0.0, rates=Rates(), times=TIMES), "`w2` must be at least 0"),
        (lambda: mode_flow(ONES, ONES, 0.5, noise=0.0, rates=Rates(), times=TIMES), "`omega` must be 1"),
        (lambda: threshold(-1.0), "`noise` must lie in"),
        (lambda: fixed_points(0.0, -1.0), "`decay` must lie in"),
        (lambda: basin_boundary(torch.zeros(2), noise=0.0, rates=Rates(), top=0.0), "`top` must lie in"),
)  # fmt: skip


def test_the_module_has_no_scipy_until_it_is_needed():
    assert not any(name.startswith("scipy") for name in vars(byol_modes))
