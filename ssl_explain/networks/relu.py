"""A dense ReLU network."""

from collections.abc import Sequence
from itertools import pairwise

import torch

from ssl_explain import require
from ssl_explain.networks.layers import LayeredReLU


class ReLUNet(LayeredReLU):
    """A bias-free dense ReLU network: one node per layer.

    ``widths`` counts from the input to the output; ``linear_top`` leaves the gates of the last layer open.

    Raises:
        ValueError: fewer than two widths, a width below 1, or more weights than there is room for.
        TypeError: widths that are not integers, no generator.

    Example:
        >>> net = ReLUNet((6, 5, 4), generator=torch.Generator().manual_seed(0))
        >>> net(torch.ones(3, 6)).shape
        torch.Size([3, 4])
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        generator: torch.Generator,
        biases: bool = False,
        normalise: bool = True,
        scale: float = 1.0,
        linear_top: bool = False,
        runs: int | None = None,
    ) -> None:
        """Draw one matrix per layer."""
        require.integers("widths", widths, 1, "a layer needs at least one neuron")
        require.that(len(widths) >= 2, "widths", "name the input and a layer", tuple(widths), "try (6, 5, 4)")
        shapes = [(1, d_out, d_in) for d_in, d_out in pairwise(widths)]
        super().__init__(
            shapes, generator=generator, biases=biases, normalise=normalise, scale=scale, linear_top=linear_top,
            runs=runs,
        )  # fmt: skip
