"""Exact mode: expected losses, knowledge and operators against enumeration, autograd and sampling."""

import functools

import pytest
import torch
from literal import double_tree

from ssl_explain.dynamics.correlation import BestCorrelation
from ssl_explain.lessons.latent_variables_emerge.exact import ExactKnowledge, exact_run, node_operators
from ssl_explain.lessons.latent_variables_emerge.exact_tree import ExactTree
from ssl_explain.lessons.latent_variables_emerge.expected import (
    energies,
    expected_info_nce,
    expected_loss,
    expected_simple,
    over_the_law,
)
from ssl_explain.lessons.latent_variables_emerge.pair_law import law_operator
from ssl_explain.losses.contrastive import contrastive, info_nce, simple_contrastive, soft_triplet
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.networks.tree import TreeNet
from ssl_explain.operators.covariance import covariance_operator
from ssl_explain.records import Views
from ssl_explain.worlds.latent_tree import LatentTree

LOSSES = {
    "L_simp": simple_contrastive,
    "InfoNCE": functools.partial(info_nce, temperature=0.3),
    "soft triplet": functools.partial(soft_triplet, temperature=0.3, margin=0.1),
}


world = functools.partial(double_tree, polarity=(0.4, 0.95))


def student(tree: LatentTree, neurons: int = 3, *, normalise: bool = False, seed: int = 1) -> TreeNet:
    g = torch.Generator().manual_seed(seed)
    return TreeNet(tree.topology, neurons, generator=g, normalise=normalise, scale=1.0).double()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("normalise", [False, True])
def test_the_loss_and_its_gradient_are_what_sampling_tends_to(name, normalise):
    tree = world(2, root=0.3)
    net, law = student(tree, normalise=normalise), ExactTree(tree).law(0.4)
    parameters = list(net.parameters())
    exact = expected_loss(net(law.x).squeeze(-2), law.joint, LOSSES[name])
    gradients = torch.autograd.grad(exact, parameters)
    g, batches = torch.Generator().manual_seed(3), 20
    objective, seen = contrastive(LOSSES[name]), []
    for _ in range(batches):
        sampled = objective(net, tree.draw(4000, views=2, strength=0.4, generator=g))
        seen.append(
            torch.cat([sampled.detach().view(1), *(x.flatten() for x in torch.autograd.grad(sampled, parameters))])
        )
    expected = torch.cat([exact.detach().view(1), *(x.flatten() for x in gradients)])
    mean, error = torch.stack(seen).mean(0), torch.stack(seen).std(0) / batches**0.5
    assert ((mean - expected).abs() < 5 * error + 1e-12).all()
    assert float(error.norm() / expected.norm()) < 0.1  # or the comparison would say nothing


@pytest.mark.parametrize("root", [0.5, 0.2])
def test_l_simp_over_pairs_is_l_simp_over_triples(root):
    tree = world(2, root=root)
    net, law = student(tree), ExactTree(tree).law(0.7)
    f = net(law.x).squeeze(-2)
    p, r = law.joint.sum(-1), energies(f)
    torch.testing.assert_close(expected_simple(f, law.joint), expected_loss(f, law.joint, simple_contrastive))
    literal = (law.joint * r).sum() - (p.unsqueeze(-1) * p * r).sum()
    torch.testing.assert_close(expected_simple(f, law.joint), literal)


def test_the_loss_against_everyone_is_the_limit_of_many_negatives():
    tree = world(2)
    net, law = student(tree, normalise=True), ExactTree(tree).law(0.4)
    limit = float(expected_info_nce(net(law.x).squeeze(-2).detach(), law.joint, temperature=0.3))
    objective = contrastive(functools.partial(info_nce, temperature=0.3), negatives="batch")
    views = tree.draw(2000, views=2, strength=0.4, generator=torch.Generator().manual_seed(0))
    many = float(objective(net, views).detach()) - 0.3 * float(torch.tensor(1999.0).log())
    assert abs(many - limit) < 0.02


