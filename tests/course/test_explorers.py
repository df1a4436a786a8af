"""Every explorer in every setting: record, picture, words and the line that is copied are sound and agree."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest
import torch
from claims import NEVER_REDRAWN, bases, sound
from fire import agrees, declared, fresh, settle
from grid import settings
from hands import click, join
from registry import FACTORIES, NAMES

from ssl_explain.kit.streaming import StreamingExplorer, TimedExplorer

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


IDLE = {
    "loss_explorer": [{}, {"loss": "L_simp"}, {"loss": "r+ alone"}], "cloud_explorer": [{"loss": "L_simp"}],
    "pairs_explorer": [{}, {"loss": "soft triplet"}],
    "family_explorer": [{"loss": "InfoNCE", "time": 50}], "tree_explorer": [{"loss": "L_simp"}],
    "race_explorer": [{"loss": "L_simp", "time": 20}], "byol_explorer": [{}],
}  # fmt: skip
"""States in which some controls change nothing."""


@pytest.mark.parametrize(("name", "changed"), [(name, state) for name, states in IDLE.items() for state in states])
def test_what_changes_nothing_is_disabled_and_says_why(name, changed):
    explorer = FACTORIES[name]()
    start = explorer.state = explorer.state.change(**changed)
    assert explorer.widget.comm is not None
    idle = start.idle()
    assert {field for field, widget in explorer._widgets.items() if widget.disabled} == set(idle) != set()
    for field, why in idle.items():
        explorer.state = start
        assert explorer._widgets[field].tooltip == why
        assert why in explorer._widgets[field].description
        looks(explorer)
        still = looks(explorer)
        for value in start.controls()[field].values():
            explorer.state = start.change(**{field: value})
            np.testing.assert_array_equal(looks(explorer), still, err_msg=f"{field} = {value}")
        explorer.state = next(state for state in every_state(start) if field not in state.idle())
        settle(explorer)
        assert not explorer._widgets[field].disabled
        assert explorer._widgets[field].tooltip == start.controls()[field].tip


def every_state(start):
    """The states that differ in one control."""
    return (start.change(**{field: v}) for field, control in start.controls().items() for v in control.values())


def looks(explorer, steps=20):
    """The pixels after a few steps of training, if it trains."""
    settle(explorer)
    if isinstance(explorer, StreamingExplorer):
        explorer.reset()
        explorer.run(steps)
    return explorer.view.pixels()[..., :3].copy()


MOMENTS = (20, 100)  # per cent of a run; 30 steps of training
SAMPLES = (0, -1, 0.5)  # of the values of a control: both ends, and the middle


def inside(explorer):
    """The pixels within the axes."""
    width, height = explorer.view._canvas.get_width_height()
    found = np.zeros((height, width), dtype=bool)
    for ax in explorer.figure.figure.axes:
        place = ax.get_position()
        rows, columns = np.array([1 - place.y1, 1 - place.y0]) * height, np.array([place.x0, place.x1]) * width
        found[slice(*rows.round().astype(int)), slice(*columns.round().astype(int))] = True
    return found


def effect(seen, within, start, name):
    """The shares of the pixels within the axes that a control changes, at two moments if there is a time."""
    values = [value for value in start.controls()[name].values() if value != getattr(start, name)]
    tried = {values[int(at * len(values)) if at > 0 else at] for at in SAMPLES}
    times = MOMENTS if "time" in start.controls() and name != "time" else (None,)
    for moment, value in itertools.product(times, sorted(tried, key=values.index)):
        state = start if moment is None else start.change(time=moment)
        yield float((seen(state) != seen(state.change(**{name: value}))).any(-1)[within].mean())


SLOW = ("pictures_explorer", "race_explorer", "tree_explorer")


@pytest.mark.gate(10)
@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.stress] * (n in SLOW)) for n in FACTORIES])
def test_every_control_matters(name):
    """Each changes at least 1 % of what is drawn within the axes, as it opens and from every preset, or is disabled."""
    explorer, weak = FACTORIES[name](), {}
    explorer.view._fit(480, 1)
    explorer.view._send(explorer.view._sharp)
    first, within = explorer.state, inside(explorer)

    @functools.lru_cache(maxsize=4)
    def seen(state):
        explorer.state = state
        return looks(explorer, 30)

    for label, values in {"as it opens": {}, **explorer.presets}.items():
        start = first.change(**values)
        for field in set(start.controls()) - {"pace"} - set(start.idle()):
            shares = []
            if all(shares.append(share) or share < 0.01 for share in effect(seen, within, start, field)):
                weak[label, field] = round(max(shares), 4)
    assert not weak


def test_no_idle_control_is_left_untested():
    assert {name for name in FACTORIES if "idle" in vars(declared()[name].kind())} == set(IDLE)


@EVERY
def test_controls_may_be_picked_and_unknown_ones_are_named(name):
    make, state = FACTORIES[name], bases(name)[0]
    known = list(state.controls())
    with pytest.raises(ValueError, match=rf"`controls` must hold some of {', '.join(known)}, got \['colour'\]"):
        make(state, controls=["colour"])
    picked = known[:2]
    assert list(make(state, controls=picked)._widgets) == picked


TIMED = pytest.mark.parametrize("name", [n for n, kind in declared().items() if "time" in kind.kind().controls()])


@TIMED
def test_what_has_a_time_opens_at_its_start_and_a_preset_plays_from_there(name, made):
    explorer = FACTORIES[name]()
    assert isinstance(explorer, TimedExplorer)
    assert explorer.state.time == 0
    for label, pressed in [*explorer._presets.items()][:1]:
        explorer.state = explorer.state.change(time=100)
        click(pressed)
        explorer.pause()
        assert explorer.state == explorer.state.change(**explorer.presets[label])
        assert explorer.state.time < 100
    settle(explorer)


@TIMED
def test_of_a_run_only_what_has_happened_is_drawn(name, made):
    """What comes later may be anything: the picture does not look at it."""
    explorer = made(name)
    explorer.state = bases(name)[0].change(time=40)
    settle(explorer)
    record, before = explorer.record, explorer.view.pixels().copy()
    if hasattr(record, "shown"):
        later = {
            field.name: torch.cat([series[: record.shown + 1], series[record.shown + 1 :].flip(0)])
            for field in dataclasses.fields(record)
            if field.name != "times" and isinstance(series := getattr(record, field.name), torch.Tensor)
            and len(series) == len(record.times)
        }  # fmt: skip
        assert later
        explorer.view.show(dataclasses.replace(record, **later))
        np.testing.assert_array_equal(explorer.view.pixels(), before)


def limits(explorer):
    return [(ax.get_xlim(), ax.get_ylim()) for ax in explorer.figure.figure.axes if not ax.images]


@EVERY
def test_axes_stand_still_between_presets_and_while_time_runs(name, made, some):
    explorer = made(name)
    start = explorer.state = FACTORIES[name]().state
    first = limits(explorer)
    for values in some([{}, *explorer.presets.values()], 2):
        for time in ((0, 10) if name in SLOW else (0, 30, 100)) if "time" in start.controls() else (None,):
            explorer.state = start.change(**values, **({} if time is None else {"time": time}))
            settle(explorer)
            assert limits(explorer) == first


@TIMED
def test_play_moves_the_time_to_its_end(name, made):
    explorer = made(name)
    explorer.state = bases(name)[0].change(time=94)
    settle(explorer)
    click(explorer._buttons["play"])
    join(explorer)
    assert explorer.state.time == explorer._widgets["time"].value == 100
    explorer.pause()
    assert [button.disabled for button in explorer._buttons.values()] == [False, True]
    sound(explorer)
