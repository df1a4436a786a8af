"""The BYOL explorer and the figures of its notebook: every control, what is drawn, what is said."""

import numpy as np
import pytest
import torch

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


def test_curves_are_the_numbers(one):
    one.state = ByolState(offset=9.0, time=0.3)
    record, picture = one.record, ContrastPicture(one.record)
    growth = (record.second_moment / record.second_moment[0]).log10().numpy()
    inside = (growth >= LOW) & (growth <= HIGH)
    np.testing.assert_allclose(picture.moment.get_ydata()[inside], growth[inside])
    assert np.isnan(picture.moment.get_ydata()[~inside]).all()
    np.testing.assert_allclose(picture.share.get_ydata(), record.share)
    assert set(picture.limit.get_ydata()) == {record.limit}
    assert picture.cursors[0].get_xdata()[0] == record.times[record.shown]
    assert len(picture.bars) == len(TERMS)


def test_a_learned_predictor_claims_no_limit(one):
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


def made_up_table():
    rows = []

    def add(method, layer, value, **settings):
        row = {"method": method, "predictor": "none", "centring": "none", "target": "none", "reinitialise": 0}
        row |= {"decay": 0.0, "layer": layer} | settings
        rows.extend(
            {**row, "seed": s, "probe": value + 0.01 * s, "rank": 10 * value, "between": value} for s in (1, 2, 3)
        )

    add("raw", "pixels", 0.9)
    for layer, base in (("output", 0.5), ("hidden", 0.6)):
        add("untrained", layer, base + 0.2)
        add("InfoNCE", layer, base + 0.3)
        for i, predictor in enumerate(("none", "linear", "mlp")):
            for j, centring in enumerate(("none", "mean", "BatchNorm")):
                for k, target in enumerate(("shared", "EMA")):
                    for every in (0, 50) if i else (0,):
                        value = base + 0.05 * i + 0.02 * j + 0.01 * k - 0.001 * every
                        add(
                            "BYOL",
                            layer,
                            value,
                            predictor=predictor,
                            centring=centring,
                            target=target,
                            reinitialise=every,
                        )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def heights(container):
    return np.asarray(container.lines[0].get_ydata())


@pytest.mark.parametrize("layer", ["output", "hidden"])
def test_the_ablation_is_drawn_with_means_and_intervals(layer):
    table, base = made_up_table(), 0.5 if layer == "output" else 0.6
    shown = figure_ablation(table, layer=layer)
    probes, ranks, shares = shown.figure.axes
    expected = [[base + 0.05 * i + 0.02 * j + 0.01 * k + 0.02 for i in range(3)] for j in range(3) for k in range(2)]
    np.testing.assert_allclose([heights(c) for c in probes.containers], expected)
    np.testing.assert_allclose([heights(c) for c in ranks.containers], 10 * (np.array(expected) - 0.02))
    np.testing.assert_allclose([heights(c) for c in shares.containers], np.array(expected) - 0.02)
    low, high = interval(base + np.array([0.01, 0.02, 0.03]))
    segment = probes.containers[0].lines[2][0].get_segments()[0]
    np.testing.assert_allclose(segment[:, 1], [low, high])
    assert "BYOL from " in shown.words


def test_re_initialising_is_drawn_from_never_to_often():
    shown = figure_reinitialised(made_up_table())
    ax = shown.figure.axes[0]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["never", "50"]
    np.testing.assert_allclose(heights(ax.containers[0]), [0.5 + 0.05 + 0.02 + 0.01 + 0.02, 0.55])
