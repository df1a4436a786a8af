"""Every explorer under fire: whatever is pressed and moved, in whatever order and by whichever thread."""

import functools
import gc
import random
import weakref

import pytest
from fire import PLAYED, agrees, at_once, declared, move, palette, runners, sound, storm, unseen
from IPython.core.interactiveshell import InteractiveShell
from ipywidgets.widgets.widget import _instances
from matplotlib.backends.backend_agg import FigureCanvasAgg
from registry import FACTORIES
from traitlets.config import Config

from ssl_explain.kit import picture
from ssl_explain.kit.live import LiveView
from ssl_explain.kit.style import DRAWING

pytestmark = pytest.mark.usefixtures("no_thread_is_left")
FIRED = [*((name, False) for name in FACTORIES), *((name, True) for name in PLAYED)]


@pytest.fixture(scope="module")
def made():
    """Every explorer, made once or twice: what it shows must not depend on the tests before."""
    return functools.cache(lambda name, number=1: FACTORIES[name]())


def test_no_explorer_is_left_out():
    assert set(declared()) == set(FACTORIES)


@pytest.mark.gate(5)
@pytest.mark.parametrize("name", FACTORIES)
def test_a_preset_leads_to_the_same_settings_whatever_was_pressed_before(name, made):
    """What one preset sets, every other one sets too."""
    assert len({tuple(sorted(values)) for values in made(name).offered().values()}) <= 1


@pytest.mark.gate(4)
@pytest.mark.usefixtures("unshaped")
@pytest.mark.parametrize(("name", "playing"), FIRED)
def test_a_hundred_events(name, playing, made):
    storm(made(name), random.Random(name), palette(name, 0), events=100, playing=playing)


@pytest.mark.stress
@pytest.mark.parametrize(("name", "playing"), FIRED)
def test_five_thousand_events(name, playing, made):
    for number in range(25):
        storm(made(name), random.Random(number), palette(name, number), events=200, playing=playing, presets=4)


@pytest.mark.gate(4)
@pytest.mark.parametrize("name", FACTORIES)
def test_of_a_burst_by_two_threads_the_last_state_wins(name, made):
    """Fifty moves, half of them of another control: JupyterLab delivers them in several threads."""
    explorer, rng = made(name), random.Random(name)
    fields = [field for field in palette(name, 0) if field != "time"][:2]
    drags = {field: rng.sample(palette(name, 0)[field], 2) * 13 for field in fields}

    def drag(moves):
        return [lambda f=f, v=v: [move(explorer, f, value) for value in v[moves]] for f, v in drags.items()]

    if name in PLAYED:
        explorer.play()
    with unseen(explorer):
        at_once(*drag(slice(25)))
    at_once(*drag(slice(25, None)))
    sound(explorer)
    assert {field: getattr(explorer.state, field) for field in drags} == {f: v[-1] for f, v in drags.items()}


def both(name, made, events):
    storms = [
        functools.partial(
            storm, made(name, k), random.Random(k), palette(name, 0), events=events, playing=name in PLAYED
        )
        for k in (1, 2)
    ]
    at_once(*storms)


@pytest.mark.gate(2)
@pytest.mark.usefixtures("unshaped")
@pytest.mark.parametrize("name", PLAYED)
def test_two_that_train_keep_to_themselves(name, made):
    both(name, made, events=20)


@pytest.mark.stress
@pytest.mark.parametrize("name", FACTORIES)
def test_two_of_a_kind_keep_to_themselves(name, made):
    both(name, made, events=200)


def test_no_two_threads_draw_at_once(made):
    """Figures share one parser of formulas; two explorers that drew at the same time lost a move each."""
    view, held = made("loss_explorer").view, []
    kept = view.picture.record
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view, "_frame", lambda: held.append(DRAWING._is_owned()) or view.jpeg)
        patch.setattr(view.picture.figure, "savefig", lambda *_, **__: held.append(DRAWING._is_owned()))
        at_once(lambda: view.show(kept), view.picture.png)
    assert held == [True, True]


@pytest.fixture
def shell():
    """A notebook's Python, with the history of outputs that holds what a cell ends with."""
    yield InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    InteractiveShell.clear_instance()


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr(FigureCanvasAgg, "draw", lambda self: self.get_renderer())
    monkeypatch.setattr(LiveView, "_frame", lambda self: b"")
    monkeypatch.setattr(picture, "png", lambda figure: b"")


