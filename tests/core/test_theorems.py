"""Exact statements about the latent tree, as sums over every configuration, to rounding."""

import pytest
import torch
from literal import every_configuration, law_of_leaves, redraw_table

from ssl_explain import LatentTree, TreeNet

SIZES = pytest.mark.parametrize(("depth", "branching"), [(1, 3), (2, 2), (2, 3), (3, 2)])
NONLINEAR = pytest.mark.parametrize(
    "phi", [lambda f: f, torch.tanh, lambda f: torch.cos(3 * f)], ids=["relu", "tanh", "cos"]
)


def world_and_student(depth, branching, low=0.0):
    g = torch.Generator().manual_seed(depth + 10 * branching)
    tree = LatentTree.random(depth, branching, (low, 1.0), generator=g)
    net = TreeNet(tree.topology, 3, generator=g, normalise=False, scale=1.0).double()
    return LatentTree(tuple(rho.double() for rho in tree.polarity)), net


def given_both(f, z, p):
    """E[f | z = -1] and E[f | z = +1] for a latent z, over configurations with probabilities p."""
    return [((p * (z == s)) @ f) / (p * (z == s)).sum() for s in (-1.0, 1.0)]


def features(net, leaves, phi):
    """f_0 = the leaves, then every layer of the network through one more activation: (configurations, node, d)."""
    return [leaves.unsqueeze(-1), *(phi(f).detach() for f in net.activations(leaves))]


@SIZES
@NONLINEAR
def test_between_root_variance_is_rank_one(depth, branching, phi):
    """V_{z_0}[E(f_children of μ | z_0)] = ρ_{0μ}² a aᵀ with a_k = ρ_{μν(k)} s_k, whatever the neurons do."""
    tree, net = world_and_student(depth, branching)
    z, p = every_configuration(tree)
    layers = features(net, z[0], phi)
    for level in range(1, depth + 1):
        for mu in range(tree.topology.widths[level]):
            children = range(mu * branching, (mu + 1) * branching)
            f = layers[level - 1][:, children].flatten(1)
            low, high = given_both(f, z[-1][:, 0], p)
            variance = torch.outer(high - low, high - low) / 4
            path = torch.ones((), dtype=torch.float64)  # ρ_{0μ}: the product of polarities from the root to μ
            for step in range(level, depth):
                path = path * tree.polarity[step][mu // branching ** (step - level)]
            a = []
            for child in children:
                v0, v1 = given_both(layers[level - 1][:, child], z[level - 1][:, child], p)
                a.append(tree.polarity[level - 1][child] * (v1 - v0) / 2)
            a = torch.cat(a)
            torch.testing.assert_close(variance, path**2 * torch.outer(a, a), rtol=0, atol=1e-12)
            assert variance.trace() > 0 or phi(torch.ones(1)) == 1  # the claim is not about zeros


@SIZES
def test_enumerated_world_gives_the_same_conditional_means(depth, branching):
    tree, net = world_and_student(depth, branching)
    z, p = every_configuration(tree)
    x, law = tree.enumerate()
    literal = given_both(net(z[0]).detach(), z[-1][:, 0], p)
    torch.testing.assert_close(law.T @ net(x).detach(), torch.stack(literal), rtol=0, atol=1e-12)


@SIZES
@NONLINEAR
def test_no_neuron_beats_the_ceiling(depth, branching, phi, g):
    tree, net = world_and_student(depth, branching)
    z, p = every_configuration(tree)
    layers, ceilings = features(net, z[0], phi), tree.latent_ceilings(1, generator=g)
    for level in range(1, depth + 1):
        for k, ceiling in enumerate(ceilings[level - 1]):
            f = layers[level][:, k]
            centred = f - p @ f
            covariance, variance = (p * z[level][:, k]) @ centred, p @ centred**2
            correlation = torch.where(variance > 1e-12, covariance.abs() / variance.sqrt(), 0.0)
            assert correlation.max() <= ceiling + 1e-9


def index(levels):
    """The place of sampled 0/1 levels in the list of all configurations."""
    bits = torch.cat(list(levels), dim=1).long()
    return (bits * 2 ** torch.arange(bits.shape[1]).flip(0)).sum(-1)


@pytest.mark.parametrize(("depth", "branching"), [(1, 3), (2, 2)])
@pytest.mark.parametrize("q", [0.0, 0.3, 0.7, 1.0])
def test_view_law_is_invariant_and_augment_draws_from_it(depth, branching, q, g):
    """Σ_x P(x) P(view | x) = P(view) for every q, exactly; and sampled pairs have the law P(x) P(view | x)."""
    tree, _ = world_and_student(depth, branching)
    z, p = every_configuration(tree)
    table, n = redraw_table(tree, z, q), 50_000
    torch.testing.assert_close(p @ table, p, rtol=0, atol=1e-14)
    torch.testing.assert_close(tree.pair_probabilities(q), law_of_leaves(tree, p, table), rtol=0, atol=1e-14)
    levels = tree.sample(n, generator=g)
    pairs = index(levels) * len(p) + index(tree.augment(levels, q, generator=g))
    counts = torch.bincount(pairs, minlength=len(p) ** 2).double()
    expected = n * (p.unsqueeze(1) * table).flatten()
    assert counts[expected == 0].sum() == 0
    common = expected > 5
    chi2 = ((counts - expected) ** 2 / expected)[common].sum()
    freedom = int(common.sum()) - 1
    assert chi2 < freedom + 4.5 * (2 * freedom) ** 0.5
