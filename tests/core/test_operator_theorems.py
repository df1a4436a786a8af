"""What the operators say about gradients, against autograd of the literal expectations, in float64."""

from functools import partial

import pytest
import torch
from weights import gaussian

from ssl_explain import ReLUNet, Tree, TreeNet, info_nce, simple_contrastive, soft_triplet
from ssl_explain.losses.weights import pair_weights, pull_and_push
from ssl_explain.operators import definitions
from ssl_explain.operators.connection import connection
from ssl_explain.operators.covariance import covariance_operator
from ssl_explain.worlds.clouds import Clouds
from ssl_explain.worlds.ring import Ring

EXACT = {"rtol": 1e-11, "atol": 1e-12}
LOSSES = {
    "simple": simple_contrastive,
    "triplet": partial(soft_triplet, temperature=0.5, margin=0.3),
    "nce": partial(info_nce, temperature=0.5),
}
EVERY_LOSS = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())


def dense(widths, **options):
    return ReLUNet(widths, generator=torch.Generator().manual_seed(0), normalise=False, **options).double()


def wired(depth, branching, neurons):
    g = torch.Generator().manual_seed(2)
    return TreeNet(Tree(depth, branching), neurons, generator=g, normalise=False, scale=1.0).double()


NETS = {
    "depth-1": dense((6, 4)),
    "depth-2": dense((6, 5, 3)),
    "depth-3-linear-top": dense((6, 5, 4, 3), linear_top=True),
    "depth-4": dense((6, 5, 4, 3, 2)),
    "tree-binary": wired(3, 2, 4),
    "tree-ternary": wired(2, 3, 5),
}
EVERY_NET = pytest.mark.parametrize("net", NETS.values(), ids=NETS.keys())


def views(net, n=4, a=3):
    return gaussian(n, 1, net.input_dimension) + 0.5 * gaussian(n, a, net.input_dimension, seed=6)


def energy(a, b):
    return 0.5 * (a - b).square().sum()


def flat_connections(net, x, layer):
    """(n, a, d_weights, d_top)."""
    k = connection(net.forward_pass(x), layer).detach()
    return k.reshape(*x.shape[:2], net.weights[layer - 1].numel(), k.shape[-1])


def descent(value, net):
    """-∇ of every layer's weights, as vectors."""
    return [-g.flatten() for g in torch.autograd.grad(value, list(net.weights))]


def assert_every_layer(net, value, predicted):
    """Compare -∇ of a loss with ``predicted(layer)`` · vec(W), layer by layer; neither may be zero."""
    for layer, (measured, weight) in enumerate(zip(descent(value, net), net.weights, strict=True), 1):
        assert measured.norm() > 1e-4
        torch.testing.assert_close(measured, predicted(layer) @ weight.detach().flatten(), **EXACT)


@EVERY_NET
@pytest.mark.parametrize("towers", [1, 2])
def test_gradient_of_an_energy_is_two_connections_subtracted(net, towers):
    x = views(net, n=4, a=2)
    r = sum(energy(f1, f2.detach() if towers == 1 else f2) for f1, f2 in net(x))  # of four pairs: some are silent

    def minus_gradient(layer):
        pairs = flat_connections(net, x, layer)
        return -sum((k1 if towers == 1 else k1 - k2) @ (k1 - k2).mT for k1, k2 in pairs)

    assert_every_layer(net, r, minus_gradient)


def expected_simple(f, *, same_point=True, towers=2):
    """E[r+ - r-], term by term: both views of every point, and of every point with every (other) point."""
    n, a, _ = f.shape
    other = f.detach() if towers == 1 else f
    pull = [energy(f[i, p], other[i, q]) for i in range(n) for p in range(a) for q in range(a)]
    push = [
        energy(f[i, p], other[j, q])
        for i in range(n)
        for j in range(n)
        if same_point or i != j
        for p in range(a)
        for q in range(a)
    ]
    return torch.stack(pull).mean() - torch.stack(push).mean()


