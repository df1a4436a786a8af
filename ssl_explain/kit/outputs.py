"""What stands in the outputs of a notebook: explorers, questions and reveals that nobody shows give their widgets back.

ipywidgets keeps every widget ever made, and IPython every output. Without this, a cell that is run again would leave
its old explorer behind, with its figure and, while it trains, its thread.
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
"""What the cell that runs has displayed so far; None in handlers and threads, which run outside cells."""


class Closes(Protocol):
    """Whatever can give back what it holds."""

    def close(self) -> None:
        """Give it back."""


class Outputs:
    """Know which widgets each cell displays; when a cell has run again, close what it displayed before and is gone.

    A widget with an ``owner`` stands for it. The owner stays open as long as one of its widgets is displayed anywhere,
    perhaps inside a box or an Output widget. What is displayed outside cells, by a button's handler or in another
    thread, stays; so does everything if the front end does not name its cells.
    """

    def __init__(self) -> None:
        """Nothing is displayed yet."""
        self._shell: Any = None
        self._forget()

    def _forget(self) -> None:
        self._cells: dict[str, list[ipywidgets.Widget]] = {}  # what the last run of each cell has displayed
        self._runs: dict[str, list[ipywidgets.Widget]] = {}  # the same of cells that still run
        self._late: list[ipywidgets.Widget] = []  # the same of a cell that began before the first `listen`
        self._elsewhere: WeakSet[ipywidgets.Widget] = WeakSet()
        self._caught: WeakKeyDictionary[ipywidgets.Output, list[ipywidgets.Widget]] = WeakKeyDictionary()

    def listen(self) -> None:
        """Take note of cells and of the widgets that they display from now on."""
        shell = get_ipython()
        if shell is not None and shell is not self._shell:
            self._shell = shell
            self._forget()
            _run.set(self._late)
            shell.events.register("pre_run_cell", self._begins)
            shell.events.register("post_run_cell", self._ended)
            shell.display_formatter.mimebundle_formatter.for_type(ipywidgets.Widget, self._displayed)

    def shown(self, widget: ipywidgets.Widget) -> None:
        """Note that a widget is being displayed: in an Output widget that catches it, by a cell, or elsewhere."""
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
        """The owners of some widgets and of all that they hold."""
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
