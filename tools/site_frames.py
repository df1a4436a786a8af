"""The pictures of an explorer for pages without a kernel: one for every position of its one or two telling controls."""

import base64
import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from ssl_explain.widgets.controls import label_of
from ssl_explain.widgets.explorer import Explorer
from ssl_explain.widgets.streaming import StreamingExplorer

MOST = 44  # pictures of one explorer: more would not fit the site into 40 MB


@dataclass
class Player:
    """What a page needs to play an explorer: axes with their values, a picture for every position, presets.

    ``grid`` lists pictures in row-major order of the axes; ``presets`` are (label, position or None, picture).
    """

    axes: list[dict[str, Any]]
    grid: list[int] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    presets: list[dict[str, Any]] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    more: list[str] = field(default_factory=list)

    def data(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return dict(vars(self))

    def add(self, explorer: Explorer[Any]) -> int:
        """Keep the picture that the explorer shows; the number under which it lies."""
        tag = explorer.view.image.value
        width, height = (int(n) for n in re.search(r'width="(\d+)" height="(\d+)"', tag).groups())  # type: ignore[union-attr]
        uri = _smaller(tag.split('src="', 1)[1].split('"', 1)[0])
        words = explorer.figure.describe()
        self.size = (width, height)
        known = [k for k, image in enumerate(self.images) if image == uri and self.words[k] == words]
        if known:
            return known[0]
        self.images.append(uri)
        self.words.append(words)
        return len(self.images) - 1


def _smaller(uri: str) -> str:
    """The same pixels with more effort: a live frame is made in a hurry."""
    data = base64.b64decode(uri.split(",", 1)[1])
    buffer = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(buffer, "WEBP", lossless=True, quality=60, method=4)
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


def _axis(explorer: Explorer[Any], name: str, most: int) -> dict[str, Any]:
    control = explorer.state.controls()[name]
    now = getattr(explorer.state, name)
    values = thin(control.values(), most, now)
    labels = [label_of(control, value) for value in values]
    return {"name": name, "label": control.label, "tip": control.tip, "values": values, "labels": labels,
            "start": values.index(now)}  # fmt: skip


def _positions(axes: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*(axis["values"] for axis in axes)):
        yield dict(zip((axis["name"] for axis in axes), values, strict=True))


def _preset_buttons(
    explorer: Explorer[Any], player: Player, shown: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Presets that set something this explorer shows, as its own buttons do."""
    seen = []
    for label, wanted in explorer.presets.items():
        values = {name: value for name, value in wanted.items() if name in shown}
        if values and values not in seen:
            seen.append(values)
            yield label, values


def play(explorer: Explorer[Any], plan: Mapping[str, Any]) -> Player:
    """Move an explorer through its positions and keep every picture.

    ``plan`` may name the ``controls`` (by default the first of the explorer) and, for one that trains, the number of
    ``steps`` and of pictures (``frames``) on the way. The explorer ends where it began.
    """
    shown = list(explorer._widgets)
    names = list(plan.get("controls", shown[:1]))
    if isinstance(explorer, StreamingExplorer):
        return _play_training(explorer, names, shown, int(plan.get("steps", 300)), int(plan.get("frames", 15)))
    start = explorer.state
    sizes = [len(start.controls()[name].values()) for name in names]
    first = MOST if len(names) == 1 else max(2, MOST // min(sizes[1], 6))
    axes = [_axis(explorer, name, first if k == 0 else 6) for k, name in enumerate(names)]
    player = Player(axes)
    for position in _positions(axes):
        explorer.state = start.change(**position)
        player.grid.append(player.add(explorer))
    for label, values in _preset_buttons(explorer, player, shown):
        explorer.state = start.change(**values)
        player.presets.append({"label": label, "at": _place(axes, values, start), "image": player.add(explorer)})
    explorer.state = start
    player.more = [start.controls()[name].label for name in shown if name not in names]
    return player


def _place(axes: Sequence[Mapping[str, Any]], values: Mapping[str, Any], start: Any) -> list[int] | None:
    """Where in the grid a preset lies, if it does."""
    names = [axis["name"] for axis in axes]
    if any(value != getattr(start, name) for name, value in values.items() if name not in names):
        return None
    wanted = [values.get(name, getattr(start, name)) for name in names]
    if any(value not in axis["values"] for axis, value in zip(axes, wanted, strict=True)):
        return None
    return [axis["values"].index(value) for axis, value in zip(axes, wanted, strict=True)]


def _play_training(
    explorer: StreamingExplorer[Any], names: Sequence[str], shown: Sequence[str], steps: int, frames: int
) -> Player:
    """A run for every value of one control, looked at several times on its way."""
    start, name = explorer.state, names[0]
    other = _axis(explorer, name, max(2, MOST // (frames + 1)))
    marks = [round(steps * k / frames) for k in range(frames + 1)]
    time = {"name": "step", "label": "training step", "tip": "how long it has trained", "values": marks,
            "labels": [str(mark) for mark in marks], "start": 0, "play": True}  # fmt: skip
    player = Player([time, other])
    runs = []
    for value in other["values"]:
        fresh = type(explorer)(start.change(**{name: value}), shown, **_own(explorer))
        runs.append([_advance(fresh, player, to - at) for at, to in zip([0, *marks], marks, strict=False)])
    player.grid = [run[k] for k in range(len(marks)) for run in runs]
    player.more = [start.controls()[field].label for field in shown if field != name]
    return player


def _own(explorer: Explorer[Any]) -> dict[str, Any]:
    """What else an explorer was made with."""
    return {"levels": explorer._levels} if hasattr(explorer, "_levels") else {}


def _advance(explorer: StreamingExplorer[Any], player: Player, steps: int) -> int:
    if steps:
        explorer.run(steps)
    return player.add(explorer)
