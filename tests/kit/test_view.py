"""The picture and its front end: frames wait for the browser, never the other way round, and are as sharp as asked."""

import io
import math

import numpy as np
import pytest
from fire import at_once, declared
from hands import browser, frame
from PIL import Image
from registry import FACTORIES

from ssl_explain.kit import view as kit_view
from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.live import CHEAP, MOST, QUICK, LiveView
from ssl_explain.kit.view import CREDITS, PictureWidget
from ssl_explain.lessons.byol_solved.explorer import modes_explorer
from ssl_explain.lessons.start_here.explorer import tree_explorer
from ssl_explain.lessons.start_here.state import TreeState


def say(explorer, **content):
    """What view.js sends."""
    data = {"method": "custom", "content": content}
    explorer.view.image._handle_msg({"content": {"data": data}, "buffers": []})


def attach(explorer, width=960, density=1):
    say(explorer, size=[width, density])
    say(explorer, seen=explorer.view.frames)


def move(explorer, k):
    explorer.state = explorer.state.change(p=explorer.state.controls()["p"].values()[k])


@pytest.fixture
def explorer():
    return modes_explorer()


@pytest.fixture
def patient(monkeypatch):
    """No frame is given up for lost."""
    monkeypatch.setattr(kit_view, "PATIENCE", math.inf)


def test_without_a_front_end_every_change_is_drawn(explorer):
    before = explorer.view.frames
    for k in range(CREDITS + 3):
        move(explorer, k)
    assert explorer.view.frames == before + CREDITS + 3


def test_a_front_end_gets_no_more_than_it_confirms_and_then_the_newest(explorer, patient):
    attach(explorer)
    before = explorer.view.frames
    for k in range(CREDITS + 3):
        move(explorer, k)
    assert explorer.view.frames == before + CREDITS
    assert explorer.view.image.words != explorer.figure.describe()
    say(explorer, seen=before + 1)
    assert explorer.view.frames == before + CREDITS + 1
    assert explorer.view.image.words == explorer.figure.describe()
    np.testing.assert_array_equal(frame(explorer), frame(type("Anew", (), {"view": LiveView(explorer.figure)})))
    say(explorer, seen=before + 2)
    assert explorer.view.frames == before + CREDITS + 1, "nothing is due"


def test_a_browser_that_has_gone_does_not_stop_the_picture(explorer, monkeypatch):
    attach(explorer)
    for k in range(CREDITS + 1):
        move(explorer, k)
    stale = explorer.view.frames
    monkeypatch.setattr(kit_view, "PATIENCE", -1.0)
    move(explorer, CREDITS + 2)
    assert explorer.view.frames == stale + 1


def test_a_page_that_is_loaded_again_starts_with_the_newest(explorer, patient):
    attach(explorer)
    for k in range(CREDITS + 2):
        move(explorer, k)
    say(explorer, size=[900, 1])
    assert explorer.view.image.words == explorer.figure.describe()
    assert frame(explorer).width == 900


@pytest.mark.parametrize(("width", "density"), [(640, 1), (848, 1.25), (960, 2), (1500, 1), (1500, 3)])
def test_at_rest_every_pixel_of_the_screen_is_drawn_and_on_the_move_most(explorer, width, density):
    attach(explorer, width, density)
    sharp = frame(explorer)
    full = sharp.width * sharp.height
    assert sharp.width >= width * density or full == pytest.approx(MOST, rel=0.01)
    move(explorer, 3)
    quick = frame(explorer)
    assert quick.width >= QUICK * sharp.width - 1
    assert quick.size == sharp.size or quick.width * quick.height >= min(CHEAP, full) * 0.99
    say(explorer, rest=explorer.view.frames - 1)
    assert frame(explorer).size == quick.size, "another frame is on its way"
    say(explorer, rest=explorer.view.frames)
    assert frame(explorer).size == sharp.size
    count = explorer.view.frames
    say(explorer, rest=explorer.view.frames)
    assert explorer.view.frames == count, "it is sharp already"