def test_runs_side_by_side_have_the_losses_of_single_ones():
    g = torch.Generator().manual_seed(0)
    trees = LatentTree.random(2, generator=g, runs=3)
    net, law = TreeNet(trees.topology, 4, generator=g, runs=3), ExactTree(trees).law(0.5)
    f = net(law.x).squeeze(-2)
    for expected in (expected_simple, expected_info_nce):
        alone = torch.stack([expected(f[k], law.joint[k]) for k in range(3)])
        torch.testing.assert_close(expected(f, law.joint), alone)


@pytest.mark.parametrize(("depth", "branching"), [(2, 2), (3, 2), (2, 3)])
@pytest.mark.parametrize("q", [0.0, 0.35, 1.0])
def test_the_operator_predicts_the_gradient_of_every_layer(depth, branching, q):
    tree = world(depth, branching, root=0.3)
    net, law = student(tree), ExactTree(tree).law(q)
    gradients = torch.autograd.grad(expected_simple(net(law.x).squeeze(-2), law.joint), list(net.weights))
    forward = net.forward_pass(law.x)
    for layer, (weight, gradient) in enumerate(zip(net.weights, gradients, strict=True), 1):
        operator = law_operator(forward, layer, law.joint)
        predicted = 2 * operator.matvec(weight.detach().flatten())
        torch.testing.assert_close(predicted, -gradient.flatten(), rtol=1e-10, atol=1e-14)
        assert torch.linalg.eigvalsh(operator.as_matrix())[0] > -1e-12


def test_the_operator_is_the_one_of_many_sampled_points():
    tree = world(2, root=0.3)
    net, law = student(tree), ExactTree(tree).law(0.4)
    exact = law_operator(net.forward_pass(law.x), 1, law.joint).as_matrix()
    views = tree.draw(4000, views=30, strength=0.4, generator=torch.Generator().manual_seed(0))
    sampled = covariance_operator(net.forward_pass(views.x), 1).as_matrix()
    assert float((sampled - exact).norm() / exact.norm()) < 0.1


@pytest.mark.parametrize(("depth", "branching"), [(1, 3), (3, 2), (2, 3)])
@pytest.mark.parametrize("root", [0.5, 0.2])
@pytest.mark.parametrize("activation", [torch.relu, torch.tanh, lambda x: (x > 0.3).double()])
def test_v_is_rho_squared_a_a_transposed_at_every_node(depth, branching, root, activation):
    """V_{z_0}[E(f | z_0)] of the children of every node, for arbitrary functions of the leaves below each child.

    Left side: a sum over leaf patterns given the root. Right side: selectivities and polarities alone.
    """
    tree = world(depth, branching, root)
    x, given_root = tree.enumerate()
    knowledge, g = ExactKnowledge(tree), torch.Generator().manual_seed(5)
    rho, layers = tree.from_root(), []
    for level in range(1, depth + 1):
        width = tree.topology.widths[level]
        own = x.unflatten(-1, (width, -1))  # every node reads the leaves below it and nothing else
        weights = torch.randn(width, own.shape[-1], 4, generator=g).double()
        layers.append(activation(torch.einsum("pni,nij->pnj", own, weights)))
    selectivity = knowledge.selectivity(layers)
    for level in range(2, depth + 1):
        for node in range(tree.topology.widths[level]):
            children = slice(branching * node, branching * (node + 1))
            f = layers[level - 2][:, children].flatten(1)
            means = given_root.mT @ f  # E[f | z_0], two rows
            centred = means - (torch.tensor([1 - root, root], dtype=torch.float64) @ means)
            variance = torch.einsum(
                "z,zi,zj->ij", torch.tensor([1 - root, root], dtype=torch.float64), centred, centred
            )
            a = (tree.polarity[level - 1][children].unsqueeze(-1) * selectivity[level - 2][children]).flatten()
            scale = 4 * root * (1 - root) * rho[level][node] ** 2  # 1 times ρ² under a fair root
            torch.testing.assert_close(variance, scale * torch.outer(a, a), rtol=0, atol=1e-12)