@EVERY_NET
@pytest.mark.parametrize(("towers", "factor"), [(1, 1), (2, 2)])
@pytest.mark.parametrize("same_point", [True, False])
def test_simple_loss_climbs_the_covariance_operator(net, towers, factor, same_point):
    x = views(net)
    n = len(x)
    factor = factor if same_point else factor * n / (n - 1)  # excluding the point itself: uniform points only
    value = expected_simple(net(x), same_point=same_point, towers=towers)
    fp = net.forward_pass(x)
    assert_every_layer(net, value, lambda layer: factor * covariance_operator(fp, layer).as_matrix())


def expected_frozen(f, xi):
    """E[ξ(x, x')(r+ - r-)]: two views of x, one of x', over all points and views, ξ a constant."""
    n, a, _ = f.shape
    total = f.new_zeros(())
    for i in range(n):
        for j in range(n):
            for p in range(a):
                for q in range(a):
                    total = total + xi[i, j] * (energy(f[i, p], f[i, q]) - energy(f[i, p], f[j, q]))
    return total / (n**2 * a**2)


@EVERY_LOSS
@pytest.mark.parametrize("net", [NETS["depth-3-linear-top"], NETS["tree-ternary"]], ids=["dense", "tree"])
def test_frozen_pair_weights_reweigh_the_operator(net, loss):
    x = views(net)
    fp = net.forward_pass(x)
    xi = pair_weights(loss, net(x).mean(1).detach())
    assert torch.equal(xi, xi.mT)
    assert_every_layer(net, expected_frozen(net(x), xi), lambda layer: covariance_operator(fp, layer, xi).as_matrix())
    literal = definitions.weighted_operator(flat_connections(net, x, 1), xi)
    assert torch.linalg.eigvalsh(literal).min() >= -1e-12
    if loss is simple_contrastive:
        torch.testing.assert_close(literal, 2 * covariance_operator(fp, 1).as_matrix(), **EXACT)


def test_asymmetric_weights_leave_the_difference_of_two_spreads_inside():
    net = NETS["depth-2"]
    x, xi = views(net), gaussian(4, 4).exp()
    k = {layer: flat_connections(net, x, layer) for layer in (1, 2)}

    def spread(layer):
        """V_{x'|x}[K] of every point."""
        centred = k[layer] - k[layer].mean(1, keepdim=True)
        return torch.einsum("navt,nawt->nvw", centred, centred) / x.shape[1]

    def extra(layer):
        v = spread(layer)
        return (xi[..., None, None] * (v[None] - v[:, None])).mean((0, 1))

    value = expected_frozen(net(x), xi)
    assert_every_layer(net, value, lambda layer: definitions.weighted_operator(k[layer], xi) + extra(layer))
    assert extra(1).norm() > 0.01 * definitions.weighted_operator(k[1], xi).norm()
    xi = torch.zeros(4, 4, dtype=torch.float64)
    xi[0, 1] = 1.0  # one ordered pair alone: no longer positive semi-definite
    assert torch.linalg.eigvalsh(definitions.weighted_operator(k[1], xi) + extra(1)).min() < -1e-3
    xi = xi + xi.mT  # both orders: nothing extra is left
    torch.testing.assert_close(extra(1), torch.zeros_like(extra(1)), **EXACT)