def run(shell, source, cell="one"):
    shell.run_cell(source, store_history=True, cell_id=cell).raise_error()
    return shell.user_ns["explorer"]


def again(name, shell, times):
    """Run a cell again and again; count threads, figures, widgets."""
    play = "explorer.play();" if name in PLAYED else ""
    source = f"from registry import FACTORIES; explorer = FACTORIES[{name!r}](); {play} explorer"
    figures, widgets, threads = [], [], []
    for _ in range(times):
        figures.append(weakref.ref(run(shell, source).figure.figure))
        widgets.append(len(_instances))
        threads.append(len(runners()))
    for _ in range(2):  # what a finalizer still held goes in the second round
        gc.collect()
    assert [figure() is not None for figure in figures] == (times - 1) * [False] + [True]
    assert set(widgets) == {widgets[0]}
    assert max(threads) <= (name in PLAYED)
    run(shell, "explorer.close()")


@pytest.mark.gate(2)
@pytest.mark.usefixtures("unshaped")
@pytest.mark.parametrize("name", [*PLAYED, "loss_explorer"])
def test_a_cell_run_three_times_leaves_one_explorer(name, shell, undrawn):
    again(name, shell, 3)


@pytest.mark.stress
@pytest.mark.parametrize("name", FACTORIES)
def test_a_cell_run_ten_times_leaves_one_explorer(name, shell):
    again(name, shell, 10)


SMALL = "from registry import FACTORIES; explorer = FACTORIES['loss_explorer']()"


def test_an_explorer_stays_as_long_as_some_cell_shows_it(shell, undrawn):
    first = run(shell, f"{SMALL}; explorer", "one")
    run(shell, "explorer", "two")
    run(shell, f"{SMALL}; explorer", "one")
    move(first, "r_pos", 0.1)
    assert first.state.r_pos == 0.1
    old = weakref.ref(first.figure.figure)
    run(shell, "explorer", "two")
    gc.collect()
    assert old() is None


def test_an_explorer_shown_again_comes_back_as_it_was(shell, undrawn):
    explorer = run(shell, f"{SMALL}; explorer", "one")
    move(explorer, "r_pos", 0.1)
    old = explorer._widgets["r_pos"]
    run(shell, "pass", "one")
    assert old.comm is None
    run(shell, "explorer", "two")
    assert explorer._widgets["r_pos"].comm is not None
    agrees(explorer)
    move(explorer, "r_neg", 0.2)
    assert (explorer.state.r_pos, explorer.state.r_neg) == (0.1, 0.2)
    agrees(explorer)


def test_controls_that_nobody_shows_do_not_outlive_their_cell(shell, undrawn):
    before = len(_instances)
    explorer = run(shell, f"{SMALL}; explorer.figure")
    assert len(_instances) == before
    assert explorer.figure.describe()
    run(shell, f"{SMALL}; box = explorer.widget")
    assert shell.user_ns["box"].comm is not None


def test_a_front_end_that_does_not_name_its_cells_keeps_everything(shell, undrawn):
    slider = run(shell, f"{SMALL}; explorer", None)._widgets["r_pos"]
    run(shell, f"{SMALL}; explorer", None)
    assert slider.comm is not None


TOSS = """
from ssl_explain.kit.prediction import Option, Question
from ssl_explain.kit.prediction import predict
explorer = predict(Question("Heads or tails?", {"h": Option("heads", "Luck."), "t": Option("tails", "It is flat.")}))
explorer"""


def test_a_question_asked_three_times_leaves_one_and_one_reveal(shell):
    counts = []
    for _ in range(3):
        guess = run(shell, TOSS, "one")
        guess.commit("t")
        run(shell, "explorer.reveal('h')", "two")
        counts.append(len(_instances))
    assert counts[0] == counts[1] == counts[2]


def test_a_question_shown_again_comes_back_with_its_answer_and_its_reveal(shell):
    guess = run(shell, TOSS, "one")
    guess.commit("t")
    run(shell, "explorer.reveal('h')", "two")
    old, words = guess._choices, guess._reveal.widget.value
    run(shell, "pass", "one")
    run(shell, "pass", "two")
    assert old.comm is None
    run(shell, "explorer", "three")
    assert guess._choices is not old
    assert guess._choices.value == "t"
    assert guess._reveal.widget.value == words
    guess.commit("h")
    assert "As you said" in guess._reveal.widget.value
