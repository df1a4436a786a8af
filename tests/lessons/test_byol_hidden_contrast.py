"""The BYOL explorer and the figures of its notebook: every control, what is drawn, what is said."""

import numpy as np
import pytest
import torch
from tables import rows, stored

from ssl_explain.lessons.byol_hidden_contrast.experiment import hidden_contrast
from ssl_explain.lessons.byol_hidden_contrast.explorer import ByolState, byol_explorer
from ssl_explain.lessons.byol_hidden_contrast.figures import figure_ablation, figure_reinitialised
from ssl_explain.lessons.byol_hidden_contrast.picture import (
    HIGH,
    LOW,
    ContrastPicture,
    figure_resets,
    figure_shares,
    figure_threshold,
)
from ssl_explain.lessons.byol_hidden_contrast.record import TERMS
from ssl_explain.networks.dual import Centring
from ssl_explain.results import interval


@pytest.fixture(scope="module")
def one():
    return byol_explorer()


def test_presets_are_the_corners(one):
    ends = {}
    for name, values in one.presets.items():
        one.state = ByolState().change(**values)
        ends[name] = (float(one.record.second_moment[-1] / one.record.second_moment[0]), float(one.record.share[-1]))
    (shrunk, _), (grown, centred), (_, taken), (alive, _) = ends.values()
    assert shrunk < 0.01
    assert grown > 10
    assert centred > 0.99
    assert taken < 0.1
    assert 0.1 < alive < 10


def test_curves_are_the_numbers_and_a_learned_predictor_claims_no_limit(one):
    one.state = ByolState(offset=9.0, time=30)
    record, picture = one.record, ContrastPicture(one.record)
    past = slice(record.shown + 1)
    growth = (record.second_moment[past] / record.second_moment[0]).log10().numpy()
    inside = (growth >= LOW) & (growth <= HIGH)
    np.testing.assert_allclose(picture.moment.get_ydata()[inside], growth[inside])
    assert np.isnan(picture.moment.get_ydata()[~inside]).all()
    np.testing.assert_allclose(picture.share.get_ydata(), record.share[past])
    assert set(picture.limit.get_ydata()) == {record.limit}
    assert picture.share.get_xdata()[-1] == record.times[record.shown]
    assert len(picture.bars) == len(TERMS)
    one.state = ByolState(predictor="learned from chance")
    assert one.record.limit is None
    assert len(one.figure.limit.get_xdata()) == 0
    assert "predicted" not in one.figure.describe()


def test_figures_of_runs_draw_what_they_say():
    p = torch.linspace(0.1, 1, 10)
    rates = torch.stack([p, -p], dim=1)
    drawn = figure_threshold(p, rates, rates + 0.5, (0.5, 0.25))
    lines = [line.get_ydata() for line in drawn.figure.axes[0].lines if len(line.get_ydata()) == 10]
    np.testing.assert_allclose(lines[1], rates[:, 0] + 0.5)
    assert "0.5)" in drawn.words
    runs = {
        "none": {4.0: hidden_contrast(offset=4.0, runs=3, steps=20)},
        "both": {4.0: hidden_contrast(offset=4.0, runs=3, steps=20, centring=Centring())},
    }
    shares = figure_shares(runs)
    for ax, panel in zip(shares.figure.axes, runs.values(), strict=True):
        np.testing.assert_allclose(ax.lines[0].get_ydata(), panel[4.0].share.mean(1))
    moments = {
        "a, p = 1": {0: torch.ones(4), 10: torch.full((4,), 0.1)},
        "b, p = 0.5": {0: torch.ones(4), 10: torch.ones(4)},
    }
    resets = figure_resets(moments)
    np.testing.assert_allclose(resets.figure.axes[0].lines[0].get_ydata(), [1, 0.1])
    assert "a, p = 1: never 1, 10 0.1" in resets.words


def heights(container):
    return np.asarray(container.lines[0].get_ydata())


def probes(layer="output", measure="probe", **wanted):
    wanted = {"method": "BYOL", "reinitialise": 0, "decay": 0.0} | wanted
    return rows(stored("byol_ablation"), layer=layer, **wanted)[measure]


@pytest.mark.parametrize("layer", ["output", "hidden"])
def test_the_ablation_is_drawn_with_means_and_intervals(layer):
    shown = figure_ablation(stored("byol_ablation"), layer=layer)
    ways = [{"centring": c, "target": t} for c in ("none", "mean", "BatchNorm") for t in ("shared", "EMA")]
    for ax, measure in zip(shown.figure.axes, ("probe", "rank", "between"), strict=True):
        cells = [[probes(layer, measure, predictor=p, **way) for p in ("none", "linear", "mlp")] for way in ways]
        np.testing.assert_allclose(
            [heights(c) for c in ax.containers], [[cell.mean() for cell in row] for row in cells]
        )
        for bar, row in zip(ax.containers, cells, strict=True):
            drawn = [segment[:, 1] for segment in bar.lines[2][0].get_segments()]
            np.testing.assert_allclose(drawn, [interval(cell) for cell in row])
    assert "BYOL from " in shown.words


def test_re_initialising_is_drawn_from_never_to_often():
    ax = figure_reinitialised(stored("byol_ablation")).figure.axes[0]
    every = [tick.get_text() for tick in ax.get_xticklabels()]
    assert (every[0], every[-1]) == ("never", "10")
    way = {"predictor": "linear", "centring": "mean", "target": "EMA"}
    means = [probes(reinitialise=0 if tick == "never" else int(tick), **way).mean() for tick in every]
    np.testing.assert_allclose(heights(ax.containers[0]), means)
