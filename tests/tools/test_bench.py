"""The benchmark: what it compares with is the work it names. No time is asserted here."""

import math

import pytest
import torch
from bench_growth import Growth, growths, slope
from bench_limits import Path, calls_of, exact_step, numbers, products, sampling, tree_and_net, tree_step
from measure import Row


@pytest.mark.parametrize(("value", "verdict"), [(2.9, "PASS"), (3.1, "FAIL"), (None, "FAIL")])
def test_a_figure_beyond_its_target_fails(value, verdict):
    assert Row("a ratio", value, "x", high=3).verdict == verdict


@pytest.mark.parametrize(
    "path", [sampling(3, depth=2), tree_step(8, depth=2, neurons=3), exact_step(1)], ids=lambda path: path.name
)
def test_path_and_bound_can_be_called_again_and_again(path):
    assert isinstance(path, Path)
    for _ in range(2):
        path.path()
        path.bound()


def test_bounds_count_all_chances_and_the_products_of_both_passes():
    """A draw needs n edges per point, 2·n edges per view.

    A step needs per layer one product forward and one for the weights, and one for the inputs above the first layer.
    """
    tree, _ = tree_and_net(depth=2)
    point, view, coins = numbers(tree, 5, views=3)()
    assert (point.numel(), view.numel(), coins.numel()) == (5 * 6, 2 * 5 * 3 * 6, 5)
    _, net = tree_and_net(depth=3, neurons=4)
    made = [action() for action in products(list(net.weights), 7)]
    shapes = [tuple(product.shape) for product in made]
    assert len(shapes) == 3 * 3 - 1
    for level, weight in enumerate(net.weights):
        node, d_out, d_in = weight.shape
        assert {(node, d_out, 7), (node, d_out, d_in)} <= set(shapes), level


def test_calls_of_the_backward_pass_count():
    x = torch.ones(3, requires_grad=True)
    forward = calls_of(lambda: (x * x).sum())
    assert forward == 2
    assert calls_of(lambda: torch.autograd.grad((x * x).sum(), x)) > forward


def test_a_slope_is_the_exponent_of_the_cost(monkeypatch):
    cost = {10: 1.0, 100: 100.0, 1000: 10_000.0}
    monkeypatch.setattr("bench_growth.fastest", lambda actions, repeat: {"path": cost[actions["path"]()]})
    made = Growth("square", lambda size: Path("", lambda: size, lambda: None, ""), tuple(cost), 2)
    assert math.isclose(slope(made, 1), 2)


def test_every_growth_has_at_least_two_sizes_in_order():
    for growth in growths():
        assert len(growth.sizes) >= 2
        assert list(growth.sizes) == sorted(set(growth.sizes))
