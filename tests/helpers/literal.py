"""Written out from the definitions: all configurations of a latent tree, and the connections of a network."""

from itertools import product

import torch

from ssl_explain.operators import definitions
from ssl_explain.worlds.latent_tree import LatentTree


def double_tree(depth=3, branching=2, root=0.5, seed=0, *, polarity=(0.3, 0.95), runs=None):
    """A random tree whose polarities are in double precision."""
    g = torch.Generator().manual_seed(seed)
    tree = LatentTree.random(depth, branching, polarity, generator=g, runs=runs)
    return LatentTree(tuple(level.double() for level in tree.polarity), root)


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


def redraw_table(tree, z, q):
    """P(view | point) for all pairs of configurations: a sum over which nodes the coins want to keep."""
    depth, b = tree.topology.depth, tree.topology.branching
    table = torch.zeros(len(z[0]), len(z[0]), dtype=torch.float64)
    edges = [(level, k) for level in range(depth) for k in range(tree.topology.widths[level])][::-1]
    for choice in product((False, True), repeat=len(edges)):
        kept, chance = {(depth, 0): True}, (z[-1] == z[-1].T).double()
        for (level, k), wanted in zip(edges, choice, strict=True):
            parent, seen = (level + 1, k // b), z[level][:, k]
            kept[level, k] = kept[parent] and wanted
            chance = chance * ((1 - q) if wanted else q)
            if kept[level, k]:
                chance = chance * (seen.unsqueeze(1) == seen)  # rows: the point, columns: the view
            else:
                chance = chance * (1 + tree.polarity[level][k] * seen * z[parent[0]][:, parent[1]]) / 2
        table += chance
    return table


def law_of_leaves(tree, p, table):
    """P(leaves of view 1, leaves of view 2) from P(point) and P(view | point), summed over all else."""
    leaves, above = 2**tree.dimension, len(p) // 2**tree.dimension
    return (table.T @ (p.unsqueeze(1) * table)).view(leaves, above, leaves, above).sum((1, 3))


def literal_connections(net, x, layer):
    """(n, a, d_weights, d_top), by autograd through the network itself, one view after another."""
    weight = net.weights[layer - 1].detach()

    def one(view):
        return definitions.connection(
            lambda w: torch.func.functional_call(net, {f"weights.{layer - 1}": w}, (view,)), weight
        )

    return torch.stack([torch.stack([one(view) for view in point]) for point in x]).detach()
