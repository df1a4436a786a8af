"""The views of a run, step after step, drawn for several steps at once where the world can."""

from typing import Any, Protocol, runtime_checkable

import torch

from ssl_explain.records import Views
from ssl_explain.torch_modes import usable

MOST = 32  # steps that are drawn at once


@runtime_checkable
class World(Protocol):
    """Anything that draws views of data points.

    A world may also have ``ahead(n, *, generator, most)``: at most so many draws, whose ``at(index, strength)`` are
    the views of one, with the ``states`` of the generator after each.
    """

    def draw(self, n: int, *, views: int, strength: float, generator: torch.Generator) -> Views:
        """Draw ``n`` points and ``views`` views of each."""


class Supply:
    """Two views of ``batch`` points for every step of a run, the same as by single draws.

    The generator moves on step by step, although several steps are drawn at once. Where somebody else draws from it in
    between, each step is drawn alone. ``drawn`` holds how many of the present draws were used, and the draws: with
    the state of the generator all that has to be restored to draw a step again.
    """

    def __init__(self, batch: int, generator: torch.Generator) -> None:
        """Draw nothing yet."""
        self._batch, self._generator, self._most = batch, generator, MOST
        self._world: World | None = None
        self.drawn: tuple[int, Any] = (0, ())

    def views(self, world: World, strength: float) -> Views:
        """The views of the next step."""
        if world is not self._world:
            self._ahead = getattr(world, "ahead", None) if _home(world, "draw") is _home(world, "ahead") else None
            self._world, self.drawn = world, (0, ())
        if self._ahead is None:
            return usable(world.draw(self._batch, views=2, strength=strength, generator=self._generator))
        used, draws = self.drawn
        if used < len(draws) and not torch.equal(self._generator.get_state(), draws.states[used - 1]):
            self._most, used = 1, len(draws)
        if used == len(draws):
            used, draws = 0, self._ahead(self._batch, generator=self._generator, most=self._most)
        views: Views = draws.at(used, strength)
        self._generator.set_state(draws.states[used])
        self.drawn = used + 1, draws
        return views


def _home(world: object, name: str) -> object:
    """Where a method is defined: whoever replaces ``draw`` alone does not want the old draws ahead."""
    return next((place for place in (world, *type(world).__mro__) if name in getattr(place, "__dict__", ())), None)
