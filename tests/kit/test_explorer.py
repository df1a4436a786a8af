"""The explorer: every setting gives a sound picture, by whichever way it is set."""

import html
import inspect
import re
import typing

import pytest
import torch
from claims import sound as everywhere_sound
from fire import agrees, declared
from hands import browser, click, every, frame
from matplotlib.figure import Figure
from refusals import refused
from registry import FACTORIES

from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.live import LiveView
from ssl_explain.kit.streaming import Player
from ssl_explain.lessons.start_here.explorer import tree_explorer
from ssl_explain.lessons.start_here.state import TreeState
from ssl_explain.lessons.two_views_one_network.explorer import LossState, loss_explorer

BASE = TreeState(depth=3, budget=500)
CONTROLS = BASE.controls()


def sound(explorer):
    """All that holds in every setting; and controls, read-out and alt text agree with it."""
    everywhere_sound(explorer)
    agrees(explorer)
    assert int(explorer.record.trace.steps[-1]) == explorer._run.training.step


@pytest.fixture
def fresh():
    return tree_explorer(TreeState(depth=2, neurons=2, budget=500))


test_what_makes_no_explorer_is_named = refused(
    (lambda: tree_explorer(BASE, controls="seed"), r"`controls` must be a sequence of names, got 'seed'"),
    (lambda: tree_explorer(BASE, controls=None), "`controls` must be a sequence of names, got None"),
    (lambda: tree_explorer(BASE, levels=0), "`levels` must be a sequence of integers, got 0"),
    (lambda: tree_explorer(LossState()), r"`state` must be a TreeState, got LossState\("),
    error=TypeError,
)


def the_button(explorer, label):
    return next(w for w in every(explorer.widget) if getattr(w, "icon", None) is not None and w.description == label)


def test_controls_move_in_the_browser(fresh):
    frames = fresh.view.frames
    browser(fresh._widgets["strength"], value=0.25)
    assert fresh.state == TreeState(depth=2, neurons=2, budget=500, strength=0.25)
    assert fresh.view.frames == frames + 1
    sound(fresh)
    browser(fresh._widgets["depth"], value=4)
    assert fresh.record.topology.depth == 4
    sound(fresh)
    for index, value in enumerate(CONTROLS["polarity"].values()):
        browser(fresh._widgets["polarity"], index=index)
        assert fresh.state.polarity == value
        sound(fresh)


def test_a_state_is_drawn_once_and_only_if_it_is_another(fresh):
    frames = fresh.view.frames
    browser(fresh._widgets["strength"], value=0.5)
    assert fresh.view.frames == frames
    frames = fresh.view.frames
    fresh.state = TreeState(depth=3, neurons=5, budget=500, strength=0.9, loss="L_simp", polarity=(0.9, 1.0))
    assert fresh.view.frames == frames + 1
    sound(fresh)


@pytest.mark.parametrize("label", tree_explorer().presets)
def test_presets_set_what_they_promise(fresh, label):
    click(the_button(fresh, label))
    assert fresh.state == TreeState(depth=2, budget=500).change(**fresh.presets[label])
    sound(fresh)


def test_only_presets_that_do_something_have_a_button():
    explorer = tree_explorer(BASE)
    assert all(the_button(explorer, label) for label in explorer.presets)
    few = tree_explorer(BASE, controls=("strength",))
    labels = [w.description for w in every(few.widget) if getattr(w, "icon", None) is not None]
    assert labels[:2] == ["two views that differ", "no augmentation"]
    assert not {"two neurons only", "dense wiring"} & set(labels)


def test_copy_state_shows_the_line_that_makes_it_again(fresh):
    browser(fresh._widgets["strength"], value=0.25)
    click(the_button(fresh, "copy state"))
    shown = [w.value for w in every(fresh.widget) if str(getattr(w, "value", "")).startswith("<code>")]
    line = html.unescape(re.fullmatch("<code>(.*)</code>", shown[0])[1])
    assert line == fresh.line() == "tree_explorer(strength=0.25, depth=2, neurons=2, budget=500)"
    assert eval(line).state == fresh.state


OWN = {
    "cloud_explorer": ["loss"], "graph_explorer": ["tree", "law"], "loss_explorer": ["loss"],
    "operator_explorer": ["operator"], "ring_explorer": ["update"], "tree_explorer": ["levels"],
}  # fmt: skip
"""What single explorers take besides a state and controls."""


