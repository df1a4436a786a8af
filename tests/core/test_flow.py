"""The flow of the expected loss: it follows the prediction, keeps what it should keep, and stops with a reason."""

import pytest
import torch
from weights import copies, same

from ssl_explain import ReLUNet, Tree, TreeNet
from ssl_explain.dynamics.flow import (
    between_point_variance,
    expected_simple,
    flow,
    predicted_update,
    within_point_variance,
)
from ssl_explain.losses.weights import pair_weights
from ssl_explain.records import Views
from ssl_explain.worlds.ring import Ring


def dense(seed=0, **options):
    g = torch.Generator().manual_seed(seed)
    return ReLUNet((6, 5, 3), generator=g, **{"normalise": False, **options}).double()


def wired():
    g = torch.Generator().manual_seed(2)
    return TreeNet(Tree(2, 3), 5, generator=g, normalise=False, scale=1.0).double()


def gaussian_views(d=6):
    g = torch.Generator().manual_seed(1)
    x = torch.randn(8, 1, d, generator=g) + 0.4 * torch.randn(8, 3, d, generator=g)
    return Views(x.double())


RING = Ring(6, dtype=torch.float64).enumerate(0.5)


def between(net):
    return between_point_variance(net(RING.x)).detach()


def run(net, **options):
    return flow(net, RING, **{"steps": 20, "step_size": 0.01, "measure": between, **options})


def test_variances_against_a_literal_sum():
    f = gaussian_views().x
    means = [point.mean(0) for point in f]
    mean = sum(means) / len(means)
    expected = sum(((m - mean) ** 2).sum() for m in means) / len(means)
    torch.testing.assert_close(between_point_variance(f), expected, rtol=1e-12, atol=0)
    within = sum(((v - m) ** 2).sum() for point, m in zip(f, means, strict=True) for v in point) / f[..., 0].numel()
    torch.testing.assert_close(within_point_variance(f), within, rtol=1e-12, atol=0)
    total = f.flatten(0, 1).var(0, correction=0).sum()
    torch.testing.assert_close(expected + within, total, rtol=1e-12, atol=0)


@pytest.mark.parametrize("net", [dense(), dense(linear_top=True), wired()], ids=["gated", "linear-top", "tree"])
def test_one_step_is_the_predicted_update(net):
    views = gaussian_views(net.input_dimension)
    predicted = [predicted_update(net, views, layer) for layer in range(1, len(net.weights) + 1)]
    before = copies(net)
    flow(net, views, steps=1, step_size=1e-3, measure=lambda net: torch.zeros(1))
    for old, new, update in zip(before, net.weights, predicted, strict=True):
        assert update.norm() > 1e-3
        torch.testing.assert_close(new.detach() - old, 1e-3 * update, rtol=1e-10, atol=1e-15)


def test_constant_pair_weights_predict_the_same_update():
    net, views = dense(), gaussian_views()
    ones = torch.ones(8, 8, dtype=torch.float64)
    torch.testing.assert_close(
        predicted_update(net, views, 1, ones), predicted_update(net, views, 1), rtol=1e-12, atol=1e-14
    )
    from ssl_explain import info_nce

    xi = pair_weights(info_nce, net(views.x).mean(1).detach())
    assert not torch.allclose(predicted_update(net, views, 1, xi), predicted_update(net, views, 1))


def test_free_flow_climbs_and_its_losses_are_minus_what_is_between():
    trace = run(dense())
    assert trace.stopped is None
    assert trace.steps.tolist() == list(range(21))
    assert (trace.values.diff() > 0).all()
    torch.testing.assert_close(trace.losses, -trace.values[:-1], rtol=1e-12, atol=0)
    torch.testing.assert_close(expected_simple(dense(), RING), trace.losses[0], rtol=1e-12, atol=0)


def test_fixed_norm_keeps_the_norm_of_every_neuron():
    net = dense()
    before = copies(net)
    trace = run(net, fixed_norm=True, steps=200, step_size=0.05)
    assert trace.stopped is None
    assert trace.values[-1] > trace.values[0]
    for old, new in zip(before, net.weights, strict=True):
        torch.testing.assert_close(old.norm(dim=-1), new.detach().norm(dim=-1), rtol=1e-12, atol=0)
        assert not torch.equal(old, new)


def test_fixed_norm_leaves_a_silent_neuron_alone():
    net = dense()
    with torch.no_grad():
        net.weights[0][0, 0] = 0
    run(net, fixed_norm=True)
    assert torch.equal(net.weights[0][0, 0].detach(), torch.zeros(6, dtype=torch.float64))
    assert all(torch.isfinite(w).all() for w in net.weights)


@pytest.mark.parametrize(("measure_every", "steps"), [(1, 2000), (7, 2000)])
def test_unnormalised_flow_blows_up_and_says_so(measure_every, steps):
    net = dense()
    trace = run(net, steps=steps, step_size=0.5, measure_every=measure_every)
    assert trace.stopped.startswith("stopped at step ")
    assert "blown up" in trace.stopped
    assert len(trace.losses) < steps
    assert torch.isfinite(trace.values).all()
    assert torch.isfinite(trace.losses).all()


