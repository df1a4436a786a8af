"""How hard the losses pull and push, against closed forms and their common balance."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssl_explain import contrastive, info_nce, simple_contrastive, soft_triplet
from ssl_explain.losses.weights import pair_weights, pull_and_push

TAU, MARGIN = 0.5, 0.3
LOSSES = {
    "simple": simple_contrastive,
    "triplet": partial(soft_triplet, temperature=TAU, margin=MARGIN),
    "nce": partial(info_nce, temperature=TAU),
}
EVERY_LOSS = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())


def energies(n, h, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.rand(n, generator=g).double(), torch.rand(n, h, generator=g).double()


@EVERY_LOSS
def test_pull_and_push_are_the_slopes_of_the_loss(loss):
    r_pos, r_neg = energies(5, 3)
    pull, push = pull_and_push(loss, r_pos, r_neg)
    step = 1e-6
    rise = (loss(r_pos + step, r_neg) - loss(r_pos - step, r_neg)) / (2 * step)
    torch.testing.assert_close(pull, rise, rtol=1e-8, atol=0)
    for k in range(3):
        nudge = step * torch.eye(3, dtype=torch.float64)[k]
        rise = (loss(r_pos, r_neg + nudge) - loss(r_pos, r_neg - nudge)) / (2 * step)
        torch.testing.assert_close(push[:, k], rise, rtol=1e-7, atol=0)


@given(st.integers(1, 8))
def test_closed_forms_for_any_number_of_negatives(h):
    r_pos, r_neg = energies(4, h)
    _, push = pull_and_push(LOSSES["nce"], r_pos, r_neg)
    e = (-r_neg / TAU).exp()
    torch.testing.assert_close(-push, e / ((-r_pos / TAU).exp() + e.sum(1)).unsqueeze(1), rtol=1e-12, atol=0)
    _, push = pull_and_push(LOSSES["triplet"], r_pos, r_neg)
    torch.testing.assert_close(-push, torch.sigmoid((r_pos[:, None] - r_neg + MARGIN) / TAU) / h, rtol=1e-12, atol=0)
    _, push = pull_and_push(LOSSES["simple"], r_pos, r_neg)
    torch.testing.assert_close(-push, torch.full_like(push, 1 / h), rtol=1e-12, atol=0)


def test_pair_weights_have_the_closed_form():
    f = torch.randn(6, 3, generator=torch.Generator().manual_seed(1)).double()
    r = torch.stack([torch.stack([0.5 * (a - b).square().sum() for b in f]) for a in f])
    expected = {
        "simple": torch.ones(6, 6).double(),
        "nce": (-r / TAU).exp() / (1 + (-r / TAU).exp()),
        "triplet": (-(r - MARGIN) / TAU).exp() / (1 + (-(r - MARGIN) / TAU).exp()),
    }
    for name, loss in LOSSES.items():
        xi = pair_weights(loss, f)
        torch.testing.assert_close(xi, expected[name], rtol=1e-12, atol=0)
        assert torch.equal(xi, xi.mT)


@EVERY_LOSS
def test_far_pairs_stay_finite(loss):
    xi = pair_weights(loss, torch.tensor([[0.0], [1e6]]).double())
    assert torch.isfinite(xi).all()
    assert (xi >= 0).all()


def test_weights_carry_no_gradient():
    f = torch.ones(3, 2, dtype=torch.float64, requires_grad=True)
    assert not pair_weights(LOSSES["nce"], f * torch.arange(3).unsqueeze(1)).requires_grad
    with torch.no_grad():
        assert pair_weights(LOSSES["nce"], torch.ones(3, 2)).shape == (3, 3)


@EVERY_LOSS
def test_what_is_asked_about_stays_as_it_was(loss):
    asked = energies(3, 2)
    pull_and_push(loss, *asked)
    assert not any(energy.requires_grad for energy in asked)


def test_outputs_that_are_not_finite_are_named():
    with pytest.raises(ValueError, match="`mean_outputs` must hold finite numbers only"):
        pair_weights(simple_contrastive, torch.tensor([[0.0], [float("nan")]]))


@EVERY_LOSS
def test_nothing_to_push_away(loss):
    with pytest.raises(ValueError, match="`number of negatives` must be an integer ≥ 1, got 0"):
        pull_and_push(loss, *energies(3, 0))
    with pytest.raises(ValueError, match="`negatives` must be an integer ≥ 1, got 0"):
        contrastive(loss, negatives=0)
