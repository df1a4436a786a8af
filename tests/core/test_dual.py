"""Two towers against literal loops: what learns, what follows, what is centred, and what is asked of them."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from weights import copies, same

from ssl_explain import Views, digits
from ssl_explain.lessons.byol_hidden_contrast.two_towers import dual_run
from ssl_explain.losses.predictive import cosine, decayed, half_square, predictive
from ssl_explain.networks.dual import (
    NO_CENTRING,
    Centring,
    DualNet,
    LinearPredictor,
    fixed_predictor,
    linear_predictor,
    mlp_predictor,
)
from ssl_explain.networks.relu import ReLUNet

WIDTHS = (6, 7, 4)
PREDICTORS = {"none": None, "linear": linear_predictor(4), "mlp": mlp_predictor(4, hidden=5)}
EVERY_PREDICTOR = pytest.mark.parametrize("predictor", PREDICTORS.values(), ids=list(PREDICTORS))
MOMENTA = pytest.mark.parametrize("momentum", [None, 0.0, 0.9, 1.0], ids=str)
WAYS = [(0, 1), (1, 0)]


def two_towers(predictor=PREDICTORS["linear"], *, seed=0, **options):
    g = torch.Generator().manual_seed(seed)
    online = ReLUNet(WIDTHS, generator=g, normalise=False, linear_top=True)
    net = DualNet(online, predictor, generator=g, **options).double()
    if net.own_target is not None:  # as after some training: the two towers differ
        with torch.no_grad():
            for weight in net.own_target.parameters():
                weight.add_(torch.randn(weight.shape, generator=g))
    return net


def inputs(seed=1, n=5, views=2):
    return torch.randn(n, views, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- the towers ---------------------------------------------------------------------------------------------


@EVERY_PREDICTOR
@MOMENTA
@pytest.mark.parametrize(("first", "second"), WAYS)
def test_a_pair_is_prediction_and_target_of_its_views(predictor, momentum, first, second):
    net, x = two_towers(predictor, momentum=momentum), inputs()
    prediction, target = net.pair(x, first=first, second=second)
    other = net.online if momentum is None else net.own_target
    torch.testing.assert_close(prediction, net.predictor(net.online(x[:, first])))
    torch.testing.assert_close(target, other(x[:, second]))
    assert (net.own_target is None) == (momentum is None)


@EVERY_PREDICTOR
@MOMENTA
@pytest.mark.parametrize("centring", [NO_CENTRING, Centring(), Centring(mean="all", scale=True)], ids=str)
def test_the_gradient_runs_through_the_online_side_alone(predictor, momentum, centring):
    """It is the gradient with the target as a constant, made beforehand."""
    net, x = two_towers(predictor, momentum=momentum, centring=centring), inputs()
    learned = [*net.online.parameters(), *net.predictor.parameters()]
    assert [id(p) for p in net.parameters() if p.requires_grad] == [id(p) for p in learned]
    found = torch.autograd.grad(half_square(*net.pair(x)).mean(), learned)
    constant = net.pair(x)[1].clone()
    assert not constant.requires_grad
    f = net.online(x)
    seen = centring.apply(f, 0) if centring.online else f[:, 0]
    expected = torch.autograd.grad((net.predictor(seen) - constant).square().sum(-1).mean() / 2, learned)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)
        assert a.abs().max() > 0


def test_a_target_of_the_same_weights_gives_no_gradient_though_its_value_is_theirs():
    net, x = two_towers(None), inputs()
    prediction, target = net.pair(x)
    aim = net.online(x[:, 1])
    torch.testing.assert_close(target, aim)
    losses = (half_square(prediction, what).mean() for what in (aim, target))
    through, stopped = (torch.autograd.grad(loss, net.online.weights[0], retain_graph=True)[0] for loss in losses)
    assert not torch.allclose(through, stopped, rtol=0.1)


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9, 1.0])
def test_the_target_follows_as_a_literal_loop(momentum):
    net = two_towers(momentum=momentum)
    start, online = copies(net.own_target), copies(net.online)
    mine = start
    for _ in range(3):
        net.follow()
        mine = [momentum * a + (1 - momentum) * b for a, b in zip(mine, online, strict=True)]
    for a, b in zip(mine, net.own_target.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    assert same(online, net.online)
    assert same(start, net.own_target) == (momentum == 1)


def test_shared_weights_have_nothing_to_follow():
    net = two_towers()
    before = copies(net)
    net.follow()
    assert same(before, net)
    with torch.no_grad():
        next(net.online.parameters()).mul_(2)  # whatever the online tower becomes, so is the target
    torch.testing.assert_close(net.pair(inputs())[1], net.online(inputs()[:, 1]).detach())


def test_the_target_starts_as_a_copy_that_is_not_the_same_tensor():
    g = torch.Generator().manual_seed(0)
    net = DualNet(ReLUNet(WIDTHS, generator=g), generator=g, momentum=0.9)
    assert same(copies(net.online), net.own_target)
    with torch.no_grad():
        next(net.online.parameters()).mul_(2)
    assert not same(copies(net.online), net.own_target)


@pytest.mark.parametrize("predictor", [PREDICTORS["linear"], PREDICTORS["mlp"]], ids=["linear", "mlp"])
def test_a_redrawn_predictor_is_new_in_place_and_all_else_is_old(predictor):
    net = two_towers(predictor, momentum=0.9)
    places, before = [p.data_ptr() for p in net.predictor.parameters()], copies(net.predictor)
    towers = copies(net.online), copies(net.own_target)
    net.redraw_predictor(torch.Generator().manual_seed(5))
    assert [p.data_ptr() for p in net.predictor.parameters()] == places
    assert all(not torch.equal(a, b) for a, b in zip(before, net.predictor.parameters(), strict=True))
    assert same(towers[0], net.online)
    assert same(towers[1], net.own_target)
    expected = [p.double() for p in predictor(torch.Generator().manual_seed(5)).parameters()]
    assert same(expected, net.predictor)


def test_without_a_predictor_there_is_nothing_to_redraw():
    net, g = two_towers(None), torch.Generator().manual_seed(5)
    net.redraw_predictor(g)
    assert torch.equal(g.get_state(), torch.Generator().manual_seed(5).get_state())


def test_as_a_network_it_is_its_online_tower():
    net, x = two_towers(momentum=0.9), inputs()
    assert torch.equal(net(x), net.online(x))
    assert all(torch.equal(a, b) for a, b in zip(net.activations(x), net.online.activations(x), strict=True))
    assert net.input_dimension == 6
    assert net.weights is net.online.weights


def test_predictors_are_their_formulas(g):
    f = torch.randn(3, 4, generator=g)
    matrix = torch.randn(4, 4, generator=g)
    linear = LinearPredictor(matrix)
    for row, out in zip(f, linear(f), strict=True):
        torch.testing.assert_close(out, matrix @ row)
    assert linear.matrix.requires_grad
    mlp = PREDICTORS["mlp"](g)
    bottom, top = (w[0] for w in mlp.weights)
    torch.testing.assert_close(mlp(f), (f @ bottom.T).relu() @ top.T)
    assert (bottom.shape, top.shape) == ((5, 4), (4, 5))
    fixed = fixed_predictor(matrix)(g)
    matrix.zero_()
    assert fixed.matrix.abs().sum() > 0  # a copy
    assert not fixed.matrix.requires_grad


def test_a_linear_predictor_has_the_scale_it_is_asked_for():
    drawn = linear_predictor(300, scale=0.5)(torch.Generator().manual_seed(0)).matrix
    assert float((drawn.std() * 300**0.5).detach()) == pytest.approx(0.5, rel=0.02)


# --- centring -----------------------------------------------------------------------------------------------


def literal_centred(f, view, mean):
    """Loops over points; the mean of one view, or of all."""
    crowd = [f[i, a] for i in range(len(f)) for a in range(f.shape[1]) if mean == "all" or a == view]
    middle = sum(crowd) / len(crowd)
    return torch.stack([f[i, view] - middle for i in range(len(f))])


@pytest.mark.parametrize("mean", ["own", "all"])
@pytest.mark.parametrize("view", [0, 1, 2])
def test_centred_outputs_are_the_literal_ones(mean, view):
    f = inputs(views=3)
    torch.testing.assert_close(Centring(mean=mean).apply(f, view), literal_centred(f, view, mean), rtol=1e-12, atol=0)


@pytest.mark.parametrize("mean", ["own", "all"])
def test_the_mean_is_seen_by_the_gradient_or_not(mean):
    weight = inputs(seed=3)[:, 0]
    gradients = {}
    for through in (True, False):
        f = inputs().requires_grad_()
        (gradients[through],) = torch.autograd.grad(
            (Centring(mean=mean, through=through).apply(f, 0) * weight).sum(), f
        )
    alone = torch.zeros_like(weight).expand(2, -1, -1).transpose(0, 1).clone()
    alone[:, 0] = weight
    assert torch.equal(gradients[False], alone)
    views = [0] if mean == "own" else [0, 1]
    for view in views:
        alone[:, view] -= weight.mean(0) / len(views)
    torch.testing.assert_close(gradients[True], alone, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("mean", ["own", "all"])
def test_scaled_centring_is_batch_norm_without_gain(mean):
    f, reference = inputs().requires_grad_(), inputs().requires_grad_()
    weight = inputs(seed=3)[:, 1]
    found = Centring(mean=mean, scale=True).apply(f, 1)
    if mean == "own":
        expected = nn.functional.batch_norm(reference[:, 1], None, None, training=True)
    else:
        flat = nn.functional.batch_norm(reference.flatten(0, 1), None, None, training=True)
        expected = flat.unflatten(0, (5, 2))[:, 1]
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    a, b = (torch.autograd.grad((y * weight).sum(), x)[0] for y, x in ((found, f), (expected, reference)))
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize("target", [True, False])
def test_each_tower_is_centred_or_not(online, target):
    net, x = two_towers(None, centring=Centring(online=online, target=target), momentum=0.9), inputs()
    for tower, centred, out, view in zip(
        (net.online, net.own_target), (online, target), net.pair(x), (0, 1), strict=True
    ):
        f = tower(x)
        torch.testing.assert_close(out, literal_centred(f, view, "own") if centred else f[:, view])
        assert bool(out.mean(0).abs().max() < 1e-12) == centred


# --- what they are asked for --------------------------------------------------------------------------------


def rows(seed, n=4, d=3):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.integers(0, 10_000), st.floats(0.1, 10))
def test_distances_are_their_literal_formulas(seed, size):
    p, z = rows(seed) * size, rows(seed + 1)
    for i, (a, b) in enumerate(zip(p.tolist(), z.tolist(), strict=True)):
        square = sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / 2
        long, short = (sum(x * x for x in v) ** 0.5 for v in (a, b))
        angle = sum((x / long - y / short) ** 2 for x, y in zip(a, b, strict=True)) / 2
        assert half_square(p, z)[i].item() == pytest.approx(square, rel=1e-12)
        assert cosine(p, z)[i].item() == pytest.approx(angle, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("loss", [half_square, cosine])
def test_the_objective_is_one_way_or_the_mean_of_both(loss):
    net, x = two_towers(momentum=0.9), inputs()
    ways = [
        sum(loss(net.predictor(net.online(a[i])), net.own_target(a[j])).item() for a in x) / len(x) for i, j in WAYS
    ]
    views = Views(x)
    assert ways[0] != pytest.approx(ways[1], rel=1e-3)
    assert predictive(loss)(net, views).item() == pytest.approx(ways[0], rel=1e-12)
    assert predictive(loss, symmetric=True)(net, views).item() == pytest.approx(sum(ways) / 2, rel=1e-12)


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_decay_adds_the_weights_that_learn_to_the_gradient(rate):
    net, views = two_towers(PREDICTORS["mlp"], momentum=0.9), Views(inputs())
    learned = [p for p in net.parameters() if p.requires_grad]
    assert len(learned) == 4
    bare, full = (
        torch.autograd.grad(objective(net, views), learned) for objective in (predictive(), decayed(predictive(), rate))
    )
    for a, b, weight in zip(bare, full, learned, strict=True):
        torch.testing.assert_close(b, a + rate * weight, rtol=1e-12, atol=1e-13)
    size = sum(p.square().sum().item() for p in learned)
    assert decayed(predictive(), rate)(net, views).item() - predictive()(net, views).item() == pytest.approx(
        rate / 2 * size
    )


def test_what_does_not_learn_does_not_decay():
    net = two_towers(fixed_predictor(torch.eye(4)), momentum=0.9)
    views, eta = Views(inputs()), 0.5
    extra = (decayed(predictive(), eta)(net, views) - predictive()(net, views)).item()
    assert extra == pytest.approx(eta / 2 * sum(w.square().sum().item() for w in net.online.weights))


# --- what cannot be -----------------------------------------------------------------------------------------

NAN = torch.eye(4).index_fill(0, torch.tensor([0]), float("nan"))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: two_towers(linear_predictor(3)), "`f` must have 3 entries on its last axis, got shape (1, 4); the"),
        (lambda: two_towers(mlp_predictor(3)), "3 entries on its last axis, got shape (1, 4); "),
        (lambda: two_towers(momentum=-0.1), "`momentum` must lie in [0, 1], got -0.1; 0 copies"),
        (lambda: two_towers(momentum=1.1), "`momentum` must lie in [0, 1], got 1.1; 0 copies"),
        (lambda: two_towers(momentum=float("nan")), "`momentum` must lie in [0, 1], got nan; 0 copies"),
        (lambda: LinearPredictor(torch.ones(2, 3)), "`matrix` must be square, got shape (2, 3); a predictor"),
        (lambda: fixed_predictor(NAN)(None), "`matrix` must hold finite numbers only, got 4 non-finite of 16"),
        (lambda: linear_predictor(0), "`width` must be an integer ≥ 1, got 0; as wide"),
        (lambda: decayed(predictive(), -0.1), "`rate` must lie in [0, inf), got -0.1; 0 is no decay"),
        (lambda: predictive()(two_towers(), Views(inputs(n=0))), "`number of points` must be an integer ≥ 1, got 0; d"),
        (lambda: predictive()(two_towers(), Views(inputs(views=1))), "`views` must hold two views per point, got 1; d"),
        (
            lambda: half_square(rows(0), rows(1, n=3)),
            "`target` must have the shape of the prediction, (4, 3), got (3, 3); g",
        ),
        (lambda: cosine(rows(0), rows(1, n=2)), "`target` must have the shape of the prediction, (4, 3), got (2, 3); "),
        (lambda: dual_run(digits(), reinitialise_every=-1), "`reinitialise_every` must be an integer ≥ 0, got -1; 0 n"),
        (lambda: dual_run(digits(), batch=1), "`batch` must be an integer from 2 to 1197, got 1; no picture"),
        (lambda: dual_run(digits(), decay=-1.0), "`rate` must lie in [0, inf), got -1.0; 0 is no decay"),
        (lambda: dual_run(digits(), strength=-1.0), "`strength` must lie in [0, inf), got -1.0; "),
        (lambda: dual_run(digits(), predictor=linear_predictor(4)), "`f` must have 4 entries on its last axis, got s"),
    ],
)
def test_what_is_wrong_is_named(make, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        make()


def test_a_network_without_two_towers_is_named(g):
    with pytest.raises(TypeError, match="`net` must have two towers, got ReLUNet; wrap it in a DualNet"):
        predictive()(ReLUNet(WIDTHS, generator=g).double(), Views(inputs()))
