"""The race explorer: three levels of latents, trained on exact expectations, with every node in detail."""

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from ssl_explain.kit.factory import factory
from ssl_explain.kit.runner import FRAME
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.kit.streaming import TimedExplorer
from ssl_explain.lessons.latent_variables_emerge.expected import Expected, expected_info_nce, expected_simple
from ssl_explain.lessons.why_the_root.race import race_run
from ssl_explain.lessons.why_the_root.race_picture import OPERATORS, SELECTIVITIES, Race, RacePicture
from ssl_explain.records import Trace

STEPS, EVERY = 100, 2
KEPT = 12  # runs in the cache of an explorer
NODES = {"root": 6, "2a": 4, "2b": 5, "1a": 0, "1b": 1, "1c": 2, "1d": 3}


@dataclass(frozen=True)
class RaceState(State):
    """Every setting of the race explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    show: str = choice(
        OPERATORS, (OPERATORS, SELECTIVITIES), label="show on the right", tip="of all nodes, or of the neurons of one"
    )
    node: str = choice("root", tuple(NODES), label="node", tip="level and place from the left; ringed in the tree")
    polarity: tuple[float, float] = choice(
        (0.7, 1.0),
        ((0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.7, 1.0), (0.9, 1.0)),
        label="polarity |ρ|",
        tip="how faithfully a child copies its parent: 0 not at all, 1 always",
    )
    loss: str = choice("L_simp", ("L_simp", "InfoNCE"), label="loss", tip="InfoNCE: against everyone at once")
    outputs: str = choice(
        "normalised", ("normalised", "free"), label="outputs", tip="the theory has free ones; they grow without end"
    )
    root: float = slider(0.5, 0.5, 0.95, 0.05, label="P(root = 1)", tip="0.5 is a fair coin")
    strength: float = slider(1.0, 0, 1, 0.1, label="augmentation q", tip="1: two views share the root alone")
    neurons: int = slider(4, 2, 6, 1, label="neurons per node", tip="more neurons, more lucky draws at the start")
    temperature: float = choice(0.1, (0.05, 0.1, 0.2, 0.5, 1.0), label="temperature τ", tip="of InfoNCE alone")
    learning_rate: float = choice(
        0.01, (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0), label="learning rate", tip="length of one step"
    )
    seed: int = slider(1, 1, 20, 1, label="seed", tip="another tree and another network")
    time: int = slider(0, 0, 100, 2, label="time, % of the run", tip="0: before training; 100: after 100 steps")

    def idle(self) -> Mapping[str, str]:
        """L_simp has no temperature."""
        return {"temperature": "L_simp has no temperature"} if self.loss == "L_simp" else {}


class History:
    """A run and its measurements so far."""

    def __init__(self, state: RaceState) -> None:
        """Make tree and network, and measure them."""
        loss: Expected = expected_simple
        if state.loss == "InfoNCE":
            loss = functools.partial(expected_info_nce, temperature=state.temperature)
        self.run = race_run(
            neurons=state.neurons, polarity=state.polarity, root=state.root, strength=state.strength, loss=loss,
            learning_rate=state.learning_rate, seed=state.seed, normalise=state.outputs == "normalised",
            measure_every=EVERY,
        )  # fmt: skip
        self.operators = [self.run.operators()]
        self.trace = self.run.training.trace()

    def behind(self, index: int) -> bool:
        """Whether the run can and must go on for ``index`` measurements after the first."""
        return len(self.operators) <= index and self.run.training.stopped is None

    def go_on(self) -> None:
        """Train to the next measurement, which is left out if the run has diverged."""
        self.run.advance(EVERY * len(self.operators) - self.run.training.step)  # fewer than EVERY after an interrupt
        self.trace = self.run.training.trace()
        if self.trace.stopped is None:
            self.operators.append(self.run.operators())

    def record(self, state: RaceState) -> Race:
        """The run up to the time of the state, or as far as it was trained."""
        end = min(state.time * STEPS // (100 * EVERY), len(self.operators) - 1) + 1
        steps, stopped = self.trace.steps[:end], self.trace.stopped if end == len(self.operators) else None
        values, losses = self.trace.values[:end], self.trace.losses[: int(steps[-1])]
        outputs = f"outputs {'normalised' if state.outputs == 'normalised' else 'free to grow'}"
        return Race(
            self.run.tree.topology, self.run.tree.polarity, self.run.ceilings,
            Trace(steps, values[..., 0], losses, stopped), state.strength, STEPS,
            operators=torch.stack(self.operators[:end]), selectivity=values[..., 1:], node=NODES[state.node],
            show=state.show, root=state.root, setting=f"{state.loss}, {outputs}",
        )  # fmt: skip


class RaceExplorer(TimedExplorer[RaceState]):
    """The run with Play, which moves the time. Any other setting starts another run.

    A run that has not been trained up to the chosen time catches up in the background.

    Example:
        >>> race_explorer(RaceState(neurons=2, time=4)).record.trace.steps.tolist()
        [0, 2, 4]
    """

    picture = RacePicture
    main_controls = ("time", "show")
    presets = {
        "clear causes": {"polarity": (0.7, 1.0), "root": 0.5, "outputs": "normalised"},
        "weak polarity": {"polarity": (0.3, 0.5), "root": 0.5, "outputs": "normalised"},
        "unfair root": {"polarity": (0.7, 1.0), "root": 0.95, "outputs": "normalised"},
        "free outputs": {"polarity": (0.7, 1.0), "root": 0.5, "outputs": "free"},
    }

    def __init__(self, state: RaceState, controls: Sequence[str] = ()) -> None:
        """Build the run up to the time of the state, and its picture."""
        self._histories: dict[RaceState, History] = {}
        self._playing, self._idle, self._shown = False, True, 0.0
        super().__init__(state, controls)

    def history(self, state: RaceState) -> History:
        """The cached run, ignoring time, node and right panel."""
        key = state.change(time=0, node="root", show=OPERATORS)
        if key not in self._histories:
            if len(self._histories) >= KEPT:
                self._histories.pop(next(iter(self._histories)))
            self._histories[key] = History(key)
        return self._histories[key]

    def compute(self, state: RaceState) -> Race:
        """Train up to the time of the state."""
        history = self.history(state)
        while history.behind(_index(state)):
            history.go_on()
        return history.record(state)

    def refresh(self, old: RaceState) -> None:
        """Show what is trained, and catch up in the background; wait for a single step of the time."""
        history, index = self.history(self._state), _index(self._state)
        if len(history.operators) == index and history.behind(index):
            history.go_on()
        self._look()
        if self._idle and history.behind(index):
            self._start()

    def _look(self) -> None:
        self._shown = time.perf_counter()
        self.record = self.history(self._state).record(self._state)
        self._draw()

    def _start(self) -> None:
        """Start the thread. Join only when idle, when the thread no longer needs our lock."""
        self._idle = False
        self._runner.steps_per_frame = 1 if self._playing else 0
        self._runner.ask_to_stop()
        self._runner.play()

    def _advance(self) -> bool:
        history = self.history(self._state)
        late = history.behind(_index(self._state))
        if late:
            history.go_on()
        elif self._playing:
            super()._advance()
        more = history.behind(_index(self._state)) or (self._playing and self._state.time < 100)
        if late and (not more or time.perf_counter() > self._shown + FRAME):
            self._look()
        self._idle = not more
        return more

    def play(self) -> None:
        """Move the time to the end of the run, from the start if it is there already."""
        with self._lock:
            self._rewind()
            self._playing = True
            self._runner.steps_per_frame = 1
            if self._idle:
                self._start()
        self._update_buttons()

    def pause(self) -> None:
        """Stop the time, and training in the background."""
        self._runner.pause()
        with self._lock:
            self._playing, self._idle = False, True
            self._look()
        self._update_buttons()

    @property
    def running(self) -> bool:
        """Whether the time moves; training in the background does not count."""
        return self._playing

    def _update_buttons(self) -> None:
        if self._runner.error is not None:
            self._idle = True
        if self._idle:
            self._playing = False
        super()._update_buttons()


def _index(state: RaceState) -> int:
    """The index of the measurement at the time of a state."""
    return state.time * STEPS // (100 * EVERY)


race_explorer = factory(RaceExplorer, "Watch three levels of causes race to their ceilings, without chance.")
