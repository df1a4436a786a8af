"""The best |correlation| of a latent, against numpy, one neuron after another."""

import numpy as np
import pytest
import torch

from ssl_explain import BestCorrelation, LatentTree, ReLUNet, TreeNet


def world(depth=3, branching=2, runs=None, seed=0):
    g = torch.Generator().manual_seed(seed)
    return LatentTree.random(depth, branching, (0.6, 1.0), generator=g, runs=runs), g


def in_double(tree):
    return LatentTree(tuple(rho.double() for rho in tree.polarity))


def numpys_answer(measure, net, tree):
    """Loop over latents and neurons; a latent looks at the neurons of its own node (dense: of its own layer)."""
    best = []
    for level, (f, z) in enumerate(zip(net.activations(measure.x), measure.latents, strict=True), start=1):
        for k in range(tree.topology.widths[level]):
            node = f[:, k if f.shape[1] > 1 else 0].detach().numpy()
            scores = [0.0]
            for neuron in node.T:
                if neuron.std() > 0:
                    scores.append(abs(np.corrcoef(neuron, z[:, k].numpy())[0, 1]))
            best.append(max(scores))
    return torch.tensor(best, dtype=torch.float64)


@pytest.mark.parametrize(("depth", "branching"), [(3, 2), (2, 3)])
@pytest.mark.parametrize("wiring", ["tree", "dense"])
def test_equals_numpy_neuron_by_neuron(depth, branching, wiring):
    tree, g = world(depth, branching)
    tree = in_double(tree)
    measure = BestCorrelation(tree, 200, generator=g)
    if wiring == "tree":
        net = TreeNet(tree.topology, 4, generator=g).double()
    else:
        net = ReLUNet((tree.dimension, *(7 - level for level in range(depth))), generator=g).double()
    torch.testing.assert_close(measure(net), numpys_answer(measure, net, tree), rtol=1e-10, atol=1e-10)


def test_perfect_and_mirrored_neurons_score_one():
    """With edges that never err the leaves tell everything, and the sign of a correlation does not matter."""
    tree = LatentTree((torch.tensor([1.0, -1.0, 1.0, 1.0]), torch.tensor([-1.0, 1.0])))
    measure = BestCorrelation(tree, 100, generator=torch.Generator().manual_seed(0))
    net = TreeNet(tree.topology, 1, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        net.weights[0].copy_(torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]))
        net.weights[1].copy_(torch.tensor([[[1.0, 0.0]]]))
    torch.testing.assert_close(measure(net), torch.ones(3), rtol=0, atol=1e-6)


@pytest.mark.parametrize("constant", [0.0, 1.0, 0.3, 1e4])
@pytest.mark.parametrize("rounding", [0.0, 1e-7])
def test_constant_neuron_scores_zero_not_nan(constant, rounding):
    """Nor does it count that the last digit of a constant knows something."""
    tree, g = world()
    measure = BestCorrelation(tree, 300, generator=g)
    net = TreeNet(tree.topology, 2, generator=g, biases=True, normalise=False)
    with torch.no_grad():
        for weight, bias in zip(net.weights, net.biases, strict=True):
            weight.fill_(rounding * constant)
            bias.fill_(constant)
    assert measure(net).abs().max() < 1e-6


def test_one_silent_node_leaves_the_others_alone():
    tree, g = world()
    measure, net = BestCorrelation(tree, 300, generator=g), TreeNet(tree.topology, 4, generator=g)
    before = measure(net)
    with torch.no_grad():
        net.weights[0][1].copy_(torch.zeros(4, 2))
    after = measure(net)
    assert after[1] == 0
    torch.testing.assert_close(after[[0, 2, 3]], before[[0, 2, 3]])
    assert torch.isfinite(after).all()


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e6])
def test_size_of_a_neuron_does_not_matter(scale):
    tree, g = world()
    measure, net = BestCorrelation(tree, 300, generator=g), TreeNet(tree.topology, 4, generator=g)
    before = measure(net)
    with torch.no_grad():
        net.weights[0].mul_(scale)
    layers = slice(0, 6)  # the output, too, keeps its direction, but below 1e-12 normalisation gives up
    torch.testing.assert_close(measure(net)[layers], before[layers], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("wiring", ["tree", "dense"])
def test_runs_side_by_side_are_measured_each_on_its_own_world(wiring):
    tree, g = world(runs=3)
    tree = in_double(tree)
    measure = BestCorrelation(tree, 200, generator=g)
    if wiring == "tree":
        net, alone = (TreeNet(tree.topology, 4, generator=g, runs=runs).double() for runs in (3, None))
    else:
        net, alone = (ReLUNet((8, 5, 4, 3), generator=g, runs=runs).double() for runs in (3, None))
    together = measure(net)
    assert together.shape == (3, 7)
    for run in range(3):
        with torch.no_grad():
            for mine, theirs in zip(alone.parameters(), net.parameters(), strict=True):
                mine.copy_(theirs[run])
        single = BestCorrelation.__new__(BestCorrelation)
        single.x, single.latents = measure.x[run], [z[run] for z in measure.latents]
        torch.testing.assert_close(together[run], numpys_answer(single, alone, tree), rtol=1e-10, atol=1e-10)


def test_measuring_changes_nothing_and_repeats_itself():
    tree, g = world()
    measure, net = BestCorrelation(tree, 100, generator=g), TreeNet(tree.topology, 4, generator=g)
    state = g.get_state()
    assert torch.equal(measure(net), measure(net))
    assert torch.equal(state, g.get_state())
    assert not measure(net).requires_grad
