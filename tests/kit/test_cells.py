"""What a cell has displayed is closed when the cell runs again, and nothing else: not what is still on the screen."""

import gc
import importlib
import weakref
from types import SimpleNamespace

import pytest
from fire import at_once, runners
from IPython.core.interactiveshell import InteractiveShell
from ipywidgets.widgets.widget import _instances
from matplotlib.backends.backend_agg import FigureCanvasAgg
from traitlets.config import Config

from ssl_explain.dynamics.training import Training
from ssl_explain.kit import picture
from ssl_explain.kit.controls import with_progress
from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.live import LiveView
from ssl_explain.kit.outputs import OUTPUTS

SETUP = """
import ipywidgets
from IPython.display import display
from ssl_explain.kit.prediction import Option, Question, predict
from ssl_explain.lessons.start_here import TreeState, tree_explorer
def small():
    return tree_explorer(TreeState(depth=2, budget=1500, pace=5))
"""


@pytest.fixture
def shell(monkeypatch):
    """A notebook's Python; nothing is drawn."""
    monkeypatch.setattr(FigureCanvasAgg, "draw", lambda self: self.get_renderer())
    monkeypatch.setattr(LiveView, "_frame", lambda self: b"")
    monkeypatch.setattr(picture, "png", lambda figure: b"")
    made = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    OUTPUTS.listen()  # as the first import in a notebook does
    run(made, "setup", SETUP)
    yield made
    for thing in made.user_ns.values():
        if isinstance(thing, Explorer):
            thing.pause()
    InteractiveShell.clear_instance()
    assert runners() == []


def run(shell, cell, source):
    shell.run_cell(source, store_history=True, cell_id=cell).raise_error()
    return shell.user_ns


def is_open(explorer):
    """Whether its widgets answer; looking at it makes none."""
    return "_box" in vars(explorer) and explorer._box.comm is not None


HANDLER = """
def handler(_):
    global explorer
    explorer = small()
    explorer.play()
    display(explorer)
button = ipywidgets.Button()
button.on_click(handler)
button"""


def test_what_a_button_makes_is_not_booked_on_the_next_cell(shell):
    names = run(shell, "one", HANDLER)
    names["button"].click()
    explorer = names["explorer"]
    for _ in range(2):
        run(shell, "two", "1 + 1")
    assert is_open(explorer)
    assert explorer.running
    run(shell, "one", HANDLER)
    assert is_open(explorer)


def test_a_run_that_began_in_one_cell_goes_on_when_the_next_one_shows_it(shell):
    explorer = run(shell, "one", "explorer = small(); explorer.play()")["explorer"]
    assert explorer.running
    run(shell, "two", "explorer")
    assert explorer.running
    assert explorer._buttons["play"].disabled
    assert not explorer._buttons["pause"].disabled


def test_a_question_that_a_handler_asks_stays(shell):
    source = """
def handler(_):
    global guess
    guess = predict(Question("Heads?", {"h": Option("heads", "Luck."), "t": Option("tails", "It is flat.")}))
    display(guess, guess.reveal("h"))
button = ipywidgets.Button()
button.on_click(handler)"""
    names = run(shell, "one", source)
    names["button"].click()
    for _ in range(2):
        run(shell, "two", "pass")
    assert vars(names["guess"])["widget"].comm is not None
    assert names["guess"]._reveal.widget.comm is not None


def test_what_a_thread_shows_while_a_cell_runs_stays(shell):
    """A handler in a subshell runs in a thread of its own."""
    shell.user_ns["at_once"] = at_once
    first = run(shell, "one", "explorer = small(); at_once(lambda: display(explorer))")["explorer"]
    run(shell, "one", "explorer = None")
    assert is_open(first)


def test_a_box_stays_whole_in_another_cell_than_the_one_that_made_its_parts(shell):
    names = run(shell, "one", "pair = [small(), small()]; box = ipywidgets.HBox([e.widget for e in pair])")
    run(shell, "two", "box")
    pair = names["pair"]
    run(shell, "one", "pair = [small(), small()]")
    assert [is_open(explorer) for explorer in pair] == [True, True]
    run(shell, "two", "pass")
    assert [is_open(explorer) for explorer in pair] == [False, False]


def test_what_a_handler_puts_into_a_box_goes_with_the_box(shell):
    source = """
def handler(_):
    global explorer
    explorer = small()
    box.children = [explorer.widget]
button, box = ipywidgets.Button(), ipywidgets.VBox()
button.on_click(handler)
display(button, box)"""
    names = run(shell, "one", source)
    names["button"].click()
    explorer = names["explorer"]
    run(shell, "two", "pass")
    assert is_open(explorer)
    run(shell, "one", "pass")
    assert not is_open(explorer)


