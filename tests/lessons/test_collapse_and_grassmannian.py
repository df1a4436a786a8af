"""Linear features, free and orthonormal: objective, closed forms, steps, kernel form, two layers of any width."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refused
from scipy.linalg import expm

from ssl_explain.dynamics.flow import between_point_variance, within_point_variance
from ssl_explain.lessons.collapse_and_grassmannian import experiment as grassmann
from ssl_explain.lessons.collapse_and_grassmannian import two_layers as two_layer_flow
from ssl_explain.lessons.collapse_and_grassmannian.experiment import (
    convergence_order,
    free_flow,
    ode_flow,
    orthonormalise,
    project,
    pull_matrix,
    simple_matrix,
    span_flow,
    take_steps,
)
from ssl_explain.lessons.collapse_and_grassmannian.kernel_features import (
    between_weights,
    kernel_flow,
    kernel_steps,
    rbf_kernel,
    root_of,
)
from ssl_explain.lessons.collapse_and_grassmannian.two_layers import (
    follow_layers,
    follow_product,
    layer_speeds,
    layers_with_product,
    product_speed,
    stiefel,
    stiefel_product_speed,
)
from ssl_explain.records import Views
from ssl_explain.subspaces import participation_ratio, principal_angles

D, K = 7, 3


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def symmetric(seed=0, size=D):
    a = draw(size, size, seed=seed)
    return (a + a.mT) / 4


@pytest.fixture(scope="module")
def views():
    return Views(draw(9, 4, D) + 2 * draw(9, 1, D, seed=1))


def test_matrices_are_those_of_autograd(views):
    theta = draw(D, K).requires_grad_()
    f = views.x @ theta
    pairs = 0.5 * (f[:, :, None] - f[:, None]).square().sum(-1).mean()  # two independent views of a point
    for energy, matrix in ((-between_point_variance(f), simple_matrix(views)), (pairs, pull_matrix(views))):
        (slope,) = torch.autograd.grad(energy, theta, retain_graph=True)
        torch.testing.assert_close(matrix @ theta.detach(), -slope, rtol=0, atol=1e-12)
        value = -0.5 * (theta.detach().mT @ matrix @ theta.detach()).trace()
        torch.testing.assert_close(value, energy.detach())
    torch.testing.assert_close(pairs, within_point_variance(f))
    assert torch.linalg.eigvalsh(simple_matrix(views))[0] > -1e-12
    assert torch.linalg.eigvalsh(pull_matrix(views))[-1] < 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), k=st.integers(1, D), time=st.floats(0.1, 3))
def test_closed_forms_are_those_of_scipy(seed, k, time):
    c, start = symmetric(seed), orthonormalise(draw(D, k, seed=seed + 1))
    moved = expm(time * c.numpy()) @ start.numpy()
    at = torch.tensor([time], dtype=torch.float64)
    np.testing.assert_allclose(free_flow(c, start, at)[0], moved, rtol=1e-10, atol=1e-12)
    q = span_flow(c, start, at)[0]
    np.testing.assert_allclose(q.mT @ q, np.eye(k), atol=1e-12)
    basis = np.linalg.qr(moved)[0]
    np.testing.assert_allclose(q @ q.mT, basis @ basis.T, atol=1e-8)


@pytest.mark.parametrize("matrix", ["both signs", "positive", "negative"])
def test_the_equation_has_the_closed_form(matrix):
    c, start, times = symmetric(3), orthonormalise(draw(D, K)), torch.linspace(0, 6, 7, dtype=torch.float64)
    c = {"both signs": c, "positive": c @ c, "negative": -c @ c}[matrix]
    closed, solved = span_flow(c, start, times), ode_flow(c, start, times)
    torch.testing.assert_close(closed @ closed.mT, solved @ solved.mT, rtol=0, atol=1e-8)
    torch.testing.assert_close(solved[0], start)


def test_free_columns_merge_and_orthonormal_ones_do_not_however_late():
    c, start = torch.diag(torch.linspace(1, 0, D).double()), orthonormalise(draw(D, K))
    late = span_flow(c, start, torch.tensor([500.0]).double())[0]
    assert principal_angles(late, torch.eye(D).double()[:, :K]).max() < 1e-12
    c, start = torch.diag(torch.linspace(1, 0, D).double()), orthonormalise(draw(D, K))
    times = torch.tensor([0.0, 80.0]).double()
    assert participation_ratio(torch.linalg.svdvals(free_flow(c, start, times)).square()).tolist() == pytest.approx(
        [3, 1], abs=1e-4
    )
    assert participation_ratio(torch.linalg.svdvals(span_flow(c, start, times)).square()).tolist() == pytest.approx(
        [3, 3]
    )
    dying = free_flow(c - 1.1 * torch.eye(D).double(), start, times)[1]
    assert torch.linalg.matrix_norm(dying, 2) < 1e-3


@pytest.mark.parametrize("orthonormal", [True, False])
def test_steps_are_of_first_order(orthonormal):
    c, start, sizes = symmetric(5), orthonormalise(draw(D, K)), [0.1, 0.05, 0.025, 0.0125]
    exact = span_flow(c, start, torch.tensor([2.0]).double())[0]
    ends = [
        take_steps(c, start, step_size=h, steps=round(2 / h), orthonormal=orthonormal, every=round(2 / h))
        for h in sizes
    ]
    assert all(len(end) == 2 for end in ends)
    errors = [float(principal_angles(orthonormalise(end[-1]), exact)[-1]) for end in ends]
    assert convergence_order(sizes, errors) == pytest.approx(1, abs=0.05)


def test_a_free_step_is_a_step_of_autograd(views):
    theta, c = draw(D, K).requires_grad_(), simple_matrix(views)
    (slope,) = torch.autograd.grad(-between_point_variance(views.x @ theta), theta)
    stepped = take_steps(c, theta.detach(), step_size=0.1, steps=1, orthonormal=False)[1]
    torch.testing.assert_close(stepped, (theta - 0.1 * slope).detach(), rtol=1e-12, atol=0)


def test_kernel_features_are_the_linear_ones_where_the_kernel_is_linear(views):
    x = views.x.flatten(0, 1)
    gram, b, times = x @ x.mT, between_weights(9, 4), torch.tensor([0.2, 0.9]).double()
    torch.testing.assert_close(x.mT @ b @ x, simple_matrix(views))
    _, back = root_of(gram)
    a = back.mT @ orthonormalise(draw(len(back), K))
    theta = x.mT @ a
    c = simple_matrix(views) / 10
    linear, kernel = span_flow(c, theta, times), x.mT @ kernel_flow(gram, b / 10, a, times)
    torch.testing.assert_close(kernel @ kernel.mT, linear @ linear.mT, rtol=0, atol=1e-8)
    one = x.mT @ kernel_steps(gram, b / 10, a, step_size=0.1, steps=5)
    same = take_steps(c, theta, step_size=0.1, steps=5)[-1]
    torch.testing.assert_close(one @ one.mT, same @ same.mT, rtol=0, atol=1e-10)


def test_kernel_steps_follow_the_kernel_flow():
    gram, b = rbf_kernel(draw(12, 2)), between_weights(6, 2)
    root, back = root_of(gram)
    torch.testing.assert_close(root @ root.mT, gram)
    a = back.mT @ orthonormalise(draw(len(back), 2, seed=1))
    exact = root.mT @ kernel_flow(gram, b, a, torch.tensor([3.0]).double())[0]
    sizes, errors = [0.2, 0.1, 0.05], []
    for h in sizes:
        q = root.mT @ kernel_steps(gram, b, a, step_size=h, steps=round(3 / h))
        errors.append(float(principal_angles(q, exact)[-1]))
    assert convergence_order(sizes, errors) == pytest.approx(1, abs=0.1)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), width=st.integers(6, 30))
def test_layers_of_any_width_have_the_product(seed, width):
    u, v = orthonormalise(draw(2, 2, seed=seed)), orthonormalise(draw(4, 2, seed=seed))
    m = u @ torch.diag(torch.rand(2, generator=torch.Generator().manual_seed(seed)).double()) @ v.mT
    bottom, top = layers_with_product(m, width, generator=torch.Generator().manual_seed(seed))
    assert (bottom.shape, top.shape) == ((width, 4), (2, width))
    for got, expected in ((top @ bottom, m), (bottom.mT @ bottom, torch.eye(4)), (top @ top.mT, torch.eye(2))):
        torch.testing.assert_close(got, expected.double(), rtol=0, atol=1e-12)


PROJECTIONS = pytest.mark.parametrize(
    ("projection", "law"), [(project, product_speed), (stiefel, stiefel_product_speed)]
)


@PROJECTIONS
def test_layers_move_as_autograd_says_and_their_product_as_its_law(projection, law):
    c, m = symmetric(2, 4), 0.6 * orthonormalise(draw(4, 2)).mT
    layers = layers_with_product(m, 9, generator=torch.Generator().manual_seed(1))
    bottom, top = (layer.requires_grad_() for layer in layers)
    wish = 0.5 * (top @ bottom @ c @ (top @ bottom).mT).trace()
    down, up = torch.autograd.grad(wish, (bottom, top))
    bottom, top = bottom.detach(), top.detach()
    speeds = layer_speeds(c, bottom, top, projection)
    torch.testing.assert_close(speeds[0], projection(bottom, down))
    torch.testing.assert_close(speeds[1], projection(top.mT, up.mT).mT)
    torch.testing.assert_close(speeds[1] @ bottom + top @ speeds[0], law(c, m), rtol=0, atol=1e-12)


@PROJECTIONS
def test_width_changes_nothing(projection, law):
    c, m = symmetric(2, 4), torch.diag(torch.tensor([0.8, 0.3]).double()) @ orthonormalise(draw(4, 2)).mT
    expected = follow_product(c, m, speed=law, steps=120, step_size=0.05)
    for width in (6, 11, 40):
        layers = layers_with_product(m, width, generator=torch.Generator().manual_seed(width))
        bottom, top = follow_layers(c, *layers, projection=projection, steps=120, step_size=0.05)
        torch.testing.assert_close(top @ bottom, expected, rtol=0, atol=1e-6)
        eye = torch.eye(4).double()
        torch.testing.assert_close(bottom[-1].mT @ bottom[-1], eye, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("projection", "pace"), [(project, 1.0), (stiefel, 1.5)])
def test_a_product_with_orthonormal_rows_is_the_flow_of_one_layer(projection, pace):
    c, u = symmetric(2, 4), orthonormalise(draw(4, 2))
    layers = layers_with_product(u.mT, 10, generator=torch.Generator().manual_seed(0))
    bottom, top = follow_layers(c, *layers, projection=projection, steps=40, step_size=0.05)
    exact = span_flow(c, u, pace * 0.05 * torch.arange(41).double())
    assert principal_angles(orthonormalise((top @ bottom).mT), exact).max() < 1e-6
    still = (bottom - bottom[0]).abs().max() < 1e-6
    assert bool(still) == (projection is project)


SQUARE, START, AT = symmetric(), orthonormalise(draw(D, K)), torch.tensor([1.0]).double()


test_bad_input_is_named = refused(
        (lambda: free_flow(draw(D, D), START, AT), "`c` must be symmetric"),
        (lambda: grassmann._check(draw(D, 2), START), "`c` must be a square matrix"),
        (lambda: free_flow(SQUARE * torch.nan, START, AT), "`c` must hold finite numbers"),
        (lambda: free_flow(SQUARE, START / 0, AT), "`theta` must hold finite numbers"),
        (lambda: free_flow(SQUARE, draw(D, D + 1), AT), r"`theta` must have at most 7 columns, got 8"),
        (lambda: grassmann._check(SQUARE, draw(D + 1, K)), r"`theta` must have shape \(7, k\)"),
        (lambda: span_flow(SQUARE, draw(D, K), AT), "`theta` must have orthonormal columns"),
        (lambda: ode_flow(SQUARE, 2 * START, AT), "`theta` must have orthonormal columns"),
        (lambda: span_flow(SQUARE, START, AT.flip(0) - 2), "`times` must rise"),
        (lambda: take_steps(SQUARE, START, step_size=0.0, steps=1), "`step_size` must lie in"),
        (lambda: take_steps(SQUARE, START, step_size=0.1, steps=-1), "`steps` must be an integer ≥ 0"),
        (lambda: root_of(-torch.eye(3).double()), "`gram` must have no negative eigenvalue"),
        (lambda: root_of(draw(3, 3)), "`gram` must be square and symmetric"),
        (lambda: rbf_kernel(draw(3, 1), scale=0.0), "`scale` must lie in"),
        (lambda: kernel_steps(torch.eye(3).double(), torch.eye(3).double(), 2 * torch.eye(3).double(), step_size=0.1,
                              steps=1), "`y` must fulfil yᵀGy = I"),
        (lambda: layers_with_product(2 * torch.eye(2), 9, generator=torch.Generator()), "`m` must have singular"),
        (lambda: layers_with_product(torch.eye(2), 3, generator=torch.Generator()), "`width` must be an integer ≥ 4"),
        (lambda: two_layer_flow._fit(SQUARE, draw(9, D), draw(9, 2)), r"must have shapes \(d, d\)"),
        (lambda: follow_product(SQUARE, START.mT, steps=0, step_size=0.1), "`steps` must be an integer ≥ 1"),
)  # fmt: skip