def test_no_sharp_frame_while_it_trains():
    explorer = tree_explorer(TreeState(depth=2, budget=1500))
    attach(explorer, 960, 2)
    explorer.play()
    count = explorer.view.frames
    type(explorer).running, kept = True, type(explorer).running
    try:
        say(explorer, rest=count)
    finally:
        type(explorer).running = kept
    explorer.pause()
    assert frame(explorer).width < 1920
    say(explorer, rest=explorer.view.frames)
    assert frame(explorer).width == 1920


def test_a_frame_of_many_is_light_and_a_fine_one_follows():
    explorer = tree_explorer(TreeState(depth=2, budget=500))
    attach(explorer, 960)
    fine = len(explorer.view.jpeg)
    type(explorer).running, kept = True, type(explorer).running
    try:
        explorer._show()
    finally:
        type(explorer).running = kept
    assert len(explorer.view.jpeg) < 0.7 * fine
    say(explorer, rest=explorer.view.frames)
    assert len(explorer.view.jpeg) == pytest.approx(fine, rel=0.05)


def test_what_stands_still_is_not_drawn_again(monkeypatch):
    """The tree of a run stands still, its curves do not; the next run has another tree."""
    explorer = tree_explorer(TreeState(depth=2, budget=500))
    explorer.view.show(explorer.run(1))
    drawn = []
    monkeypatch.setattr(type(explorer.figure.figure), "draw_artist", lambda self, artist: drawn.append(artist))
    explorer.run(1)
    assert explorer.figure.curves[0] in drawn
    assert explorer.figure.edges not in drawn
    explorer.state = explorer.state.change(seed=7)
    assert explorer.figure.edges in drawn


def test_what_is_seen_does_not_depend_on_the_way(explorer):
    """After other widths and densities the frame is that of an explorer that never had any."""
    start = frame(explorer)
    for width, density in ((700, 2), (1200, 1.5), (960, 1)):
        attach(explorer, width, density)
        move(explorer, 5)
        say(explorer, rest=explorer.view.frames)
    explorer.state = modes_explorer().state
    np.testing.assert_array_equal(frame(explorer), start)
    still = explorer.figure.png()
    attach(explorer, 700, 2)
    assert explorer.figure.png() == still, "what is saved does not depend on the screen"
    assert len(explorer.view._kept) <= 3


@pytest.mark.parametrize(
    "content",
    [{}, {"size": None}, {"size": [1]}, {"size": ["a", 1]}, {"size": [math.nan, 1]}, {"size": [True]}, {"seen": "1"},
     {"seen": 10**9}, {"rest": None}, {"rest": [1]}, {"other": 1}, [], "size", None],
)  # fmt: skip
def test_nonsense_from_the_front_end_changes_nothing(explorer, content):
    attach(explorer)
    before = explorer.view.frames, explorer.view.jpeg
    data = {"method": "custom", "content": content}
    explorer.view.image._handle_msg({"content": {"data": data}, "buffers": []})
    assert (explorer.view.frames, explorer.view.jpeg) == before
    for k in range(CREDITS + 1):
        move(explorer, k)
    assert explorer.view.frames > before[0]


@pytest.mark.parametrize("size", [[0, 0], [-5, 1], [10**9, 10**9], [1e-9, 1]])
def test_a_size_out_of_range_is_brought_back(explorer, size):
    say(explorer, size=size)
    assert 0 < frame(explorer).width * frame(explorer).height <= 1.01 * MOST


def test_a_click_sets_what_its_panel_declares(explorer):
    for number, (x, y, p, s) in enumerate([(0.41, 0.72, 0.4, 0.7), (-5, 99, -0.2, 1.4)], start=1):
        say(explorer, pick=[number, "plane", x, y])
        assert (explorer.state.p, explorer.state.w2) == (p, s)
        assert (explorer._widgets["p"].value, explorer._widgets["w2"].value) == (p, s), "the sliders go along"
        assert explorer.view.image.words == explorer.figure.describe()


def test_a_click_that_comes_late_or_elsewhere_or_is_nonsense_changes_nothing(explorer):
    say(explorer, pick=[5, "plane", 0.4, 0.7])
    state, frames = explorer.state, explorer.view.frames
    wrong = [
        [5, "plane", 0, 0.1], [4, "plane", 0, 0.1], [6, "size_axes", 0, 0.1], [7, "nowhere", 0, 0.1],
        [8, "plane", math.nan, 0.1], [9, "plane", "0", 0.1], ["10", "plane", 0, 0.1], [11, "plane"], "plane", {},
        [12, "plane", 0.401, 0.699],
    ]  # fmt: skip
    for pick in wrong:
        say(explorer, pick=pick)
    assert (explorer.state, explorer.view.frames) == (state, frames)
    attach(explorer)
    say(explorer, pick=[1, "plane", 0, 0.1])
    assert explorer.state.p == 0, "a page that is loaded again counts from one"


