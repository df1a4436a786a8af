"""The largest |correlation| of a neuron with a latent, node by node."""

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.networks.layers import LayeredReLU
from ssl_explain.worlds.latent_tree import LatentTree


def _best(f: Float[Tensor, "*runs n node d"], z: Float[Tensor, "*runs n latent"]) -> Float[Tensor, "*runs latent"]:
    """Largest |corr| of each (centred) latent over the neurons of its node; a constant neuron has 0."""
    mean = f.mean(-3, keepdim=True)
    f = (f - mean).movedim(-3, -1)
    z = z.unflatten(-1, (f.shape[-3], -1)).movedim(-3, -2)
    spread = f.square().sum(-1)
    sizes = spread.unsqueeze(-1) * z.square().sum(-2).unsqueeze(-2)
    scores = (f @ z).abs() * sizes.clamp_min(torch.finfo(f.dtype).tiny).rsqrt()
    # A relative threshold, so that small outputs count; below a millionth of the mean the variation is rounding.
    varies = spread > 1e-12 * f.shape[-1] * mean.squeeze(-3).square()
    return torch.where(varies.unsqueeze(-1), scores, 0.0).amax(-2).flatten(-2)


class BestCorrelation:
    """Measure, for every latent, the largest |correlation| with a neuron of its own node.

    In a dense network a level is one node, and the best neuron of the whole layer counts.
    It is measured on ``n`` points that are drawn once and not used in training. Latents stand in the order of
    ``tree.topology.latents``: level 1 first, the root last.

    Example:
        >>> from ssl_explain.networks.tree import TreeNet
        >>> g = torch.Generator().manual_seed(0)
        >>> tree = LatentTree.random(depth=2, generator=g)
        >>> measure = BestCorrelation(tree, 500, generator=g)
        >>> measure(TreeNet(tree.topology, 4, generator=g)).shape
        torch.Size([3])
    """

    def __init__(self, tree: LatentTree, n: int = 1000, *, generator: torch.Generator) -> None:
        """Draw the points to measure on.

        Raises:
            ValueError: n below 2, or more points than there is room for.
            TypeError: no tree, n that is not an integer, no generator.
        """
        require.instance("tree", tree, LatentTree, "such as LatentTree.random(depth=3, generator=g)")
        levels = tree.sample(require.integer("n", n, 2, "one point has no correlation"), generator=generator)
        self.x = tree.as_input(levels[0])
        latents = [level.to(self.x.dtype) for level in levels[1:]]
        self.latents = [z - z.mean(-2, keepdim=True) for z in latents]

    @torch.no_grad()
    def __call__(self, net: LayeredReLU) -> Float[Tensor, "*runs latent"]:
        """The best |correlation| of every latent, in one vector.

        Raises:
            ValueError: a network with more or fewer layers than the tree has levels of latents.
            TypeError: no layered network, or one of another type than the tree.
        """
        require.instance("net", net, LayeredReLU, "such as a TreeNet")
        layers = net.activations(self.x)
        want = len(self.latents)
        require.that(len(layers) == want, "net", f"have {want} layers", len(layers), "layer l is compared with level l")
        return torch.cat([_best(f, z) for f, z in zip(layers, self.latents, strict=True)], dim=-1)
