"""Steppers against solutions in closed form: exponential growth and a rotation."""

import math
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from refusals import refused

from ssl_explain.dynamics.steppers import euler, integrate, rk4, solve

TURN = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
EAST = torch.tensor([1.0, 0.0], dtype=torch.float64)


def turned(angle):
    return torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)


def turn(y):
    return TURN @ y


@pytest.mark.parametrize(("stepper", "order"), [(euler, 1), (rk4, 4)])
def test_the_error_falls_with_the_order_of_the_method(stepper, order):
    errors = []
    for steps in (20, 40, 80):
        end = solve(partial(stepper, turn), EAST, step_size=2 / steps, steps=steps)[-1]
        errors.append(float((end - turned(2.0)).norm()))
    for coarse, fine in pairwise(errors):
        assert math.log2(coarse / fine) == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize(("stepper", "terms"), [(euler, 2), (rk4, 5)])
def test_one_step_is_the_start_of_the_exponential_series(stepper, terms):
    y, h = torch.tensor([1.0, -2.0], dtype=torch.float64), 0.3
    series = sum(h**k / math.factorial(k) for k in range(terms))
    torch.testing.assert_close(stepper(lambda y: y, y, h), series * y, rtol=1e-14, atol=0)


@pytest.mark.parametrize("stepper", [euler, rk4])
def test_every_entry_may_have_a_step_of_its_own(stepper):
    y, h = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64), torch.tensor([0.1, 0.5, 0.0], dtype=torch.float64)
    together = stepper(torch.square, y, h)
    alone = [stepper(torch.square, one, float(own)) for one, own in zip(y, h, strict=True)]
    assert torch.equal(together, torch.stack(alone))


@pytest.mark.parametrize("stepper", [euler, rk4])
def test_states_may_be_tuples_and_arrays(stepper):
    whole = solve(partial(stepper, turn), EAST, step_size=0.1, steps=7)
    x, y = solve(partial(stepper, lambda state: (-state[1], state[0])), (EAST[0], EAST[1]), step_size=0.1, steps=7)
    torch.testing.assert_close(torch.stack([x, y], 1), whole, rtol=0, atol=1e-15)
    arrays = solve(partial(stepper, lambda y: TURN.numpy() @ y), EAST.numpy(), step_size=0.1, steps=7)
    np.testing.assert_allclose(arrays, whole, rtol=0, atol=1e-15)


def test_snapshots_are_the_start_and_every_kth_state():
    every = solve(lambda y, h: y + h, torch.tensor(0.0), step_size=0.5, steps=7)
    assert every.tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]
    assert torch.equal(solve(lambda y, h: y + h, torch.tensor(0.0), step_size=0.5, steps=7, every=3), every[::3])
    assert torch.equal(solve(lambda y, h: y + h, torch.tensor(0.0), step_size=0.5, steps=0), every[:1])


def test_no_step_is_taken_from_a_state_that_ends_the_run():
    seen = []

    def step(y, h):
        seen.append(float(y))
        return y + h

    run = partial(solve, step, torch.tensor(0.0), step_size=1.0, steps=9, until=lambda y: y >= 3)
    assert run().tolist() == [0, 1, 2, 3]
    assert run(every=2).tolist() == [0, 2]
    assert seen == [0, 1, 2, 0, 1, 2]


def test_the_adaptive_solver_meets_its_tolerance():
    times = torch.tensor([0.0, 0.5, 3.0, 20.0], dtype=torch.float64)
    exact = torch.stack([turned(float(t)) for t in times])
    torch.testing.assert_close(integrate(turn_array, EAST, times), exact, rtol=0, atol=1e-9)
    rough = integrate(turn_array, EAST, times, tolerance=1e-4)
    assert 1e-9 < float((rough - exact).abs().max()) < 1e-2


def turn_array(y):
    return TURN.numpy() @ y


def test_the_adaptive_solver_keeps_the_shapes_of_a_tuple():
    start = (torch.ones(2, 3), torch.tensor(2.0))
    growing, dying = integrate(lambda y: (y[0], -y[1]), start, torch.tensor([1.0, 2.0, 4.0]))
    assert growing.dtype == dying.dtype == torch.float64
    exact = torch.tensor([1.0, math.e, math.e**3], dtype=torch.float64)
    torch.testing.assert_close(growing, exact.view(3, 1, 1).expand(3, 2, 3), rtol=1e-9, atol=0)
    torch.testing.assert_close(dying, 2 / exact, rtol=1e-9, atol=0)


def taken(**settings):
    return solve(partial(euler, turn), EAST, **{"step_size": 0.1, "steps": 2} | settings)


test_what_cannot_be_solved_is_named = refused(
    (lambda: taken(step_size=0.0), "`step_size` must lie in"),
    (lambda: taken(step_size=math.nan), "`step_size` must lie in"),
    (lambda: taken(steps=-1), "`steps` must be an integer ≥ 0"),
    (lambda: taken(every=0), "`every` must be an integer ≥ 1"),
    (lambda: integrate(turn_array, EAST, torch.tensor([0.0])), "`times` must increase"),
    (lambda: integrate(turn_array, EAST, torch.tensor([1.0, 0.0])), "`times` must increase"),
    (lambda: integrate(turn_array, EAST, torch.tensor([0.0, 0.0])), "`times` must increase"),
    (
        lambda: integrate(np.square, torch.ones(1), torch.tensor([0.0, 2.0])),  # 1 / (1 - t)
        "`times` must end before the solution does",
    ),
)
