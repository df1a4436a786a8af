"""A ReLU network with the structure of a tree: a node reads the neurons of its own children only."""

import torch

from ssl_explain import require
from ssl_explain.networks.layers import LayeredReLU
from ssl_explain.topology import Tree


class TreeNet(LayeredReLU):
    """A ReLU network with the connections of a tree and ``neurons_per_node`` neurons in every node.

    It has the topology of the latent tree, but neither the values of the latents nor their polarity.

    Raises:
        ValueError: no neurons, or more weights than there is room for.
        TypeError: no tree, neurons that are not integers, no generator.

    Example:
        >>> net = TreeNet(Tree(depth=3), neurons_per_node=10, generator=torch.Generator().manual_seed(0))
        >>> [tuple(w.shape) for w in net.weights]
        [(4, 10, 2), (2, 10, 20), (1, 10, 20)]
    """

    def __init__(
        self,
        topology: Tree,
        neurons_per_node: int = 10,
        *,
        generator: torch.Generator,
        biases: bool = False,
        normalise: bool = True,
        scale: float = 0.2,
        linear_top: bool = False,
        runs: int | None = None,
    ) -> None:
        """Draw one matrix per node, a whole level in one tensor."""
        m = require.integer("neurons_per_node", neurons_per_node, 1, "a node without neurons can learn nothing")
        b = require.instance("topology", topology, Tree, "such as Tree(depth=3)").branching
        shapes = [(width, m, b if level == 0 else b * m) for level, width in enumerate(topology.widths[1:])]
        super().__init__(
            shapes, generator=generator, biases=biases, normalise=normalise, scale=scale, linear_top=linear_top,
            runs=runs,
        )  # fmt: skip
