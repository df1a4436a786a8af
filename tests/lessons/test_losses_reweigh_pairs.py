"""Frozen pair weights: true and predicted update, the pairs explorer, its figures, the exercises of notebook 04."""

import itertools
from dataclasses import fields
from functools import partial

import pytest
import torch
from torch import Tensor

from ssl_explain import ReLUNet, Views, info_nce, simple_contrastive, soft_triplet
from ssl_explain.dynamics.flow import predicted_update
from ssl_explain.lessons.losses_reweigh_pairs.experiment import (
    expected_loss,
    frozen_operator,
    frozen_weights,
    measure_residue,
    negative_sets,
    residue_over_training,
)
from ssl_explain.lessons.losses_reweigh_pairs.picture import figure_definite, figure_residue, figure_training
from ssl_explain.losses.weights import pair_weights
from ssl_explain.worlds.clouds import Clouds

LOSSES = {
    "L_simp": simple_contrastive,
    "InfoNCE": partial(info_nce, temperature=0.5),
    "soft triplet": partial(soft_triplet, temperature=0.5, margin=0.3),
}
EVERY_LOSS = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
LAYERS = pytest.mark.parametrize("layer", [1, 2])
N, A = 5, 3


def world(noise, seed=1, n=N, a=A):
    both = torch.ones(4).double()
    return Clouds(both, both).draw(n, views=a, strength=noise, generator=torch.Generator().manual_seed(seed))


def student(seed=0, **options):
    g = torch.Generator().manual_seed(seed)
    return ReLUNet((4, 6, 3), generator=g, **{"normalise": False, **options}).double()


def sets_of(h, n=N, a=A):
    return negative_sets(n, a, h, generator=torch.Generator().manual_seed(3))


def literal_loss(f, loss, sets):
    """Triple by triple: anchor, partner, crowd."""
    flat, total = f.flatten(0, 1), []
    for i, a, b in itertools.product(range(N), range(A), range(A)):
        for crowd in sets:
            positive = 0.5 * (f[i, a] - f[i, b]).square().sum().unsqueeze(0)
            negatives = 0.5 * (f[i, a] - flat[crowd]).square().sum(-1).unsqueeze(0)
            total.append(loss(positive, negatives))
    return torch.cat(total).mean()


@EVERY_LOSS
@pytest.mark.parametrize("h", [1, 3])
@pytest.mark.parametrize("normalise", [False, True])
def test_true_update_is_the_gradient_of_the_loss_triple_by_triple(loss, h, normalise):
    net, views, sets = student(normalise=normalise), world(0.4), sets_of(h)
    (gradient,) = torch.autograd.grad(literal_loss(net(views.x), loss, sets), net.weights[0])
    measured = measure_residue(net, views, loss, sets)
    torch.testing.assert_close(measured.true, -gradient.flatten(), rtol=0, atol=1e-13)


@EVERY_LOSS
@LAYERS
def test_one_negative_gives_the_weighted_operator(loss, layer):
    net, views = student(), world(0.4)
    xi = pair_weights(loss, net(views.x).mean(1).detach())
    measured = measure_residue(net, views, loss, negative_sets(N, A), layer)
    torch.testing.assert_close(measured.pair_weights, xi, rtol=0, atol=1e-14)
    expected = predicted_update(net, views, layer, xi).flatten()
    torch.testing.assert_close(measured.predicted, expected, rtol=0, atol=1e-13)


@EVERY_LOSS
@LAYERS
@pytest.mark.parametrize("h", [1, 2, 8])
def test_frozen_operator_is_behind_the_prediction(loss, layer, h):
    net, views, sets = student(), world(0.4), sets_of(h)
    measured = measure_residue(net, views, loss, sets, layer)
    op = frozen_operator(net.forward_pass(views.x), layer, measured.pair_weights)
    torch.testing.assert_close(op, op.mT, rtol=0, atol=1e-13)
    torch.testing.assert_close(op @ net.weights[layer - 1].flatten(), measured.predicted, rtol=0, atol=1e-13)


@EVERY_LOSS
@pytest.mark.parametrize("h", [1, 2, 8])
def test_no_noise_no_residue(loss, h):
    assert measure_residue(student(), world(0.0), loss, sets_of(h)).error < 1e-12


