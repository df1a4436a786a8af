"""The students that look at pictures: the convolutional one against its definition, the dense one on digits."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused
from torch import nn
from weights import gaussian

from ssl_explain import ReLUNet, contrastive, covariance_operator, info_nce, train
from ssl_explain.networks.conv import ConvNet
from ssl_explain.worlds.pictures import digits


def net(shape=(2, 5, 6), seed=0, **options):
    options = {"channels": (3, 4), "outputs": 5} | options
    return ConvNet(shape, generator=torch.Generator().manual_seed(seed), **options).double()


def by_hand(conv, x, stride):
    """One picture through the network: every position reads its 3 × 3 surroundings."""
    layers, picture = [], x.view(conv.shape)
    for weight, step in zip(conv.weights, (1, stride), strict=False):
        padded = nn.functional.pad(picture, (1, 1, 1, 1))
        height, width = picture.shape[1:]
        rows = [
            [(weight * padded[:, i : i + 3, j : j + 3]).sum((1, 2, 3)).clamp_min(0) for j in range(0, width, step)]
            for i in range(0, height, step)
        ]
        picture = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
        layers.append(picture.flatten(1).T)
    top = conv.weights[2] @ picture.flatten()
    return [*layers, (top / top.norm() if conv.normalise else top).unsqueeze(0)]


@pytest.mark.parametrize("options", [{}, {"stride": 1, "normalise": False}, {"stride": 3, "channels": (1, 6)}])
def test_network_does_what_its_formula_says(options):
    conv, x = net(**options), gaussian(2, 3, 60)
    layers, output = conv.activations(x), conv(x)
    for i in range(2):
        for j in range(3):
            expected = by_hand(conv, x[i, j], options.get("stride", 2))
            for layer, literal in zip(layers, expected, strict=True):
                torch.testing.assert_close(layer[i, j], literal, rtol=1e-12, atol=1e-13)
            torch.testing.assert_close(output[i, j], expected[-1][0], rtol=1e-12, atol=1e-13)
    assert torch.equal(conv.features(x), layers[1].flatten(-2))
    torch.testing.assert_close(conv(x[0, 0]), output[0, 0], rtol=1e-12, atol=1e-13)


@given(st.floats(0.01, 100))
def test_output_is_homogeneous_in_the_input_and_in_every_layer(c):
    raw, unit, x = net(normalise=False), net(), gaussian(4, 60)
    before = raw(x).detach()
    torch.testing.assert_close(raw(c * x), c * before, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(unit(c * x), unit(x), rtol=1e-10, atol=1e-12)
    with torch.no_grad():
        raw.weights[1].mul_(c)
    torch.testing.assert_close(raw(x), c * before, rtol=1e-10, atol=1e-12)


def test_a_pixel_reaches_only_its_neighbours():
    conv, x = net((1, 6, 6), stride=1), gaussian(1, 36)
    moved = x.clone()
    moved[0, 0] += 3.0  # the upper left corner
    changed = (conv.activations(x)[0] - conv.activations(moved)[0]).abs().sum(-1)[0].view(6, 6) > 0
    assert not changed[2:].any()
    assert not changed[:, 2:].any()
    assert changed.any()


def test_same_seed_same_bits():
    a, b, c = net(seed=1), net(seed=1), net(seed=2)
    assert all(torch.equal(v, w) for v, w in zip(a.weights, b.weights, strict=True))
    assert not torch.equal(a.weights[0], c.weights[0])


test_impossible_networks_are_refused = refused(
    (lambda: net((1, 3, 8)), r"`shape \(height\)` must be an integer ≥ 4, got 3"),
    (lambda: net((0, 8, 8)), r"`shape \(channels\)` must be an integer ≥ 1, got 0"),
    (lambda: net((1, 8, 8), channels=(0, 4)), "`channels` must be an integer ≥ 1, got 0"),
    (lambda: net((1, 8, 8), outputs=0), "`outputs` must be an integer ≥ 1, got 0"),
    (lambda: net((1, 8, 8), stride=0), "`stride` must be an integer ≥ 1, got 0"),
    (lambda: net((1, 8, 8), scale=0.0), r"`scale` must lie in \(0, inf\), got 0"),
)


@pytest.mark.usefixtures("unshaped")
def test_impossible_inputs_are_refused():
    with pytest.raises(ValueError, match="`x` must have 60 entries on its last axis, got shape"):
        net()(gaussian(3, 61))
    with pytest.raises(ValueError, match="`x` must hold finite numbers only"):
        net().features(gaussian(3, 60) / 0)


@pytest.mark.gate(1)
@pytest.mark.parametrize("kind", [ConvNet, ReLUNet])
def test_both_students_learn_on_digits(kind, seeded):
    """Twenty steps of the real loss on real pictures: the loss falls, and the same seed gives the same bits."""
    world, ends = digits("train"), []
    for _ in range(2):
        sizes = world.shape if kind is ConvNet else (world.dimension, 128, 64)
        student = kind(sizes, generator=seeded(0))
        objective = contrastive(info_nce, negatives="batch")
        options = {"learning_rate": 0.1, "strength": 0.5, "batch": 64, "measure": lambda net: torch.zeros(1)}
        trace = train(student, world, objective, steps=20, generator=seeded(1), **options)
        assert trace.stopped is None
        assert trace.losses[-5:].mean() < trace.losses[:5].mean()
        ends.append(list(student.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_theory_holds_for_the_dense_student_on_digits(seeded):
    """The ascent direction of tr V_x[E f] is 2·OP_l·vec(W_l), by autograd, here on views of real digits."""
    x = digits("train").draw(12, views=2, strength=0.5, generator=seeded(0)).x.double()
    student = ReLUNet((64, 12, 8), generator=seeded(1), normalise=False, scale=0.3).double()
    points = student(x).mean(1)
    between = (points - points.mean(0)).square().sum(1).mean()
    gradients = torch.autograd.grad(between, list(student.weights))
    for layer, (weight, gradient) in enumerate(zip(student.weights, gradients, strict=True), start=1):
        predicted = 2 * covariance_operator(student.forward_pass(x), layer).matvec(weight.detach().flatten())
        assert gradient.norm() > 1e-3
        torch.testing.assert_close(predicted, gradient.flatten(), rtol=1e-10, atol=1e-13)
