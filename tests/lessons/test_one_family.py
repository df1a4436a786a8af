"""One family: closed gradients against autograd and quadrature, training, borders, pictures and the explorer."""

import itertools
import math

import numpy as np
import pytest
import torch
from numpy.polynomial.hermite_e import hermegauss
from refusals import refused

from ssl_explain.lessons.one_family.experiment import (
    BETWEEN,
    WITHIN,
    angle,
    best_rate,
    border_of,
    frontier,
    learned,
    overlap,
    start_weights,
    train_member,
)
from ssl_explain.lessons.one_family.explorer import FamilyExplorer, FamilyState, family_explorer, train
from ssl_explain.lessons.one_family.figures import figure_angles, figure_one_plane
from ssl_explain.lessons.one_family.members import (
    barlow_member,
    byol_member,
    info_nce_member,
    members,
    moments,
    simple_member,
    spectral_member,
    triplet_member,
    update,
    vicreg_member,
)
from ssl_explain.lessons.one_family.picture import FamilyPicture
from ssl_explain.losses.contrastive import info_nce, soft_triplet
from ssl_explain.losses.spectral import barlow_twins, spectral_contrastive, vicreg

pytestmark = pytest.mark.usefixtures("unshaped")  # many steps of training

NAMES = [member.name for member in members()]
EVERY = pytest.mark.parametrize("member", members(), ids=NAMES)


@pytest.fixture
def setting(g):
    """Five directions, three outputs, a predictor that is neither symmetric nor small."""
    b, c = (torch.rand(2, 5, generator=g).double() * torch.tensor([[3.0], [2.0]])).unbind(0)
    w = (0.5 * torch.randn(3, 5, generator=g)).double()
    return w, b, c, torch.randn(3, 3, generator=g).double()


# --- the gradient as two small matrices -----------------------------------------------------------------------------


@EVERY
def test_forces_are_minus_the_gradient(member, setting):
    w, b, c, p = setting
    w.requires_grad_()
    law = member.law(*moments(w, b, c), p).total
    if member.name == "BYOL":  # its target carries no gradient
        still = w.detach()
        law = 0.5 * ((p @ w * (b + c)) @ (p @ w).mT).trace() - ((p @ w * b) @ still.mT).trace()
    (gradient,) = torch.autograd.grad(law, w)
    torch.testing.assert_close(update(member, w.detach(), b, c, p), -gradient, rtol=0, atol=1e-10)


def with_exact_moments(b, c, n, g):
    """Two views of n points whose sample covariances (divided by n) are exactly those of the world."""
    d = len(b)
    z = torch.randn(n, 3 * d, generator=g).double()
    columns = math.sqrt(n) * torch.linalg.qr(z - z.mean(0))[0]
    points, first, second = columns.split(d, 1)
    return points * b.sqrt() + first * c.sqrt(), points * b.sqrt() + second * c.sqrt()


def test_second_moment_losses_of_a_batch_have_the_gradient_of_the_law(setting, g):
    w, b, c, p = setting
    n = 40
    x1, x2 = with_exact_moments(b, c, n, g)
    w.requires_grad_()
    unbiased = n / (n - 1)  # VICReg's covariance divides by n - 1, its invariance by n
    batches = {
        "VICReg": (vicreg(x1 @ w.mT, x2 @ w.mT), vicreg_member(invariance=25 / unbiased), unbiased),
        "Barlow": (barlow_twins(x1 @ w.mT, x2 @ w.mT), barlow_member(), 1.0),
    }
    for terms, member, factor in batches.values():
        (gradient,) = torch.autograd.grad(terms.total, w)
        law = member.law(*moments(w.detach(), factor * b, factor * c), p)
        torch.testing.assert_close(terms.total.detach(), law.total, rtol=1e-12, atol=0)
        predicted = update(member, w.detach(), factor * b, factor * c, p)
        torch.testing.assert_close(predicted, -gradient, rtol=0, atol=1e-10)


def normal_grid(covariance, nodes):
    """Nodes and weights for expectations over a Gaussian."""
    x, weight = hermegauss(nodes)
    weight = weight / weight.sum()
    d = len(covariance)
    points = torch.tensor(list(itertools.product(x, repeat=d)))
    weights = torch.tensor([math.prod(ws) for ws in itertools.product(weight, repeat=d)])
    values, vectors = torch.linalg.eigh(covariance)
    return points @ (vectors * values.clamp_min(0).sqrt()).mT, weights


