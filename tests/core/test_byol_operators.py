"""The update of BYOL: named operators against autograd, definitions, enumeration of batches; runs against descent."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import literal_connections
from refusals import refused

from ssl_explain.lessons.byol_hidden_contrast.experiment import (
    BETWEEN,
    WITHIN,
    all_pairs,
    growth_rates,
    hidden_contrast,
    hidden_update,
    measured_update,
    sign_world,
)
from ssl_explain.losses.predictive import cosine, decayed, half_square, predictive
from ssl_explain.networks.dual import NO_CENTRING, Centring, DualNet, LinearPredictor, fixed_predictor
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.operators import definitions
from ssl_explain.operators.byol import byol_terms
from ssl_explain.records import Views

EXACT = {
    "both": Centring(),
    "both, mean held still": Centring(through=False),
    "both, mean of all views": Centring(mean="all"),
    "online alone": Centring(target=False),
}
OTHERS = {"none": NO_CENTRING, "target alone": Centring(online=False), "held": Centring(target=False, through=False)}
WIDTHS = (4, 6, 5, 3)


def setting(seed, linear_top=True, widths=WIDTHS, points=5, views=3):
    g = torch.Generator().manual_seed(seed)
    net = ReLUNet(widths, generator=g, normalise=False, linear_top=linear_top).double()
    x = torch.randn(points, 1, widths[0], generator=g) + 0.7 * torch.randn(points, views, widths[0], generator=g) + 1
    return net, Views(x.double()), torch.randn(widths[-1], widths[-1], generator=g).double()


def near(mine, theirs, size=1e-10):
    torch.testing.assert_close(mine, theirs, rtol=0, atol=size * float(theirs.abs().max().clamp_min(1e-3)))


@pytest.mark.parametrize("centring", [*EXACT.values(), *OTHERS.values()], ids=[*EXACT, *OTHERS])
@pytest.mark.parametrize("linear_top", [True, False])
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_the_terms_add_up_to_minus_the_gradient(layer, linear_top, centring):
    net, views, p = setting(layer, linear_top)
    mine = hidden_update(net, views, layer, p, centring=centring)
    near(mine, measured_update(net, views, layer, p, centring=centring))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(2, 6), st.integers(1, 4), st.booleans())
def test_any_width_any_predictor(seed, hidden, points, views, linear_top):
    net, x, p = setting(seed, linear_top, (3, hidden, 2), points, views)
    for centring in (NO_CENTRING, Centring()):
        near(hidden_update(net, x, 1, p, centring=centring), measured_update(net, x, 1, p, centring=centring))


@pytest.mark.parametrize("p", [0.4, 1.0])
def test_with_a_multiple_of_one_the_covariance_operator_is_back(p):
    net, views, _ = setting(3, linear_top=False)
    k = literal_connections(net, views.x, 2)
    terms = byol_terms(net.forward_pass(views.x), 2, p * torch.eye(3, dtype=torch.float64), online=True, target=True)
    near(terms["within"].as_matrix(), -(p**2) * definitions.within_operator(k))
    near(terms["between"].as_matrix(), p * (1 - p) * definitions.covariance_operator(k))
    assert not terms["mean"].as_matrix().any()
    plain = byol_terms(net.forward_pass(views.x), 2, p * torch.eye(3, dtype=torch.float64))
    bars = k.mean(1)
    near(
        plain["between"].as_matrix() + plain["mean"].as_matrix(),
        p * (1 - p) * torch.stack([bar @ bar.mT for bar in bars]).mean(0),
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans(), st.booleans())
def test_terms_in_full_and_matrix_free_are_the_same_as_written(seed, online, target, through):
    net, views, p = setting(seed, widths=(3, 4, 2), points=4, views=2)
    k, v = literal_connections(net, views.x, 1), torch.randn(12, generator=torch.Generator().manual_seed(seed)).double()
    terms = byol_terms(net.forward_pass(views.x), 1, p, online=online, target=target, through=through)
    middle = k.mean((0, 1))
    pull, push = not online, not target and not (online and through)
    written = {
        "within": -torch.stack([c @ p.mT @ p @ c.mT for c in (k - k.mean(1, keepdim=True)).flatten(0, 1)]).mean(0),
        "between": torch.stack([c @ p.mT @ (torch.eye(2) - p) @ c.mT for c in k.mean(1) - middle]).mean(0),
        "mean": middle @ (push * p.mT - pull * p.mT @ p) @ middle.mT,
    }
    for name, term in terms.items():
        near(term.as_matrix(), written[name])
        near(term.matvec(v), written[name] @ v)


@pytest.mark.parametrize("batch", [2, 3])
@pytest.mark.parametrize("through", [True, False])
def test_the_mean_of_an_own_batch_leaves_one_minus_one_over_b(batch, through):
    net, views, p = setting(5, widths=(3, 4, 2), points=2, views=2)
    towers = DualNet(
        net, fixed_predictor(p), generator=torch.Generator(), centring=Centring(through=through)
    )  # fmt: skip
    pairs = all_pairs(views).x
    losses = [
        predictive(half_square)(towers, Views(pairs[list(drawn)]))
        for drawn in itertools.product(range(len(pairs)), repeat=batch)
    ]
    (gradient,) = torch.autograd.grad(torch.stack(losses).mean(), net.weights[0])
    terms = byol_terms(net.forward_pass(views.x), 1, p, online=True, target=True, batch=batch)
    w = net.weights[0].detach().flatten()
    near(sum(term.matvec(w) for term in terms.values()), -gradient.flatten())
    whole = hidden_update(net, views, 1, p, centring=Centring())
    near(-gradient, (1 - 1 / batch) * whole)


def test_other_centrings_and_other_losses_are_another_thing():
    net, views, p = setting(2)
    right = hidden_update(net, views, 1, p, centring=Centring())
    for centring in OTHERS.values():
        off = (measured_update(net, views, 1, p, centring=centring) - right).norm() / right.norm()
        assert off > 0.05
    scaled = measured_update(net, views, 1, p, centring=Centring(scale=True))
    angle = measured_update(net, views, 1, p, centring=Centring(), loss=cosine)
    assert all(float((other - right).norm() / right.norm()) > 0.05 for other in (scaled, angle))


def test_the_finite_world_has_the_variances_that_are_written():
    x = sign_world(BETWEEN, WITHIN, offset=4.0).x
    torch.testing.assert_close(x.mean((0, 1)), torch.tensor([0.0, 0, 0, 2]).double())
    torch.testing.assert_close(torch.cov(x.mean(1).mT, correction=0), torch.diag(torch.tensor(BETWEEN)).double())
    inner = (x - x.mean(1, keepdim=True)).flatten(0, 1)
    torch.testing.assert_close(inner.mT @ inner / len(inner), torch.diag(torch.tensor(WITHIN)).double())


@pytest.mark.parametrize("centring", [*EXACT.values(), *OTHERS.values()], ids=[*EXACT, *OTHERS])
@pytest.mark.parametrize(
    ("momentum", "decay", "learned"), [(0.0, 0.0, False), (0.9, 0.1, True), (0.0, 0.05, True), (0.99, 0.0, False)]
)
def test_a_run_is_descent_of_two_towers_over_the_whole_population(centring, momentum, decay, learned):
    options = {"p": 0.6, "offset": 1.0, "momentum": momentum, "decay": decay, "learned": learned}
    run = hidden_contrast(centring=centring, seed=7, steps=6, rate=0.05, **options)
    start = torch.randn(1, 4, 4, generator=torch.Generator().manual_seed(7), dtype=torch.float64)[0] / 2
    net = ReLUNet((4, 4), generator=torch.Generator(), normalise=False, linear_top=True).double()
    net.weights[0].data[0] = start
    eye = 0.6 * torch.eye(4, dtype=torch.float64)
    towers = DualNet(
        net, lambda _: LinearPredictor(eye, trained=learned), generator=torch.Generator(), centring=centring,
        momentum=momentum,
    )  # fmt: skip
    pairs = all_pairs(sign_world(BETWEEN, WITHIN, 1.0))
    moving = [q for q in towers.parameters() if q.requires_grad]
    for step in range(7):
        f = net(pairs.x)
        near(run.second_moment[step, 0], f.square().sum(-1).mean().detach(), 1e-9)
        near(run.sizes[step, 0], net.weights[0].detach()[0].square().sum(0), 1e-9)
        gradients = torch.autograd.grad(decayed(predictive(half_square), decay)(towers, pairs), moving)
        if step == 0:
            mine = (run.rates[0, 0].sum(0) * run.sizes[0, 0]).detach()
            near(mine, -(gradients[0][0] * start).sum(0), 1e-9)
        with torch.no_grad():
            for q, slope in zip(moving, gradients, strict=True):
                q -= 0.05 * slope
        towers.follow()


@settings(max_examples=30, deadline=None)
@given(
    st.floats(0.05, 1.5), st.sampled_from([0.0, 1.0, 4.0, 9.0]), st.sampled_from([*EXACT.values(), *OTHERS.values()])
)
def test_rates_of_a_fixed_predictor_are_those_predicted_and_change_sign_at_the_signal_fraction(p, offset, centring):
    run = hidden_contrast(p=p, centring=centring, offset=offset, steps=3, runs=2, seed=3)
    predicted = growth_rates(p, centring=centring, offset=offset)
    for moment in run.rates.sum(-2).flatten(0, 1):
        near(moment, predicted, 1e-9)
    grows = growth_rates(p, centring=Centring(), offset=offset) > 1e-12
    fractions = torch.tensor([b / (b + w) for b, w in zip(BETWEEN, WITHIN, strict=True)])
    assert grows.tolist() == (p < fractions - 1e-9).tolist() or bool(((p - fractions).abs() < 1e-6).any())


def test_corners():
    def run(**options):
        return hidden_contrast(runs=20, **options)

    dead = run(p=1.0, centring=Centring(), offset=4.0)
    assert (dead.second_moment[-1] < 0.01 * dead.second_moment[0]).all()
    assert (dead.sizes.diff(dim=0) < 0).all()
    grown = run(p=0.5, centring=Centring(), offset=4.0)
    assert (grown.second_moment[-1] > 10 * grown.second_moment[0]).all()
    assert (grown.share[-1] > 0.99).all()
    taken = run(p=0.5, offset=4.0)
    assert (taken.share[-1] - taken.limit).abs().max() < 0.01
    assert taken.limit == pytest.approx(0.25 / 4.25)
    kept = run(p=0.5, offset=4.0, learned=True, momentum=0.99, decay=0.1)
    assert (kept.second_moment[-1] > 0.1 * kept.second_moment[0]).all()
    chance, multiple = (
        run(p=p, centring=Centring(), offset=4.0, learned=True, drawn=drawn, redraw=25)
        for p, drawn in ((1.0, True), (0.5, False))
    )
    assert (chance.second_moment[-1] / chance.second_moment[0]).median() < 0.01
    assert (multiple.second_moment[-1] > multiple.second_moment[0]).all()


def test_the_limit_is_the_end_of_a_long_run_with_a_slow_target_too():
    for options in ({"offset": 1.0, "p": 0.9}, {"offset": 4.0, "momentum": 0.99}, {"offset": 9.0, "p": 0.2}):
        run = hidden_contrast(steps=6000, runs=2, **{"rate": 0.01} | options)
        assert (run.share[-1] - run.limit).abs().max() < 1e-3


test_bad_input_is_named = refused(
    (lambda: hidden_contrast(offset=-1.0), "`offset` must lie in"),
    (lambda: hidden_contrast(steps=0), "`steps` must be"),
    (lambda: hidden_contrast(runs=0), "`runs` must be"),
    (lambda: hidden_contrast(redraw=-1), "`redraw` must be"),
    (lambda: hidden_contrast(momentum=2.0), "`momentum` must lie in"),
    (lambda: hidden_contrast(decay=-1.0), "`decay` must lie in"),
    (lambda: growth_rates(0.5, between=(1.0,)), "`within` must have 1 directions"),
    (lambda: growth_rates(0.5, between=(-1.0,), within=(1.0,)), "`between` must lie in"),
    (lambda: terms_of(torch.eye(2)), "`predictor` must be a \\(3, 3\\) matrix"),
    (lambda: terms_of(torch.full((3, 3), float("nan"))), "`predictor` must hold finite"),
    (lambda: terms_of(torch.eye(3), batch=4), "`batch` must be None"),
    (lambda: terms_of(torch.eye(3), batch=1, online=True), "`batch` must be an integer"),
)


def terms_of(predictor, **options):
    net, views, _ = setting(0)
    return byol_terms(net.forward_pass(views.x), 1, predictor.double(), **options)
