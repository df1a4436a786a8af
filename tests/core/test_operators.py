"""Connection and covariance operator against their literal definitions, in float64 with unequal widths."""

import pytest
import torch
from literal import literal_connections
from refusals import refused
from torch import Tensor
from weights import gaussian

from ssl_explain import ReLUNet, Tree, TreeNet
from ssl_explain.operators import definitions
from ssl_explain.operators.connection import connection, jacobian
from ssl_explain.operators.covariance import CovarianceOperator, covariance_operator, mean_connection

EXACT = {"rtol": 1e-12, "atol": 1e-13}
WIDTHS = (6, 5, 4, 3, 2)


def dense(depth, *, widths=WIDTHS, seed=0, **options):
    g = torch.Generator().manual_seed(seed)
    return ReLUNet(widths[: depth + 1], generator=g, **{"normalise": False, **options}).double()


def wired(depth, branching, neurons=4):
    g = torch.Generator().manual_seed(2)
    return TreeNet(Tree(depth, branching), neurons, generator=g, normalise=False, scale=1.0).double()


NETS = {f"dense-{depth}": dense(depth) for depth in (1, 2, 3, 4)}
NETS |= {f"dense-{depth}-linear-top": dense(depth, linear_top=True) for depth in (1, 2, 3, 4)}
NETS |= {"tree-1": wired(1, 2), "tree-2": wired(2, 2), "tree-4": wired(4, 2, neurons=3)}
NETS |= {"tree-ternary": wired(2, 3, neurons=5)}
CASES = [(name, layer) for name, net in NETS.items() for layer in range(1, len(net.weights) + 1)]
EVERY_LAYER = pytest.mark.parametrize(("name", "layer"), CASES, ids=[f"{name}-layer-{layer}" for name, layer in CASES])


def as_matrix(k: Tensor, layer_weight: Tensor) -> Tensor:
    """Flatten (node, d_out, d_in) into rows, in the order of weight.flatten()."""
    return k.reshape(*k.shape[:2], layer_weight.numel(), k.shape[-1])


def views(net, n=5, a=3, seed=5):
    """Points with views that are alike, but not too much."""
    return gaussian(n, 1, net.input_dimension, seed=seed) + 0.6 * gaussian(n, a, net.input_dimension, seed=seed + 1)


@EVERY_LAYER
def test_connection_is_the_derivative_of_the_output(name, layer):
    net = NETS[name]
    x = views(net)
    fast = as_matrix(connection(net.forward_pass(x), layer), net.weights[layer - 1])
    literal = literal_connections(net, x, layer)
    assert literal.count_nonzero() > 0
    torch.testing.assert_close(fast, literal, **EXACT)


@EVERY_LAYER
def test_the_weights_of_every_layer_give_back_the_output(name, layer):
    net = NETS[name]
    fp, w = net.forward_pass(views(net)), net.weights[layer - 1]
    k = as_matrix(connection(fp, layer), w)
    assert fp.output.count_nonzero() > 0
    torch.testing.assert_close(torch.einsum("nawt,w->nat", k, w.flatten()), fp.output, **EXACT)


def test_normalised_outputs_and_biases_leave_the_theory():
    x = views(dense(3))
    for options in ({"normalise": True}, {"biases": True}):
        net = dense(3, **options)
        with torch.no_grad():
            for bias in net.biases:
                bias.add_(0.3)
        fp = net.forward_pass(x)
        told = torch.einsum("naoit,oi->nat", connection(fp, 2), net.weights[1].squeeze(0))
        assert (told - fp.output).abs().max() > 0.01


@pytest.mark.parametrize("name", ["dense-3", "dense-3-linear-top", "tree-ternary"])
def test_jacobian_is_what_stands_between_a_layer_and_the_output(name):
    net = NETS[name]
    x = views(net)
    fp = net.forward_pass(x)
    for layer, weight in enumerate(fp.weights, 1):
        j = jacobian(fp, layer)
        assert j.shape == (*x.shape[:2], fp.output.shape[-1], *weight.shape[:2])
        f = torch.einsum("koi,naki->nako", weight, fp.layer_inputs[layer - 1])  # f_L = J_l f̃_l
        torch.testing.assert_close(torch.einsum("natko,nako->nat", j, f), fp.output, **EXACT)


def test_connection_takes_any_batch_shape():
    net = NETS["dense-3"]
    x = gaussian(2, 3, 4, 6)
    k = connection(net.forward_pass(x), 2)
    assert k.shape == (2, 3, 4, 4, 5, 3)
    torch.testing.assert_close(connection(net.forward_pass(x[1, 2, 3]), 2), k[1, 2, 3], **EXACT)


