"""The pictures of an explorer for pages without a kernel: one for every position of its one or two main controls."""

import base64
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageChops, ImageFilter

from ssl_explain.kit.controls import has_word_labels, label_of
from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.streaming import StreamingExplorer, TimedExplorer

MOST, SECOND = 48, 6  # pictures of one explorer, so that a page stays near 1 MB; values of a second control
BESIDE = 8  # pictures of a preset that sets something else than the controls of the page
LOOKS, LONGEST = 15, 500  # pictures of one training, and its steps


@dataclass
class Player:
    """An explorer for a page: axes with their values, and scenes, with a picture for every position.

    The first scene moves along all axes, its ``grid`` in row-major order. A preset that sets something else than the
    axes do is a scene of its own, along the first axis only. ``presets`` say which scene they open, and where.
    """

    axes: list[dict[str, Any]]
    scenes: list[dict[str, Any]] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    presets: list[dict[str, Any]] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    more: list[str] = field(default_factory=list)
    base: Image.Image | None = None

    def data(self) -> dict[str, Any]:
        """Everything as JSON; values only by their labels, since JSON has no infinity."""
        axes = [{key: value for key, value in axis.items() if key != "values"} for axis in self.axes]
        return {**vars(self), "axes": axes, "base": None}

    def add(self, explorer: Explorer[Any]) -> int:
        """Keep the current picture of the explorer, of all but the first what differs from it; return its number."""
        frame = Image.fromarray(explorer.view.pixels()).convert("RGB")
        uri, words, self.size = smaller(frame, self.base), explorer.figure.describe(), frame.size
        self.base = self.base or frame
        known = [k for k, image in enumerate(self.images) if image == uri and self.words[k] == words]
        if known:
            return known[0]
        self.images.append(uri)
        self.words.append(words)
        return len(self.images) - 1


def smaller(frame: Image.Image, base: Image.Image | None = None) -> str:
    """The picture in 128 colours: no visible difference, half the size; transparent where it equals that below it."""
    buffer, few = io.BytesIO(), frame.quantize(128, dither=Image.Dither.NONE).convert("RGB")
    if base is not None:  # one pixel more, so that no old line shines through a screen of another density
        moved = ImageChops.difference(frame, base).convert("L", (1, 1, 1, 0)).point([0, *[255] * 255])
        moved = moved.filter(ImageFilter.MaxFilter(3))
        few = Image.composite(few.convert("RGBA"), Image.new("RGBA", few.size), moved)
    few.save(buffer, "WEBP", lossless=True, quality=60, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def thin(values: Sequence[Any], most: int, keep: Any) -> list[Any]:
    """At most ``most`` of the values, evenly, with both ends and the one to ``keep``."""
    if len(values) <= most:
        return list(values)
    step = (len(values) - 1) / (most - 1)
    chosen = {round(k * step) for k in range(most)}
    if keep in values and values.index(keep) not in chosen:
        place = values.index(keep)
        inner = chosen - {0, len(values) - 1}
        chosen -= {min(inner, key=lambda k: abs(k - place))} if inner else set()
        chosen.add(place)
    return [values[k] for k in sorted(chosen)]


def _axis(state: Any, name: str, most: int) -> dict[str, Any]:
    control, now = state.controls()[name], getattr(state, name)
    values = thin(control.values(), most, now)
    labels = [label_of(control, value) for value in values]
    told = {"name": name, "label": control.label, "tip": control.tip, "words": has_word_labels(control)}
    return {**told, "values": values, "labels": labels, "start": values.index(now)}


def play(explorer: Explorer[Any]) -> Player:
    """Move an explorer through the positions of its main controls, and its presets, and keep every picture.

    One that trains is looked at several times on its way.
    """
    names = [name for name in explorer.main_controls or explorer.shown if name in explorer.shown][:2]
    if isinstance(explorer, StreamingExplorer):
        return _play_training(explorer, names[0])
    end = {"time": 100} if isinstance(explorer, TimedExplorer) else {}
    start = explorer.state if "time" in names else explorer.state.change(**end)  # without a time, the end of the run
    sizes = [len(start.controls()[name].values()) for name in names]
    first = MOST if len(names) == 1 else max(2, MOST // min(sizes[1], SECOND))
    player = Player([_axis(start, name, first if k == 0 else SECOND) for k, name in enumerate(names)])
    player.scenes.append({"axes": len(names), "grid": _pictures(explorer, player, start, player.axes)})
    for label, values in explorer.offered().items():
        _add_preset(explorer, player, label, start, start.change(**{**values, **end}))
    explorer.view.show(explorer.record)
    player.more = [start.controls()[name].label for name in explorer.shown if name not in names]
    return player


def _pictures(explorer: Explorer[Any], player: Player, state: Any, axes: Sequence[Mapping[str, Any]]) -> list[int]:
    """The picture at every position of the axes, all else as in a state; computed here, since the screen may lag."""
    pictures = []
    for values in itertools.product(*(axis["values"] for axis in axes)):
        position = dict(zip((axis["name"] for axis in axes), values, strict=True))
        explorer.view.show(explorer.compute(state.change(**position)))
        pictures.append(player.add(explorer))
    return pictures


def _add_preset(explorer: Explorer[Any], player: Player, label: str, start: Any, state: Any) -> None:
    """Add a preset: a position of the first scene if it sets nothing but the axes, otherwise its own scene."""
    axes = player.axes
    on_axes = {axis["name"]: getattr(state, axis["name"]) for axis in axes}
    if start.change(**on_axes) == state and all(on_axes[axis["name"]] in axis["values"] for axis in axes):
        at = [axis["values"].index(on_axes[axis["name"]]) for axis in axes]
        player.presets.append({"label": label, "scene": 0, "at": at})
        return
    few = _axis(state, axes[0]["name"], BESIDE)
    grid = _pictures(explorer, player, state, [few])
    player.scenes.append({"axes": 1, "grid": grid, "labels": few["labels"]})
    player.presets.append({"label": label, "scene": len(player.scenes) - 1, "at": [few["start"]]})


def _play_training(explorer: StreamingExplorer[Any], name: str) -> Player:
    """Train for some values of one control, with pictures at several steps."""
    short = [steps for steps in explorer.state.controls()["budget"].values() if steps <= LONGEST]
    start = explorer.state.change(budget=max(short, default=explorer.state.budget))
    other = _axis(explorer.state, name, MOST // LOOKS)
    steps = min(start.budget, LONGEST)
    marks = [round(steps * k / (LOOKS - 1)) for k in range(LOOKS)]
    told = {"name": "step", "label": "training step", "tip": "how long it has trained", "words": False}
    time = {**told, "values": marks, "labels": [str(mark) for mark in marks], "start": 0}
    player = Player([time, other])
    ways = [explorer.another(start.change(**{name: value})) for value in other["values"]]
    runs = [[player.add(way) for _ in at_marks(way, marks)] for way in ways]
    player.scenes.append({"axes": 2, "grid": [run[k] for k in range(LOOKS) for run in runs]})
    player.more = [start.controls()[field].label for field in explorer.shown if field != name]
    return player


def at_marks(explorer: StreamingExplorer[Any], marks: Sequence[int]) -> Iterator[int]:
    """Train one explorer and stop at every mark."""
    for before, mark in itertools.pairwise([0, *marks]):
        if mark > before:
            explorer.run(mark - before)
        yield mark
