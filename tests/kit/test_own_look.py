"""Figures look the same whatever the user has set in matplotlib or seaborn, and leave those settings alone."""

import functools
import threading
from collections.abc import Iterator
from typing import Any

import matplotlib
import pytest
import seaborn
from fire import at_once
from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from registry import FACTORIES
from stills import STILLS, found

from ssl_explain.kit.live import LiveView
from ssl_explain.kit.style import LOOK, drawing, new_figure

IN_NO_PICTURE = ("webagg", "backend", "keymap", "animation", "tk.", "toolbar", "timezone")
IN_NO_PICTURE += ("date.", "docstring", "macosx")
ODD = ("red", "dotted", "bold", "italic", "small-caps", "center", "x", "major", "data", "minor", "full", "in")


def another(key: str, value: Any) -> Any:
    """A value that a setting takes and that is not its default; the default if there is none."""
    candidates: list[Any] = [*ODD, "None", "nearest", "lower", "stix", "butt", "miter", "right", "top", 0.2, 3, [3, 7]]
    if isinstance(value, bool):
        candidates = [not value]
    elif isinstance(value, int | float):
        candidates = [value + 7, 0.2, 3]
    for candidate in candidates:
        try:
            changed = matplotlib.RcParams({key: candidate})[key]
        except Exception:  # each setting refuses in its own way
            continue
        if changed != value:
            return changed
    return value


@functools.cache
def hostile() -> dict[str, Any]:
    """Every setting that may show in a picture is another; LaTeX is asked for, whether or not there is one."""
    default = matplotlib.rcParamsDefault.copy()
    keys = [key for key in default if not key.startswith(IN_NO_PICTURE)]
    return {key: another(key, default._get(key)) for key in keys}


STYLES = {
    "dark_background": lambda: pyplot.style.use("dark_background"),
    "ggplot": lambda: pyplot.style.use("ggplot"),
    "seaborn": lambda: seaborn.set_theme("poster", "darkgrid", font="serif"),
    "usetex": lambda: matplotlib.rcParams.update({"text.usetex": True}),
    "hostile": lambda: matplotlib.rcParams.update(hostile()),
}


def settings() -> dict[str, Any]:
    return {key: matplotlib.rcParams._get(key) for key in matplotlib.rcParams}


pytestmark = pytest.mark.filterwarnings("ignore::matplotlib.MatplotlibDeprecationWarning")


@pytest.fixture(autouse=True)
def _own_settings() -> Iterator[None]:
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield
        seaborn.reset_defaults()
        seaborn.set_color_codes("reset")


def everything(explorer: Any, record: Any) -> tuple[bytes, bytes, bytes]:
    """A picture on paper and on the screen, made for one record and moved on to another."""
    picture = explorer.paint(explorer.record)
    still, view = picture.png(), LiveView(picture)
    view.show(record)
    return still, view.pixels().tobytes(), picture.png()


def elsewhere(explorer: Any) -> Any:
    """The record of another state, and the one of before again."""
    before, values = explorer.state, next(iter(explorer.presets.values()), {})
    explorer.state = before.change(**values)
    record = explorer.record
    explorer.state = before
    return record


@pytest.mark.gate(2)
@pytest.mark.parametrize("name", FACTORIES)
def test_a_picture_looks_the_same_under_any_settings(made, name):
    explorer = made(name)
    record = elsewhere(explorer)
    expected = everything(explorer, record)
    STYLES["hostile"]()
    before, drawn = settings(), []
    at_once(lambda: drawn.append(everything(explorer, record)))
    assert drawn == [expected]
    assert settings() == before


@pytest.mark.gate(2)
@pytest.mark.parametrize("style", STYLES)
def test_an_explorer_made_and_moved_under_any_settings_is_the_same(style):
    expected = FACTORIES["family_explorer"]().figure.png()
    STYLES[style]()
    before = settings()
    explorer = FACTORIES["family_explorer"]()
    assert explorer.figure.png() == expected
    assert settings() == before


def test_no_still_figure_is_left_out():
    assert set(found()) == set(STILLS)


@pytest.mark.gate(3)
@pytest.mark.parametrize("draw", STILLS.values(), ids=[figure.__name__ for figure in STILLS])
def test_a_still_figure_looks_the_same_under_any_settings(draw):
    picture = draw()
    data, metadata = expected = picture._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == data["text/plain"] == picture.words != ""
    STYLES["hostile"]()
    before = settings()
    assert draw()._repr_mimebundle_() == expected
    assert settings() == before


def test_the_hostile_settings_differ_and_show():
    """Nearly all settings are others: a figure of the user's own is another with them."""
    default = matplotlib.rcParamsDefault.copy()
    same = {key for key, value in hostile().items() if value == default._get(key)}
    assert len(same) < 0.15 * len(hostile())

    def pixels() -> bytes:
        figure = Figure()
        FigureCanvasAgg(figure)
        figure.add_subplot().plot([0, 1], label="a")
        figure.legend()
        figure.canvas.draw()
        return bytes(figure.canvas.buffer_rgba())

    expected = pixels()
    matplotlib.rcParams.update({key: hostile()[key] for key in ("lines.linewidth", "axes.edgecolor", "xtick.color")})
    assert pixels() != expected


def test_while_one_thread_draws_another_reads_and_sets_its_own():
    matplotlib.rcParams["lines.linewidth"] = 5
    inside, done, seen = threading.Event(), threading.Event(), []

    def draws() -> None:
        with drawing():
            inside.set()
            done.wait(60)
            seen.append(dict(matplotlib.rcParams.items()))

    thread = threading.Thread(target=draws)
    thread.start()
    inside.wait(60)
    assert matplotlib.rcParams["lines.linewidth"] == 5
    pyplot.style.use("dark_background")
    done.set()
    thread.join(60)
    assert {key: value for key, value in seen[0].items() if key in LOOK} == LOOK
    assert matplotlib.rcParams["axes.facecolor"] == "black"
    assert matplotlib.rcParams["lines.linewidth"] == 5


@pytest.mark.parametrize("style", STYLES)
def test_a_figure_that_the_user_draws_or_saves_by_hand_keeps_its_look(style, tmp_path):
    def saved(path: Any) -> tuple[bytes, bytes]:
        figure = new_figure(3, 2)
        with drawing():
            figure.subplots().plot([0, -1], label="$x$")
        figure.savefig(path, metadata={"Software": None})
        figure.canvas.draw()
        return path.read_bytes(), bytes(figure.canvas.buffer_rgba())

    expected = saved(tmp_path / "one.png")
    STYLES[style]()
    assert saved(tmp_path / "two.png") == expected