@EVERY_LAYER
def test_operator_is_the_covariance_of_the_mean_connection(name, layer):
    net = NETS[name]
    x = views(net)
    literal = literal_connections(net, x, layer)
    op = covariance_operator(net.forward_pass(x), layer)
    means = mean_connection(net.forward_pass(x), layer)
    torch.testing.assert_close(means.mT, definitions.mean_connection(literal), **EXACT)
    torch.testing.assert_close(op.as_matrix(), definitions.covariance_operator(literal), **EXACT)
    xi = gaussian(5, 5).exp()
    weighted = covariance_operator(net.forward_pass(x), layer, xi + xi.mT)
    torch.testing.assert_close(weighted.as_matrix(), definitions.weighted_operator(literal, xi + xi.mT), **EXACT)


def operators() -> dict[str, CovarianceOperator]:
    """Dense and tree, with and without pair weights."""
    found = {}
    for name, layer in (("dense-3", 1), ("dense-4", 2), ("tree-ternary", 1), ("tree-4", 3)):
        fp = NETS[name].forward_pass(views(NETS[name], n=8))
        xi = gaussian(8, 8).exp()
        found[f"{name}-{layer}"] = covariance_operator(fp, layer)
        found[f"{name}-{layer}-weighted"] = covariance_operator(fp, layer, xi + xi.mT)
    return found


OPERATORS = pytest.mark.parametrize("op", operators().values(), ids=operators().keys())


@OPERATORS
def test_operator_is_symmetric_and_never_negative(op):
    matrix = op.as_matrix()
    torch.testing.assert_close(matrix, matrix.mT, **EXACT)
    assert matrix.trace() > 0.01
    assert torch.linalg.eigvalsh(matrix).min() >= -1e-12


@OPERATORS
def test_matrix_vector_product_and_trace_need_no_matrix(op):
    matrix, v = op.as_matrix(), gaussian(op.size)
    torch.testing.assert_close(op.matvec(v), matrix @ v, **EXACT)
    assert op.trace() == pytest.approx(matrix.trace().item(), rel=1e-12)


