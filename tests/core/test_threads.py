"""BLAS gets no more threads than torch while an operator is decomposed, and all of its own again afterwards."""

import threading

import pytest
import torch
from fire import at_once

from ssl_explain.networks.relu import ReLUNet
from ssl_explain.operators._fast import blas_threads_as_torch, libraries
from ssl_explain.operators.covariance import DENSE, CovarianceOperator, covariance_operator


def threads():
    return {library["num_threads"] for library in libraries().info()}


def set_threads(number):
    """By a thread that ends: one that lives would keep the say over the number."""
    at_once(lambda: libraries().limit(limits=number))


@pytest.fixture(autouse=True)
def _two_threads():
    """As on a machine of two cores, whatever the environment says."""
    (before,) = threads()
    set_threads(2)
    assert threads() == {2}
    yield
    set_threads(before)


@pytest.fixture
def operator(g):
    net = ReLUNet((DENSE, 3, 2), generator=g)
    return covariance_operator(net.forward_pass(torch.randn(8, 2, DENSE, generator=g)), 1)


def test_an_operator_is_decomposed_with_as_many_threads_as_torch_has(operator, monkeypatch):
    seen, product = [], CovarianceOperator._numpy_matvec
    monkeypatch.setattr(CovarianceOperator, "_numpy_matvec", lambda self, v: seen.append(threads()) or product(self, v))
    values, _ = operator.eigh(2)
    assert values[0] > 0
    assert seen
    assert set(map(frozenset, seen)) == {frozenset({torch.get_num_threads()})} == {frozenset({1})}
    assert threads() == {2}


def test_a_failure_restores_the_number(operator, monkeypatch):
    monkeypatch.setattr(CovarianceOperator, "_numpy_matvec", lambda self, v: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        operator.eigh(2)
    assert threads() == {2}


def test_of_two_threads_the_second_waits_and_the_number_is_restored():
    inside, seen = threading.Event(), []

    def first():
        with blas_threads_as_torch():
            inside.set()
            waiting.wait(60)
            seen.append(("first", *threads()))

    def second():
        inside.wait(60)
        waiting.set()
        with blas_threads_as_torch():
            seen.append(("second", *threads()))

    waiting = threading.Event()
    at_once(first, second)
    assert seen == [("first", 1), ("second", 1)]
    assert threads() == {2}


def test_fewer_threads_than_torch_has_stay_few(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    with blas_threads_as_torch():
        assert threads() == {2}