@pytest.mark.parametrize("name", FACTORIES)
def test_a_factory_tells_what_it_takes_and_makes(name):
    """Name, signature and words are those of its class; every argument but the state goes by name."""
    make, hints = FACTORIES[name], typing.get_type_hints(FACTORIES[name])
    kind, (state, *rest) = hints["return"], inspect.signature(make).parameters.values()
    assert make.__name__ == make.__qualname__ == kind.factory == name
    assert (state.name, state.annotation, state.default) == ("state", kind.kind() | None, None)
    assert [p.name for p in rest] == ["controls", *OWN.get(name, [])]
    assert {p.kind for p in rest} == {inspect.Parameter.KEYWORD_ONLY}
    assert hints.keys() == {"state", "return", *(p.name for p in rest)}
    first, _, shown = make.__doc__.partition("\n")
    assert first.endswith(".")
    assert "``controls``" in shown
    assert "Raises:" in shown


def test_settings_go_by_name_and_change_a_state():
    assert tree_explorer(depth=2, neurons=2).state == TreeState(depth=2, neurons=2)
    assert tree_explorer(BASE, strength=0.25, controls=("seed",)).state == BASE.change(strength=0.25)
    with pytest.raises(ValueError, match="`depth` must be an integer from 2 to 6, got 9"):
        tree_explorer(depth=9)
    with pytest.raises(TypeError, match="unexpected keyword argument 'dept'"):
        tree_explorer(dept=2)


def test_where_a_setting_and_an_argument_share_a_name_a_function_is_the_argument():
    def loss(r_pos, r_neg):
        return r_pos

    mine = loss_explorer(loss=loss, negatives=2)
    assert mine.reader.function is loss
    assert mine.state == LossState(negatives=2)
    assert loss_explorer(loss="L_simp").state == LossState(loss="L_simp")
    with pytest.raises(ValueError, match="`loss` must be one of"):
        loss_explorer(loss="mine")


@pytest.mark.parametrize("name", [name for name, kind in declared().items() if hasattr(kind, "play")])
def test_there_is_one_play(name):
    kind = declared()[name]
    assert issubclass(kind, Player)
    assert kind._buttons is Player._buttons
    assert kind._step is Player._step


def test_an_explorer_survives_a_state_that_is_none(fresh):
    with pytest.raises(TypeError, match="`state` must be a TreeState, got 3 of type int"):
        fresh.state = 3
    browser(fresh._widgets["strength"], value=0.25)
    assert fresh.state.strength == 0.25
    sound(fresh)


def test_frames_leave_no_trail(fresh):
    """Drawn over kept backgrounds, the way back shows the same picture as the way there; so does a new view."""
    start = frame(fresh)
    middle = fresh.run(15)
    moved = frame(fresh)
    assert start.size == moved.size == (960, 420)
    assert start.tobytes() != moved.tobytes()
    fresh.state = fresh.state.change(depth=4)
    for record, expected in ((middle, moved), (fresh.record, frame(fresh)), (middle, moved)):
        fresh.view.show(record)
        assert frame(fresh).tobytes() == expected.tobytes()
    fresh.view = LiveView(type(fresh.figure)(middle))
    assert frame(fresh).tobytes() == moved.tobytes()


def test_in_a_notebook_there_are_widget_picture_and_words(fresh):
    data, metadata = fresh._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert data["text/plain"] == metadata["image/png"]["alt"] == fresh.figure.describe()


def test_what_is_no_picture_or_explorer_is_refused(fresh):
    picture = type(fresh.figure)(fresh.record)
    picture.figure = Figure()
    with pytest.raises(
        TypeError, match=r"`picture` must own an Agg canvas, got FigureCanvasBase; use style\.new_figure"
    ):
        LiveView(picture)
    with pytest.raises(NotImplementedError):
        Explorer(BASE)


def test_training_that_blows_up_says_so_and_keeps_the_last_sound_picture():
    state = TreeState(departure="free outputs", loss="L_simp", learning_rate=1.0, budget=500)
    explorer = tree_explorer(state)
    explorer.run(500)
    trace, words = explorer.record.trace, explorer.figure.describe()
    assert explorer.over
    sound(explorer)
    assert 0 < trace.steps[-1] < 500
    assert torch.isfinite(trace.values).all()
    assert words.endswith(f"Training {trace.stopped}.")
    assert "lower the learning rate" in explorer.view.image.words
    explorer.state = state.change(learning_rate=0.001)
    assert explorer.trace.stopped is None
    assert explorer.run(10).trace.steps.tolist() == [0, 10]