def no_bottom(net, views):
    return -net(views.x).square().sum(-1).mean()


@pytest.mark.gate(4)
@pytest.mark.parametrize(
    ("widths", "options", "words"),
    [
        ((6, 4), {}, "one layer is trained and no norm is held, so it grows exponentially"),
        ((6, 5, 4), {"layers": (1,)}, "one layer is trained and no norm is held, so it grows exponentially"),
        ((6, 5, 4), {"layers": (2,)}, "one layer is trained and no norm is held, so it grows exponentially"),
        ((6, 5, 4), {}, "2 layers are trained and no norm is held, so it must in finite time"),
        ((6, 5, 5, 4), {}, "3 layers are trained and no norm is held, so it must in finite time"),
        ((6, 5, 4), {"loss": no_bottom, "step_size": 0.02}, "no norm is held"),
    ],
)
@pytest.mark.parametrize("linear_top", [False, True])
def test_a_flow_without_end_says_how_it_grows(widths, options, words, linear_top):
    net = ReLUNet(widths, generator=torch.Generator().manual_seed(0), normalise=False, linear_top=linear_top).double()
    step_size = 5.0 if "one" in words else 0.5
    trace = run(net, **{"steps": 5000, "step_size": step_size, "measure_every": 1000, **options})
    assert trace.stopped.endswith(f"the flow has blown up: {words}")


def test_a_flow_with_biases_makes_no_promise():
    net = dense(linear_top=True, biases=True)
    assert run(net, steps=2000, step_size=0.5).stopped.endswith("the flow has blown up: no norm is held")


@pytest.mark.parametrize(("fixed_norm", "step_size"), [(False, 1e3), (False, 1e308), (True, 1e308)])
def test_steps_that_are_too_long_are_not_blamed_on_the_flow(fixed_norm, step_size):
    trace = run(dense(), steps=200, step_size=step_size, fixed_norm=fixed_norm)
    assert trace.stopped.endswith(f"steps of {step_size:g} may be too long to follow the flow")
    assert torch.isfinite(trace.values).all()


def test_what_was_measured_is_never_recorded_once_it_is_not_finite():
    counted = iter([1.0, 2.0, float("inf"), 4.0])
    trace = run(dense(), measure=lambda net: torch.tensor(next(counted)))
    assert trace.values.tolist() == [1.0, 2.0]
    assert trace.stopped.startswith("stopped at step 2")


@pytest.mark.parametrize(("layers", "still"), [((1,), 1), ({2}, 0)])
def test_only_the_named_layers_move(layers, still):
    net = dense()
    before = copies(net)
    run(net, layers=layers)
    assert torch.equal(before[still], net.weights[still].detach())
    assert not torch.equal(before[1 - still], net.weights[1 - still].detach())


def test_all_layers_named_is_no_layer_named():
    one, other = dense(), dense()
    assert torch.equal(run(one, layers=[1, 2]).values, run(other).values)


def test_until_stops_a_healthy_run():
    whole = run(dense())
    threshold = float(whole.values[10])
    trace = run(dense(), until=lambda value: bool(value >= threshold))
    assert trace.stopped is None
    assert torch.equal(trace.values, whole.values[:11])
    assert len(trace.losses) == 10


def test_measures_now_and_then_and_at_the_end():
    trace = run(dense(), measure_every=8)
    assert trace.steps.tolist() == [0, 8, 16, 20]
    assert torch.equal(trace.values, run(dense()).values[[0, 8, 16, 20]])


def test_no_steps_only_measure():
    net = dense()
    before = copies(net)
    trace = run(net, steps=0)
    assert trace.steps.tolist() == [0]
    assert len(trace.losses) == 0
    assert same(before, net)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": -1}, "`steps` must be an integer ≥ 0, got -1"),
        ({"step_size": 0.0}, r"`step_size` must lie in \(0, inf\), got 0.0"),
        ({"step_size": float("nan")}, "`step_size` must lie in"),
        ({"measure_every": 0}, "`measure_every` must be an integer ≥ 1, got 0"),
        ({"layers": (3,)}, r"`layers` must name layers from 1 to 2, got \(3,\); None trains all of them"),
        ({"layers": (0, 1)}, "`layers` must name layers from 1 to 2"),
        ({"layers": ()}, "`layers` must name layers from 1 to 2"),
    ],
)
def test_flow_refuses_and_leaves_the_network_alone(options, words):
    net = dense()
    before = copies(net)
    with pytest.raises(ValueError, match=words):
        run(net, **options)
    assert same(before, net)


def test_weights_that_are_not_finite():
    net = dense()
    with torch.no_grad():
        net.weights[1][0, 0, 0] = float("nan")
    for act in (lambda: run(net), lambda: predicted_update(net, RING, 1)):
        with pytest.raises(ValueError, match="`weights of layer 2` must hold finite numbers only"):
            act()


def test_one_point_has_no_predicted_update():
    with pytest.raises(ValueError, match="at least two points"):
        predicted_update(dense(), Views(gaussian_views().x[:1]), 1)
