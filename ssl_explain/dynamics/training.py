"""Training, watched: plain gradient descent that measures as it goes and stops before it breaks anything."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from ssl_explain import _require
from ssl_explain.records import Stretch, Trace, Views

Measure = Callable[..., Tensor]
Objective = Callable[[nn.Module, Views], Tensor]


@runtime_checkable
class World(Protocol):
    """Anything that draws views of data points."""

    def draw(self, n: int, *, views: int, strength: float, generator: torch.Generator) -> Views:
        """Draw ``n`` points and ``views`` views of each."""


@dataclass(frozen=True)
class Named:
    """An objective with a name, by which a trace tells it from others."""

    name: str
    objective: Objective

    def __call__(self, net: nn.Module, views: Views) -> Tensor:
        """The objective itself."""
        return self.objective(net, views)


def nothing_more(step: int) -> None:
    """What happens after a step, where nothing does."""


def measured(value: object) -> Tensor:
    """What was measured, if it is a tensor: only tensors can be stacked.

    Raises:
        TypeError: what is none.
    """
    return _require.instance("measure", value, Tensor, "let it return a tensor: torch.tensor(value)")


class Training:
    """A run in progress: ``advance`` it, change its settings between steps, ask for its ``trace`` at any time.

    One step is x ~ world, then W ← W - lr · ∇L: plain gradient descent without memory, so a run that is cut into
    pieces ends with the same bits as an uncut one. ``strength``, ``learning_rate`` and ``objective`` may be
    changed while it runs: the trace says from which step on (an objective is known by its name, see
    :class:`Named`). ``measure`` is called before step 0 and after every ``measure_every`` steps, ``after_step``
    with the number of every step taken: there a target network follows.

    Raises:
        ValueError: a negative learning rate, a batch of one, ``measure_every`` below 1, a network that cannot learn.
        TypeError: no network, no world, no generator, numbers or functions that are none, a measurement that is no
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
        _require.instance("net", net, nn.Module, "such as a ReLUNet")
        _require.generator(generator)
        _require.function(
            "draw of the world", getattr(world, "draw", None), "a world draws views, such as a LatentTree"
        )
        for name, function in (("objective", objective), ("measure", measure), ("after_step", after_step)):
            _require.function(name, function, "pass the function itself")
        self.net, self.world, self.objective, self.measure = net, world, objective, measure
        self.after_step = after_step
        self.generator, self.strength = generator, strength
        self.learning_rate = _require.number("learning_rate", learning_rate, 0, float("inf"), "try 0.1")
        self.batch = _require.integer("batch", batch, 2, "a contrastive step needs a second point to push away")
        self.measure_every = _require.integer("measure_every", measure_every, 1, "count in steps")
        self.stopped: str | None = None
        self.step = 0
        self._parameters = [p for p in net.parameters() if p.requires_grad]
        _require.integer("number of weights that learn", len(self._parameters), 1, "nothing here can be trained")
        self._losses = torch.empty(0)
        self._steps, self._values = [0], [measured(measure(net))]
        self._stretches: list[Stretch] = []

    def advance(self, steps: int = 1) -> None:
        """Take ``steps`` steps, fewer if a value stops being finite (``stopped`` then says why).

        Raises:
            ValueError: a negative number of steps, or whatever the world and the objective reject.
            TypeError: steps that are no whole number.
        """
        _require.integer("steps", steps, 0, "0 only measures")
        torch.get_num_threads()  # a new Python thread takes over the number of threads, hence the bits, when asked
        for _ in range(steps):
            if self.stopped is None:
                self._one_step()

    def restart_at(self, step: int) -> None:
        """Count on from a step that an earlier run has reached; what it measured before is not known (its losses: NaN).

        Whoever calls it has put network and generator where that run left them.
        """
        self.step = _require.integer("step", step, 0, "count in steps")
        self._losses = torch.full((step,), float("nan"))
        self._steps, self._values = [step], [self.measure(self.net)]
        self._stretches = []

    def _one_step(self) -> None:
        settings = self._settings()
        views = self.world.draw(self.batch, views=2, strength=self.strength, generator=self.generator)
        loss = self.objective(self.net, views)
        gradients = torch.autograd.grad(loss.sum(), self._parameters)
        size = torch.nn.utils.get_total_norm(gradients) * self.learning_rate
        if not torch.isfinite(size + loss.detach().sum()):
            self.stopped = (
                f"stopped at step {self.step}: the loss or the next update is no longer finite; lower the learning rate"
            )
            return
        with torch.no_grad():
            for parameter, gradient in zip(self._parameters, gradients, strict=True):
                parameter.sub_(gradient, alpha=self.learning_rate)
        self._keep(loss.detach())
        if not self._stretches or replace(settings, start=self._stretches[-1].start) != self._stretches[-1]:
            self._stretches.append(settings)
        self.step += 1
        self.after_step(self.step)
        if self.step % self.measure_every == 0:
            self._steps.append(self.step)
            self._values.append(self.measure(self.net))

    def _settings(self) -> Stretch:
        """The settings of the next step."""
        return Stretch(self.step, self.strength, self.learning_rate, getattr(self.objective, "name", ""))

    def _keep(self, loss: Tensor) -> None:
        """Remember a loss in one tensor: thousands of small ones would lie between large blocks that then stay lost."""
        if self.step == len(self._losses):
            longer = loss.new_empty(max(256, 2 * self.step), *loss.shape)
            if self.step:
                longer[: self.step] = self._losses
            self._losses = longer
        self._losses[self.step] = loss

    def trace(self, *, now: bool = True) -> Trace:
        """Everything measured so far, with the present state as its last point; measure nothing new if not ``now``."""
        steps, values = list(self._steps), list(self._values)
        if now and steps[-1] != self.step:
            steps.append(self.step)
            values.append(self.measure(self.net))
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
    """Train ``net`` in place and return what was measured on the way.

    Raises:
        ValueError: a batch of one, a negative learning rate or number of steps, a strength outside [0, 1].
        TypeError: whatever :class:`Training` rejects, steps that are no whole number.
    """
    _require.integer("steps", steps, 0, "0 only measures")
    run = Training(
        net, world, objective, learning_rate=learning_rate, generator=generator, measure=measure,
        strength=strength, batch=batch, measure_every=measure_every,
    )  # fmt: skip
    with tqdm(total=steps, disable=not progress, unit="step") as bar:
        while run.step < steps and run.stopped is None:
            chunk = min(measure_every, steps - run.step)
            run.advance(chunk)
            bar.update(chunk)
    return run.trace()
