"""What a hasty reader does to an explorer, and what must be true of the explorer then."""

import functools
import itertools
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import ipywidgets
import numpy as np
import torch
from grid import copied
from hands import PATIENCE, browser, click, every, frame
from looks import COUNTLESS
from matplotlib.collections import QuadMesh
from matplotlib.image import AxesImage
from registry import NAMES

from ssl_explain.kit.live import LiveView
from ssl_explain.kit.streaming import StreamingExplorer, TimedExplorer

MOVING = ("play", "pause")  # buttons that start and stop a thread
Palette = dict[str, list[Any]]


def declared() -> dict[str, Any]:
    """Every explorer class that there is, by its factory."""
    own = [kind for kind in NAMES.values() if isinstance(kind, type) and "factory" in vars(kind)]
    return {kind.factory: kind for kind in own}


PLAYED = [factory for factory, kind in declared().items() if hasattr(kind, "play")]


def runners() -> list[threading.Thread]:
    """The threads that train."""
    return [thread for thread in threading.enumerate() if thread.name == "ssl_explain-runner"]


def at_once(*works: Callable[[], object]) -> None:
    """Do several things, each in a thread of its own; what one of them raises is raised here."""
    failed: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # a thread has no caller to raise to
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads), "some thread waits for ever"
    if failed:
        raise failed[0]


def settle(explorer: Any) -> None:
    """Wait until what catches up has done so, and pause what plays."""
    if explorer.factory in PLAYED:
        if not getattr(explorer, "_playing", True) and explorer._runner.running:
            explorer._runner._thread.join(PATIENCE)
        explorer.pause()
        assert explorer._runner.error is None
        assert not explorer._runner.running


# --- events -----------------------------------------------------------------------------------------------------


def declared_controls(factory: str) -> dict[str, Any]:
    """The controls of an explorer that need not be made for it."""
    return dict(declared()[factory].kind().controls())


@functools.cache
def palette(factory: str, number: int) -> Palette:
    """A few values of a few controls: where states come back, what was computed once is remembered."""
    rng, controls = random.Random(f"{factory} {number}"), declared_controls(factory)
    chosen = rng.sample(list(controls), min(3, len(controls)))
    return {name: rng.sample(controls[name].values(), min(2, len(controls[name].values()))) for name in chosen}


def move(explorer: Any, name: str, value: Any) -> None:
    """Move a control as the browser does: a slider sends its value, a choice its place."""
    control, widget = explorer.state.controls()[name], explorer._widgets[name]
    browser(widget, **({"index": control.options.index(value)} if control.options else {"value": value}))


def buttons(explorer: Any) -> list[ipywidgets.Button]:
    return [widget for widget in every(explorer.widget) if isinstance(widget, ipywidgets.Button)]


def offered(explorer: Any, *, playing: bool, presets: int) -> list[ipywidgets.Button]:
    """The buttons to press: of the presets only the first so many, of those that start a thread none if not playing."""
    silent = playing or not isinstance(explorer, TimedExplorer)  # their presets play
    left_out = [*explorer.presets][presets if silent else 0 :]
    return [b for b in buttons(explorer) if b.description not in left_out and (playing or b.icon not in MOVING)]


def event(explorer: Any, rng: random.Random, colours: Palette, buttons: list[ipywidgets.Button]) -> dict[str, Any]:
    """Do one thing at random; the settings that it must have changed."""
    kind = rng.random()
    if kind < 0.7:
        name = rng.choice(list(colours))
        value = rng.choice(colours[name])
        move(explorer, name, value)
        return {name: value}
    if kind < 0.85:
        changed = {name: rng.choice(colours[name]) for name in rng.sample(list(colours), 2)}
        explorer.state = explorer.state.change(**changed)
        return changed
    button = rng.choice(buttons)
    click(button)
    return explorer.offered().get(button.description, {})


# --- what must be true ------------------------------------------------------------------------------------------


