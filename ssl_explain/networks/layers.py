"""One forward pass for dense and tree-shaped networks: a layer is a row of nodes, each with its own matrix."""

from collections.abc import Sequence
from math import prod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_explain import require
from ssl_explain.records import ForwardPass


def _finite(x: Tensor) -> Tensor:
    return require.finite("x", require.tensor("x", x, "*batch d", "one row per input"))


def unit(f: Tensor, dim: int) -> Tensor:
    """Divide vectors along an axis by their length; 0 stays 0."""
    return f * (f * f).sum(dim, keepdim=True).clamp_min(1e-24).rsqrt()


class LayeredReLU(nn.Module):
    """A deep ReLU network whose layers are rows of nodes: f_0 = x, f̃_l = W_l f_{l-1}, f_l = max(f̃_l, 0).

    ``shapes[l]`` is (node, d_out, d_in) of layer ``l + 1``; the outputs of consecutive nodes are read together
    by the node above them. The output is ℓ2-normalised unless ``normalise`` is off: the one departure from the
    theory, under which f_L is homogeneous of degree 1. Biases are off, as the theory has it.
    Under that normalisation only learning rate / scale² matters for the first steps, so a small ``scale`` learns fast.
    ``linear_top`` leaves the gates of the last layer open.
    A leading ``runs`` axis trains independent copies side by side.
    """

    def __init__(
        self,
        shapes: Sequence[tuple[int, int, int]],
        *,
        generator: torch.Generator,
        biases: bool = False,
        normalise: bool = True,
        scale: float = 1.0,
        linear_top: bool = False,
        runs: int | None = None,
    ) -> None:
        """Draw weights from N(0, 2·scale² / d_in); scale 1 keeps the size of ReLU activations from layer to layer."""
        super().__init__()
        require.flags(biases=biases, normalise=normalise, linear_top=linear_top)
        self.normalise, self.linear_top, self.runs = normalise, linear_top, runs
        require.generator(generator)
        gain = require.single("scale", scale, "1 keeps the size of activations", open_low=True)
        lead = () if runs is None else (require.integer("runs", runs, 1, "leave it out for a single network"),)
        require.room("size of a layer", (runs or 1) * max(map(prod, shapes)), "take fewer neurons")
        rows = [
            torch.randn(*lead, *shape, generator=generator, device=generator.device, dtype=torch.float32)
            for shape in shapes
        ]
        draws = [row * gain * (2 / row.shape[-1]) ** 0.5 for row in rows]
        self.weights = nn.ParameterList(draws)
        self.biases = nn.ParameterList([w.new_zeros(*w.shape[:-1], 1) for w in draws] if biases else [])

    @property
    def input_dimension(self) -> int:
        """Number of entries of one input."""
        return self.weights[0].shape[-3] * self.weights[0].shape[-1]

    def _columns(self, x: Tensor) -> Float[Tensor, "runs d n"]:
        """Check the input and return it as columns, so that regrouping children under a parent is free."""
        require.tensor("x", x, "*batch d", "one row per input")
        require.dtype("x", x, self.weights[0].dtype, "the weights")
        require.last_axis("x", x, self.input_dimension, "one entry per leaf of the network's first layer")
        if self.runs is not None and (x.ndim < 2 or x.shape[0] != self.runs):
            got = f"shape {tuple(x.shape)}"
            require.fail("x", f"have {self.runs} runs on its first axis", got, "the network holds that many copies")
        return x.reshape(self.runs or 1, -1, x.shape[-1]).transpose(1, 2)

    def _sweep(self, columns: Tensor) -> list[Float[Tensor, "runs_node d_out n"]]:
        """Activations of every layer, in columns; a row holds one neuron of one node of one run."""
        f, n, layers, top = columns, columns.shape[-1], [], len(self.weights) - 1
        for level, weight in enumerate(self.weights):
            inputs = f.reshape(weight.shape[:-2].numel(), weight.shape[-1], n)
            matrices = weight.flatten(0, -3)
            if len(self.biases):
                pre = torch.baddbmm(self.biases[level].flatten(0, -3), matrices, inputs)
            else:
                pre = torch.bmm(matrices, inputs)
            f = pre if self.linear_top and level == top else pre.relu_()
            layers.append(f)
        return layers

    def _rows(self, columns: Tensor, lead: torch.Size) -> Tensor:
        """Back from columns (runs·node, d, n) to points first, (*lead, node, d)."""
        runs, (d, n) = self.runs or 1, columns.shape[-2:]
        node = columns.shape[:-2].numel() // runs
        return columns.reshape(runs, node, d, n).permute(0, 3, 1, 2).reshape(*lead, node, d)

    def forward(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d_top"]:
        """The output of the top layer, ℓ2-normalised unless that is switched off; NaN in, NaN out.

        Raises:
            ValueError: an input of another width.
            TypeError: an input that is no floating-point tensor, or of another type than the weights.
        """
        top = self._sweep(self._columns(x))[-1]
        top = unit(top, 1) if self.normalise else top
        width = top.shape[:-1].numel() // (self.runs or 1)
        return top.reshape(self.runs or 1, width, top.shape[-1]).mT.reshape(*x.shape[:-1], width)

    def activations(self, x: Float[Tensor, "*batch d"]) -> list[Float[Tensor, "*batch node d_out"]]:
        """Activations of every layer 1..L, node by node; the last one is the output as the loss sees it.

        Raises:
            ValueError: an input of another width, or one that is not finite (which ``forward``, the hot path, skips).
            TypeError: an input that is no floating-point tensor, or of another type than the weights.
        """
        layers = self._sweep(self._columns(_finite(x)))
        if self.normalise:
            layers[-1] = unit(layers[-1], 1)
        return [self._rows(layer, x.shape[:-1]) for layer in layers]

    def forward_pass(self, x: Float[Tensor, "*batch d"]) -> ForwardPass:
        """Inputs, gates and weights of every layer: what the gradient through this pass needs.

        Raises:
            ValueError: an input of another width, or one that is not finite.
            TypeError: an input that is no floating-point tensor, or of another type than the weights.
        """
        columns = self._columns(_finite(x))
        layers = self._sweep(columns)
        inputs = [
            f.reshape(w.shape[:-2].numel(), w.shape[-1], columns.shape[-1])
            for f, w in zip([columns, *layers], self.weights, strict=False)
        ]
        gates = [(f > 0).to(x.dtype) for f in layers]
        if self.linear_top:
            gates[-1] = torch.ones_like(gates[-1])
        return ForwardPass(
            tuple(self._rows(f, x.shape[:-1]) for f in inputs),
            tuple(self._rows(gate, x.shape[:-1]) for gate in gates),
            tuple(self.weights),
            self(x),
        )
