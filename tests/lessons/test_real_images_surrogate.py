"""InfoNCE with its weights held still: against loops, the derivatives of its definition, and the theory's operator."""

from functools import partial
from math import exp

import pytest
import torch
from refusals import refused

from ssl_explain import ReLUNet, Views, contrastive, covariance_operator, info_nce, pair_weights, pull_and_push
from ssl_explain.lessons.real_images.surrogate import frozen_info_nce, negative_weights

TAUS, BETAS = (0.1, 0.5, 2.0), (0.0, 0.5, 2.0)


@pytest.fixture
def energies(g):
    return torch.rand(5, generator=g, dtype=torch.float64), torch.rand(5, 3, generator=g, dtype=torch.float64)


def literal(r_pos, r_neg, tau, extra):
    """One point after another, term by term."""
    out = []
    for own, crowd in zip(r_pos.tolist(), r_neg.tolist(), strict=True):
        room = 1 + sum(exp(-r / tau) for r in crowd)
        weights = [exp(-r / tau) / room for r in crowd]
        out.append(sum(w * (own - r) for w, r in zip(weights, crowd, strict=True)) + extra * sum(weights) * own)
    return torch.tensor(out, dtype=torch.float64)


@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("extra", BETAS)
def test_the_value_is_that_of_a_loop(energies, tau, extra):
    torch.testing.assert_close(
        frozen_info_nce(*energies, temperature=tau, extra=extra), literal(*energies, tau, extra), rtol=1e-12, atol=0
    )


@pytest.mark.parametrize("tau", TAUS)
@pytest.mark.parametrize("extra", BETAS)
def test_the_derivatives_are_the_weights(energies, tau, extra):
    """∂L/∂r+ = (1 + ε) Σ ξ and ∂L/∂r_k- = -ξ_k: nothing flows through ξ."""
    pull, push = pull_and_push(partial(frozen_info_nce, temperature=tau, extra=extra), *energies)
    xi = negative_weights(energies[1], temperature=tau)
    torch.testing.assert_close(push, -xi, rtol=1e-12, atol=0)
    torch.testing.assert_close(pull, (1 + extra) * xi.sum(-1), rtol=1e-12, atol=0)


@pytest.mark.parametrize("tau", TAUS)
def test_the_weights_are_those_of_info_nce_at_a_positive_on_the_spot(energies, tau):
    pull, push = pull_and_push(partial(info_nce, temperature=tau), torch.zeros(5).double(), energies[1])
    xi = negative_weights(energies[1], temperature=tau)
    torch.testing.assert_close(xi, -push, rtol=1e-12, atol=0)
    torch.testing.assert_close(xi.sum(-1), pull, rtol=1e-12, atol=0)


@pytest.mark.parametrize("tau", TAUS)
def test_it_is_info_nce_where_views_agree_and_another_loss_elsewhere(energies, tau):
    def pulls(r_pos):
        losses = (partial(loss, temperature=tau) for loss in (frozen_info_nce, info_nce))
        return [pull_and_push(loss, r_pos, energies[1])[0] for loss in losses]

    torch.testing.assert_close(*pulls(torch.zeros(5).double()), rtol=1e-12, atol=0)
    frozen, true = pulls(torch.full((5,), 1.0).double())
    assert (true > frozen).all()  # where the positive is far, InfoNCE pulls harder


def test_far_energies_neither_overflow_nor_vanish():
    r = torch.tensor([[0.0, 1e6]])
    torch.testing.assert_close(negative_weights(r, temperature=0.1), torch.tensor([[0.5, 0.0]]))


@pytest.mark.parametrize("normalise", [False, True])
def test_as_an_objective_its_gradient_is_that_of_the_loop(g, normalise):
    net = ReLUNet((4, 6, 3), generator=g, normalise=normalise).double()
    x, tau, extra = torch.randn(5, 2, 4, generator=g, dtype=torch.float64), 0.5, 0.3
    objective = contrastive(partial(frozen_info_nce, temperature=tau, extra=extra), negatives="batch")
    got = torch.autograd.grad(objective(net, Views(x)), list(net.parameters()))
    f, total = net(x), torch.zeros((), dtype=torch.float64)
    for i in range(5):
        others = [(i + k) % 5 for k in range(1, 5)]
        far = [0.5 * (f[i, 0] - f[j, 1]).square().sum() for j in others]
        own = 0.5 * (f[i, 0] - f[i, 1]).square().sum()
        room = 1 + sum(exp(-r.item() / tau) for r in far)
        xi = [exp(-r.item() / tau) / room for r in far]  # numbers: no gradient
        total = total + sum(w * (own - r) for w, r in zip(xi, far, strict=True)) + extra * sum(xi) * own
    expected = torch.autograd.grad(total / 5, list(net.parameters()))
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_without_view_noise_and_with_one_negative_it_descends_along_the_operator(g):
    """THEORY 4: ξ depends on the two points only, so over all pairs -∇ = E[ξ ΔK ΔKᵀ] vec(W), exactly."""
    net = ReLUNet((4, 5, 3), generator=g, normalise=False).double()
    points, n, tau = torch.randn(6, 1, 4, generator=g, dtype=torch.float64), 6, 0.7
    x = points.expand(-1, 2, -1)
    loss = partial(frozen_info_nce, temperature=tau)
    f = net(x)
    r = 0.5 * (f[:, None, 0] - f[None, :, 1]).square().sum(-1)  # every pair, a point with itself included
    value = loss(r.diagonal().unsqueeze(-1).expand(n, n).flatten(), r.flatten().unsqueeze(-1)).mean()
    weights = pair_weights(partial(info_nce, temperature=tau), f.mean(1).detach())
    for layer, gradient in enumerate(torch.autograd.grad(value, list(net.weights)), 1):
        operator = covariance_operator(net.forward_pass(x), layer, pair_weights=weights)
        predicted = operator.matvec(net.weights[layer - 1].detach().flatten())
        torch.testing.assert_close(-gradient.flatten(), predicted, rtol=1e-9, atol=1e-12)


FAR = (torch.zeros(2), torch.zeros(2, 1))
test_bad_settings_are_named = refused(
    (lambda: frozen_info_nce(*FAR, temperature=0.0), "`temperature`"),
    (lambda: frozen_info_nce(*FAR, temperature=-1.0), "`temperature`"),
    (lambda: frozen_info_nce(*FAR, extra=-0.1), "`extra`"),
    (lambda: frozen_info_nce(torch.zeros(2), torch.zeros(2, 0)), "at least one negative"),
)
