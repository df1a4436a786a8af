"""The tree explorer: latents emerge in hidden neurons while a network trains."""

from collections.abc import Sequence
from typing import Self

from ssl_explain import require
from ssl_explain.dynamics.training import Training
from ssl_explain.kit.factory import factory
from ssl_explain.kit.runner import Run
from ssl_explain.kit.streaming import StreamingExplorer
from ssl_explain.lessons.start_here.picture import EmergencePicture
from ssl_explain.lessons.start_here.record import Emergence
from ssl_explain.lessons.start_here.state import TreeState, objective_of, run_of
from ssl_explain.records import Trace


class TreeExplorer(StreamingExplorer[TreeState]):
    """The tree with Play, Pause, Step and Reset; the root's curve of the previous run stays for comparison.

    Example:
        >>> tree_explorer(TreeState(depth=2, budget=500)).run(20).trace.steps.tolist()
        [0, 10, 20]
    """

    main_controls = ("strength",)
    presets = {
        "two views that differ": {"strength": 0.5, "neurons": 10, "wiring": "tree"},
        "no augmentation": {"strength": 0.0, "neurons": 10, "wiring": "tree"},
        "two neurons only": {"strength": 0.5, "neurons": 2, "wiring": "tree"},
        "dense wiring": {"strength": 0.5, "neurons": 10, "wiring": "dense"},
    }

    def __init__(self, state: TreeState, controls: Sequence[str] = (), levels: tuple[int, ...] = ()) -> None:
        """Build the first run and its picture; ``levels`` picks the curves (all of them if empty)."""
        require.integers("levels", levels, -len(TreeState.controls()["depth"].values()), "0 is the root, 1 the lowest")
        self._levels = levels
        super().__init__(state, controls)

    def another(self, state: TreeState) -> Self:
        """An explorer with the same curves."""
        return type(self)(state, self.shown, self._levels)

    def start(self, state: TreeState) -> Training:
        """Draw a tree and a network."""
        self._run = run_of(state)
        self.hand_over(state, self._run.training)
        return self._run.training

    def hand_over(self, state: TreeState, training: Run) -> None:
        """Set strength, learning rate and loss."""
        training.strength, training.learning_rate = state.strength, state.learning_rate
        training.objective = objective_of(state)

    def record_of(self, state: TreeState, before: Trace | None) -> Emergence:
        """The correlations reached so far."""
        return self._run.record(state.budget, before)

    def paint(self, record: Emergence) -> EmergencePicture:
        """The tree and its curves."""
        return EmergencePicture(record, levels=self._levels)


tree_explorer = factory(
    TreeExplorer, "Watch hidden causes appear in hidden neurons; ``levels`` picks the curves (all of them if empty)."
)
