"""No run carries a wrong label: what is drawn and said of a stretch are the settings that it was trained with."""

import functools
import itertools
import random
import sys
from types import SimpleNamespace

import pytest
import torch
from fire import declared, move
from hands import click, every, play_to
from looks import crowded_texts, dim_texts, small_texts, wrong_with_words

from ssl_explain.dynamics.training import Training
from ssl_explain.kit.streaming import StreamingExplorer
from ssl_explain.lessons.latent_variables_emerge.exact_tree import SameLaw
from ssl_explain.lessons.real_images.explorer import PicturesState, pictures_explorer
from ssl_explain.lessons.start_here.explorer import tree_explorer
from ssl_explain.lessons.start_here.state import TreeState
from ssl_explain.lessons.why_the_root.race_explorer import RaceState, race_explorer
from ssl_explain.losses.contrastive import contrastive
from ssl_explain.records import Stretch, Trace
from ssl_explain.worlds.pictures import PictureWorld
from ssl_explain.worlds.tree_draws import TreeDraws

MADE_OF = {"info_nce": "InfoNCE", "soft_triplet": "soft triplet", "simple_contrastive": "L_simp"}
MADE_OF |= {"frozen_info_nce": "frozen InfoNCE"}
pytestmark = pytest.mark.usefixtures("unshaped")  # many steps of training
LIVE = ("strength", "temperature", "learning_rate", "loss", "extra", "pace", "budget")


@pytest.fixture
def truth(monkeypatch):
    """What every run has really been trained with, by its step: seen where views are drawn and losses computed."""
    seen, taken = SimpleNamespace(loss=""), {}

    def watched(loss, **options):
        parts = loss if isinstance(loss, functools.partial) else functools.partial(loss)
        given = {"τ": parts.keywords.get("temperature"), "ε": parts.keywords.get("extra")}
        words = [MADE_OF[parts.func.__name__], *(f"{sign} = {x:g}" for sign, x in given.items() if x is not None)]
        real = contrastive(loss, **options)

        def objective(net, views):
            seen.loss = ", ".join(words)
            return real(net, views)

        return objective

    def step(training):
        before = training.step
        one_step(training)
        if training.step > before:
            # kept with the training, so that no other one gets its number
            taken.setdefault(id(training), (training, []))[1].append((seen.strength, training.learning_rate, seen.loss))

    def draw(real):
        def drawing(world, n, *, views, strength, generator):
            seen.strength = strength
            return real(world, n, views=views, strength=strength, generator=generator)

        return drawing

    def at(draws, index, strength):
        seen.strength = strength
        return real_at(draws, index, strength)

    one_step, real_at = Training._one_step, TreeDraws.at
    monkeypatch.setattr(TreeDraws, "at", at)
    monkeypatch.setattr(Training, "_one_step", step)
    for world in (PictureWorld, SameLaw):
        monkeypatch.setattr(world, "draw", draw(world.draw))
    for module in ("start_here.state", "real_images.explorer"):
        monkeypatch.setattr(sys.modules[f"ssl_explain.lessons.{module}"], "contrastive", watched)
    return lambda training: taken.get(id(training), (training, []))[1]


def stretches_of(steps):
    """The settings of every step, joined where they are the same: where each stretch begins, and what it is."""
    found, start = [], 0
    for settings, same in itertools.groupby(steps):
        found.append((start, settings))
        start += len(list(same))
    return found


def changed(old, new, symbol):
    words = [f"{symbol} = {new[0]:g}"] * (old[0] != new[0]) + [f"learning rate {new[1]:g}"] * (old[1] != new[1])
    news = [part for part in new[2].split(", ") if part not in old[2].split(", ")]
    return ", ".join(words + news * (old[2] != new[2]))


def whole(settings, symbol, told):
    words = [f"{symbol} = {settings[0]:g}"] + [f"learning rate {settings[1]:g}"] * told[0] + [settings[2]] * told[1]
    return ", ".join(words)


def sentence(stretches, symbol, told, ahead=None):
    """The words for a run, made of the truth alone."""
    (_, first), (_, last) = stretches[0], stretches[-1]
    words = [whole(first, symbol, told)]
    words += [changed(old, new, symbol) for (_, old), (_, new) in itertools.pairwise(stretches)]
    ends = [start for start, _ in stretches[1:]]
    if len(words) > 4:
        words = [words[0], f"{len(words) - 2} other settings", whole(last, symbol, told)]
        ends = [ends[0], ends[-1]]
    text = "".join(f"{word} until step {end}, then " for word, end in zip(words, ends, strict=False)) + words[-1]
    return text + (f", from here on {changed(last, ahead, symbol)}" if ahead and ahead != last else "")


