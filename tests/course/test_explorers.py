"""Every explorer in every setting: record, picture, words and the line that is copied are sound and agree."""

import functools

import pytest
from claims import NEVER_REDRAWN, bases, sound
from fire import agrees, declared, fresh, settle
from grid import settings
from hands import click, join
from registry import FACTORIES, NAMES

from ssl_explain.kit.streaming import TimedExplorer

EVERY = pytest.mark.parametrize("name", FACTORIES)


@pytest.fixture(scope="module")
def made():
    """Every explorer, made once: what a setting shows must not depend on the settings before it."""
    return functools.cache(lambda name: FACTORIES[name](bases(name)[0]))


@EVERY
def test_every_setting_is_sound(name, made, some):
    """Every value of every control, and every pair of controls at their ends."""
    explorer, redrawn = made(name), []
    with pytest.MonkeyPatch.context() as patch:
        if name in NEVER_REDRAWN:
            update = explorer.figure.update
            patch.setattr(explorer.figure, "update", lambda record: redrawn.append(update(record)))
        tried = [base.change(**values) for base in bases(name) for values in settings(base.controls())]
        for explorer.state in some(tried, 14):
            settle(explorer)
            sound(explorer)
    assert not any(redrawn)


@EVERY
def test_presets_are_sound_and_told_apart_and_their_line_makes_them_again(name, made, some):
    explorer, base, said = made(name), bases(name)[0], []
    assert 2 <= len(explorer.presets) <= 4
    for values in some(explorer.presets.values(), 2):
        explorer.state = base.change(**values)
        settle(explorer)
        sound(explorer)
        agrees(explorer)
        said.append(explorer.figure.describe())
    assert len(set(said)) == len(said)
    fresh(explorer)
    assert eval(explorer.line(), dict(NAMES)).state == explorer.state


@EVERY
def test_controls_may_be_picked_and_unknown_ones_are_named(name):
    make, state = FACTORIES[name], bases(name)[0]
    known = list(state.controls())
    with pytest.raises(ValueError, match=rf"`controls` must hold some of {', '.join(known)}, got \['colour'\]"):
        make(state, controls=["colour"])
    picked = known[:2]
    assert list(make(state, controls=picked)._widgets) == picked


@pytest.mark.parametrize("name", [name for name, kind in declared().items() if issubclass(kind, TimedExplorer)])
def test_play_moves_the_time_to_its_end(name, made):
    explorer = made(name)
    explorer.state = bases(name)[0].change(time=80)
    settle(explorer)
    click(explorer._buttons["play"])
    join(explorer)
    assert explorer.state.time == explorer._widgets["time"].value == 100
    explorer.pause()
    assert [button.disabled for button in explorer._buttons.values()] == [False, True]
    sound(explorer)
