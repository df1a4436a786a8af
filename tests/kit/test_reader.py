"""An explorer runs the reader's own function: it moves the picture, and whatever it does the explorer lives on."""

import inspect
import re
import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from fire import numbers
from hands import browser, click, frame
from refusals import refused

from ssl_explain.kit.reader import ReaderError, ReaderFunction
from ssl_explain.lessons.covariance_operator.explorer import OperatorState, operator_explorer
from ssl_explain.lessons.selectivity_amplification.experiment import expected_update
from ssl_explain.lessons.selectivity_amplification.explorer import RingState, ring_explorer
from ssl_explain.lessons.two_views_one_network.cloud_explorer import CloudState, cloud_explorer
from ssl_explain.lessons.two_views_one_network.explorer import LossState, loss_explorer
from ssl_explain.losses.contrastive import info_nce
from ssl_explain.operators import definitions

SMALL = RingState(cells=6, neurons=4)


def theirs(w, x):
    return expected_update(x)(w)


def half(w, x):
    return 0.5 * expected_update(x)(w)


def nce(r_pos, r_neg):
    return info_nce(r_pos, r_neg, temperature=0.5)


def pull_alone(r_pos, r_neg):
    return r_pos


def of_all_views(k):
    return definitions.covariance_operator(k.flatten(0, 1).unsqueeze(1))