def recorded(trace):
    return [(s.start, (s.strength, s.learning_rate, s.loss)) for s in trace.stretches]


def labels_are_true(explorer, truth, before):
    """Record, words, legend and marks tell what the runs were trained with; ``before`` is the run of the grey curve."""
    training, record, picture = explorer._training, explorer.record, explorer.figure
    tree, symbol = isinstance(explorer.state, TreeState), "q"
    now, old = stretches_of(truth(training)), stretches_of(truth(before)) if before else []
    assert recorded(record.trace) == now
    assert (record.before is not None) == bool(old)
    assert not old or recorded(record.before) == old
    coming = (training.strength, training.learning_rate, training.objective.name)
    different = {settings for _, settings in [*now, *old]} | {coming}
    told = [len({settings[k] for settings in different}) > 1 for k in (1, 2)]
    words = picture.describe()
    if tree or len(now) > 1 or (now and now[-1][1] != coming):
        assert f"{sentence(now or [(0, coming)], symbol, told, coming)}{':' if tree else ';'}" in words
    else:
        assert f"q = {coming[0]:g}, {coming[2].split(', ')[0]}" in words
    assert ("The run before" in words) == bool(old)
    if old:
        assert f"The run before, with {sentence(old, symbol, told)}, ended at" in words
        (legend,) = [ax.get_legend() for ax in picture.figure.axes if ax is picture.marks.axes]
        (label,) = [text.get_text() for text in legend.get_texts() if "run before" in text.get_text()]
        flat = label.replace("\n", " ")
        assert whole(old[0][1], symbol, told).replace("learning ", "") in flat
        ends = ["then " + changed(old[0][1], old[1][1], symbol).replace("learning ", "")] if len(old) == 2 else []
        assert all(end in flat for end in ends + [f"then {len(old) - 1} changes"] * (len(old) > 2))
        assert ("then" in flat) == (len(old) > 1)
    marked = {segment[0][0] for segment in picture.marks.lines.get_segments()}
    assert marked == {start for start, _ in now[1:]}
    assert list(picture.marks.before.get_xdata()) == [start for start, _ in old[1:]]
    known = {whole(settings, symbol, told).replace("learning ", "") for _, settings in now}
    known |= {changed(a, b, symbol).replace("learning ", "") for (_, a), (_, b) in itertools.pairwise(now)}
    assert {text.get_text() for text in picture.marks.texts} <= known | {""}


def one_event(explorer, rng, structure):
    """Train a little, move one live control or several, press a preset or Reset, go to another world."""
    kind, controls = rng.random(), explorer.state.controls()
    if kind < 0.42:
        explorer.run(rng.choice([1, 3, 10, 14]))
    elif kind < 0.74:
        name = rng.choice([name for name in controls if name in LIVE])
        move(explorer, name, rng.choice(controls[name].values()))
    elif kind < 0.82:
        names = [name for name in controls if name in LIVE and name != "budget"]
        values = {name: rng.choice(controls[name].values()) for name in rng.sample(names, 2)}
        explorer.state = explorer.state.change(**values)
    elif kind < 0.88:  # there and back, without a step between
        old = explorer.state
        explorer.state = old.change(strength=rng.choice(controls["strength"].values()))
        explorer.state = old
    elif kind < 0.91:
        explorer.choose(rng.choice(list(explorer.offered().values())))
    elif kind < 0.98:
        explorer.reset()
    else:
        name = rng.choice(list(structure))
        move(explorer, name, rng.choice(structure[name]))


SMALL = {
    "tree_explorer": (
        tree_explorer,
        TreeState(depth=2, neurons=2, budget=500),
        {"seed": (1, 2, 3), "wiring": ("tree", "dense"), "departure": ("none", "free outputs")},
    ),
    "pictures_explorer": (pictures_explorer, PicturesState(budget=100), {"seed": (1, 2)}),
}
EVENTS = {"tree_explorer": 120, "pictures_explorer": 30}


