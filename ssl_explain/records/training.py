"""What is measured while a network learns."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ssl_explain._record import record

INTERRUPTED = ": interrupted; call again with the steps that are left"


@dataclass(frozen=True)
class Stretch:
    """Updates of a run that were made under the same settings: from update ``start`` on, until the next stretch.

    ``loss`` is the name of the objective, empty if it has none.
    """

    start: int
    strength: float
    learning_rate: float
    loss: str = ""


@record
class Trace:
    """What was measured during training, and when.

    ``losses[k]`` belongs to update ``k``; ``values[i]`` was measured after ``steps[i]`` updates.
    ``stopped`` is ``None`` after a healthy run, else one sentence that says why it ended early.
    ``stretches`` say which updates were made under which settings, ``ahead`` the settings of the next update.
    """

    steps: Int[Tensor, " t"]
    values: Float[Tensor, "t *measured"]
    losses: Float[Tensor, "updates *runs"]
    stopped: str | None = None
    stretches: tuple[Stretch, ...] = ()
    ahead: Stretch | None = None

    def then(self, later: "Trace") -> "Trace":
        """Join a run and its continuation; the shared point between them is kept once, an interrupt forgotten.

        Example:
            >>> a = Trace(torch.tensor([0, 10]), torch.zeros(2), torch.zeros(10))
            >>> a.then(a).steps.tolist()
            [0, 10, 20]
        """
        offset, ended = self.steps[-1], self.stopped
        if ended is not None and ended.endswith(INTERRUPTED):  # it has gone on
            ended = None
        shifted = [replace(stretch, start=stretch.start + int(offset)) for stretch in later.stretches]
        if self.stretches and shifted and replace(shifted[0], start=self.stretches[-1].start) == self.stretches[-1]:
            del shifted[0]
        return Trace(
            torch.cat([self.steps, later.steps[1:] + offset]),
            torch.cat([self.values, later.values[1:]]),
            torch.cat([self.losses, later.losses]),
            later.stopped or ended,
            (*self.stretches, *shifted),
            later.ahead and replace(later.ahead, start=later.ahead.start + int(offset)),
        )