KINDS: dict[str, tuple[Any, ...]] = {
    "cloud": (cloud_explorer, CloudState(time=30), "loss", nce, pull_alone, "seed"),
    "loss": (loss_explorer, LossState(), "loss", nce, pull_alone, "negatives"),
    "operator": (operator_explorer, OperatorState(), "operator", definitions.covariance_operator, of_all_views, "seed"),
    "ring": (ring_explorer, SMALL.change(time=100), "update", theirs, half, "seed"),
}
"""Factory, state, the keyword, the package's function as a reader would write it, another one, and a control."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_function_changes_the_picture_and_the_same_one_does_not(kind):
    make, state, keyword, same, changed, _ = KINDS[kind]
    package, mine, other = make(state), make(state, **{keyword: same}), make(state, **{keyword: changed})
    torch.testing.assert_close([*numbers(mine.record)], [*numbers(package.record)])
    assert (np.asarray(frame(other)) != np.asarray(frame(package))).any(-1).mean() > 0.005
    assert changed.__name__ in other.figure.describe()
    told = [f"{name}={value}" for name, value in state.changed().items()]
    assert other.line() == f"{other.factory}({', '.join([*told, f'{keyword}={changed.__name__}'])})"
    twin = other.another(state)
    torch.testing.assert_close([*numbers(twin.record)], [*numbers(other.record)])
    assert keyword not in other.shown, "the menu that the function replaces"
    assert inspect.signature(make).parameters[keyword].default is None


SPOILED = {
    "raises": (lambda answer: answer / nothing,
        r"mine failed in line \d+, `.+`: NameError"),
    "shape": (lambda answer: answer[:0], r"mine must return a tensor of shape \(.+\), got one of shape \(0"),
    "nan": (lambda answer: answer / 0 * 0, r"mine must return finite numbers, got NaN or infinity\."),
}  # fmt: skip


@pytest.mark.parametrize("wrong", SPOILED)
@pytest.mark.parametrize("kind", KINDS)
def test_every_explorer_survives_a_function_that_breaks_and_goes_on_when_it_is_mended(kind, wrong):
    make, state, keyword, same, _, control = KINDS[kind]
    spoil, words = SPOILED[wrong]
    spoiled = [False]

    def mine(*given):
        answer = same(*given)
        for one in given:
            one.detach().zero_()
        return spoil(answer) if spoiled[0] else answer

    explorer = make(state, **{keyword: mine})
    before, _ = explorer.record, explorer.view
    torch.testing.assert_close([*numbers(before)], [*numbers(make(state).record)])
    spoiled[0] = True
    move(explorer, control, value=5)
    assert re.search(words, explorer.view.image.note)
    assert explorer.record is before
    spoiled[0] = False
    move(explorer, control, value=6)
    assert explorer.view.image.note == ""
    assert explorer.record is not before


def test_a_covariance_must_be_symmetric():
    with pytest.raises(ReaderError, match="lopsided must return a symmetric matrix"):
        operator_explorer(operator=lopsided)


def lopsided(k):
    return definitions.covariance_operator(k).triu()


def move(explorer, name, **value):
    """Move a control, and wait until its picture or its error has come."""
    browser(explorer._widgets[name], **value)
    deadline = time.monotonic() + 60
    while explorer.waiting and time.monotonic() < deadline:
        time.sleep(0.01)


def fragile(wrong):
    """Right on six cells, wrong on all other rings."""

    def update(w, x):
        if w.shape[-1] != 6:
            return wrong(w)
        return theirs(w, x)

    return update


def raises(w):
    raise ValueError("<b>no</b>")


def endless(w):
    return endless(w)


WRONG = {
    "raises": (raises, r"update failed in line \d+, `raise ValueError\(\"<b>no</b>\"\)`: ValueError: <b>no</b>"),
    "shape": (lambda w: w[:2], r"update must return a tensor of shape \(4, 7\), got one of shape \(2, 7\)\."),
    "dtype": (lambda w: w.float(), r"must return a tensor of torch\.float64, got one of torch\.float32\."),
    "nan": (lambda w: w / 0, r"must return finite numbers, got NaN or infinity\."),
    "nothing": (lambda w: None, r"must return a tensor, got None"),
    "recursion": (lambda w: endless(w), r"update failed in line \d+, `return endless\(w\)`: RecursionError"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_what_goes_wrong_is_said_and_the_last_sound_picture_stays(kind):
    wrong, words = WRONG[kind]
    explorer = ring_explorer(SMALL, update=fragile(wrong))
    before, jpeg = explorer.record, explorer.view.jpeg
    move(explorer, "cells", value=7)
    assert re.search(words, explorer.view.image.note)
    assert explorer.record is before
    assert explorer.view.jpeg == jpeg
    move(explorer, "cells", value=6)
    move(explorer, "neurons", index=2)
    assert explorer.view.image.note == ""
    assert explorer.record.weights.shape[-2:] == (12, 6)


def test_the_first_call_must_succeed():
    with pytest.raises(ReaderError, match=r"<lambda> failed in line \d+, `raise ValueError"):
        ring_explorer(SMALL, update=lambda w, x: raises(w)).view  # noqa: B018


test_what_is_no_function_is_refused = refused(
    (lambda: operator_explorer(operator=3), "`function` must be a function, got 3"), error=TypeError
)


def test_two_functions_are_two_keys():
    assert ReaderFunction(half) == ReaderFunction(half)
    assert hash(ReaderFunction(half)) == hash(ReaderFunction(half))
    assert ReaderFunction(half) != ReaderFunction(theirs)


def test_pause_abandons_a_call_that_does_not_return():
    go_on = threading.Event()
    explorer = ring_explorer(SMALL, update=fragile(lambda w: go_on.wait(60) * 0 * w))
    before, _ = explorer.record, explorer.view
    pause = explorer._buttons["pause"]
    browser(explorer._widgets["cells"], value=9)
    assert not pause.disabled
    assert "still running" in explorer.view.image.note
    browser(explorer._widgets["cells"], value=10)
    begin = time.monotonic()
    click(pause)
    assert time.monotonic() - begin < 0.5
    assert pause.disabled
    assert "abandoned" in explorer.view.image.note
    assert "kernel is restarted" in explorer.view.image.note
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "ssl_explain-reader":
            thread.join(60)
    assert explorer.record is before, "a late result is not shown"
    move(explorer, "cells", value=6)
    move(explorer, "seed", value=4)
    assert explorer.record is not before
    assert explorer.view.image.note == ""


def test_after_a_slow_call_the_newest_state_is_computed():
    go_on = threading.Event()
    explorer = ring_explorer(SMALL, update=fragile(lambda w: go_on.wait(60) * 0 * w))
    browser(explorer._widgets["cells"], value=9)
    browser(explorer._widgets["cells"], value=8)
    go_on.set()
    deadline = time.monotonic() + 60
    while explorer.record.weights.shape[-1] != 8 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert explorer.record.weights.shape[-1] == explorer.state.cells == 8
    assert explorer._buttons["pause"].disabled
