"""Training by plain gradient descent, with measurements, that stops when a value is not finite."""

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from ssl_explain import require
from ssl_explain.dynamics.kept import STOPPED, Values, assign, differentiable, measured, nothing_pending, with_loss
from ssl_explain.dynamics.supply import Supply, World
from ssl_explain.records import Stretch, Trace, Views
from ssl_explain.torch_modes import keep_memory, own_modes, trainable

NOT_FINITE = "stopped at step {}: the loss or the next update is no longer finite; lower the learning rate"
Measure = Callable[..., Tensor]
Objective = Callable[[nn.Module, Views], Tensor]


def nothing_more(step: int) -> None:
    """The default of ``after_step``."""


class Training:
    """A run in progress: ``advance`` it, change its settings between steps, ask for its ``trace`` at any time.

    One step is x ~ world, then W ← W - lr · ∇L: plain gradient descent without memory, so a run that is cut into
    pieces ends with the same bits as an uncut one. ``strength``, ``learning_rate`` and ``objective`` may be
    changed while it runs; the trace records from which step on (an objective by its ``name``). ``measure`` is
    called before step 0 and after every ``measure_every`` steps, ``after_step`` with the number of every step taken.

    Steps (weights, buffers, random numbers, count) and measurements are atomic: after an interrupt or an error in one
    of these functions :meth:`advance` continues with the bits of an undisturbed run. Modes of PyTorch (no_grad,
    autocast, a default device) have no effect. One thread at a time.

    Raises:
        ValueError: a negative learning rate, a batch of one, ``measure_every`` below 1, a network that cannot learn.
        TypeError: no network, no world, no generator, numbers or functions of another type, a measurement that is not a
            tensor.
    """

    def __init__(
        self,
        net: nn.Module,
        world: World,
        objective: Objective,
        *,
        learning_rate: float,
        generator: torch.Generator,
        measure: Measure,
        strength: float = 1.0,
        batch: int = 128,
        measure_every: int = 25,
        after_step: Callable[[int], None] = nothing_more,
    ) -> None:
        """Check the settings and measure the untrained network."""
        require.instance("net", net, nn.Module, "such as a ReLUNet")
        require.generator(generator)
        require.function("draw of the world", getattr(world, "draw", None), "a world draws views, such as a LatentTree")
        for name, function in (("objective", objective), ("measure", measure), ("after_step", after_step)):
            require.function(name, function, "pass the function itself")
        self.net, self.world, self.objective, self.measure = net, world, objective, measure
        self.after_step = after_step
        self.generator, self.strength = generator, strength
        self.learning_rate = require.number("learning_rate", learning_rate, 0, float("inf"), "try 0.1")
        self.batch = require.integer("batch", batch, 2, "a contrastive step needs a second point to push away")
        self._supply = Supply(batch, generator)
        self.measure_every = require.integer("measure_every", measure_every, 1, "count in steps")
        self.stopped: str | None = None
        self.step = 0
        keep_memory()
        self._parameters, self._buffers = trainable(net), list(net.buffers())
        require.integer("number of weights that learn", len(self._parameters), 1, "nothing here can be trained")
        self._losses = torch.empty(0, dtype=torch.float32)
        self._measured: list[tuple[int, Tensor]] = []
        self._stretches: list[Stretch] = []
        self._pending: Callable[[], None] = nothing_pending  # completes an interrupted step; may be called twice
        with self._modes():
            self._measure_if_due()

    def _modes(self) -> AbstractContextManager[None]:
        return own_modes(self._parameters[0].device)

    def advance(self, steps: int = 1) -> None:
        """Take ``steps`` steps, fewer if a value stops being finite (``stopped`` then says why).

        Raises:
            ValueError: a negative number of steps, a measurement of another shape than before, or whatever the world
                and the objective reject.
            TypeError: steps that are no whole number.
        """
        require.integer("steps", steps, 0, "0 only measures")
        torch.get_num_threads()  # makes a new Python thread inherit the thread count, which fixes rounding
        with self._modes():
            try:
                self._settle()
                self._measure_if_due()
                for _ in range(steps):
                    if self.stopped is None:
                        self._one_step()
                        self._measure_if_due()
            finally:
                self._settle()

    def restart_at(self, step: int, weights: Mapping[str, Tensor], state: Tensor) -> None:
        """Continue an earlier run from its step, weights and random state; its losses are unknown: NaN."""
        require.integer("step", step, 0, "count in steps")
        with self._modes():
            self._pending = partial(self._restart, step, weights, state)
            try:
                self._settle()
            finally:
                self._settle()
            self._measure_if_due()

    def _restart(self, step: int, weights: Mapping[str, Tensor], state: Tensor) -> None:
        self.net.load_state_dict(weights)
        self.generator.set_state(state)
        self._supply.drawn = 0, ()
        self.step, self._losses, self._measured = step, torch.full((step,), float("nan"), dtype=torch.float32), []
        self._stretches = []

    def _settle(self) -> None:
        """Complete, or undo, an interrupted step."""
        self._pending()
        self._pending = nothing_pending

    def _as_it_is(self) -> Callable[[], None]:
        """A function that restores the present state after a user's function has failed."""
        tensors = self._buffers if self.after_step is nothing_more else [*self._buffers, *self.net.parameters()]
        kept = [(tensor, tensor.detach().clone()) for tensor in tensors]
        return partial(self._go_back, self.step, self.generator.get_state(), self._supply.drawn, kept)

    def _go_back(self, step: int, state: Tensor, drawn: tuple[int, Any], kept: Values) -> None:
        self.generator.set_state(state)
        self._supply.drawn = drawn
        assign(kept)
        self.step = step
        self._stretches = [stretch for stretch in self._stretches if stretch.start < step]

    def _one_step(self) -> None:
        self._pending, settings = self._as_it_is(), self._settings()
        loss, weights = self._update()
        if weights:
            finish = partial(self._finish, settings, loss, weights)
            if self.after_step is nothing_more:
                self._pending = finish
            else:
                finish()
                self.after_step(self.step)
                self._pending = nothing_pending
        self._settle()

    def _update(self) -> tuple[Tensor, Values]:
        """The loss of a batch and the next weights; no weights if a value is not finite."""
        views = self._supply.views(self.world, self.strength)
        loss = differentiable("objective", self.objective(self.net, views))
        total = loss.sum() if loss.ndim else loss
        gradients = torch.autograd.grad(total, self._parameters)
        size = torch.cat([gradient.flatten() for gradient in gradients]).norm() * self.learning_rate
        loss = measured("objective", loss, self._losses[0] if self.step else None)
        if not isfinite((size + total).item()):
            self.stopped = NOT_FINITE.format(self.step)
            return loss, []
        with torch.no_grad():
            pairs = zip(self._parameters, gradients, strict=True)
            return loss, [(w, torch.sub(w, gradient, alpha=self.learning_rate)) for w, gradient in pairs]

    def _finish(self, settings: Stretch, loss: Tensor, weights: Values) -> None:
        assign(weights)
        self._losses = with_loss(self._losses, settings.start, loss)
        if not self._stretches or not settings.goes_on(self._stretches[-1]):
            self._stretches.append(settings)
        self.step = settings.start + 1

    def _settings(self) -> Stretch:
        """The settings of the next step."""
        return Stretch(self.step, self.strength, self.learning_rate, getattr(self.objective, "name", ""))

    def _measure_if_due(self) -> None:
        last = self._measured[-1][0] if self._measured else None
        if last is None or (last != self.step and self.step % self.measure_every == 0):
            self._measured.append((self.step, self._measure()))

    def _measure(self) -> Tensor:
        go_back = self._as_it_is()
        try:
            return measured("measure", self.measure(self.net), self._measured[0][1] if self._measured else None)
        except BaseException:
            go_back()
            raise

    def trace(self, *, now: bool = True) -> Trace:
        """Everything measured so far, with the present state as its last point; measure nothing new if not ``now``."""
        with self._modes():
            seen = list(self._measured)
            if not seen or (now and seen[-1][0] != self.step):
                seen.append((self.step, self._measure()))
            steps, values = zip(*seen, strict=True)
            return Trace(
                torch.tensor(steps), torch.stack(values), self._losses[: self.step].clone(), self.stopped,
                tuple(self._stretches), self._settings(),
            )  # fmt: skip


def train(
    net: nn.Module,
    world: World,
    objective: Objective,
    *,
    steps: int,
    learning_rate: float,
    generator: torch.Generator,
    measure: Measure,
    strength: float = 1.0,
    batch: int = 128,
    measure_every: int = 25,
    progress: bool = False,
) -> Trace:
    """Train ``net`` in place and return the measurements.

    An interrupt (Ctrl-C, the stop button) ends it after a whole step; the trace so far says so in ``stopped``.

    Raises:
        ValueError: a batch of one, a negative learning rate or number of steps, a strength outside [0, 1].
        TypeError: whatever :class:`Training` rejects, steps that are no whole number.
    """
    require.integer("steps", steps, 0, "0 only measures")
    run = Training(
        net, world, objective, learning_rate=learning_rate, generator=generator, measure=measure,
        strength=strength, batch=batch, measure_every=measure_every,
    )  # fmt: skip
    try:
        with tqdm(total=steps, disable=not progress, unit="step") as bar:
            while run.step < steps and run.stopped is None:
                chunk = min(measure_every, steps - run.step)
                run.advance(chunk)
                bar.update(chunk)
        return run.trace()
    except KeyboardInterrupt:
        return dataclasses.replace(run.trace(), stopped=STOPPED.format(run.step))
