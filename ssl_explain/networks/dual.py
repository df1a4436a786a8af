"""Two towers without negatives: an online network predicts the output of a target network for another view."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_explain import require
from ssl_explain.networks.relu import ReLUNet

MakePredictor = Callable[[torch.Generator], nn.Module]


class LinearPredictor(nn.Module):
    """A square matrix P between the online output and the loss: f ↦ P f. Learned unless ``trained`` is off.

    Raises:
        ValueError: a matrix that is not square, or not finite.
        TypeError: a matrix that is not a floating-point tensor.

    Example:
        >>> LinearPredictor(0.5 * torch.eye(2), trained=False)(torch.ones(3, 2))[0]
        tensor([0.5000, 0.5000])
    """

    def __init__(self, matrix: Float[Tensor, "d_top d_in"], *, trained: bool = True) -> None:
        """Keep a copy of the matrix."""
        super().__init__()
        require.tensor("matrix", matrix, "d_top d_in", "such as torch.eye(4)")
        square, got = matrix.shape[0] == matrix.shape[1], f"shape {tuple(matrix.shape)}"
        require.that(square, "matrix", "be square", got, "a predictor maps outputs to outputs of the same width")
        self.matrix = nn.Parameter(require.finite("matrix", matrix).clone(), requires_grad=trained)

    def forward(self, f: Float[Tensor, "*batch d_top"]) -> Float[Tensor, "*batch d_top"]:
        """P f of every output."""
        require.dtype("f", f, self.matrix.dtype, "the entries of the predictor")
        require.last_axis("f", f, self.matrix.shape[0], "the predictor must be as wide as the output")
        return f @ self.matrix.mT


def linear_predictor(width: int, *, scale: float = 1.0) -> MakePredictor:
    """Make a function that draws a linear predictor: P_ij ~ N(0, scale² / width).

    Raises:
        ValueError: a width below 1, a negative scale, or more entries than there is room for.
        TypeError: a width or a scale that is not a number; on drawing: no generator.
    """
    require.integer("width", width, 1, "as wide as the output of the tower")
    require.room("width", width**2, "as wide as the output of the tower")
    gain = require.single("scale", scale, "1 keeps the size of outputs")
    return partial(_draw_linear, width, gain)


def _draw_linear(width: int, gain: float, generator: torch.Generator) -> nn.Module:
    """Draw the matrix of a linear predictor; a partial of this, unlike a closure, lets torch.save store the network."""
    require.generator(generator)
    noise = torch.randn(width, width, generator=generator, device=generator.device, dtype=torch.float32)
    return LinearPredictor(noise * gain / width**0.5)


def mlp_predictor(width: int, *, hidden: int = 64) -> MakePredictor:
    """Make a function that draws a predictor with one hidden ReLU layer, without biases.

    Raises:
        ValueError: a width below 1; on drawing: more weights than there is room for.
        TypeError: a width that is not an integer; on drawing: no generator.
    """
    for name, value in (("width", width), ("hidden", hidden)):
        require.integer(name, value, 1, "a layer needs at least one neuron")
    return partial(_draw_mlp, (width, hidden, width))


def _draw_mlp(widths: tuple[int, int, int], generator: torch.Generator) -> nn.Module:
    """Draw the weights of a predictor with one hidden layer."""
    return ReLUNet(widths, generator=generator, normalise=False, linear_top=True)


@dataclass(frozen=True)
class Centring:
    """Which outputs are centred, by which mean, and whether the gradient passes through it.

    ``online``, ``target``: the towers that are centred. ``mean`` "own" is the mean of the view that a tower reads
    over the batch, f(x_1) - E_x f(x_1); "all" is the mean over all views of the batch, the population mean if the
    batch is the population. ``through``: whether the gradient passes through the online mean. ``scale`` also divides
    by the standard deviation: BatchNorm without its learned gain.

    Raises:
        ValueError: a ``mean`` that is neither "own" nor "all".
        TypeError: a flag that is not a bool.
    """

    online: bool = True
    target: bool = True
    mean: Literal["own", "all"] = "own"
    through: bool = True
    scale: bool = False

    def __post_init__(self) -> None:
        """Check the flags and the name of the mean."""
        require.flags(online=self.online, target=self.target, through=self.through, scale=self.scale)
        known = isinstance(self.mean, str) and self.mean in ("own", "all")
        require.that(known, "mean", 'be "own" or "all"', repr(self.mean), '"own" is the usual one')

    def apply(self, f: Float[Tensor, "n a d_top"], view: int) -> Float[Tensor, "n d_top"]:
        """The outputs of one view of every point, (n, d_top), centred (and scaled) over the batch.

        Raises:
            ValueError: outputs of another form, no points, a view that is not there.
            TypeError: outputs that are not floating-point tensors.
        """
        _views(f, view)
        averaged = f[:, view : view + 1] if self.mean == "own" else f
        averaged = (averaged if self.through else averaged.detach()).flatten(0, 1)
        centred = f[:, view] - averaged.mean(0)
        return centred / (averaged.var(0, correction=0) + 1e-5).sqrt() if self.scale else centred


def _views(x: Tensor, *numbers: int) -> None:
    """Check that ``x`` holds points and the views with these ``numbers``."""
    n, a, d = require.tensor("x", x, "n a d", "one row per point, one per view of it").shape
    require.integer("size of a view", d, 1, "there is nothing to centre or to read")
    require.integer("number of points", n, 1, "draw a larger batch")
    for number in numbers:
        require.integer("number of the view", number, 0, "count the views from 0", high=a - 1)


NO_CENTRING = Centring(online=False, target=False)


class DualNet(nn.Module):
    """Online tower, predictor, target tower: the loss compares P(f(x_1) - mean) with stop-gradient(f_a(x_2) - mean).

    ``momentum`` sets the update of the target, θ_a ← momentum · θ_a + (1 - momentum) · θ: 0 makes it a copy of the
    online tower, 1 freezes it. None shares the weights with the online tower, with a stop-gradient.
    ``predictor`` is a function that draws one; None is the identity. ``forward`` and ``activations`` are those of the
    online tower.

    Source: Grill et al. (2020), arXiv 2006.07733; Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578.

    Raises:
        ValueError: a momentum outside [0, 1], a predictor of another width than the output.
        TypeError: a tower that is not a network, a predictor that is not a function, no generator, no centring.

    Example:
        >>> g = torch.Generator().manual_seed(0)
        >>> net = DualNet(ReLUNet((6, 5, 4), generator=g), linear_predictor(4), generator=g, momentum=0.9)
        >>> prediction, target = net.pair(torch.ones(8, 2, 6))
        >>> prediction.shape, target.requires_grad
        (torch.Size([8, 4]), False)
    """

    def __init__(
        self,
        online: nn.Module,
        predictor: MakePredictor | None = None,
        *,
        generator: torch.Generator,
        centring: Centring = NO_CENTRING,
        momentum: float | None = None,
    ) -> None:
        """Draw the predictor; copy the online tower if the target has weights of its own."""
        super().__init__()
        require.generator(generator)
        require.instance("centring", centring, Centring, "such as Centring(online=False)")
        if not isinstance(online, nn.Module) or not hasattr(online, "input_dimension"):
            require.fail("online", "be a network of this package", type(online).__name__, "try a ReLUNet", TypeError)
        if predictor is not None and (not callable(predictor) or isinstance(predictor, nn.Module)):
            remedy = "try linear_predictor(4)"
            require.fail("predictor", "be a function that draws one", type(predictor).__name__, remedy, TypeError)
        self.online, self.centring, self.momentum = online, centring, momentum
        self._draw = predictor or nn.Identity
        self.predictor = self._draw(generator)
        self.own_target: nn.Module | None = None
        if momentum is not None:
            require.number("momentum", momentum, 0, 1, "0 copies the online tower, 1 never moves the target")
            self.own_target = deepcopy(online).requires_grad_(False)
        weight = next(online.parameters())
        with torch.no_grad():  # finds a predictor of the wrong width before the first step
            self.predictor(online(weight.new_ones(1, self.input_dimension)))

    @property
    def weights(self) -> nn.ParameterList:
        """The weights of the online tower."""
        return self.online.weights  # type: ignore[return-value]

    @property
    def input_dimension(self) -> int:
        """Number of entries of one input."""
        return cast(int, self.online.input_dimension)

    def forward(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d_top"]:
        """The output of the online tower, without centring and predictor."""
        return self.online(x)

    def activations(self, x: Float[Tensor, "*batch d"]) -> list[Tensor]:
        """Activations of every layer of the online tower."""
        return self.online.activations(x)  # type: ignore[operator]

    def pair(
        self, x: Float[Tensor, "n a d"], *, first: int = 0, second: int = 1
    ) -> tuple[Float[Tensor, "n d_top"], Float[Tensor, "n d_top"]]:
        """Prediction from view ``first``, and target from view ``second`` without gradient.

        Raises:
            ValueError: inputs of another form or width, no points, a view that is not there.
            TypeError: inputs that are not floating-point tensors, or of another type than the weights.
        """
        _views(x, first, second)
        f = self.online(x)
        with torch.no_grad():
            g = f.detach() if self.own_target is None else self.own_target(x)
            target = self.centring.apply(g, second) if self.centring.target else g[:, second]
        centred = self.centring.apply(f, first) if self.centring.online else f[:, first]
        return self.predictor(centred), target

    @torch.no_grad()
    def follow(self) -> None:
        """Update the target: θ_a ← momentum · θ_a + (1 - momentum) · θ. Call it after each step."""
        if self.own_target is not None and self.momentum is not None:
            for mine, theirs in zip(self.own_target.parameters(), self.online.parameters(), strict=True):
                mine.lerp_(theirs, 1 - self.momentum)

    @torch.no_grad()
    def redraw_predictor(self, generator: torch.Generator) -> None:
        """Draw the predictor anew, as at the start."""
        fresh = self._draw(generator)
        for mine, new in zip(self.predictor.parameters(), fresh.parameters(), strict=True):
            mine.copy_(new)


def fixed_predictor(matrix: Float[Tensor, "d_top d_in"]) -> MakePredictor:
    """Make a function that returns a predictor with this ``matrix``, not trained, such as p·I."""
    return partial(_keep, matrix)


def _keep(matrix: Float[Tensor, "d_top d_in"], _: object) -> nn.Module:
    """A predictor with a given matrix."""
    return LinearPredictor(matrix, trained=False)