@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_triplet_law_is_an_integral_over_two_differences(scale):
    m, n = scale * torch.tensor([[0.7]]).double(), scale * torch.tensor([[0.3]]).double()
    sigma = torch.cat([torch.cat([2 * n, n], 1), torch.cat([n, 2 * (m + n)], 1)], 0)
    u, weights = normal_grid(sigma, 150)
    r_pos, r_neg = 0.5 * u.square().unbind(1)[0], 0.5 * u.square()[:, 1:]
    expected = (weights * soft_triplet(r_pos, r_neg, temperature=0.5)).sum()
    assert float(triplet_member().law(m, n, m).total) == pytest.approx(float(expected), abs=1e-7)
    torch.testing.assert_close((weights * info_nce(r_pos, r_neg, temperature=0.5)).sum(), expected)


def test_info_nce_law_is_the_limit_of_a_crowd():
    m = torch.tensor([[0.7, 0.2], [0.2, 0.4]]).double()
    n = torch.tensor([[0.3, -0.1], [-0.1, 0.2]]).double()
    z, weights = normal_grid(m + n, 40)
    squares = 0.5 * torch.cdist(z, z).square()
    crowd = torch.logsumexp(weights.log() - squares / 0.5, 1)
    expected = n.trace() + 0.5 * (weights * crowd).sum()
    assert float(info_nce_member(0.5).law(m, n, m).total) == pytest.approx(float(expected), abs=1e-8)


def test_spectral_law_is_the_mean_over_many_batches(setting, g):
    w, b, c, p = setting
    point = torch.randn(4000, 5, generator=g).double() * b.sqrt()
    views = [(point + torch.randn(4000, 5, generator=g).double() * c.sqrt()) @ w.mT for _ in range(2)]
    law = spectral_member().law(*moments(w, b, c), p)
    for name, value in spectral_contrastive(*views).values.items():
        assert float(value) == pytest.approx(float(law.values[name]), rel=0.1)


@pytest.mark.parametrize("member", [info_nce_member(), triplet_member()], ids=["InfoNCE", "triplet"])
def test_small_outputs_cannot_tell_them_from_l_simp(member, setting):
    w, b, c, p = setting
    share = 1.0 if member.name == "InfoNCE" else 0.5  # one negative: ξ = 1/2
    expected = share * update(simple_member(), w, b, c, p)
    torch.testing.assert_close(update(member, 1e-5 * w, b, c, p) / 1e-5, expected, rtol=1e-6, atol=1e-8)


# --- training -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs():
    start = start_weights(10, 3, 8, generator=torch.Generator().manual_seed(1))
    return [train_member(member, start, BETWEEN, WITHIN, steps=2000, every=20) for member in members()]


def test_what_each_loss_learns(runs):
    kept = {run.loss: (run.overlap[-1] > 0.9).all(0).nonzero().flatten().tolist() for run in runs}
    loud, steady = BETWEEN.topk(3).indices.sort().values, (BETWEEN / WITHIN).topk(3).indices.sort().values
    assert kept["L_simp"] == loud.tolist() == [0, 1, 2]
    assert steady.tolist() == [1, 2, 4]
    for name in ("InfoNCE", "spectral", "BYOL"):
        assert kept[name] == steady.tolist()
    assert set(kept["VICReg"]) < set(steady.tolist())  # its three outputs share two directions


def test_every_plateau_draws_its_border_through_the_weakest_direction_it_keeps(runs):
    found = frontier(runs, torch.tensor([0.1, 1.0, 4.0]).double(), last=10)
    slopes = found.border / found.grid
    weakest = float((WITHIN / BETWEEN)[1])
    for name in ("InfoNCE", "spectral"):
        torch.testing.assert_close(
            slopes[found.losses.index(name)], torch.full((3,), weakest).double(), rtol=0.02, atol=0
        )
    assert slopes[found.losses.index("L_simp")].isinf().all()
    assert found.border[found.losses.index("BYOL"), 0] == 0  # weight decay: too quiet, however steady
    assert found.kept.shape == found.spread.shape == (7, 8)