def of_another_kind(old, new):
    """Whether a setting has changed that makes another world or network."""
    fixed = [name for name, control in old.controls().items() if not control.live and name != "budget"]
    return any(getattr(old, name) != getattr(new, name) for name in fixed)


def play_at_random(name, seed, truth, events):
    """Random events; which run the grey curve belongs to is known from the runs alone."""
    (make, state, structure), rng, before = SMALL[name], random.Random(f"{name} {seed}"), None
    explorer, seen = make(state), set()
    for _ in range(events):
        training, old = explorer._training, explorer.state
        one_event(explorer, rng, structure)
        if explorer._training is not training:
            before = training if truth(training) else before
            before = None if of_another_kind(old, explorer.state) else before
        labels_are_true(explorer, truth, before)
        seen |= {("now", min(len(explorer.record.trace.stretches), 3))}
        seen |= {("before", min(len((before and stretches_of(truth(before))) or ()), 3))}
    return seen


def test_every_explorer_that_trains_is_played():
    assert set(SMALL) == {name for name, kind in declared().items() if issubclass(kind, StreamingExplorer)}


@pytest.mark.gate(1)
@pytest.mark.parametrize("name", SMALL)
def test_labels_are_true_whatever_is_pressed(name, truth):
    seen = play_at_random(name, 0, truth, EVENTS[name])
    assert {("now", 2), ("before", 2)} <= seen, "runs under several settings are among them"


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(1, 9))
@pytest.mark.parametrize("name", SMALL)
def test_labels_are_true_in_many_orders(name, seed, truth):
    play_at_random(name, seed, truth, 4 * EVENTS[name])


def legend_of(explorer):
    return [text.get_text().replace("\n", " ") for text in explorer.figure.marks.axes.get_legend().get_texts()]


def test_a_curve_that_rose_with_augmentation_is_not_called_one_without():
    """Notebook 00: Play, Pause before the end, set q to 0, look; then Reset."""
    explorer = tree_explorer(TreeState(seed=2, budget=500), controls=("strength",), levels=(0,))
    explorer.run(300)
    move(explorer, "strength", 0.0)
    words = explorer.figure.describe()
    assert "After 300 steps with augmentation strength q = 0.5, from here on q = 0: the best" in words
    assert explorer.figure.caption.get_text() == "step 300, from here on:\nq = 0"
    explorer.run(103)
    words = explorer.figure.describe()
    assert "After 403 steps with augmentation strength q = 0.5 until step 300, then q = 0: the best" in words
    assert explorer.figure.caption.get_text() == "step 403, since step 300:\nq = 0"
    (line,) = explorer.figure.marks.lines.get_segments()
    assert {x for x, _ in line} == {300}
    assert [text.get_text() for text in explorer.figure.marks.texts if text.get_text()] == ["q = 0", "q = 0.5"]
    end = float(explorer.trace.values[-1, -1])
    explorer.reset()
    words = explorer.figure.describe()
    assert words.startswith("Before training with augmentation strength q = 0: ")
    assert f"The run before, with q = 0.5 until step 300, then q = 0, ended at {end:.2f}." in words
    assert "root, run before (q = 0.5, then q = 0)" in legend_of(explorer)
    assert list(explorer.figure.marks.before.get_xdata()) == [300]


def test_pictures_in_the_same_way():
    explorer = pictures_explorer(PicturesState(budget=100), controls=("strength",))
    explorer.run(30)
    move(explorer, "strength", 0.0)
    explorer.run(10)
    assert "Step 40, strength q = 0.5 until step 30, then q = 0; InfoNCE" in explorer.figure.describe()
    assert explorer.figure.heading.get_text().endswith("; these settings since step 30")
    assert {x for x, _ in explorer.figure.marks.lines.get_segments()[0]} == {30}, "not where it was measured, 25"
    explorer.reset()
    assert "The run before, with q = 0.5 until step 30, then q = 0, ended at" in explorer.figure.describe()
    assert "run before q = 0.5, then q = 0" in legend_of(explorer)


@pytest.mark.gate(1)
@pytest.mark.parametrize("name", SMALL)
def test_a_preset_is_a_run_from_the_start_whatever_was_before(name, truth):
    make, state, _ = SMALL[name]
    for steps in (0, 30, getattr(state, "budget")):  # noqa: B009
        explorer = make(state)
        explorer.run(steps)
        (preset,) = [b for b in every(explorer.widget) if getattr(b, "description", "") == "no augmentation"]
        click(preset)
        assert explorer._training.step == 0
        explorer.run(10)
        assert {strength for strength, _, _ in truth(explorer._training)} == {0.0}
        click(preset)  # and once more: a fresh run again
        assert explorer._training.step == 0


