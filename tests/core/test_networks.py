"""The students against literal loops, node by node, in float64 with unequal widths."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from weights import gaussian, seeded

from ssl_explain import ConvNet, ReLUNet, Tree, TreeNet

TERNARY = Tree(depth=2, branching=3)


def tree_net(topology=TERNARY, neurons=4, seed=0, **options):
    return TreeNet(topology, neurons, generator=torch.Generator().manual_seed(seed), **options).double()


def dense_net(widths=(6, 5, 4, 3), seed=0, **options):
    return ReLUNet(widths, generator=torch.Generator().manual_seed(seed), **options).double()


def with_biases(net, seed=9):
    """Zero at the start; drawn here, so that they matter."""
    with torch.no_grad():
        for k, bias in enumerate(net.biases):
            bias.copy_(gaussian(*bias.shape, seed=seed + k) / 10)
    return net


def node_by_node(net, x):
    """One point through one network, written out: a node reads what its children say, and nothing else."""
    below, layers = [x], []  # the input is cut into one piece per node of layer 1
    for level, weight in enumerate(net.weights):
        whole, d_in, here = torch.cat(below), weight.shape[-1], []
        for k in range(len(weight)):
            pre = weight[k] @ whole[k * d_in : (k + 1) * d_in]
            if len(net.biases):
                pre = pre + net.biases[level][k, :, 0]
            here.append(torch.where(pre > 0, pre, 0.0))
        layers.append(here)
        below = here
    if net.normalise and layers[-1][0].norm() > 0:
        layers[-1][0] = layers[-1][0] / layers[-1][0].norm()
    return [torch.stack(layer) for layer in layers]


NETS = pytest.mark.parametrize(
    "net",
    [
        tree_net(),
        tree_net(Tree(3, 2), 5, normalise=False, scale=1.0),
        with_biases(tree_net(biases=True)),
        dense_net(),
        dense_net((6, 7), normalise=False),
        with_biases(dense_net(biases=True, normalise=False)),
    ],
    ids=["tree", "tree-raw", "tree-biases", "dense", "dense-one-layer", "dense-biases-raw"],
)


@NETS
def test_whole_levels_equal_one_node_after_another(net):
    x = gaussian(2, 4, net.input_dimension)
    layers, output = net.activations(x), net(x)
    assert output.count_nonzero() > 0
    for i in range(2):
        for j in range(4):
            literal = node_by_node(net, x[i, j])
            for layer, expected in zip(layers, literal, strict=True):
                torch.testing.assert_close(layer[i, j], expected, rtol=1e-12, atol=1e-14)
            torch.testing.assert_close(output[i, j], literal[-1].flatten(), rtol=1e-12, atol=1e-14)


@given(st.integers(0, 8), st.integers(1, 2))
def test_a_leaf_reaches_only_the_nodes_above_it(leaf, level):
    net, x = tree_net(), gaussian(5, 9)
    moved = x.clone()
    moved[:, leaf] += 3.0
    before, after = net.activations(x)[level - 1], net.activations(moved)[level - 1]
    above = leaf // 3**level
    others = [k for k in range(before.shape[-2]) if k != above]
    assert torch.equal(before[:, others], after[:, others])
    if level == 1:
        assert not torch.equal(before[:, above], after[:, above])


@given(st.integers(0, 200))
def test_output_has_unit_norm_or_is_silent(seed):
    norms = tree_net(neurons=3, seed=seed)(gaussian(20, 9, seed=seed)).norm(dim=-1)
    assert (((norms - 1).abs() < 1e-12) | (norms == 0)).all()


@pytest.mark.parametrize("make", [tree_net, dense_net])
def test_silent_output_is_zero_and_has_a_zero_gradient(make):
    net = make()
    with torch.no_grad():
        net.weights[-1].copy_(-net.weights[-1].abs())
    x = gaussian(5, net.input_dimension).requires_grad_()
    assert torch.equal(net(x), torch.zeros_like(net(x)))
    for gradient in torch.autograd.grad(net(x).sum(), [x, *net.parameters()]):
        assert torch.equal(gradient, torch.zeros_like(gradient))


@given(st.floats(0.01, 100), st.integers(0, 1))
def test_scaling_one_layer_scales_the_output(c, layer):
    x, raw, unit = gaussian(5, 9), tree_net(normalise=False), tree_net()
    before_raw, before_unit = raw(x).detach(), unit(x).detach()
    with torch.no_grad():
        raw.weights[layer].mul_(c)
        unit.weights[layer].mul_(c)
    torch.testing.assert_close(raw(x), c * before_raw, rtol=1e-12, atol=0)
    torch.testing.assert_close(unit(x), before_unit, rtol=1e-12, atol=0)  # degree 0: the departure from the theory


def test_biases_start_at_zero_and_break_homogeneity():
    x, plain, biased = gaussian(5, 9), tree_net(normalise=False), tree_net(normalise=False, biases=True)
    torch.testing.assert_close(plain(x), biased(x), rtol=1e-12, atol=0)
    assert len(list(plain.parameters())) == 2
    assert len(list(biased.parameters())) == 4
    with_biases(biased)
    before = biased(x).detach()
    assert before.count_nonzero() > 0
    with torch.no_grad():
        biased.weights[0].mul_(2)
    assert not torch.allclose(biased(x), 2 * before)


@pytest.mark.parametrize("options", [{}, {"biases": True}, {"normalise": False}])
@pytest.mark.parametrize("make", [tree_net, dense_net])
def test_runs_side_by_side_are_separate_networks(make, options):
    together = with_biases(make(runs=3, **options))
    x = gaussian(3, 4, 2, together.input_dimension)
    for run in range(3):
        alone = make(**options)
        with torch.no_grad():
            for mine, theirs in zip(alone.parameters(), together.parameters(), strict=True):
                mine.copy_(theirs[run])
        torch.testing.assert_close(together(x)[run], alone(x[run]), rtol=1e-12, atol=1e-14)
        for a, b in zip(together.activations(x), alone.activations(x[run]), strict=True):
            torch.testing.assert_close(a[run], b, rtol=1e-12, atol=1e-14)
    assert not torch.equal(together.weights[0][0], together.weights[0][1])


def test_runs_may_get_one_point_each_but_no_bare_vector(g):
    net = ReLUNet((3, 2), generator=g, runs=3)
    x = torch.randn(3, 3, generator=g)
    torch.testing.assert_close(net(x), net(x.unsqueeze(1)).squeeze(1))
    with pytest.raises(ValueError, match="`x` must have 3 runs on its first axis"):
        net(torch.ones(3))


SMALL_CONV = ConvNet((1, 4, 4), generator=seeded(), channels=(2, 2), outputs=3).double()


@pytest.mark.parametrize("net", [*NETS.args[1], SMALL_CONV], ids=[*NETS.kwargs["ids"], "conv"])
def test_gradient_agrees_with_finite_differences(net):
    x = gaussian(3, net.input_dimension).requires_grad_()
    names, values = zip(*((k, v.detach().clone().requires_grad_()) for k, v in net.named_parameters()), strict=True)

    def output(x, *parameters):
        return torch.func.functional_call(net, dict(zip(names, parameters, strict=True)), (x,))

    assert torch.autograd.gradcheck(output, (x, *values))


@NETS
def test_forward_pass_tells_the_whole_story(net):
    x = gaussian(4, 2, net.input_dimension)
    fp = net.forward_pass(x)
    assert torch.equal(fp.output, net(x))
    assert torch.equal(fp.layer_inputs[0].flatten(-2), x)
    for level, (f, gate, weight) in enumerate(zip(fp.layer_inputs, fp.gates, fp.weights, strict=True)):
        pre = torch.einsum("koi,...ki->...ko", weight, f)
        if len(net.biases):
            pre = pre + net.biases[level].squeeze(-1)
        assert torch.equal(gate, (pre > 0).double())
        top = level == len(fp.gates) - 1
        told = fp.output if top else fp.layer_inputs[level + 1].flatten(-2)
        written = (gate * pre).flatten(-2)
        if top and net.normalise:
            written = nn.functional.normalize(written, dim=-1)
        torch.testing.assert_close(told, written, rtol=1e-12, atol=1e-14)
    for level, weight in enumerate(net.weights):
        assert fp.weights[level] is weight


def test_forward_pass_of_runs_keeps_them_first():
    net = tree_net(runs=2)
    fp = net.forward_pass(gaussian(2, 5, 9))
    assert [tuple(f.shape) for f in fp.layer_inputs] == [(2, 5, 3, 3), (2, 5, 1, 12)]
    assert [tuple(gate.shape) for gate in fp.gates] == [(2, 5, 3, 4), (2, 5, 1, 4)]
    assert [tuple(w.shape) for w in fp.weights] == [(2, 3, 4, 3), (2, 1, 4, 12)]


def test_same_seed_same_bits_and_scale_is_only_a_factor():
    small, again, large = tree_net(scale=0.5), tree_net(scale=0.5), tree_net(scale=1.0)
    for a, b, c in zip(small.weights, again.weights, large.weights, strict=True):
        assert torch.equal(a, b)
        torch.testing.assert_close(2 * a, c, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("kind", "sizes", "options"), [(ReLUNet, (50, 400), {}), (ConvNet, (3, 8, 8), {"channels": (64, 64)})]
)
def test_weights_have_the_promised_variance(kind, sizes, options, g):
    net = kind(sizes, generator=g, scale=0.7, **options)
    for weight in net.weights:
        w = weight.detach().double()
        variance = 2 * 0.7**2 / (w.shape[-1] if kind is ReLUNet else w[0].numel())
        assert abs(w.square().mean() / variance - 1) < 4.5 * (2 / w.numel()) ** 0.5
        assert abs(w.mean()) < 4.5 * (variance / w.numel()) ** 0.5