@pytest.mark.parametrize(("within", "grows"), [(0.15, True), (0.25, False)])
def test_a_direction_that_is_added_grows_below_the_border_only(within, grows):
    start = start_weights(1, 3, 8, generator=torch.Generator().manual_seed(1))
    end = train_member(info_nce_member(), start, BETWEEN, WITHIN, steps=1500, every=1500).weights[-1]
    added = torch.cat([end, torch.full((1, 3, 1), 1e-4).double()], -1)
    b, c = torch.cat([BETWEEN, torch.ones(1)]), torch.cat([WITHIN, torch.tensor([within])])
    after = train_member(info_nce_member(), added, b.double(), c.double(), steps=100, every=100).weights[-1]
    assert (after[..., -1].norm() > 1.1 * added[..., -1].norm()) == grows


def test_more_weight_on_redundancy_keeps_outputs_from_becoming_copies():
    start = start_weights(4, 3, 8, generator=torch.Generator().manual_seed(3))
    ranks = []
    for times in (0.0, 1.0, 10.0):
        run = train_member(vicreg_member(covariance=times), start, BETWEEN, WITHIN, steps=1500, every=1500)
        ranks.append(run.overlap[-1].sum(-1).round().tolist())
    assert ranks == [[1] * 4, [2] * 4, [3] * 4]


def test_the_flow_of_l_simp_is_its_closed_form():
    start = start_weights(3, 3, 8, generator=torch.Generator().manual_seed(2))
    run = train_member(simple_member(), start, BETWEEN, WITHIN, steps=50)
    grown = start * (1 + 2 * 0.03 * BETWEEN) ** 50  # Euler, by hand; its row space needs no orthonormal rows
    near = train_member(simple_member(), torch.linalg.qr(start.mT)[0].mT, BETWEEN, WITHIN, steps=50)
    torch.testing.assert_close(angle(near.weights[-1], run.weights[-1]), torch.zeros(3).double(), atol=20, rtol=0)
    assert run.overlap[-1].sum(-1).round().tolist() == [3.0] * 3
    assert learned(grown).shape == (3, 3, 8)


def test_training_is_the_same_twice_and_for_each_run_alone():
    start = start_weights(2, 2, 8, generator=torch.Generator().manual_seed(4))
    both = train_member(barlow_member(), start, BETWEEN, WITHIN, steps=20)
    alone = train_member(barlow_member(), start[1:], BETWEEN, WITHIN, steps=20)
    torch.testing.assert_close(both.weights[:, 1:], alone.weights)
    assert both.steps.tolist() == list(range(21))


def test_byol_without_decay_or_predictor_learning_moves_by_its_forces(setting):
    w, b, c, _ = setting
    member = byol_member(decay=0.0, speed=0.0)
    run = train_member(member, w.unsqueeze(0), b, c, steps=1)
    step = run.weights[1, 0] - w
    expected = update(member, w, b, c, 0.5 * torch.eye(3).double())
    torch.testing.assert_close(step / step.norm(), expected / expected.norm())


def test_overlap_and_angles_do_not_depend_on_the_rows_chosen(g):
    a, b = torch.randn(2, 3, 6, generator=g).double()
    mix = torch.randn(3, 3, generator=g).double()
    torch.testing.assert_close(angle(mix @ a, b), angle(a, b))
    assert angle(a, mix @ a).item() < 1e-4
    w = torch.randn(1, 5, generator=g).double()
    both = torch.cat([w, -2 * w])
    assert overlap(both).sum().item() == pytest.approx(1)
    torch.testing.assert_close(overlap(both), overlap(w))
    assert overlap(torch.randn(3, 5, generator=g)).sum().item() == pytest.approx(3, abs=1e-5)


