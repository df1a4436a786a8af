"""Two layers: closed gradients against autograd, the growth experiment, its figures and its explorer."""

import numpy as np
import pytest
import torch
from refusals import refused

from ssl_explain.dynamics.flow import between_point_variance, flow
from ssl_explain.lessons.layers_help_each_other.exercises import interval_of_median
from ssl_explain.lessons.layers_help_each_other.experiment import (
    crossing,
    energy_and_gradients,
    median_interval,
    paired_ratios,
    two_layer_growth,
)
from ssl_explain.lessons.layers_help_each_other.explorer import layers_explorer
from ssl_explain.lessons.layers_help_each_other.picture import LIMITS, GrowthPicture, figure_ratios
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.worlds.ring import Ring


@pytest.mark.parametrize("linear_top", [True, False])
@pytest.mark.parametrize("normalise", [True, False])
def test_gradients_are_those_of_autograd(linear_top, normalise, g):
    x = Ring(6, dtype=torch.float64).enumerate(1.0).x
    net = ReLUNet((6, 5, 4), generator=g, normalise=normalise, linear_top=linear_top).double()
    bottom, top = (w.detach()[0] for w in net.weights)
    v1, v2, g1, g2 = energy_and_gradients(bottom, top, x, linear_top=linear_top, normalise=normalise)
    expected = between_point_variance(net(x))
    for mine, theirs in zip((g1, g2), torch.autograd.grad(expected, list(net.weights)), strict=True):
        torch.testing.assert_close(mine, theirs[0], rtol=0, atol=1e-13)
    torch.testing.assert_close(v2, expected.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(v1, between_point_variance(net.activations(x)[0].flatten(-2)).detach())


def test_growth_is_the_flow_of_the_two_layer_network():
    run = two_layer_growth(cells=6, widths=(5, 3), seed=4, steps=10)
    x = Ring(6, dtype=torch.float64).enumerate(1.0)
    modes = enumerate([None, [1], [2]])
    for mode, layers in modes:
        draw = torch.Generator().manual_seed(4)
        net = ReLUNet((6, 5, 3), generator=draw, normalise=False, linear_top=True, runs=1).double()
        for w in net.weights:
            w.data = w.data[0]
        net.runs = None
        trace = flow(
            net, x, steps=10, step_size=float(run.times[1]), layers=layers,
            measure=lambda net: between_point_variance(net(x.x)).detach(),
        )  # fmt: skip
        torch.testing.assert_close(trace.values, run.output[:, mode, 0], rtol=1e-9, atol=0)


def test_a_frozen_layer_stands_still_and_a_stopped_mode_too():
    run = two_layer_growth(runs=5, steps=300, limit=50.0)
    assert (run.top_norm[:, 1] == run.top_norm[0, 1]).all()
    assert (run.bottom[:, 2] == run.bottom[0, 2]).all()
    assert run.stopped[-1, 0].all()
    after = run.stopped[:-1, 0]
    assert (run.output[1:, 0][after] == run.output[:-1, 0][after]).all()


def test_the_scale_of_all_weights_only_rescales_time():
    one, half = (two_layer_growth(runs=3, steps=20, scale=s) for s in (1.0, 0.5))
    torch.testing.assert_close(half.times, 4 * one.times)
    torch.testing.assert_close(half.bottom, one.bottom / 4)


def test_the_bottom_is_further_when_the_top_learns_too():
    run = two_layer_growth(runs=12, steps=250, rate=0.04)
    index, ratios = crossing(run), paired_ratios(run)
    assert (index > 0).all()
    assert (ratios > 1).all()
    assert median_interval(ratios)[1] > 1
    for k, i in enumerate(index.tolist()):
        assert run.bottom[i, 1, k] >= 1.35 * run.bottom[0, 1, k] > run.bottom[i - 1, 1, k]


def test_the_interval_covers_the_median_as_often_as_it_says(g):
    draws = torch.randn(400, 15, generator=g)
    low, high = np.array([median_interval(d)[1:] for d in draws]).T
    assert 0.94 <= ((low < 0) & (high > 0)).mean() <= 0.99
    assert median_interval(draws[0])[1:] == interval_of_median(draws[0].double())


test_bad_input_is_named = refused(
    (lambda: two_layer_growth(rate=0.0), "`rate` must lie in"),
    (lambda: two_layer_growth(top_scale=-1.0), "`top_scale` must lie in"),
    (lambda: two_layer_growth(cells=3), "`cells` must be"),
    (lambda: median_interval(torch.ones(4)), "`values` must be more, got 4"),
)


def test_pictures_draw_the_growth_of_each_mode_and_ratios_with_their_interval():
    record = layers_explorer().record
    picture = GrowthPicture(record)
    for panel, series in enumerate((record.bottom, record.output, record.top_norm)):
        for mode in range(3):
            drawn = picture.curves[panel][mode].get_ydata()
            growth = (series / series[0])[: len(drawn), mode].clamp(*LIMITS[panel])
            np.testing.assert_allclose(drawn, growth.log10())
    assert picture.curves[0][0].get_linewidth() > picture.curves[0][1].get_linewidth()
    values = {"a": torch.linspace(1, 2, 9).double(), "b": torch.linspace(2, 4, 9).double()}
    picture = figure_ratios(values, {name: median_interval(v) for name, v in values.items()})
    drawn = sorted(np.concatenate([c.get_offsets()[:, 0] for c in picture.figure.axes[0].collections[:2]]).tolist())
    np.testing.assert_allclose(drawn, sorted(torch.cat(list(values.values())).tolist()))
    assert "a: median 1.50" in picture.words