def test_a_preset_pressed_while_it_trains_stops_it_and_starts_afresh():
    explorer = tree_explorer(TreeState(depth=2, neurons=10, budget=3000, pace=5))
    play_to(explorer, 7)
    explorer.choose(explorer.presets["no augmentation"])
    assert not explorer.running
    explorer.pause()
    assert explorer._training.step == 0
    assert recorded(explorer.record.before) == [(0, (0.5, 0.01, "InfoNCE, τ = 0.1"))]


def test_settings_that_a_loss_does_not_read_begin_no_stretch(truth):
    explorer = tree_explorer(TreeState(depth=2, neurons=2, loss="L_simp"))
    explorer.run(5)
    explorer.state = explorer.state.change(temperature=0.5)
    explorer.run(5)
    assert recorded(explorer.record.trace) == stretches_of(truth(explorer._training)) == [(0, (0.5, 0.01, "L_simp"))]


def test_many_changes_stay_short_in_words_and_apart_in_the_picture(some):
    explorer = tree_explorer(TreeState(budget=500))
    losses = itertools.cycle(("soft triplet", "L_simp", "InfoNCE"))
    for _ in some(range(2), 1):
        for k, loss in zip(range(12), losses, strict=False):
            explorer.state = explorer.state.change(strength=k / 20, loss=loss, learning_rate=(0.001, 0.003)[k % 2])
            explorer.run(1 + 20 * (k % 3))
        figure = explorer.figure.figure
        assert wrong_with_words(explorer.figure.describe()) == []
        assert (crowded_texts(figure), dim_texts(figure), small_texts(figure)) == ([], {}, set())
        explorer.reset()


def test_the_race_is_called_by_what_it_was_trained_with(truth):
    explorer, rng = race_explorer(RaceState(neurons=2, time=20)), random.Random(0)
    for _ in range(12):
        values = {name: rng.choice(RaceState.controls()[name].values()) for name in ("strength", "learning_rate")}
        record = explorer.compute(explorer.state.change(time=rng.choice([0, 10]), **values))
        run = explorer.history(explorer.state.change(**values)).run.training
        assert {settings[:2] for settings in truth(run)} <= {(record.strength, values["learning_rate"])}
        assert record.strength == values["strength"]


def trace(*stretches):
    steps = torch.tensor([0, 10])
    return Trace(steps, steps.double(), torch.zeros(10), None, stretches, Stretch(10, 9.0, 9.0))


def test_joined_traces_keep_the_stretches_of_both():
    a, b = trace(Stretch(0, 0.5, 1.0), Stretch(4, 0.0, 1.0)), trace(Stretch(0, 0.0, 1.0), Stretch(2, 1.0, 1.0))
    assert [(s.start, s.strength) for s in a.then(b).stretches] == [(0, 0.5), (4, 0.0), (12, 1.0)]
    assert [(s.start, s.strength) for s in b.then(a).stretches] == [(0, 0.0), (2, 1.0), (10, 0.5), (14, 0.0)]
    assert a.then(b).ahead == Stretch(20, 9.0, 9.0)
    left, right = a.then(b).then(a), a.then(b.then(a))
    assert left.stretches == right.stretches
    nothing = Trace(torch.tensor([0]), torch.zeros(1, dtype=torch.float64), torch.empty(0))
    assert a.then(nothing).stretches == nothing.then(a).stretches == a.stretches


def test_a_step_that_is_not_taken_and_a_run_taken_up_again_begin_their_stretches():
    explorer = tree_explorer(TreeState(depth=2, neurons=2))
    run = explorer._training
    run.advance(3)
    run.learning_rate = float("inf")
    run.advance(3)
    assert run.stopped is not None
    assert [stretch.start for stretch in run.trace().stretches] == [0]
    assert run.trace().ahead.learning_rate == float("inf")
    run = tree_explorer(TreeState(depth=2, neurons=2))._training
    run.restart_at(40, run.net.state_dict(), run.generator.get_state())
    run.strength = 0.25
    run.advance(2)
    assert [(stretch.start, stretch.strength) for stretch in run.trace().stretches] == [(40, 0.25)]
