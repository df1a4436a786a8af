"""State → compute → picture → screen: the base class of all explorers."""

import functools
import re
import time
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar

import ipywidgets

from ssl_explain import require
from ssl_explain.kit.controls import close, frame, make_control
from ssl_explain.kit.layout import mark, rows
from ssl_explain.kit.live import Host, LiveView
from ssl_explain.kit.outputs import OUTPUTS
from ssl_explain.kit.picture import Picture
from ssl_explain.kit.runner import FairLock
from ssl_explain.kit.state import State, same

S = TypeVar("S", bound=State)


class Explorer(Generic[S]):
    """Controls above a live picture with a text read-out, a few named presets, and "copy state".

    A subclass defines ``compute(state) -> record`` and, as class attributes, the class of its ``picture``, its
    ``presets`` (those that set a control shown here become buttons) and the ``main_controls``, the first two of
    which a page without a kernel can move. Its ``factory`` is named after it: ``ring_explorer`` of ``RingExplorer``.
    ``on_pick`` names, for an axes of the picture by its attribute, the controls that a click or a drag in it sets,
    along x and y, or as ``pick`` has it; their keys do the same. ``controls`` names those shown (all of them if empty).
    Assigning to ``state`` updates controls and picture.
    """

    factory: str
    picture: Callable[..., Picture[Any]]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    main_controls: ClassVar[tuple[str, ...]] = ()
    on_pick: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    own: Mapping[str, Callable[..., Any]] | None = None  # functions of the reader's, by their keywords

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.factory = re.sub(r"\B(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self, state: S, controls: Sequence[str] = ()) -> None:
        """Compute the first record and draw it; widgets are made on first use."""
        self._lock = FairLock()
        self._state = self._first = require.instance("state", state, self.kind(), "or leave it out")
        self._updating_controls = False
        self._presets: dict[str, ipywidgets.Button] = {}
        self._set: list[tuple[str, Any, float]] = []  # what controls were set to lately, not by the reader
        known = state.controls()
        require.names("controls", controls, list(known))
        self.shown = tuple(controls or known)  # the names of the controls
        with self._lock:
            self.record = self._first_record(state)
            self._picture  # noqa: B018 (raises an error of the picture here)
        OUTPUTS.listen()

    @classmethod
    def kind(cls) -> type[Any]:
        """The class of the states of this explorer."""
        (kind,) = typing.get_args(cls.__orig_bases__[0])  # type: ignore[attr-defined]
        return kind if isinstance(kind, type) else State

    def _first_record(self, state: S) -> Any:
        return self.compute(state)

    def compute(self, state: S) -> Any:
        """From the settings to the record that the picture shows."""
        raise NotImplementedError

    def paint(self, record: Any) -> Picture[Any]:
        """From a record to a new picture."""
        return self.picture(record)

    @functools.cached_property
    def _widgets(self) -> dict[str, ipywidgets.Widget]:
        known = self._state.controls()
        widgets = {name: make_control(known[name], getattr(self._state, name)) for name in self.shown}
        for field, widget in widgets.items():
            widget.observe(lambda change, field=field: self._on_change(field, change["new"]), names="value")
        return widgets

    @property
    def _buttons(self) -> Mapping[str, ipywidgets.Button]:
        """Those below the picture; here there are none."""
        return {}

    @functools.cached_property
    def _picture(self) -> Picture[Any]:
        return self.paint(self.record)

    @functools.cached_property
    def view(self) -> LiveView[Any]:
        """The picture on the screen, with its words."""
        view = vars(self)["view"] = LiveView(self._picture, self._host())
        self._update_buttons()
        return view

    @functools.cached_property
    def _box(self) -> ipywidgets.VBox:
        box = frame(rows(self))
        box.owner = self
        self._update_buttons()
        return box

    @property
    def widget(self) -> ipywidgets.VBox:
        """Controls and picture in one box, to be shown."""
        with self._lock:
            return self._box

    @property
    def running(self) -> bool:
        """Whether something goes on in the background; here nothing does."""
        return False

    def _host(self) -> Host:
        known = self._state.controls()
        hints = {panel: " and ".join(known[name].label for name in names) for panel, names in self.on_pick.items()}
        return Host(self._lock, lambda: self.running, hints, self.pick)

    def pick(self, panel: str, x: float, y: float) -> None:
        """Click into a panel at (x, y) in the units of its axes; nothing happens where ``on_pick`` declares nothing."""
        known = self._state.controls()
        pairs = zip(self.on_pick.get(panel, ()), (x, y), strict=False)
        values = {name: known[name].nearest(value) for name, value in pairs}
        if any(getattr(self._state, name) != value for name, value in values.items()):
            self.state = self._state.change(**values)

    def _update_buttons(self) -> None:
        """Update buttons and messages; here nothing changes."""

    def pause(self) -> None:
        """Stop what runs in the background; here nothing does."""

    def close(self) -> None:
        """Close picture and controls; showing the explorer again makes new ones."""
        self.pause()
        with self._lock:
            if "_box" in vars(self):
                close(self._box)
            self._presets = {}
            for part in ("_box", "view", "_picture", "_widgets", "_buttons"):
                vars(self).pop(part, None)

    @property
    def figure(self) -> Picture[Any]:
        """The picture in its present state."""
        return self.view.picture if "view" in vars(self) else self._picture

    @property
    def state(self) -> S:
        """The settings; assigning moves the controls too."""
        return self._state

    @state.setter
    def state(self, state: S) -> None:
        require.instance("state", state, type(self._state), "try explorer.state.change(...)")
        with self._lock:
            old, kept = self._state, self._snapshot()
            try:
                self._update_controls(state)
                self._state = state
                self.refresh(old)
            except BaseException:  # an interrupt too: keep the state that is shown
                self._restore(kept)
                self._update_controls(old)
                self._draw()
                raise

    def _snapshot(self) -> dict[str, Any]:
        """The attributes to restore if a change of state fails."""
        return {"_state": self._state, "record": self.record}

    def _restore(self, kept: dict[str, Any]) -> None:
        vars(self).update(kept)

    def _update_controls(self, state: S) -> None:
        self._updating_controls = True
        try:
            for name, widget in vars(self).get("_widgets", {}).items():
                if widget.value != getattr(state, name):
                    widget.value = getattr(state, name)
                    self._set.append((name, widget.value, time.monotonic()))
        finally:
            self._updating_controls = False

    def choose(self, values: Mapping[str, Any]) -> None:
        """Apply a preset."""
        self.state = self._state.change(**values)

    def refresh(self, old: S) -> None:
        """Compute and draw after the state moved on from ``old``."""
        self.record = self.compute(self._state)
        self._draw()

    def _draw(self) -> None:
        """Move the picture to the present record, and show it if it is on the screen."""
        mark(self)
        if "view" in vars(self):
            self.view.show(self.record)
        else:
            self._picture.update(self.record)

    def _on_change(self, field: str, value: Any) -> None:
        with self._lock:
            if self._updating_controls or same(value, getattr(self._state, field)):
                return
            if self._echoed(field, value):
                self._update_controls(self._state)
            else:
                self.state = self._state.change(**{field: value})

    def _echoed(self, field: str, value: Any) -> bool:
        """Whether this is no move of the reader: a slider answers what it is set to if it rounds it differently."""
        late = time.monotonic() - 2.0  # seconds within which the browser answers
        self._set = [(name, was, when) for name, was, when in self._set if when > late]
        return any(name == field and value != was and same(value, was) for name, was, _ in self._set)

    def offered(self) -> dict[str, dict[str, Any]]:
        """The presets that set a control shown here, and the values of all controls shown, without duplicates.

        A preset resets what it does not set, so that its effect does not depend on what was done before.
        """
        presets: dict[str, dict[str, Any]] = {}
        for label, wanted in self.presets.items():
            values = {name: wanted.get(name, getattr(self._first, name)) for name in self.shown}
            if any(name in wanted for name in self.shown) and values not in presets.values():
                presets[label] = values
        return presets

    def another(self, state: S) -> Self:
        """An explorer like this one in another state."""
        return type(self)(state, self.shown, **(self.own or {}))

    def line(self) -> str:
        """The line of code that recreates this explorer in its present state, with the names of the functions."""
        own = {name: getattr(value, "__name__", type(value).__name__) for name, value in (self.own or {}).items()}
        return f"{self.factory}({', '.join(f'{k}={v}' for k, v in (self._state.changed() | own).items())})"

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        with self._lock:
            OUTPUTS.shown(self.widget)
            data, metadata = self.figure._repr_mimebundle_()
            return {**data, **self.widget._repr_mimebundle_(**options), "text/plain": data["text/plain"]}, metadata
