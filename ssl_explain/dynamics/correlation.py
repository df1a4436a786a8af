"""Which neuron knows which latent: the best |correlation|, node by node."""

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.networks.layers import LayeredReLU
from ssl_explain.worlds.latent_tree import LatentTree


def _best(f: Float[Tensor, "*runs n node d"], z: Float[Tensor, "*runs n latent"]) -> Float[Tensor, "*runs latent"]:
    """Largest |corr| of each (centred) latent over the neurons of its node; a silent neuron scores 0, not 0/0."""
    f = (f - f.mean(-3, keepdim=True)).movedim(-3, -1)
    z = z.unflatten(-1, (f.shape[-3], -1)).movedim(-3, -2)
    sizes = f.square().sum(-1).unsqueeze(-1) * z.square().sum(-2).unsqueeze(-2)
    scores = (f @ z).abs() * sizes.clamp_min(1e-12).rsqrt()
    return torch.where(sizes > 1e-12, scores, 0.0).amax(-2).flatten(-2)


class BestCorrelation:
    """Measure, for every latent, the largest |correlation| with a neuron of its own node.

    In a dense network a level is one node, and the best neuron of the whole layer counts.
    Works on ``n`` points of its own, drawn once, that training never sees. Latents stand in the order of
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
        """Draw the points to measure on."""
        levels = tree.sample(n, generator=generator)
        dtype = tree.polarity[0].dtype
        self.x = tree.as_input(levels[0])
        latents = [level.to(dtype) for level in levels[1:]]
        self.latents = [z - z.mean(-2, keepdim=True) for z in latents]

    @torch.no_grad()
    def __call__(self, net: LayeredReLU) -> Float[Tensor, "*runs latent"]:
        """The best |correlation| of every latent, in one vector."""
        layers = net.activations(self.x)
        return torch.cat([_best(f, z) for f, z in zip(layers, self.latents, strict=True)], dim=-1)
