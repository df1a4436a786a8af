"""The nouns that travel between the rooms: frozen dataclasses that hold tensors."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar, dataclass_transform

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from ssl_explain import require

Kind = TypeVar("Kind")
LONGEST, MOST = 40, 3  # characters of a value, and values of a collection, that are shown


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(dataclasses.field,))
def record(cls: type[Kind]) -> type[Kind]:
    """Make a frozen dataclass whose instances equal themselves alone, and whose ``repr`` is one line of shapes.

    Equality by fields would ask tensors for one truth value, which they do not have; compare fields by torch.equal.

    Example:
        >>> import torch
        >>> @record
        ... class Pair:
        ...     x: torch.Tensor
        ...     name: str = "two"
        >>> Pair(torch.zeros(2, 3)), Pair(torch.zeros(1)) == Pair(torch.zeros(1))
        (Pair(x=Tensor(2, 3), name='two'), False)
    """
    made = dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
    setattr(made, "__repr__", in_one_line)  # noqa: B010  # the type checker sees no method in a name
    return made


def in_one_line(self: object) -> str:
    """The name of the record and its fields: numbers and words as they are, tensors by their shapes."""
    shown = [f.name for f in dataclasses.fields(self) if f.repr]  # type: ignore[arg-type]
    told = ", ".join(f"{name}={_shown(getattr(self, name))}" for name in shown)
    return f"{type(self).__name__}({told})"


def _shown(value: object) -> str:
    """A value in some characters."""
    if isinstance(value, Tensor):
        return f"Tensor{tuple(value.shape)}" if value.ndim != 1 else f"Tensor({len(value)})"
    if isinstance(value, nn.Module) or (dataclasses.is_dataclass(value) and type(value).__repr__ is in_one_line):
        return f"{type(value).__name__}(…)"
    if isinstance(value, tuple | list | dict):
        some = [_shown(one) for one in list(value)[:MOST]] + ["…"] * (len(value) > MOST)
        return f"({', '.join(some)})"
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


@record
class Views:
    """Several augmented views of each of ``n`` data points.

    ``latents`` is kept for measuring only: no network and no loss ever sees it.
    A leading ``runs`` axis, where present, holds independent worlds side by side.

    Raises:
        ValueError: x without its three axes.
        TypeError: x that is no floating-point tensor, latents that are no tuple.
    """

    x: Float[Tensor, "*runs n a d"]
    latents: tuple[UInt8[Tensor, "*runs n _"], ...] | None = None

    def __post_init__(self) -> None:
        """Check what every loss relies on."""
        require.tensor("x", self.x, "*runs n a d", "points, views, inputs: the draw of a world has this shape")
        if self.latents is not None:
            require.instance("latents", self.latents, tuple, "one tensor per level")


@record
class ForwardPass:
    """What one forward pass leaves behind: everything that backpropagation through it needs.

    ``layer_inputs[l]`` is what layer ``l + 1`` reads, ``gates[l]`` its 0/1 derivative, ``weights[l]`` its matrices;
    a dense layer is the case of a single node. ``output`` is the network's last word.
    """

    layer_inputs: tuple[Float[Tensor, "*batch _node _d_in"], ...]
    gates: tuple[Float[Tensor, "*batch _node _d_out"], ...]
    weights: tuple[Float[Tensor, "*runs _node _d_out _d_in"], ...]
    output: Float[Tensor, "*batch d_top"]


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

    def goes_on(self, last: "Stretch") -> bool:
        """Whether these are the settings of the stretch before."""
        mine, others = (self.strength, self.learning_rate, self.loss), (last.strength, last.learning_rate, last.loss)
        return mine == others


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


@record
class Terms:
    """A loss, term by term: ``total`` is the sum of ``weights[name] * values[name]``."""

    values: Mapping[str, Tensor]
    weights: Mapping[str, float]

    @property
    def total(self) -> Tensor:
        """The loss itself."""
        return torch.stack([self.weights[name] * value for name, value in self.values.items()]).sum(0)
