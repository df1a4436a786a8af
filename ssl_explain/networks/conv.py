"""A small convolutional encoder: two convolutions and a linear head, without biases."""

from math import prod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_explain import require


class ConvNet(nn.Module):
    """Two layers of 3 × 3 convolutions with ReLU and a linear head: f = W max(0, C_2 ∗ max(0, C_1 ∗ x)).

    It reads pictures flattened to (..., c·h·w), as :class:`PictureWorld` draws them. The second convolution has the
    given ``stride``, the first has stride 1. Without biases the output is homogeneous of degree 1 in the input;
    it is ℓ2-normalised unless ``normalise`` is off.

    Raises:
        ValueError: a picture smaller than 4 × 4, no channels, no outputs, a stride below 1, or more weights than there
            is room for.
        TypeError: sizes that are not integers, no generator.

    Example:
        >>> net = ConvNet((1, 8, 8), generator=torch.Generator().manual_seed(0))
        >>> net(torch.ones(3, 64)).shape
        torch.Size([3, 64])
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        generator: torch.Generator,
        channels: tuple[int, int] = (16, 32),
        outputs: int = 64,
        stride: int = 2,
        normalise: bool = True,
        scale: float = 1.0,
    ) -> None:
        """Draw weights from N(0, 2·scale² / d_in), with d_in the number of inputs of one neuron."""
        super().__init__()
        require.generator(generator)
        require.integers("shape", shape, 0, "give (channels, height, width) of one picture", count=3)
        for name, value, low in zip(("channels", "height", "width"), shape, (1, 4, 4), strict=True):
            require.integer(f"shape ({name})", value, low, "give (channels, height, width) of one picture")
        require.integers("channels", channels, 1, "give the number of each of the two layers", count=2)
        require.integer("outputs", outputs, 1, "a layer needs at least one neuron")
        gain = require.single("scale", scale, "1 keeps the size of activations", open_low=True)
        self.shape, self.normalise = shape, normalise
        stride = min(require.integer("stride", stride, 1, "2 halves the sides of the picture"), max(shape[1:]))
        self.stride = stride  # a larger stride has the same effect
        positions = -(-shape[1] // stride) * -(-shape[2] // stride)
        sizes = [(channels[0], shape[0], 3, 3), (channels[1], channels[0], 3, 3), (outputs, positions * channels[1])]
        require.room("size of a layer", max(map(prod, sizes)), "take fewer channels, outputs or pixels")
        draws = [torch.randn(size, generator=generator, device=generator.device, dtype=torch.float32) for size in sizes]
        self.weights = nn.ParameterList([w * gain * (2 / w[0].numel()) ** 0.5 for w in draws])

    @property
    def input_dimension(self) -> int:
        """Number of entries of one flattened picture."""
        c, h, w = self.shape
        return c * h * w

    def _sweep(self, x: Tensor) -> list[Tensor]:
        """Both maps of channels, (points, channel, height, width), and the output, (points, d)."""
        require.tensor("x", x, "*batch d", "one row per flattened picture")
        require.dtype("x", x, self.weights[0].dtype, "the weights")
        require.last_axis("x", x, self.input_dimension, f"one entry per pixel of a picture of shape {self.shape}")
        first = nn.functional.conv2d(x.reshape(-1, *self.shape), self.weights[0], padding=1).relu()
        second = nn.functional.conv2d(first, self.weights[1], padding=1, stride=self.stride).relu()
        top = second.flatten(1) @ self.weights[2].T
        return [first, second, nn.functional.normalize(top, dim=-1) if self.normalise else top]

    def forward(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d_top"]:
        """The output of the head, ℓ2-normalised unless that is switched off; NaN in, NaN out.

        Raises:
            ValueError: an input of another width.
            TypeError: an input that is not a floating-point tensor, or of another type than the weights.
        """
        top = self._sweep(x)[-1]
        return top.reshape(*x.shape[:-1], top.shape[-1])

    def activations(self, x: Float[Tensor, "*batch d"]) -> list[Float[Tensor, "*batch node d_out"]]:
        """Activations of every layer; a node is a position in the picture, and the output is a single node.

        Raises:
            ValueError: an input of another width, or one that is not finite (which ``forward``, the hot path, skips).
            TypeError: an input that is not a floating-point tensor, or of another type than the weights.
        """
        *maps, top = self._sweep(x)
        require.finite("x", x)
        layers = [layer.flatten(2).transpose(1, 2) for layer in maps] + [top.unsqueeze(1)]
        return [layer.reshape(*x.shape[:-1], *layer.shape[1:]) for layer in layers]

    def features(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d_hidden"]:
        """The last layer below the head, flattened: the input of a linear probe."""
        return self.activations(x)[-2].flatten(-2)
