"""What a user's function returned is kept as numbers: checked, without a graph, and not as a view of live weights."""

import copy

import pytest
import torch
from refusals import refused
from weights import seeded

from ssl_explain import LatentTree, ReLUNet, Ring, Training, TreeNet, contrastive, flow, train
from ssl_explain.dynamics.flow import expected_simple
from ssl_explain.lessons.collapse_and_grassmannian.two_layers import follow_layers, follow_product
from ssl_explain.lessons.selectivity_amplification.experiment import follow

RING = Ring(6).enumerate(0.5)


def training(measure, **options):
    tree = LatentTree.random(2, generator=seeded())
    net = TreeNet(tree.topology, 3, generator=seeded())
    settings = {"learning_rate": 0.1, "batch": 8, "measure_every": 2, "generator": seeded(), "measure": measure}
    return net, tree, settings | options


def by_train(measure):
    net, tree, settings = training(measure)
    return train(net, tree, contrastive(), steps=3, **settings)


def by_hand(measure):
    net, tree, settings = training(measure)
    run = Training(net, tree, contrastive(), **settings)
    run.advance(3)
    copy.deepcopy(run._measured), copy.deepcopy(run.net)
    return run.trace()


def by_flow(measure):
    net = ReLUNet((6, 4, 2), generator=seeded())
    return flow(net, RING, steps=3, step_size=0.1, measure=measure, measure_every=2)


WAYS = [by_train, by_hand, by_flow]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "measure",
    [
        lambda net: net.weights[0].square().sum(),
        lambda net: net.weights[0],
        lambda net: net.weights[0].detach(),
        lambda net: net.weights[0].detach().flatten()[::2],
    ],
    ids=["graph", "weights", "their data", "a view of them"],
)
def test_numbers_without_a_graph_and_of_their_own_time(way, measure):
    trace = way(measure)
    for tensor in (trace.values, trace.losses):
        assert not tensor.requires_grad
        tensor.numpy()
        copy.deepcopy(tensor)
    assert trace.steps.tolist() == [0, 2, 3]
    assert not torch.equal(trace.values[0], trace.values[1])
    assert not torch.equal(trace.values[1], trace.values[2])


@pytest.mark.parametrize("way", WAYS)
def test_numbers_of_another_kind_become_floating_point_ones(way):
    whole = way(lambda net: (net.weights[0] > 0).sum())
    answers = way(lambda net: net.weights[0].detach().norm() > 0)
    assert whole.values.is_floating_point()
    assert answers.values.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("later", "error", "words"),
    [
        (lambda n: torch.zeros(n), ValueError, "one shape all the time, got (1,) after (0,)"),
        (lambda n: torch.zeros(1, dtype=torch.complex64), TypeError, "must return real numbers, got torch.complex64"),
        (lambda n: [torch.zeros(1), 1.0][n], TypeError, "be a Tensor, got 1.0"),
        (lambda n: [torch.zeros(1), None][n], TypeError, "be a Tensor, got None"),
    ],
)
def test_what_cannot_be_kept_is_refused_the_first_time_and_later(way, later, error, words):
    calls = iter(range(9))
    with pytest.raises(error) as caught:
        way(lambda net: later(next(calls)))
    assert words in str(caught.value)
    assert "`measure`" in str(caught.value)


@pytest.mark.parametrize(
    ("broken", "error", "words"),
    [
        (lambda loss: loss.item(), TypeError, "`objective` must be a Tensor"),
        (lambda loss: loss.detach(), ValueError, "`objective` must depend on weights that learn"),
    ],
)
def test_a_loss_without_a_gradient_is_refused(broken, error, words):
    net, tree, settings = training(lambda net: torch.zeros(1))
    objective = contrastive()
    with pytest.raises(error) as caught:
        train(net, tree, lambda net, views: broken(objective(net, views)), steps=1, **settings)
    assert words in str(caught.value)
    with pytest.raises(error):
        flow(
            ReLUNet((6, 2), generator=seeded()), RING, steps=1, step_size=0.1, measure=lambda net: torch.zeros(1),
            loss=lambda net, views: broken(expected_simple(net, views)),
        )  # fmt: skip


def test_losses_of_one_shape_alone_are_kept():
    """One number among those of several runs would be written down for all of them."""
    net, tree, settings = training(lambda net: torch.zeros(1))
    objective, calls = contrastive(), iter(range(9))
    with pytest.raises(ValueError, match="`objective` must return one shape"):
        train(net, tree, lambda net, views: objective(net, views).repeat(1 + next(calls)), steps=3, **settings)


def test_laws_of_motion_of_users_leave_no_graph():
    c, m = torch.eye(3, requires_grad=True), torch.eye(2, 3)
    gain = torch.ones((), requires_grad=True)
    layers = follow_layers(
        c, torch.eye(4, 3), torch.eye(2, 4), projection=lambda q, g: gain * g, steps=2, step_size=0.1
    )
    product = follow_product(c, m, speed=lambda c, m: gain * m @ c, steps=2, step_size=0.1)
    lengths = follow(m, lambda w: gain * w.flip(0), steps=2, step_size=0.1)
    assert not any(series.requires_grad for series in (*layers, product, lengths))


ANOTHER = "must return one shape all the time"
refuses = refused(
    (lambda: follow_product(torch.eye(3), torch.eye(2, 3), speed=lambda c, m: m[:1], steps=1, step_size=0.1), ANOTHER),
    (lambda: follow(torch.eye(2, 3), lambda w: w[:1], steps=1, step_size=0.1), ANOTHER),
    (
        lambda: follow_layers(
            torch.eye(3), torch.eye(4, 3), torch.eye(2, 4), projection=lambda q, g: g[:1], steps=1, step_size=0.1
        ),
        ANOTHER,
    ),
)
test_a_law_of_motion_of_another_shape_is_not_spread_over_all = pytest.mark.usefixtures("unshaped")(refuses)
