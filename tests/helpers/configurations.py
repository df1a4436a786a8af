"""A latent tree written out: every configuration of its latents."""

from itertools import product

import torch


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
