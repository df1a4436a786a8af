"""Which cells of a notebook display which widgets: explorers and questions that are no longer displayed are closed.

ipywidgets keeps every widget ever made, and IPython every output. Without this, running a cell again would leave
its old explorer alive, with its figure and, while it trains, its thread.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

import ipywidgets
from IPython import get_ipython
from ipywidgets.widgets.widget import _instances

VIEW = "application/vnd.jupyter.widget-view+json"

_run: ContextVar[list[ipywidgets.Widget] | None] = ContextVar("_run", default=None)
"""The widgets displayed so far by the running cell; None in handlers and threads, which run outside cells."""


class Closes(Protocol):
    """An object with widgets to close."""

    def close(self) -> None:
        """Close the widgets."""


class Outputs:
    """Record which widgets each cell displays; after a cell has run again, close what it no longer displays.

    A widget may have an ``owner``, which stays open as long as one of its widgets is displayed anywhere, also inside
    a box or an Output widget. Widgets displayed outside cells, by a button's handler or in another thread, stay open;
    so do all if the front end does not name its cells.
    """

    def __init__(self) -> None:
        """Start with no displayed widgets."""
        self._shell: Any = None
        self._forget()

    def _forget(self) -> None:
        self._cells: dict[str, list[ipywidgets.Widget]] = {}  # displayed by the last run of each cell
        self._runs: dict[str, list[ipywidgets.Widget]] = {}  # by cells that still run
        self._late: list[ipywidgets.Widget] = []  # by a cell that began before the first `listen`
        self._elsewhere: WeakSet[ipywidgets.Widget] = WeakSet()
        self._caught: WeakKeyDictionary[ipywidgets.Output, list[ipywidgets.Widget]] = WeakKeyDictionary()

    def listen(self) -> None:
        """Register with IPython to hear of cells and of the widgets that they display."""
        shell = get_ipython()
        if shell is not None and shell is not self._shell:
            self._shell = shell
            self._forget()
            _run.set(self._late)
            shell.events.register("pre_run_cell", self._begins)
            shell.events.register("post_run_cell", self._ended)
            shell.display_formatter.mimebundle_formatter.for_type(ipywidgets.Widget, self._displayed)

    def shown(self, widget: ipywidgets.Widget) -> None:
        """Record that a widget is displayed: in an Output widget that captures it, by a cell, or elsewhere."""
        self.listen()
        catching = [w for w in list(_instances.values()) if isinstance(w, ipywidgets.Output) and w.msg_id]
        for output in catching:
            self._caught.setdefault(output, []).append(widget)
        if not catching:
            run = _run.get()
            (self._elsewhere.add if run is None else run.append)(widget)

    def _displayed(self, widget: ipywidgets.Widget) -> Any:
        self.shown(widget)
        bundle = widget._repr_mimebundle_  # None once it is closed
        return bundle and bundle()

    def _begins(self, info: Any) -> None:
        cell = getattr(info, "cell_id", None)
        if cell is not None:
            self._runs[cell] = []
            _run.set(self._runs[cell])

    def _ended(self, result: Any) -> None:
        cell = getattr(getattr(result, "info", None), "cell_id", None)
        if cell is None:
            return
        before = self._cells.get(cell, [])
        self._cells[cell] = self._runs.pop(cell, self._late)
        self._late = []
        _run.set(None)
        displayed = [*self._cells.values(), *self._runs.values(), list(self._elsewhere)]
        standing = {id(owner) for widgets in displayed for owner in self._owners(widgets)}
        for owner in self._owners(before):
            if id(owner) not in standing:
                owner.close()

    def _owners(self, widgets: Iterable[ipywidgets.Widget]) -> list[Closes]:
        """The owners of some widgets and of all widgets inside them."""
        found, left = {}, list(widgets)
        while left:
            widget = left.pop()
            if id(widget) not in found and widget.comm is not None:
                found[id(widget)] = widget
                ids = [
                    output.get("data", {}).get(VIEW, {}).get("model_id") for output in getattr(widget, "outputs", ())
                ]
                left += [*getattr(widget, "children", ()), *(_instances[i] for i in ids if i in _instances)]
                left += self._caught.get(widget, [])
        return [widget.owner for widget in found.values() if hasattr(widget, "owner")]


OUTPUTS = Outputs()
OUTPUTS.listen()
