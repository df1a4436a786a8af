"""The nouns: frozen, and a trace can be cut and joined."""

import dataclasses

import pytest
import torch

from ssl_explain import Trace, Views


def test_records_are_frozen():
    views = Views(torch.zeros(3, 2, 4))
    with pytest.raises(dataclasses.FrozenInstanceError):
        views.x = torch.ones(3, 2, 4)


def trace(steps, stopped=None):
    steps = torch.tensor(steps)
    return Trace(steps, steps.double(), torch.arange(int(steps[-1])).double(), stopped)


def test_then_shifts_steps_and_keeps_the_shared_point_once():
    joined = trace([0, 10, 20]).then(trace([0, 5]))
    assert joined.steps.tolist() == [0, 10, 20, 25]
    assert joined.values.tolist() == [0, 10, 20, 5]
    assert joined.losses.tolist() == [*range(20), *range(5)]


def test_then_is_associative_and_has_the_empty_run_as_neutral_element():
    a, b, c = trace([0, 3]), trace([0, 2, 4]), trace([0, 1])
    left, right = a.then(b).then(c), a.then(b.then(c))
    for field in ("steps", "values", "losses"):
        assert torch.equal(getattr(left, field), getattr(right, field))
    nothing = Trace(torch.tensor([0]), torch.tensor([3.0], dtype=torch.float64), torch.empty(0))
    assert a.then(nothing).steps.tolist() == a.steps.tolist()
    assert torch.equal(a.then(nothing).losses, a.losses)


def test_then_keeps_the_reason_for_stopping():
    assert trace([0, 3], "stopped").then(trace([0, 3])).stopped == "stopped"
    assert trace([0, 3]).then(trace([0, 3], "later")).stopped == "later"
    assert trace([0, 3]).then(trace([0, 3])).stopped is None
