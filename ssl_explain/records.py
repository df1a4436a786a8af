"""Records that several parts of the package share: frozen dataclasses that hold tensors."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar, dataclass_transform

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from ssl_explain import require

Kind = TypeVar("Kind")
LONGEST, MOST = 40, 3  # characters of a value, and values of a collection, in a `repr`


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(dataclasses.field,))
def record(cls: type[Kind]) -> type[Kind]:
    """Make a frozen dataclass with equality by identity and a ``repr`` of one line with the shapes of tensors.

    Equality by fields would need one truth value of a tensor comparison; compare fields by torch.equal.

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
    setattr(made, "__repr__", in_one_line)  # noqa: B010  # mypy does not accept an assignment to a method
    return made


def in_one_line(self: object) -> str:
    """The name of the record and its fields, tensors by their shapes."""
    shown = [f.name for f in dataclasses.fields(self) if f.repr]  # type: ignore[arg-type]
    fields = ", ".join(f"{name}={_shown(getattr(self, name))}" for name in shown)
    return f"{type(self).__name__}({fields})"


def _shown(value: object) -> str:
    """A value, abbreviated."""
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

    ``latents`` is for measuring only: no network and no loss reads it.
    A leading ``runs`` axis, where present, holds independent worlds side by side.

    Raises:
        ValueError: x without its three axes.
        TypeError: x that is not a floating-point tensor, latents that are not a tuple.
    """

    x: Float[Tensor, "*runs n a d"]
    latents: tuple[UInt8[Tensor, "*runs n _"], ...] | None = None

    def __post_init__(self) -> None:
        """Check the axes of x, and that latents are a tuple."""
        require.tensor("x", self.x, "*runs n a d", "points, views, inputs: the draw of a world has this shape")
        if self.latents is not None:
            require.instance("latents", self.latents, tuple, "one tensor per level")


@record
class ForwardPass:
    """The values of one forward pass that backpropagation through it needs.

    ``layer_inputs[l]`` is the input of layer ``l + 1``, ``gates[l]`` its 0/1 derivative, ``weights[l]`` its matrices;
    a dense layer is the case of a single node. ``output`` is the output of the network.
    """

    layer_inputs: tuple[Float[Tensor, "*batch _node _d_in"], ...]
    gates: tuple[Float[Tensor, "*batch _node _d_out"], ...]
    weights: tuple[Float[Tensor, "*runs _node _d_out _d_in"], ...]
    output: Float[Tensor, "*batch d_top"]

    def map(self, change: Callable[[Tensor], Tensor]) -> "ForwardPass":
        """The same pass with ``change`` applied to every tensor with a batch axis."""
        inputs, gates = (tuple(change(tensor) for tensor in group) for group in (self.layer_inputs, self.gates))
        return ForwardPass(inputs, gates, self.weights, change(self.output))


INTERRUPTED = ": interrupted; call again with the steps that are left"


@dataclass(frozen=True)
class Stretch:
    """Consecutive updates of a run with the same settings, from update ``start`` to the next stretch.

    ``loss`` is the name of the objective, empty if it has none.
    """

    start: int
    strength: float
    learning_rate: float
    loss: str = ""

    def goes_on(self, last: "Stretch") -> bool:
        """Whether these are the settings of the stretch before."""
        return replace(self, start=last.start) == last


@record
class Trace:
    """Measurements and losses of a training run.

    ``losses[k]`` belongs to update ``k``; ``values[i]`` was measured after ``steps[i]`` updates.
    ``stopped`` is ``None`` after a complete run, else one sentence that says why it ended early.
    ``stretches`` hold the settings of all updates, ``ahead`` those of the next update.
    """

    steps: Int[Tensor, " t"]
    values: Float[Tensor, "t *measured"]
    losses: Float[Tensor, "updates *runs"]
    stopped: str | None = None
    stretches: tuple[Stretch, ...] = ()
    ahead: Stretch | None = None

    def then(self, later: "Trace") -> "Trace":
        """Join a run and its continuation, whose first point is the last of this run; an interrupt is dropped.

        Example:
            >>> a = Trace(torch.tensor([0, 10]), torch.zeros(2), torch.zeros(10))
            >>> a.then(a).steps.tolist()
            [0, 10, 20]
        """
        offset, ended = self.steps[-1], self.stopped
        if ended is not None and ended.endswith(INTERRUPTED):
            ended = None
        shifted = [replace(stretch, start=stretch.start + int(offset)) for stretch in later.stretches]
        if self.stretches and shifted and shifted[0].goes_on(self.stretches[-1]):
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