@OPERATORS
@pytest.mark.parametrize("k", [1, 3, 7])
@pytest.mark.parametrize("iterative", [False, True])
def test_largest_eigenvalues_and_their_directions(op, k, iterative, monkeypatch):
    if iterative:
        monkeypatch.setattr("ssl_explain.operators.covariance.DENSE", 0)
    values, vectors = op.eigh(k)
    expected = torch.linalg.eigvalsh(op.as_matrix()).flip(0)[:k]
    torch.testing.assert_close(values, expected, rtol=1e-6, atol=1e-6 * expected[0].item())
    torch.testing.assert_close(vectors.mT @ vectors, torch.eye(k, dtype=torch.float64), rtol=0, atol=1e-9)
    off = (op.as_matrix() @ vectors - vectors * values).norm(dim=0)
    assert off.max() < 1e-2 * values[0]
    again = op.eigh(k)
    assert torch.equal(values, again[0])
    assert torch.equal(vectors, again[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("weighted", [False, True])
def test_large_operator_is_never_formed_yet_its_eigenvalues_are_right(dtype, weighted, monkeypatch):
    net, g = dense(2, widths=(40, 30, 3)).to(dtype), torch.Generator().manual_seed(1)
    x = torch.randn(30, 1, 40, generator=g) + 0.5 * torch.randn(30, 8, 40, generator=g)
    xi = torch.rand(30, 30, generator=g).to(dtype)
    op = covariance_operator(net.forward_pass(x.to(dtype)), 1, xi + xi.mT if weighted else None)
    assert op.size == 1200
    exact = CovarianceOperator(op.factor.double(), None if op.pair_weights is None else op.pair_weights.double())
    expected = torch.linalg.eigvalsh(exact.as_matrix()).flip(0)[:10]
    monkeypatch.setattr(CovarianceOperator, "as_matrix", lambda self: pytest.fail("formed the matrix"))
    values, vectors = op.eigh(10)
    assert values.dtype == vectors.dtype == dtype
    torch.testing.assert_close(values.double(), expected, rtol=1e-6, atol=0)
    assert torch.equal(values, op.eigh(10)[0])


def test_operator_without_any_variance_has_eigenvalues_zero():
    net = dense(2, widths=(40, 30, 3))
    for x, xi in ((torch.ones(4, 2, 40).double(), None), (views(net, n=4), torch.zeros(4, 4).double())):
        values, vectors = covariance_operator(net.forward_pass(x), 1, xi).eigh(3)
        assert torch.equal(values, torch.zeros(3, dtype=torch.float64))
        assert torch.equal(vectors.mT @ vectors, torch.eye(3, dtype=torch.float64))


@pytest.mark.parametrize("n", [2, 3])
def test_operator_of_few_points_has_a_low_rank(n):
    net = dense(2, widths=(40, 30, 3))
    op = covariance_operator(net.forward_pass(views(net, n=n)), 1)
    values, _ = op.eigh(10)
    assert (values[3 * (n - 1) :].abs() < 1e-12 * values[0]).all()
    assert values.sum().item() == pytest.approx(op.trace(), rel=1e-9)


@EVERY_LAYER
def test_between_and_within_make_the_total(name, layer):
    net = NETS[name]
    x = views(net)
    literal = literal_connections(net, x, layer)
    total = definitions.covariance_operator(literal.flatten(0, 1).unsqueeze(1))  # every view a point of its own
    within = definitions.within_operator(literal)
    between = covariance_operator(net.forward_pass(x), layer).as_matrix()
    assert within.trace() > 1e-4
    torch.testing.assert_close(between + within, total, **EXACT)


@pytest.mark.parametrize("name", ["dense-3", "tree-ternary"])
def test_order_of_points_and_views_does_not_matter(name):
    net = NETS[name]
    x, xi = views(net, n=7, a=5), gaussian(7, 7).exp()
    points = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    turned = torch.stack([point[torch.arange(5).roll(k)] for k, point in enumerate(x)])[points]
    for weights, permuted in ((None, None), (xi + xi.mT, (xi + xi.mT)[points][:, points])):
        before = covariance_operator(net.forward_pass(x), 2, weights).as_matrix()
        after = covariance_operator(net.forward_pass(turned), 2, permuted).as_matrix()
        torch.testing.assert_close(before, after, **EXACT)


def test_operator_in_slices_is_the_operator_in_one(monkeypatch):
    for net in (NETS["dense-3"], NETS["tree-ternary"]):
        fp = net.forward_pass(views(net, n=7))
        whole = mean_connection(fp, 1)
        monkeypatch.setattr("ssl_explain.operators._fast.CHUNK", 1)
        torch.testing.assert_close(mean_connection(fp, 1), whole, **EXACT)
        monkeypatch.undo()


def test_one_view_per_point_is_allowed():
    net = NETS["dense-3"]
    fp = net.forward_pass(views(net, a=1))
    literal = literal_connections(net, views(net, a=1), 2)
    assert definitions.within_operator(literal).count_nonzero() == 0
    torch.testing.assert_close(
        covariance_operator(fp, 2).as_matrix(), definitions.covariance_operator(literal), **EXACT
    )


@pytest.mark.usefixtures("unshaped")
@pytest.mark.parametrize(
    ("layer", "error", "words"),
    [(layer, ValueError, ".*top layer of this network is 3") for layer in (0, 4, -1)]
    + [(1.0, TypeError, r", got 1\.0 of type float")],
)
@pytest.mark.parametrize("make", [connection, jacobian, covariance_operator, mean_connection])
def test_a_layer_that_does_not_exist(make, layer, error, words):
    net = NETS["dense-3"]
    with pytest.raises(error, match="`layer` must be an integer from 1 to 3" + words):
        make(net.forward_pass(views(net)), layer)


def bad_weight(layer, value=float("nan")):
    net = dense(3)
    with torch.no_grad():
        net.weights[layer - 1][0, 0, 0] = value
    return net


@pytest.mark.parametrize("broken", [1, 2, 3])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("make", [connection, covariance_operator])
def test_weights_that_are_not_finite(make, broken, value):
    net = bad_weight(broken, value)
    for layer in (1, 2, 3):
        with pytest.raises(ValueError, match=f"`weights of layer {broken}` must hold finite numbers only"):
            make(net.forward_pass(views(net)), layer)


def operator(x, xi=None):
    return covariance_operator(dense(3).forward_pass(x), 1, xi)


def symmetric(n=5):
    return torch.ones(n, n, dtype=torch.float64)


POINTS, RANGE = gaussian(5, 3, 6), r"`k` must be an integer from 1 to 30.*the operator has 30 eigenvalues"
test_what_has_no_operator_or_spectrum_is_named = refused(
    (lambda: operator(gaussian(1, 4, 6)), "two points, got 1; one point has no variance between points"),
    (lambda: operator(gaussian(5, 6)), "views of shape .n, a, d., got 1 axes.*pass net.forward_pass"),
    (lambda: operator(gaussian(2, 5, 3, 6)), "views of shape .n, a, d., got 3 axes"),
    (lambda: operator(POINTS, gaussian(5, 5)), "`pair_weights` must be a symmetric .5, 5. matrix.*symmetrise"),
    (lambda: operator(POINTS, symmetric(4)), "`pair_weights` must be a symmetric .5, 5. matrix, got shape .4, 4."),
    (lambda: operator(POINTS, symmetric() * torch.inf), "`pair_weights` must hold finite numbers only"),
    (lambda: connection(dense(2, runs=3).forward_pass(gaussian(3, 3, 6)), 1), "single network, got 3 runs"),
    (lambda: operator(POINTS).eigh(0), RANGE),
    (lambda: operator(POINTS).eigh(-2), RANGE),
    (lambda: operator(POINTS).eigh(31), RANGE),
)


@pytest.mark.parametrize("good", [1, 30])
def test_every_number_of_eigenvalues_in_range_is_allowed(good):
    assert [t.shape for t in operator(POINTS).eigh(good)] == [(good,), (30, good)]
