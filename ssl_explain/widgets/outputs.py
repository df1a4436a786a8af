"""What stands in the outputs of a notebook: explorers, questions and reveals that nobody shows give their widgets back.

ipywidgets keeps every widget ever made, and IPython every output. Without this, a cell that is run again would leave
its old explorer behind, with its figure and, while it trains, its thread.
"""

from typing import Any, Protocol

from IPython import get_ipython


class Closes(Protocol):
    """Whatever can give back what it holds."""

    def close(self) -> None:
        """Give it back."""


class Outputs:
    """Remember per cell what it shows; when a cell has ended, close what it made or showed and nobody shows now.

    A front end that does not name its cells keeps everything.
    """

    def __init__(self) -> None:
        """Nothing is made or shown yet."""
        self._made: list[Closes] = []
        self._shown: list[Closes] = []
        self._cells: dict[str, list[Closes]] = {}
        self._shell: Any = None

    def made(self, thing: Closes) -> None:
        """Note that the cell that runs has made it."""
        if self._listen():
            self._made.append(thing)

    def shown(self, thing: Closes) -> None:
        """Note that the cell that runs shows it."""
        if self._listen():
            self._shown.append(thing)

    def _listen(self) -> bool:
        shell = get_ipython()
        if shell is not None and shell is not self._shell:
            self._shell = shell
            shell.events.register("post_run_cell", self._ended)
        return shell is not None

    def _ended(self, result: Any) -> None:
        made, shown, self._made, self._shown = self._made, self._shown, [], []
        cell = getattr(result.info, "cell_id", None)
        if cell is None:
            return
        left = [*made, *self._cells.pop(cell, [])]
        if shown:
            self._cells[cell] = shown
        standing = {id(thing) for shown in self._cells.values() for thing in shown}
        for thing in left:
            if id(thing) not in standing:
                thing.close()


OUTPUTS = Outputs()
