"""Written out from the definitions: all configurations of a latent tree, and the connections of a network."""

from itertools import product

import torch

from ssl_explain.operators import definitions


def every_configuration(tree):
    """All latents of all levels as ±1, one row per configuration, and its probability: the definition, in full."""
    sizes = tree.topology.widths
    z = torch.tensor(list(product((-1.0, 1.0), repeat=sum(sizes))), dtype=torch.float64)
    levels = z.split(sizes, dim=1)
    p = 0.5 + (tree.root - 0.5) * levels[-1][:, 0]
    for level, rho in enumerate(tree.polarity):
        for k, r in enumerate(rho):
            child, parent = levels[level][:, k], levels[level + 1][:, k // tree.topology.branching]
            p = p * (1 + r * child * parent) / 2
    return levels, p


def literal_connections(net, x, layer):
    """(n, a, d_weights, d_top), by autograd through the network itself, one view after another."""
    weight = net.weights[layer - 1].detach()

    def one(view):
        return definitions.connection(
            lambda w: torch.func.functional_call(net, {f"weights.{layer - 1}": w}, (view,)), weight
        )

    return torch.stack([torch.stack([one(view) for view in point]) for point in x]).detach()