@EVERY_LOSS
@pytest.mark.parametrize("h", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("net", [NETS["depth-3-linear-top"], NETS["tree-binary"]], ids=["dense", "tree"])
def test_one_update_sums_over_the_negatives(net, loss, h):
    x = 0.3 * gaussian(1, 2 + h, net.input_dimension)  # first view, positive, negatives
    f = net(x)[0]
    r_pos, r_neg = energy(f[0], f[1]).view(1), torch.stack([energy(f[0], f[2 + k]) for k in range(h)]).view(1, h)
    _, push = pull_and_push(loss, r_pos, r_neg)

    def update(layer):
        k = flat_connections(net, x, layer)[0]
        near = (k[0] - k[1]) @ (k[0] - k[1]).mT
        return sum(-push[0, j] * ((k[0] - k[2 + j]) @ (k[0] - k[2 + j]).mT - near) for j in range(h))

    assert_every_layer(net, loss(r_pos, r_neg).sum(), update)


def test_swapped_axis_of_the_connection_is_caught():
    net = NETS["depth-2"]
    x = views(net)
    k, w = connection(net.forward_pass(x), 1), net.weights[0].flatten()
    own_output_last = k.transpose(-3, -1)  # as if the own output were what is summed over
    with pytest.raises(RuntimeError):
        own_output_last.flatten(2, 3).mT @ w


def test_equal_widths_hide_a_swapped_axis_from_shapes_and_trace_but_not_from_the_gradient():
    net = dense((4, 4, 4))
    x = views(net)
    fp = net.forward_pass(x)
    k, w = connection(fp, 1).detach(), net.weights[0].detach().flatten()
    right, swapped = (definitions.covariance_operator(m.flatten(2, 3)) for m in (k, k.transpose(-3, -1)))
    assert right.shape == swapped.shape
    assert swapped.trace().item() == pytest.approx(right.trace().item(), rel=1e-12)
    measured = descent(expected_simple(net(x)), net)[0]
    torch.testing.assert_close(measured, 2 * right @ w, **EXACT)
    assert (measured - 2 * swapped @ w).norm() > 0.1 * measured.norm()
    assert (swapped - covariance_operator(fp, 1).as_matrix()).norm() > 0.1 * right.norm()


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_enumerated_ring_is_what_drawing_tends_to(strength):
    ring, net = Ring(6, dtype=torch.float64), dense((6, 5, 3))
    exact = covariance_operator(net.forward_pass(ring.enumerate(strength).x), 1)
    g, v, n, a = torch.Generator().manual_seed(3), gaussian(30), 400, 200
    exact_value = (v @ exact.matvec(v)).item()

    def drawn():
        x = ring.draw(n, views=a, strength=strength, generator=g).x
        return v @ covariance_operator(net.forward_pass(x), 1).matvec(v)

    samples = torch.stack([drawn() for _ in range(12)])
    error = samples.std() / len(samples) ** 0.5
    k = flat_connections(net, ring.enumerate(strength).x, 1)
    within = (v @ definitions.within_operator(k) @ v).item()
    expected = (exact_value + within / a) * (n - 1) / n  # finite samples: spread left by averaging a views; n points
    assert abs(samples.mean() - expected) < 4 * error
    assert error < 0.1 * exact_value


@pytest.mark.parametrize("views", [1, 2, 8])
def test_clouds_and_a_linear_layer_have_a_closed_form(views):
    """K̄ = x̄ ⊗ 1, so OP = V[x̄] ⊗ 1 with V[x̄] = between² + q² within² / a, and E V[K] = q² within² ⊗ 1."""
    between, within = torch.tensor([2.0, 1.0, 0.5, 0.0]).double(), torch.tensor([0.0, 1.0, 0.3, 2.0]).double()
    net, q, n = dense((4, 3), linear_top=True), 0.5, 20_000
    x = Clouds(between, within).draw(n, views=views, strength=q, generator=torch.Generator().manual_seed(0)).x
    op = covariance_operator(net.forward_pass(x), 1).as_matrix().view(3, 4, 3, 4)
    variance = between**2 + q**2 * within**2 / views
    sd = (variance[:, None] * variance[None, :] * (1 + torch.eye(4)) / n).sqrt()  # of a Gaussian sample covariance
    for out in range(3):
        assert ((op[out, :, out] - variance.diag()).abs() <= 4.5 * sd + 1e-12).all()
        assert op[out, :, (out + 1) % 3].abs().max() < 1e-12
    centred = x - x.mean(1, keepdim=True)
    spread = torch.einsum("nai,naj->ij", centred, centred) / (n * views)
    wanted = (q**2 * within**2 * (views - 1) / views).diag()
    torch.testing.assert_close(spread, wanted, rtol=0.06, atol=0.01)
    total = definitions.within_operator(flat_connections(net, x[:50], 1)).view(3, 4, 3, 4)
    few = centred[:50]
    torch.testing.assert_close(total[0, :, 0], torch.einsum("nai,naj->ij", few, few) / (50 * views), **EXACT)