@pytest.mark.parametrize("root", [0.5, 0.2])
def test_knowledge_is_what_samples_show(root):
    tree, n = world(3, root=root), 200_000
    net, knowledge = student(tree), ExactKnowledge(tree)
    levels = tree.sample(n, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        layers = net.activations(tree.as_input(levels[0]))
        exact = knowledge.selectivity(net.activations(knowledge.x))
    for f, z, s in zip(layers, levels[1:], exact, strict=True):
        on, off = (f * z.unsqueeze(-1)).sum(0) / z.sum(0).unsqueeze(-1), (f * (1 - z).unsqueeze(-1)).sum(0)
        seen = (on - off / (1 - z.double()).sum(0).unsqueeze(-1)) / 2
        torch.testing.assert_close(seen, s, rtol=0, atol=0.03 * float(f.std()) + 1e-12)
    sampled = BestCorrelation(tree, n, generator=torch.Generator().manual_seed(1))(net)
    torch.testing.assert_close(knowledge(net), sampled, rtol=0, atol=0.015)
    ceilings = torch.cat(tree.latent_ceilings(1, generator=torch.Generator()))
    assert (knowledge(net) <= ceilings + 1e-12).all()


def test_a_silent_neuron_knows_nothing_and_breaks_nothing():
    tree = world(2)
    net = student(tree)
    with torch.no_grad():
        net.weights[0].zero_()
    assert ExactKnowledge(tree)(net).tolist() == [0, 0, 0]


def test_the_operators_of_the_nodes_are_blocks_of_the_operator():
    tree = world(3)
    net, law = student(tree), ExactTree(tree).law(0.5)
    norms = node_operators(net, law)
    assert norms.shape == (7,)
    whole = law_operator(net.forward_pass(law.x), 1, law.joint).as_matrix()
    blocks = [torch.linalg.eigvalsh(whole[k : k + 6, k : k + 6])[-1] for k in range(0, 24, 6)]  # 3 neurons × 2 leaves
    torch.testing.assert_close(norms[:4], torch.stack(blocks))
    assert (norms[:4] <= torch.linalg.eigvalsh(whole)[-1] + 1e-12).all()


def test_an_exact_run_falls_without_noise_and_may_be_cut():
    tree = world(3)
    whole, parts = (exact_run(tree, student(tree, normalise=True), strength=1.0, learning_rate=0.1) for _ in range(2))
    whole.advance(30)
    parts.advance(13)
    parts.advance(17)
    losses = whole.trace().losses
    assert torch.equal(losses, parts.trace().losses)
    assert (losses.diff() < 0).all()


def test_the_strength_may_change_while_it_runs():
    tree = world(2)
    run = exact_run(tree, student(tree), strength=1.0, learning_rate=0.0)
    run.advance(1)
    run.strength = 0.2
    run.advance(1)
    f = run.net(ExactTree(tree).law(0.0).x).squeeze(-2).detach()
    expected = [float(expected_simple(f, tree.pair_probabilities(q))) for q in (1.0, 0.2)]
    assert run.trace().losses.tolist() == pytest.approx(expected)


def test_views_without_a_law_and_a_lopsided_law_are_refused():
    objective = over_the_law(expected_simple)
    net = ReLUNet((2, 2), generator=torch.Generator().manual_seed(0))
    with pytest.raises(TypeError, match="PairLaw"):
        objective(net, Views(torch.zeros(2, 1, 2)))
    tree = LatentTree.random(3, generator=torch.Generator().manual_seed(0))
    net = TreeNet(tree.topology, 4, generator=torch.Generator().manual_seed(1))
    law = ExactTree(tree).law(0.5)
    assert (node_operators(net, law) > 0).all()
    with pytest.raises(ValueError, match="`joint` must be a symmetric"):
        law_operator(net.forward_pass(law.x), 1, law.joint.triu())
