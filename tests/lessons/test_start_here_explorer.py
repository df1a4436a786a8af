"""Training on the screen is training: the same bits, whatever is pressed, and no thread left behind."""

import threading

import pytest
import torch
from hands import PATIENCE, browser, click, join, play_to

from ssl_explain import contrastive, train
from ssl_explain.lessons.start_here.explorer import tree_explorer
from ssl_explain.lessons.start_here.state import TreeState, loss_of, run_of

pytestmark = pytest.mark.usefixtures("no_thread_is_left", "unshaped")
SMALL = TreeState(depth=2, neurons=5, budget=500)
SLOW = SMALL.change(budget=3000, pace=5)  # about fifty steps a second: it does not end while a test looks at it


def reference(run, steps, state):
    """The same steps by ``train``, on the network, world and generator of a run."""
    kept = {name: getattr(run.training, name) for name in ("generator", "measure", "batch", "measure_every")}
    changed = {"learning_rate": state.learning_rate, "strength": state.strength}
    return train(run.training.net, run.tree, contrastive(loss_of(state)), steps=steps, **kept, **changed)


def same(a, b):
    return all(torch.equal(getattr(a, field), getattr(b, field)) for field in ("steps", "values", "losses"))


@pytest.mark.parametrize("state", [SMALL, SMALL.change(wiring="dense", departure="biases", loss="soft triplet")])
def test_play_then_pause_is_train_bit_for_bit(state):
    explorer = tree_explorer(state)
    play_to(explorer, 23)
    explorer.pause()
    steps = explorer._run.training.step
    assert steps >= 23
    assert same(explorer.trace, tree_explorer(state).run(steps).trace)
    assert same(explorer.trace, reference(run_of(state), steps, state))
    assert same(explorer.record.trace, explorer.trace)


@pytest.mark.parametrize(
    "change", [{"strength": 0.1}, {"temperature": 0.5}, {"learning_rate": 0.1}, {"loss": "L_simp", "strength": 0.9}]
)
def test_a_change_on_the_way_equals_two_trainings(change):
    explorer = tree_explorer(SLOW)
    play_to(explorer, 7)
    explorer.pause()
    explorer.run(-explorer._run.training.step % 10)  # on to where it measures
    first = explorer._run.training.step
    explorer.state = later = SLOW.change(**change)
    play_to(explorer, first + 12)
    explorer.pause()
    run = run_of(SLOW)
    joined = reference(run, first, SLOW).then(reference(run, explorer._run.training.step - first, later))
    assert same(explorer.trace, joined)


def enabled(explorer):
    return [name for name, button in explorer._buttons.items() if not button.disabled]


def test_buttons_know_what_can_be_done():
    explorer = tree_explorer(SMALL)
    click(explorer._buttons["play"])
    join(explorer)
    assert explorer._run.training.step == 500
    assert explorer.over
    assert enabled(explorer) == ["play", "step", "reset"]
    assert "After 500 steps" in explorer.view.image.words
    explorer = tree_explorer(SLOW)
    assert enabled(explorer) == ["play", "step", "reset"]
    click(explorer._buttons["play"])
    assert explorer.running
    assert enabled(explorer) == ["pause", "reset"]
    click(explorer._buttons["pause"])
    assert not explorer.running
    click(explorer._buttons["reset"])
    click(explorer._buttons["step"])
    assert explorer.trace.steps.tolist() == [0, 10]


def test_after_the_end_play_or_a_live_setting_starts_afresh_beside_the_old_curve():
    explorer = tree_explorer(SMALL)
    old = explorer.run(500).trace
    play_to(explorer, 5)
    explorer.pause()
    assert same(explorer.record.before, old)
    assert [stretch.strength for stretch in explorer.record.before.stretches] == [0.5]
    steps = explorer._run.training.step
    assert torch.equal(explorer.trace.losses, old.losses[:steps])
    explorer = tree_explorer(SMALL)
    old = explorer.run(500).trace
    explorer.state = SMALL.change(strength=0.0)
    assert explorer.trace.steps.tolist() == [0]
    assert [stretch.strength for stretch in explorer.record.before.stretches] == [0.5]
    assert same(explorer.record.before, old)
    assert f"ended at {old.values[-1, -1]:.2f}" in explorer.figure.describe()
    assert same(explorer.run(20).trace, tree_explorer(SMALL.change(strength=0.0)).run(20).trace)


def test_a_larger_budget_goes_on_reset_goes_back_and_another_tree_forgets():
    explorer = tree_explorer(SMALL)
    explorer.run(500)
    explorer.state = SMALL.change(budget=1500)
    assert explorer._run.training.step == 500
    assert not explorer.over
    first = explorer.trace
    explorer.reset()
    assert explorer.trace.steps.tolist() == [0]
    assert same(explorer.record.before, first)
    assert same(explorer.run(500).trace, first)
    explorer.state = SMALL.change(budget=1500, seed=3)
    assert explorer.record.before is None


def test_a_structural_change_while_running_stops_and_starts_afresh():
    explorer = tree_explorer(SLOW)
    play_to(explorer, 5)
    explorer.state = SLOW.change(seed=3)
    assert not explorer.running
    explorer.pause()
    assert not explorer._buttons["play"].disabled
    assert explorer.record.before is None
    assert same(explorer.trace, tree_explorer(SLOW.change(seed=3)).trace)


def test_a_thread_that_waited_takes_no_step_of_the_new_run():
    """Between its look at the stop sign and its turn, a thread may wait while another tree is chosen."""
    explorer, waits = tree_explorer(SLOW.change(pace=0)), threading.Event()
    take, advance = explorer._step, explorer._run.training.advance
    explorer._runner._step = lambda: waits.set() or take()
    explorer._run.training.advance = lambda steps: waits.clear() or advance(steps)
    explorer.play()
    with explorer._lock:
        assert waits.wait(PATIENCE)
        explorer.state = SLOW.change(seed=3)
    explorer.pause()
    assert explorer._run.training.step == 0


def test_ten_explorers_and_ten_replays():
    for _ in range(10):
        explorer = tree_explorer(SMALL)
        play_to(explorer, 3)
        explorer.pause()
    for _ in range(10):
        explorer.play()
        explorer.reset()
    assert same(explorer.trace, tree_explorer(SMALL).trace)


def test_of_a_burst_of_moves_the_last_one_wins():
    explorer = tree_explorer(SLOW)
    play_to(explorer, 1)
    for k in range(50):
        browser(explorer._widgets["strength"], value=(k % 7) / 10)
    assert explorer.running
    assert explorer.state.strength == explorer._run.training.strength == 0.0
    explorer.pause()
    assert "q = 0:" in explorer.view.image.words


@pytest.mark.parametrize("place", ["step", "picture"])
def test_an_error_is_shown_and_the_explorer_lives_on(monkeypatch, place):
    explorer = tree_explorer(SMALL)

    def fail(*_):
        raise RuntimeError("no <luck>")

    with monkeypatch.context() as patch:
        owner, method = (explorer._run.training, "advance") if place == "step" else (explorer.view, "show")
        patch.setattr(owner, method, fail)
        explorer.play()
        join(explorer)
    assert explorer.view.image.note == "Training failed: no <luck>. Press Reset."
    assert not explorer._buttons["play"].disabled
    explorer.reset()
    assert explorer.view.image.note == ""
    assert "Before training" in explorer.view.image.words
    assert same(explorer.run(20).trace, tree_explorer(SMALL).run(20).trace)