def test_best_rate_and_border_are_those_of_small_cases(g):
    a, c = (m + m.mT for m in torch.randn(2, 3, 3, generator=g).double())
    rate = best_rate(a, c, 0.1, torch.tensor(2.0).double(), torch.tensor(0.5).double())
    columns = torch.randn(3, 4000, generator=g).double()
    tried = ((columns * ((2 * a + 0.5 * c) @ columns)).sum(0) / columns.square().sum(0)).max() - 0.1
    assert tried <= rate <= tried + 0.1
    one = torch.ones(1, 1, 1).double()
    grid = torch.tensor([1.0, 2.0]).double()
    torch.testing.assert_close(border_of(one, -4 * one, 0.0, grid)[0], grid / 4, rtol=1e-5, atol=0)
    torch.testing.assert_close(
        border_of(one, -4 * one, 1.5, grid)[0], torch.tensor([0, 0.125]).double(), rtol=1e-5, atol=0
    )
    assert border_of(one, 0 * one, 0.0, grid).isinf().all()


test_bad_input_is_named = refused(
    (lambda g: start_weights(1, 9, 8, generator=g), "`outputs` must"),
    (lambda g: start_weights(0, 1, 8, generator=g), "`runs` must"),
    (lambda g: start_weights(1, 1, 8, generator=g, scale=0.0), "`scale` must"),
    (lambda g: train_member(simple_member(), torch.ones(1, 1, 8), BETWEEN, WITHIN, steps=0), "`steps` must"),
    (lambda g: train_member(simple_member(), torch.ones(1, 1, 8), BETWEEN, WITHIN, steps=2, every=3), "`every`"),
    (lambda g: frontier([], BETWEEN, last=1), "`last` must"),
)


# --- pictures and the explorer ----------------------------------------------------------------------------------


def test_still_figures_draw_what_they_say(runs):
    found = frontier(runs, torch.logspace(-1.5, 1.2, 40).double(), last=10)
    picture = figure_one_plane(found)
    wedges = [patch for patch in picture.figure.axes[0].patches if hasattr(patch, "theta1")]
    widths = torch.tensor([wedge.width for wedge in wedges]).view(8, 7).double()
    torch.testing.assert_close(widths / widths.max(), found.kept.T, atol=1e-6, rtol=0)
    assert "L_simp keeps A 1.00, B 1.00, C 1.00" in picture.words
    assert any("one border" in text.get_text() for text in picture.figure.axes[0].texts)
    table = {"a": {"x": torch.tensor([1.0, 2.0, 9.0]), "y": torch.zeros(3), "z": torch.zeros(3)}}
    picture = figure_angles(table)
    assert "a: 2 to x, 0 to y, z. Widest spread over starts: a and x, 1 to 9." in picture.words
    assert picture.figure.axes[0].images[0].get_array().tolist() == [[2.0, 0.0, 0.0]]


@pytest.mark.parametrize("preset", ["loud wins", "steady wins", "copies"])
def test_presets(preset):
    one = family_explorer(FamilyState(time=100).change(**FamilyExplorer.presets[preset]))
    learned_by = one.record.overlap.round().nonzero().flatten().tolist()
    wanted = {"loud wins": one.record.loudest, "steady wins": one.record.steadiest, "copies": (2, 4)}
    assert learned_by == list(wanted[preset])


def test_drawn_data_are_those_of_the_record():
    record = family_explorer(FamilyState(loss="InfoNCE", strength=1.0, time=10)).record
    picture = FamilyPicture(record)
    np.testing.assert_allclose([bar.get_width() for bar in picture.bars], record.overlap)
    up, down, calm = (
        set(map(tuple, marks.get_offsets().tolist())) for marks in (picture.up, picture.down, picture.calm)
    )
    points = list(zip(record.between.tolist(), record.within.tolist(), strict=True))
    fastest = float(record.rates.abs().max())
    assert up == {point for point, rate in zip(points, record.rates.tolist(), strict=True) if rate > 0.01 * fastest}
    assert up | down | calm == set(points)
    w = train("InfoNCE", 1.0, 3, 2).weights[10, 10]
    law = info_nce_member().law(*moments(w, BETWEEN, WITHIN), torch.eye(3).double())
    assert sum(record.terms.values()) == pytest.approx(float(law.total))


def test_the_slider_of_redundancy_leaves_other_losses_alone():
    state = FamilyState(loss="InfoNCE", time=100)
    records = [family_explorer(state.change(redundancy=times)).record for times in (0.0, 10.0)]
    assert torch.equal(records[0].overlap, records[1].overlap)
