"""The operator explorer, its figures and the exercises of notebook 03."""

import pytest
import torch

from ssl_explain.lessons.covariance_operator.explorer import (
    OperatorState,
    network_of,
    spectrum_of,
    world_of,
)
from ssl_explain.lessons.covariance_operator.picture import FLOOR, SpectrumPicture, figure_growth, figure_step_error
from ssl_explain.operators import definitions
from ssl_explain.operators.connection import connection
from ssl_explain.records import Trace

BASE = OperatorState()


@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_record_agrees_with_the_definitions(layer, strength):
    state = BASE.change(layer=layer, strength=strength, width=4, points=8)
    record, net, views = spectrum_of(state), network_of(state), world_of(state)
    k = connection(net.forward_pass(views.x), layer).flatten(2, 3).detach()
    between, within = definitions.covariance_operator(k), definitions.within_operator(k)
    total = torch.linalg.eigvalsh(between + within).flip(0).clamp_min(0)
    torch.testing.assert_close(record.total, total, rtol=0, atol=1e-12)
    torch.testing.assert_close(record.between.sum(), between.trace(), rtol=0, atol=1e-12)
    for value, feature in zip(record.between, record.features, strict=False):
        torch.testing.assert_close(between @ feature.flatten(), value * feature.flatten(), rtol=0, atol=1e-12)
    torch.testing.assert_close(record.predicted, 2 * between @ net.weights[layer - 1].flatten().detach())


def test_more_augmentation_leaves_less_and_departures_miss_the_prediction():
    shares = [spectrum_of(BASE.change(strength=q / 10)).share for q in range(11)]
    assert shares[0] == pytest.approx(1, abs=1e-12)
    assert shares == sorted(shares, reverse=True)
    assert spectrum_of(BASE.change(strength=1.0)).directions < spectrum_of(BASE.change(strength=0.0)).directions / 2
    for step in ("batch of 8", "outputs of length one"):
        assert spectrum_of(BASE.change(step=step)).cosine < 0.99


def test_picture_draws_the_record():
    record = spectrum_of(BASE)
    picture = SpectrumPicture(record)
    drawn = torch.tensor(picture.between.get_ydata(), dtype=torch.float64)
    torch.testing.assert_close(drawn, (record.between / record.total[0])[: len(drawn)].clamp_min(FLOOR / 10))
    x, y = torch.tensor(picture.dots.get_xydata()).unbind(-1)
    torch.testing.assert_close(x, y)
    image = torch.tensor(picture.maps[0].get_array().filled())
    assert image.shape == record.features.shape[1:]
    assert image.max() == pytest.approx(1), "the sign of an eigenvector is fixed by its largest entry"


def test_static_figures_draw_what_they_say():
    steps = torch.arange(3)
    free = Trace(steps, torch.tensor([1.0, 10.0, 1e5]), torch.zeros(2), "stopped at step 2: too large")
    held = Trace(steps, torch.tensor([1.0, 2.0, 3.0]), torch.zeros(2))
    shown = figure_growth({"free": free, "held": held}, step_size=0.5)
    curves = shown.figure.axes[0].get_lines()
    assert [list(c.get_xdata()) for c in curves if len(c.get_xdata()) == 3] == [[0, 0.5, 1.0]] * 2
    assert "stopped at step 2" in shown.words
    assert [t.get_text() for t in shown.figure.axes[0].texts] == ["stopped"]
    shown = figure_step_error((0.01, 0.1), {"layer 1": (0.001, 0.02)})
    guide = shown.figure.axes[0].get_lines()[-1]
    assert list(guide.get_ydata()) == pytest.approx([0.001, 0.01])
    assert "0.1 → 2 %" in shown.words