def numbers(record: Any) -> Iterator[torch.Tensor]:
    """Every tensor in a record, however deep."""
    if isinstance(record, torch.Tensor):
        yield record
    elif isinstance(record, tuple):
        yield from itertools.chain.from_iterable(map(numbers, record))
    elif hasattr(record, "__dataclass_fields__"):
        yield from numbers(tuple(getattr(record, field) for field in record.__dataclass_fields__))


def expected(explorer: Any) -> Any:
    """What the record has to be, made once more: of the run as it stands, or of the state alone."""
    if isinstance(explorer, StreamingExplorer):
        return explorer.record_of(explorer.state, explorer._before)
    if hasattr(explorer, "history"):
        return explorer.history(explorer.state).record(explorer.state)
    return type(explorer).compute(explorer, explorer.state)


def agrees(explorer: Any) -> None:
    """Controls, record, picture and words are those of one moment."""
    with explorer._lock:
        shown = {name: widget.value for name, widget in explorer._widgets.items()}
        assert shown == {name: getattr(explorer.state, name) for name in shown}
        assert explorer.figure.record is explorer.record
        words = explorer.figure.describe()
        assert not COUNTLESS.search(words), words
        assert explorer.view.image.words == words


def seen(explorer: Any) -> None:
    """The frame on the screen shows something, and no image in it is made of nothing."""
    pixels = np.asarray(frame(explorer))
    assert pixels.shape[::-1][1:] == explorer.view._canvas.get_width_height()
    ink = (pixels < 128).all(-1).mean()
    assert 0.001 < ink < 0.9, f"{ink:.1%} of the frame is dark"
    for image in explorer.figure.figure.findobj(lambda artist: isinstance(artist, AxesImage | QuadMesh)):
        drawn = np.ma.filled(np.ma.masked_invalid(np.asarray(image.get_array(), dtype=float)), np.nan)
        assert not image.get_visible() or np.isfinite(drawn).any()


def fresh(explorer: Any) -> None:
    """Nothing is left of the way here: record and frame are those of an explorer that never was elsewhere."""
    pairs = itertools.zip_longest(numbers(explorer.record), numbers(expected(explorer)))
    assert all(torch.equal(mine, anew) for mine, anew in pairs)
    anew = SimpleNamespace(view=LiveView(explorer.paint(explorer.record)))
    assert explorer.figure.describe() == anew.view.picture.describe()
    np.testing.assert_array_equal(np.asarray(frame(explorer)), np.asarray(frame(anew)))
    assert copied(explorer) == explorer.state


def sound(explorer: Any) -> None:
    """All of it, once everything stands still."""
    settle(explorer)
    agrees(explorer)
    seen(explorer)
    fresh(explorer)


# --- sequences --------------------------------------------------------------------------------------------------


@contextmanager
def unseen(explorer: Any) -> Iterator[None]:
    """Send no new frames: drawing and packing them takes half of the time of an event."""
    explorer.view._frame = lambda: explorer.view.jpeg
    try:
        yield
    finally:
        del explorer.view._frame


def elsewhere(explorer: Any, rng: random.Random) -> dict[str, Any]:
    """Move one control to where it does not stand, so that a frame is drawn."""
    name, control = rng.choice(list(explorer.state.controls().items()))
    value = rng.choice([value for value in control.values() if value != getattr(explorer.state, name)])
    move(explorer, name, value)
    return {name: value}


def storm(explorer: Any, rng: random.Random, colours: Palette, *, events: int, playing: bool, presets: int = 1) -> None:
    """Many events: after each the last one has won, at every fifth all agree; the last one is drawn and looked at."""
    controls = explorer.state.controls()
    timed = {"time": controls["time"].values()[0]} if playing and "time" in controls else {}
    buttons = offered(explorer, playing=playing, presets=presets)
    if playing:
        explorer.play()
    for left in reversed(range(events)):
        before = explorer.state
        if left:
            with unseen(explorer):
                changed = event(explorer, rng, colours, buttons)
        else:
            changed = elsewhere(explorer, rng)
        assert explorer.state.change(**timed) == before.change(**changed).change(**timed)
        if left % 5 == 0:
            agrees(explorer)
    sound(explorer)
