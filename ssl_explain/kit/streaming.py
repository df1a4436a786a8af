"""Explorers with Play and Pause: move through a finished run, or train while the picture follows."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import ipywidgets

from ssl_explain.kit.controls import button, with_progress
from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.runner import FRAME, Run, Runner, weak_method
from ssl_explain.kit.state import State
from ssl_explain.records import Trace

S = TypeVar("S", bound=State)
BLOCK = 8  # training steps at once if a picture may take as many as fit: to let others in costs time
MANY = 100  # training steps per update of the progress bar
RUN = 7.0  # seconds that a finished run takes on the screen, if the machine is fast enough


class Player(Explorer[S]):
    """An explorer that takes steps in a background thread until its run is over."""

    waiting = False  # for a function of the reader's
    pace = 0  # steps per picture if the state has no pace; 0: as many as fit

    def __init__(self, state: S, controls: Sequence[str] = ()) -> None:
        """Compute the first record and draw it; nothing runs yet."""
        self._runner = Runner(weak_method(self._step), weak_method(self._show), weak_method(self._update_buttons))
        self._runner.steps_per_frame = getattr(state, "pace", self.pace)
        super().__init__(state, controls)

    def _step(self) -> bool:
        with self._lock.yielding():  # asked to stop meanwhile: take no step, since the run may have changed
            return not self._runner.stopping and self._advance()

    def _advance(self) -> bool:
        """Take one step and return whether more steps follow."""
        raise NotImplementedError

    def _show(self) -> None:
        """Draw the present state; here every step draws."""

    def _rewind(self) -> None:
        """Go back to the start if the run is over."""
        raise NotImplementedError

    @property
    def running(self) -> bool:
        """Whether steps are taken in the background."""
        return not self._runner.stopping

    def play(self) -> None:
        """Take steps in the background until the end; start again if this is the end."""
        if not self.running:
            with self._lock:
                self._rewind()
            self._runner.play()
        self._update_buttons()

    def pause(self) -> None:
        """Stop after the present step and draw."""
        self._runner.pause()
        super().pause()
        self._update_buttons()

    def _update_buttons(self) -> None:
        busy = self.running
        if "_buttons" in vars(self):
            for name, made in self._buttons.items():
                paused = not (busy or self.waiting)
                made.disabled = {"play": busy, "pause": paused, "step": busy}.get(name, False)
        if self._runner.error is not None and "view" in vars(self):
            remedy = " Press Reset." if "reset" in self._actions() else ""
            self.view.image.note = f"Training failed: {self._runner.error}.{remedy}"

    def _actions(self) -> dict[str, tuple[str, str, Callable[[], object]]]:
        """Tooltip, icon and function of every button."""
        return {
            "play": ("let time run; watch the curves", "play", self.play),
            "pause": ("let time stand", "pause", self.pause),
        }

    @functools.cached_property
    def _buttons(self) -> dict[str, ipywidgets.Button]:
        buttons = {}
        for name, (tip, icon, act) in self._actions().items():
            buttons[name] = button(name.capitalize(), tip, icon)
            buttons[name].on_click(lambda _, act=act: act())
        buttons["pause"].disabled = True
        return buttons


class TimedExplorer(Player[S]):
    """An explorer whose state has a ``time`` from 0 to 100, per cent of the run; Play and presets let it run."""

    pace = 1

    def __init__(self, state: S, controls: Sequence[str] = ()) -> None:
        """Compute the first record and draw it."""
        super().__init__(state, controls)
        self._stride = int(state.controls()["time"].step)
        self._runner.frame = max(FRAME, RUN * self._stride / 100)

    def choose(self, values: Mapping[str, Any]) -> None:
        """Apply a preset and play it from its start."""
        self.pause()
        super().choose({**values, "time": 0})
        self.play()

    def _advance(self) -> bool:
        self.state = self._state.change(time=min(100, _field(self._state, "time") + self._stride))
        return _field(self._state, "time") < 100

    def _rewind(self) -> None:
        if _field(self._state, "time") == 100:
            self.state = self._state.change(time=0)


class StreamingExplorer(Player[S]):
    """An explorer of a :class:`Run`; ``live`` settings change the run in progress, all others restart it.

    After a run is over, Play (or a new setting) restarts from the same network and keeps the old curve for comparison;
    a preset always restarts. Interrupting the kernel does not stop the thread: Pause does. A subclass defines
    ``start``, ``hand_over`` and ``record_of``; its state has the field ``budget``, and may have ``pace``.
    """

    stride = 10  # training steps of the button Step

    def __init__(self, state: S, controls: Sequence[str] = ()) -> None:
        """Build the first run and its picture."""
        self._before: Trace | None = None
        super().__init__(state, controls)

    def start(self, state: S) -> Run:
        """A new run at step 0."""
        raise NotImplementedError

    def hand_over(self, state: S, training: Run) -> None:
        """Pass the live settings to the run in progress."""
        raise NotImplementedError

    def record_of(self, state: S, before: Trace | None) -> Any:
        """The record of the present state; ``before`` is the previous run."""
        raise NotImplementedError

    def compute(self, state: S) -> Any:
        """The record of a new run at step 0."""
        self._training = self.start(state)
        return self.record_of(state, self._before)

    @property
    def trace(self) -> Trace:
        """Everything measured in the present run."""
        with self._lock:
            return self._training.trace()

    @property
    def over(self) -> bool:
        """Whether the run has used up its steps or has stopped early."""
        return self._training.step >= _field(self._state, "budget") or self._training.stopped is not None

    def refresh(self, old: S) -> None:
        """Pass live settings to the run in progress; restart for all others, and when the run is over."""
        changed = {n for n in self._state.controls() if getattr(old, n) != getattr(self._state, n)} - {"pace", "budget"}
        self._runner.steps_per_frame = getattr(self._state, "pace", self.pace)
        if changed:
            live = all(self._state.controls()[name].live for name in changed)
            if not live or self.over:
                self._runner.ask_to_stop()
                self._restart(keep=live)
            self.hand_over(self._state, self._training)
        self._show()

    def choose(self, values: Mapping[str, Any]) -> None:
        """Apply a preset, which always starts a new run."""
        with self._lock:
            self._runner.ask_to_stop()
            super().choose(values)
            if self._training.step > 0 or self._training.stopped is not None:
                self._restart(keep=True)
                self._show()
            self._update_buttons()

    def _snapshot(self) -> dict[str, Any]:
        """All attributes, the run included."""
        return dict(vars(self))

    def _restore(self, kept: dict[str, Any]) -> None:
        super()._restore(kept)
        self.hand_over(self._state, self._training)

    def _restart(self, *, keep: bool) -> None:
        """Go back to step 0 and, if ``keep``, keep the curve so far for comparison; not if the world has changed."""
        trace = self._training.trace()
        if not keep:
            self._before = None
        elif trace.steps[-1] > 0:
            self._before = trace
        self._training = self.start(self._state)
        self._runner.error = None

    def _advance(self) -> bool:
        left = 1 if self._runner.steps_per_frame else _field(self._state, "budget") - self._training.step
        self._training.advance(max(1, min(BLOCK, left)))
        return not self.over

    def _show(self) -> None:
        with self._lock:
            self.record = self.record_of(self._state, self._before)
            self._draw()

    def _rewind(self) -> None:
        if self.over:
            self._restart(keep=True)

    def run(self, steps: int) -> Any:
        """Train for ``steps`` steps in the foreground, with a progress bar for many, and return the record."""
        self.pause()
        parts = [min(MANY, steps - at) for at in range(0, int(steps), MANY)] or [steps]
        with self._lock:
            for part in with_progress(parts, "training"):
                self._training.advance(part)
        self._show()
        return self.record

    def reset(self) -> None:
        """Go back to the untrained network and keep the curve so far for comparison."""
        self._runner.pause()
        with self._lock:
            self._restart(keep=True)
        self._show()
        self._update_buttons()

    def _actions(self) -> dict[str, tuple[str, str, Callable[[], object]]]:
        return {
            "play": ("train; watch the picture", "play", self.play),
            "pause": ("stop after this step; settings may change meanwhile", "pause", self.pause),
            "step": (f"train {self.stride} steps", "step-forward", lambda: self.run(self.stride)),
            "reset": ("back to the untrained network", "undo", self.reset),
        }


def _field(state: State, name: str) -> int:
    """An integer field that only some states have."""
    return int(getattr(state, name))
