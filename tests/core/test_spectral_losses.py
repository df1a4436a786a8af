"""Losses of two embeddings: closed forms on degenerate inputs, literal loops, and an independent library."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.losses import VICRegLoss
from torch import nn

from ssl_explain.losses.spectral import barlow_twins, off_diagonal, paired, spectral_contrastive, vicreg
from ssl_explain.records import Views

LOSSES = (vicreg, barlow_twins, spectral_contrastive)
EVERY = pytest.mark.parametrize("loss", LOSSES)


def embeddings(n=7, d=4, seed=0):
    g = torch.Generator().manual_seed(seed)
    first = torch.randn(n, d, generator=g).double()
    return first, first + 0.5 * torch.randn(n, d, generator=g).double()


def white(n=8, d=3, seed=0):
    """Columns of mean zero, at right angles, with squares that sum to n."""
    g = torch.Generator().manual_seed(seed)
    z = torch.randn(n, d, generator=g).double()
    return math.sqrt(n) * torch.linalg.qr(z - z.mean(0))[0]


# --- against loops typed from the formulas ----------------------------------------------------------------------


def covariance_of(z, i, j):
    n = len(z)
    means = [sum(z[b, k].item() for b in range(n)) / n for k in (i, j)]
    return sum((z[b, i].item() - means[0]) * (z[b, j].item() - means[1]) for b in range(n)) / (n - 1)


def literal_vicreg(z1, z2, lam, mu, nu):
    n, d = z1.shape
    s = sum(sum((z1[b, j] - z2[b, j]).item() ** 2 for j in range(d)) for b in range(n)) / n
    v = sum(max(0, 1 - math.sqrt(covariance_of(z, j, j) + 1e-4)) for z in (z1, z2) for j in range(d)) / d
    pairs = [(i, j) for i in range(d) for j in range(d) if i != j]
    c = sum(covariance_of(z, i, j) ** 2 for z in (z1, z2) for i, j in pairs) / d
    return lam * s + mu * v + nu * c


def literal_barlow(z1, z2, lam):
    n, d = z1.shape
    total = 0.0
    for i in range(d):
        for j in range(d):
            a, b = z1[:, i], z2[:, j]
            a, b = a - sum(a) / n, b - sum(b) / n
            r = sum(a * b) / n / math.sqrt((sum(a * a) / n + 1e-5) * (sum(b * b) / n + 1e-5))
            total += float((1 - r) ** 2 if i == j else lam * r**2)
    return total


def literal_spectral(z1, z2):
    n = len(z1)
    pull = sum(float(z1[i] @ z2[i]) for i in range(n)) / n
    push = [float(z1[i] @ z2[j]) ** 2 for i in range(n) for j in range(n) if i != j]
    return -2 * pull + sum(push) / len(push)


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 9), st.integers(1, 5), st.integers(0, 99))
def test_losses_are_their_formulas(n, d, seed):
    z1, z2 = embeddings(n, d, seed)
    assert vicreg(z1, z2, invariance=3, variance=5, covariance=7).total.item() == pytest.approx(
        literal_vicreg(z1, z2, 3, 5, 7), rel=1e-12
    )
    assert barlow_twins(z1, z2, redundancy=0.3).total.item() == pytest.approx(literal_barlow(z1, z2, 0.3), rel=1e-10)
    assert spectral_contrastive(z1, z2).total.item() == pytest.approx(literal_spectral(z1, z2), rel=1e-11, abs=1e-12)


@pytest.mark.parametrize(("n", "d"), [(5, 3), (32, 8)])
def test_vicreg_agrees_with_an_independent_library(n, d):
    """That one averages invariance over outputs as well and halves the variance term: 25 there is 25/d, 25/2 here."""
    z1, z2 = embeddings(n, d)
    theirs = VICRegLoss(invariance_lambda=25, variance_mu=25, covariance_v=1)(z1, ref_emb=z2)
    mine = vicreg(z1, z2, invariance=25 / d, variance=25 / 2, covariance=1).total
    torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=0)


# --- closed forms -------------------------------------------------------------------------------------------------


def test_all_embeddings_equal():
    z = torch.full((5, 3), 2.0).double()
    terms = vicreg(z, z)
    assert terms.values["invariance"] == terms.values["covariance"] == 0
    assert terms.total.item() == pytest.approx(25 * 2 * (1 - 0.01))
    assert barlow_twins(z, z).total.item() == pytest.approx(3.0)  # nothing agrees with anything
    assert spectral_contrastive(z, z).total.item() == pytest.approx(-2 * 12 + 12**2)


def test_white_embeddings_with_views_alike():
    z = white()
    terms = vicreg(z, z)
    assert terms.total.item() == pytest.approx(0, abs=1e-20)
    assert barlow_twins(z, z).total.item() == pytest.approx(0, abs=1e-8)
    assert (spectral_contrastive(z, z).values["pull"] + 3).abs() < 1e-12


def test_orthogonal_embeddings():
    z = torch.eye(4).double()
    terms = spectral_contrastive(z, z)
    assert (terms.values["pull"], terms.values["push"], terms.total) == (-1, 0, -2)


def test_two_copies_of_one_output_cost_what_the_formula_says():
    z = white(d=1).repeat(1, 2)
    n = len(z)
    assert vicreg(z, z).values["covariance"].item() == pytest.approx(2 * (n / (n - 1)) ** 2)
    assert barlow_twins(z, z).values["off-diagonal"].item() == pytest.approx(2, rel=1e-4)


def test_a_hinge_that_is_satisfied_pushes_no_more():
    z1, z2 = (10 * z for z in embeddings())
    assert vicreg(z1, z2).values["variance"] == 0


def test_barlow_does_not_see_scale_or_offset():
    z1, z2 = embeddings()
    moved = barlow_twins(3 * z1 + 1, 0.5 * z2 - 2, epsilon=1e-12).total
    torch.testing.assert_close(moved, barlow_twins(z1, z2, epsilon=1e-12).total, rtol=1e-9, atol=0)


@EVERY
def test_views_play_the_same_part(loss):
    z1, z2 = embeddings()
    torch.testing.assert_close(loss(z1, z2).total, loss(z2, z1).total)


@EVERY
def test_the_total_is_the_weighted_sum_of_the_terms(loss):
    terms = loss(*embeddings())
    assert set(terms.values) == set(terms.weights)
    total = sum(terms.weights[name] * value for name, value in terms.values.items())
    torch.testing.assert_close(terms.total, total)


def test_the_weights_are_those_of_the_papers():
    assert vicreg(*embeddings()).weights == {"invariance": 25, "variance": 25, "covariance": 1}
    assert barlow_twins(*embeddings()).weights == {"on-diagonal": 1, "off-diagonal": 5e-3}


@EVERY
def test_gradients_exist_even_where_all_is_equal(loss):
    z = torch.ones(4, 3, requires_grad=True)
    loss(z, z).total.backward()
    assert torch.isfinite(z.grad).all()


@EVERY
def test_paired_reads_the_first_two_views(loss):
    z1, z2 = embeddings()
    views = Views(torch.stack([z1, z2, torch.full_like(z1, 99.0)], 1))
    assert paired(loss)(nn.Identity(), views) == loss(z1, z2).total


def test_off_diagonal_keeps_the_rest():
    m = torch.arange(9.0).view(3, 3)
    assert off_diagonal(m).tolist() == [[0, 1, 2], [3, 0, 5], [6, 7, 0]]


@EVERY
@pytest.mark.parametrize(
    ("first", "second", "words"),
    [((1, 3), (1, 3), "at least two points, got 1"), ((4, 3), (4, 2), r"shape of z1, \(4, 3\), got \(4, 2\)")],
)
def test_shapes_that_are_no_two_views(loss, first, second, words):
    with pytest.raises(ValueError, match=words):
        loss(torch.ones(first), torch.ones(second))


@pytest.mark.parametrize(
    ("loss", "name"),
    [(vicreg, name) for name in ("invariance", "variance", "covariance", "margin", "epsilon")]
    + [(barlow_twins, name) for name in ("redundancy", "epsilon")],
)
def test_negative_numbers_are_refused(loss, name):
    with pytest.raises(ValueError, match="must lie in"):
        loss(*embeddings(), **{name: -1.0})


def test_one_view_is_not_enough():
    with pytest.raises(ValueError, match="two views of each point, got 1"):
        paired(vicreg)(nn.Identity(), Views(torch.ones(4, 1, 2)))