def test_residue_goes_with_the_square_of_small_noise_and_l_simp_has_none():
    assert measure_residue(student(), world(1.0), simple_contrastive, negative_sets(N, A)).error < 1e-12
    errors = [
        measure_residue(student(), world(s), LOSSES["InfoNCE"], negative_sets(N, A)).error for s in (0.001, 0.002)
    ]
    assert float(errors[1] / errors[0]) == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_one_negative_keeps_the_operator_definite_and_a_crowd_does_not(seed):
    net, views = student(seed), world(0.6, seed + 10)
    lowest = {}
    for h in (1, 8):
        xi = measure_residue(net, views, LOSSES["InfoNCE"], sets_of(h)).pair_weights
        assert torch.allclose(xi, xi.mT) == (h == 1)
        values = torch.linalg.eigvalsh(frozen_operator(net.forward_pass(views.x), 1, xi))
        symmetric = torch.linalg.eigvalsh(frozen_operator(net.forward_pass(views.x), 1, (xi + xi.mT) / 2))
        lowest[h] = float(values[0] / values[-1])
        assert symmetric[0] > -1e-12
    assert lowest[1] > -1e-12
    assert lowest[8] < -1e-6


def test_networks_side_by_side_are_those_alone():
    views = Views(torch.stack([world(0.3, seed).x for seed in (1, 2, 3)]))
    nets, sets = student(runs=3), sets_of(2)
    together = measure_residue(nets, views, LOSSES["InfoNCE"], sets)
    for run in range(3):
        alone = student()
        with torch.no_grad():
            for mine, theirs in zip(alone.weights, nets.weights, strict=True):
                mine.copy_(theirs[run])
        one = measure_residue(alone, Views(views.x[run]), LOSSES["InfoNCE"], sets)
        for field in fields(one):
            torch.testing.assert_close(getattr(together, field.name)[run], getattr(one, field.name))


@pytest.mark.parametrize("h", [1, 2, 8])
def test_every_view_is_each_negative_once(h):
    sets = sets_of(h)
    assert all(sorted(column.tolist()) == list(range(N * A)) for column in sets.T)
    assert frozen_weights(torch.zeros(N, A, 2).double(), simple_contrastive, sets).mean() == pytest.approx(1)


def test_crowds_refuse_what_makes_no_sense():
    with pytest.raises(ValueError, match="negatives"):
        negative_sets(N, A, 0)
    with pytest.raises(ValueError, match="generator"):
        negative_sets(N, A, 2)


def test_training_lowers_the_loss_and_watches():
    net, views, loss, seen = student(), world(0.2), LOSSES["InfoNCE"], []
    before = expected_loss(net(views.x), loss, negative_sets(N, A))
    trace = residue_over_training(net, views, loss, steps=20, step_size=0.1, measure_every=5, watch=seen.append)
    assert expected_loss(net(views.x), loss, negative_sets(N, A)) < before
    assert trace.steps.tolist() == [0, 5, 10, 15, 20]
    assert len(seen) == 5
    spread, between = trace.values[-1, :2]
    total = net(views.x).var((0, 1), correction=0).sum()
    torch.testing.assert_close(spread + between, total)


def test_static_figures_draw_what_they_say():
    ratio = torch.tensor([[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]])
    shown = figure_residue(ratio, 1 - ratio / 4, ratio / 3, [0.1, 0.5])
    error = shown.figure.axes[0].get_lines()[-1]
    assert list(error.get_xdata()) == pytest.approx([0.2, 2.0])
    assert "σ 0.5 → 0.667" in shown.words
    values = torch.rand(3, 4, 3, generator=torch.Generator().manual_seed(0))
    training = figure_training([0, 10, 20], {"free": values, "unit": values + 1})
    assert training.figure.axes[0].get_title(loc="left") == "spread / τ"
    middle = values[..., 0].quantile(0.5, dim=1)
    torch.testing.assert_close(Tensor(training.figure.axes[0].get_lines()[0].get_ydata()), middle)
    definite = figure_definite({"H = 1": torch.tensor([2.0, 1.0]), "H = 8": torch.tensor([2.0, -0.02])})
    assert "H = 8: lowest eigenvalue -1 % of the largest" in definite.words
