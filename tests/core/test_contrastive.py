"""The contrastive losses against literal loops, closed forms and their common property."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ssl_explain import Views, contrastive, info_nce, simple_contrastive, soft_triplet


def literal_simple(r, others):
    return r - sum(others) / len(others)


def literal_triplet(r, others, temperature=0.1, margin=0.0):
    return sum(temperature * math.log(1 + math.exp((r - s + margin) / temperature)) for s in others) / len(others)


def literal_nce(r, others, temperature=0.1):
    top = math.exp(-r / temperature)
    return -temperature * math.log(top / (top + sum(math.exp(-s / temperature) for s in others)))


SETTINGS = [
    (simple_contrastive, literal_simple, {}),
    (soft_triplet, literal_triplet, {}),
    (soft_triplet, literal_triplet, {"temperature": 0.7, "margin": 0.3}),
    (info_nce, literal_nce, {}),
    (info_nce, literal_nce, {"temperature": 0.7}),
]
LOSSES = pytest.mark.parametrize(("loss", "literal", "options"), SETTINGS, ids=lambda s: getattr(s, "__name__", None))
SIZES = pytest.mark.parametrize("h", range(1, 9))


def energies(n, h, seed=0):
    g = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(n, generator=g, dtype=torch.float64), 2 * torch.rand(n, h, generator=g, dtype=torch.float64)


@LOSSES
@SIZES
def test_loss_is_its_formula(loss, literal, options, h):
    r_pos, r_neg = energies(6, h)
    expected = [literal(r, s, **options) for r, s in zip(r_pos.tolist(), r_neg.tolist(), strict=True)]
    torch.testing.assert_close(loss(r_pos, r_neg, **options), torch.tensor(expected).double(), rtol=1e-6, atol=0)
    assert loss(r_pos, r_neg, **options).tolist() == pytest.approx(expected, rel=1e-12)


@SIZES
@pytest.mark.parametrize("tau", [0.1, 2.0])
@pytest.mark.parametrize("r", [0.0, 1.5])
def test_indifferent_energies_have_closed_forms(h, tau, r):
    same = torch.full((3,), r, dtype=torch.float64), torch.full((3, h), r, dtype=torch.float64)
    assert simple_contrastive(*same).tolist() == [0.0] * 3
    assert soft_triplet(*same, temperature=tau).tolist() == pytest.approx([tau * math.log(2)] * 3)
    assert info_nce(*same, temperature=tau).tolist() == pytest.approx([tau * math.log(1 + h)] * 3)


positive = st.floats(0, 2)


@given(st.sampled_from(SETTINGS), positive, st.lists(positive, min_size=1, max_size=8))
def test_pull_equals_push(setting, r, others):
    """∂L/∂r+ > 0, ∂L/∂r_k- < 0, and they sum to zero."""
    loss, _, options = setting
    r_pos = torch.tensor([r], dtype=torch.float64, requires_grad=True)
    r_neg = torch.tensor([others], dtype=torch.float64, requires_grad=True)
    pull, push = torch.autograd.grad(loss(r_pos, r_neg, **options).sum(), (r_pos, r_neg))
    assert (pull > 0).all()
    assert (push < 0).all()
    assert abs(pull.item() + push.sum().item()) < 1e-12


def test_with_one_negative_triplet_without_margin_is_info_nce():
    r_pos, r_neg = energies(9, 1)
    torch.testing.assert_close(soft_triplet(r_pos, r_neg), info_nce(r_pos, r_neg), rtol=1e-12, atol=0)


@pytest.mark.parametrize("loss", [soft_triplet, info_nce])
def test_huge_energies_do_not_overflow(loss):
    far, near = torch.tensor([1e20]), torch.tensor([0.0])
    for r_pos, r_neg, expected in ((far, near, 1e20), (near, far, 0.0)):
        r_pos, r_neg = r_pos.clone().requires_grad_(), r_neg.unsqueeze(-1).requires_grad_()
        value = loss(r_pos, r_neg)
        assert value.item() == pytest.approx(expected)
        assert all(torch.isfinite(d).all() for d in torch.autograd.grad(value.sum(), (r_pos, r_neg)))


def points(n=5, a=2, d=3, seed=3):
    return torch.randn(n, a, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def literal_objective(loss, f, h):
    """Point i against its own second view and the second views of the next h points, round the batch."""
    n, total = len(f), 0.0
    for i in range(n):
        r_pos = 0.5 * sum((f[i, 0] - f[i, 1]) ** 2)
        r_neg = [0.5 * sum((f[i, 0] - f[(i + k) % n, 1]) ** 2) for k in range(1, h + 1)]
        total = total + loss(r_pos.view(1), torch.stack(r_neg).view(1, h)).item() / n
    return total


@pytest.mark.parametrize("loss", [simple_contrastive, soft_triplet, info_nce])
@pytest.mark.parametrize("negatives", [1, 2, 4, "batch"])
def test_objective_compares_the_pairs_it_says(loss, negatives):
    f, net = points(), nn.Identity()
    h = 4 if negatives == "batch" else negatives
    assert contrastive(loss, negatives)(net, Views(f)).item() == pytest.approx(literal_objective(loss, f, h), rel=1e-12)


def test_whole_batch_does_not_care_about_order():
    f, order = points(), [3, 0, 4, 1, 2]
    objective = contrastive(info_nce, negatives="batch")
    torch.testing.assert_close(objective(nn.Identity(), Views(f)), objective(nn.Identity(), Views(f[order])))


def test_objective_reads_the_first_two_views_through_the_network():
    f, net = points(a=4), nn.Linear(3, 2, bias=False, dtype=torch.float64)
    objective = contrastive(simple_contrastive)
    assert objective(net, Views(f)).item() == objective(nn.Identity(), Views(net(f[:, :2]))).item()


def test_a_network_that_gives_no_vector_for_each_view_is_named():
    with pytest.raises(ValueError, match=r"`net` must give one vector for each of \(5, 2\) views, got"):
        contrastive()(nn.Flatten(), Views(points()))


def test_runs_get_one_number_each():
    f = torch.stack([points(seed=1), points(seed=2)])
    values = contrastive(info_nce, negatives=3)(nn.Identity(), Views(f))
    assert values.shape == (2,)
    for run in range(2):
        alone = contrastive(info_nce, negatives=3)(nn.Identity(), Views(f[run]))
        torch.testing.assert_close(values[run], alone, rtol=1e-12, atol=0)


def test_default_is_info_nce_against_one_negative():
    f = Views(points())
    assert torch.equal(contrastive()(nn.Identity(), f), contrastive(info_nce, 1)(nn.Identity(), f))


@pytest.mark.parametrize("loss", [simple_contrastive, soft_triplet, info_nce])
def test_a_pull_without_a_push_is_refused(loss):
    with pytest.raises(ValueError, match="at least one negative per point"):
        loss(torch.ones(3), torch.ones(3, 0))