@pytest.mark.parametrize("put", ["with out: display(explorer)", "out.append_display_data(explorer)"])
def test_what_an_output_widget_holds_goes_with_it(shell, put):
    shell.kernel = SimpleNamespace(get_parent=lambda: {"header": {"msg_id": "1"}})
    names = run(shell, "one", "out = ipywidgets.Output()\nout")
    first = run(shell, "two", f"explorer = small()\n{put}")["explorer"]
    second = run(shell, "two", f"explorer = small()\n{put}")["explorer"]
    assert [is_open(first), is_open(second)] == [True, True]
    run(shell, "two", "pass")
    assert [is_open(first), is_open(second)] == [True, True]
    assert names["out"].comm is not None
    run(shell, "one", "pass")
    run(shell, "two", "pass")
    assert [is_open(first), is_open(second)] == [False, False]


def test_all_that_a_loop_displays_stays_until_its_cell_runs_again(shell):
    several = run(shell, "one", "several = [small() for _ in range(3)]\nfor e in several: display(e)")["several"]
    run(shell, "two", "several[0]")
    assert [is_open(explorer) for explorer in several] == [True] * 3
    run(shell, "one", "pass")
    assert [is_open(explorer) for explorer in several] == [True, False, False]


def test_a_cell_that_runs_another_or_fails_closes_what_it_showed(shell):
    explorer = run(shell, "one", "explorer = small(); get_ipython().run_cell('explorer'); explorer")["explorer"]
    assert is_open(explorer)
    run(shell, "one", "pass")
    assert not is_open(explorer)
    explorer = run(shell, "one", "explorer = small()\nexplorer")["explorer"]
    shell.run_cell("1 / 0", cell_id="one")
    assert not is_open(explorer)


def test_what_was_taken_stays_and_what_is_closed_is_displayed_as_nothing(shell):
    boxes = run(shell, "one", "boxes = [small().widget]")["boxes"]
    run(shell, "one", "boxes.append(small().widget)")
    assert [box.comm is not None for box in boxes] == [True, True]
    run(shell, "one", "explorer = small(); box = explorer.widget; explorer.close()")
    assert OUTPUTS._displayed(shell.user_ns["box"]) is None


def test_an_explorer_that_nobody_holds_or_shows_goes_with_its_thread(shell):
    before = len(_instances)
    for _ in range(2):
        explorer = run(shell, "one", "explorer = small(); explorer.play()")["explorer"]
        seen = weakref.ref(explorer)
        threads = runners()
        del explorer
        run(shell, "two", "explorer.run(2); explorer.state = explorer.state.change(seed=3); explorer.figure; None")
        run(shell, "two", "explorer.play(); explorer = None")
        gc.collect()
        for thread in threads:
            thread.join(60)
    for thread in runners():
        thread.join(60)
    gc.collect()
    assert seen() is None
    assert len(_instances) == before


def test_a_long_wait_has_a_bar_that_goes_and_one_that_fails_leaves_none(shell, monkeypatch):
    """The directions explorer trains students of several kinds before it appears."""
    module = importlib.import_module("ssl_explain.lessons.real_images.directions_explorer")
    before, seen = len(_instances), []

    def sweep_of(network):
        seen.extend(widget.value for widget in _instances.values() if type(widget).__name__ == "IntProgress")
        return network

    monkeypatch.setattr(module, "sweep_of", sweep_of)
    assert list(module.all_sweeps.__wrapped__()) == list(module.TRAINED)
    assert seen == [0, 1, 2]
    assert len(_instances) == before
    before = len(_instances)
    with pytest.raises(ZeroDivisionError):
        [1 / number for number in with_progress([1, 0], "dividing")]
    gc.collect()
    assert len(_instances) == before


def test_many_steps_in_a_cell_have_a_bar_that_goes(shell, monkeypatch):
    """The bar moves on with every hundred steps; the run is that of a script."""
    seen, take = [], Training.advance

    def advance(training, steps=1):
        seen.append([widget.value for widget in _instances.values() if type(widget).__name__ == "IntProgress"])
        take(training, steps)

    explorer = run(shell, "one", "explorer = small()")["explorer"]
    monkeypatch.setattr(Training, "advance", advance)
    explorer.run(100)
    explorer.run(250)
    assert seen == [[], [0], [1], [2]]
    assert explorer.trace.steps[-1] == 350
