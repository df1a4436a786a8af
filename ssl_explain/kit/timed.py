"""Explorers of a run that is computed at once: Play and Pause move the time at which it is looked at."""

import functools
from collections.abc import Sequence
from typing import Any, TypeVar

import ipywidgets

from ssl_explain.kit.controls import play_and_pause
from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.runner import Runner, weakly
from ssl_explain.kit.state import State

S = TypeVar("S", bound=State)


class TimedExplorer(Explorer[S]):
    """An explorer whose state has a ``time`` from 0 to 100, per cent of the run; Play moves it."""

    def __init__(self, state: S, controls: Sequence[str] = ()) -> None:
        """Build the run and its picture."""
        self._runner = Runner(weakly(self._step), lambda: None, weakly(self._settle))
        self._runner.steps_per_frame = 1
        super().__init__(state, controls)

    @property
    def _time(self) -> int:
        state: Any = self._state
        return int(state.time)

    def _step(self) -> bool:
        with self._turn.yielding():
            if self._runner.stopping:  # asked to stop while it waited
                return False
            self.state = self._state.change(time=min(100, self._time + 5))
            return self._time < 100

    def play(self) -> None:
        """Let the time run to its end, from the start if it stands there."""
        if self._runner.stopping:
            if self._time == 100:
                self.state = self._state.change(time=0)
            self._runner.play()
        self._settle()

    def pause(self) -> None:
        """Let the time stand."""
        self._runner.pause()
        self._settle()

    def _settle(self) -> None:
        if "_buttons" in vars(self):
            running = not self._runner.stopping
            self._buttons[0].disabled, self._buttons[1].disabled = running, not running

    @functools.cached_property
    def _buttons(self) -> tuple[ipywidgets.Button, ipywidgets.Button]:
        return play_and_pause(self.play, self.pause)

    def _rows(self) -> list[ipywidgets.Widget]:
        head, grid, view = super()._rows()
        return [head, grid, ipywidgets.HBox(list(self._buttons)), view]
