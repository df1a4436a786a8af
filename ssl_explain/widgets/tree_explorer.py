"""The tree explorer: hidden causes light up in hidden neurons, while you watch."""

import html
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import ipywidgets

from ssl_explain.figures.emergence import EmergencePicture
from ssl_explain.losses.contrastive import contrastive
from ssl_explain.records import Emergence, Trace
from ssl_explain.widgets.controls import button
from ssl_explain.widgets.explorer import Explorer
from ssl_explain.widgets.runner import Runner
from ssl_explain.widgets.tree_state import TreeState, loss_of, run_of


class TreeExplorer(Explorer[TreeState]):
    """The tree with Play, Pause, Step and Reset; ``live`` settings act on the run in progress, all others restart it.

    After a run is over, Play (or a new setting) starts afresh from the same network and keeps the old
    curve of the root to compare with. Interrupting the kernel does not stop the thread: Pause does.
    """

    factory = "tree_explorer"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "two views that differ": {"strength": 0.5, "neurons": 10, "wiring": "tree"},
        "no augmentation": {"strength": 0.0, "neurons": 10, "wiring": "tree"},
        "two neurons only": {"strength": 0.5, "neurons": 2, "wiring": "tree"},
        "dense wiring": {"strength": 0.5, "neurons": 10, "wiring": "dense"},
    }

    def __init__(self, state: TreeState, controls: Sequence[str] = (), levels: tuple[int, ...] = ()) -> None:
        """Build the first run and its picture; ``levels`` picks the curves (all of them if empty)."""
        self._levels = levels
        self._before: tuple[Trace, float] | None = None
        self._runner = Runner(self._step, self._show, self._settle)
        super().__init__(state, controls)
        self._runner.steps_per_frame = state.pace

    def compute(self, state: TreeState) -> Emergence:
        """Start afresh: a new run that has taken no step."""
        self._run = run_of(state)
        return self._record()

    def paint(self, record: Emergence) -> EmergencePicture:
        """The tree and its curves."""
        return EmergencePicture(record, levels=self._levels)

    def _record(self) -> Emergence:
        return self._run.record(self._state.budget, *(self._before or (None, None)))

    @property
    def trace(self) -> Trace:
        """Everything measured in the present run."""
        with self._turn:
            return self._run.training.trace()

    @property
    def running(self) -> bool:
        """Whether training goes on in the background."""
        return not self._runner.stopping

    @property
    def over(self) -> bool:
        """Whether the run has used its steps up or broken down."""
        training = self._run.training
        return training.step >= self._state.budget or training.stopped is not None

    def refresh(self, old: TreeState) -> None:
        """Hand live settings to the run in progress; start afresh for all others, and when the run is over."""
        changed = {name for name in self._state.controls() if getattr(old, name) != getattr(self._state, name)}
        self._runner.steps_per_frame = self._state.pace
        if changed - {"pace", "budget"}:
            live = all(self._state.controls()[name].live for name in changed)
            if not live or self.over:
                self._runner.ask_to_stop()
                self._restart(keep=live, strength=old.strength)
            training = self._run.training
            training.strength, training.learning_rate = self._state.strength, self._state.learning_rate
            training.objective = contrastive(loss_of(self._state))
        self._show()

    def _restart(self, *, keep: bool, strength: float) -> None:
        """Go back to step 0; ``keep`` the curve so far to compare with, unless the tree itself is another."""
        trace = self._run.training.trace()
        if not keep:
            self._before = None
        elif trace.steps[-1] > 0:
            self._before = (trace, strength)
        self._run = run_of(self._state)
        self._runner.error = None

    def _step(self) -> bool:
        with self._turn.yielding():
            if self._runner.stopping:  # asked to stop while it waited: the run may be another by now
                return False
            self._run.training.advance(1)
            return not self.over

    def _show(self) -> None:
        with self._turn:
            self.record = self._record()
            self.view.show(self.record)

    def play(self) -> None:
        """Train in the background until the steps are used up; start afresh if they are."""
        if not self.running:
            with self._turn:
                if self.over:
                    self._restart(keep=True, strength=self._state.strength)
            self._runner.play()
        self._settle()

    def pause(self) -> None:
        """Stop after the present step and show where it stands."""
        self._runner.pause()
        self._settle()

    def run(self, steps: int) -> Emergence:
        """Train ``steps`` steps in the foreground, for scripts and tests, and return the record."""
        self.pause()
        with self._turn:
            self._run.training.advance(steps)
        self._show()
        return self.record

    def reset(self) -> None:
        """Go back to the untrained network and keep the curve so far to compare with."""
        self._runner.pause()
        with self._turn:
            self._restart(keep=True, strength=self._state.strength)
        self._show()
        self._settle()

    def _settle(self) -> None:
        """Make the buttons say what can be done now."""
        running = self.running
        for name, able in (("play", not running), ("pause", running), ("step", not running)):
            self._buttons[name].disabled = not able
        if self._runner.error is not None:
            self.view.readout.value = f"Training failed: {html.escape(str(self._runner.error))}. Press Reset."

    def _rows(self) -> list[ipywidgets.Widget]:
        actions = {
            "play": ("Play", "train; watch the picture", "play", self.play),
            "pause": ("Pause", "stop after this step; settings may change meanwhile", "pause", self.pause),
            "step": ("Step", "train ten steps", "step-forward", lambda: self.run(10)),
            "reset": ("Reset", "back to the untrained network", "undo", self.reset),
        }
        self._buttons = {}
        for name, (label, tip, icon, act) in actions.items():
            self._buttons[name] = button(label, tip, icon)
            self._buttons[name].on_click(lambda _, act=act: act())
        self._buttons["pause"].disabled = True
        head, grid, view = super()._rows()
        return [head, grid, ipywidgets.HBox(list(self._buttons.values())), view]


def tree_explorer(
    state: TreeState | None = None, *, controls: Sequence[str] = (), levels: tuple[int, ...] = ()
) -> TreeExplorer:
    """Watch hidden causes appear in hidden neurons.

    ``controls`` names the settings to show (all of them if empty), ``levels`` the curves.

    Raises:
        ValueError: a control that does not exist.

    Example:
        >>> tree_explorer(TreeState(depth=2, budget=500)).run(20).trace.steps.tolist()
        [0, 10, 20]
    """
    return TreeExplorer(state or TreeState(), controls, levels)