def test_the_pointer_reads_the_numbers_of_the_axes(explorer):
    found = {panel["name"]: panel for panel in explorer.view.image.panels}
    assert found.keys() == {"plane", "size_axes", "offset_axes"}
    assert found["plane"]["hint"] == "start p and start w²"
    assert [found["plane"][axis] for axis in "xy"] == [["p", -0.3, 1.2, "linear"], ["w²", 0, 1.5, "linear"]]
    assert found["size_axes"]["hint"] == ""
    left, top, right, bottom = found["plane"]["box"]
    axes, figure = explorer.figure.plane, explorer.figure.figure
    (x0, y0), (x1, y1) = (axes.transData.transform(corner) for corner in ((-0.3, 0), (1.2, 1.5)))
    width, height = figure.bbox.size
    np.testing.assert_allclose([left, right], [x0 / width, x1 / width])
    np.testing.assert_allclose([top, bottom], [1 - y1 / height, 1 - y0 / height])


def test_a_slider_that_rounds_differently_does_not_undo_a_drag(explorer):
    """The browser answers a slider's new value with its own rounding of it, and late."""
    slider = explorer._widgets["p"]
    say(explorer, pick=[1, "plane", 0.1, 0.7])
    say(explorer, pick=[2, "plane", 0.4, 0.7])
    frames = explorer.view.frames
    for echo in (0.1 - 1e-17 * 4, 0.09999999999999998, 0.39999999999999997):
        browser(slider, value=echo)
        assert (explorer.state.p, explorer.view.frames) == (0.4, frames)
        assert slider.value == pytest.approx(0.4)
    browser(slider, value=0.15000000000000002)
    assert explorer.state.p == pytest.approx(0.15), "a move of the reader"


PICKS = [(name, panel) for name, kind in declared().items() for panel in kind.on_pick if kind.pick is Explorer.pick]


@pytest.mark.parametrize(("name", "panel"), PICKS)
def test_what_can_be_clicked_has_keys_and_moves_the_picture(name, panel):
    explorer = FACTORIES[name]()
    controls = explorer.on_pick[panel]
    assert set(controls) <= set(explorer.shown)
    (place,) = [part for part in explorer.view.image.panels if part["name"] == panel]
    before = explorer.view.jpeg
    say(explorer, pick=[1, panel, place["x"][2], place["y"][2]])
    ends = [explorer.state.controls()[control].values()[-1] for control in controls]
    assert [getattr(explorer.state, control) for control in controls] == ends
    assert explorer.view.jpeg != before


def test_threads_that_answer_at_once_lose_nothing(explorer):
    attach(explorer, 900, 2)

    def slide():
        for k in range(10):
            move(explorer, k)

    def confirm():
        for _ in range(20):
            say(explorer, seen=explorer.view.frames)
            say(explorer, rest=explorer.view.frames)

    at_once(slide, confirm, confirm)
    say(explorer, seen=explorer.view.frames)
    assert explorer.view.image.words == explorer.figure.describe()


def test_the_last_frame_is_state(explorer):
    state = explorer.view.image.get_state()
    assert Image.open(io.BytesIO(state["frame"])).size == (960, 500)
    assert state["words"] == explorer.figure.describe()
    assert state["number"] == explorer.view.frames


def test_the_other_half_is_javascript_that_loads_nothing():
    source = PictureWidget._esm
    assert source.count("\n") <= 400
    assert not any(word in source for word in ("http", "import ", "eval", "fetch", "innerHTML"))


def test_where_our_javascript_does_not_run_there_is_a_still_with_words_and_the_reason(explorer):
    _, still = explorer.view.widget.children
    assert "needs anywidget" in still.value
    assert still.value.count(explorer.figure.describe().split(".")[0]) == 2, "as alt text and below"
    assert "data:image/jpeg;base64," in still.value
