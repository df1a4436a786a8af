"""The modes explorer: every setting, and what is drawn is what was computed."""

import math

import numpy as np
import pytest
import torch
from claims import sound

from ssl_explain.lessons.byol_solved.experiment import Rates
from ssl_explain.lessons.byol_solved.explorer import (
    COLUMNS,
    SECOND,
    ModesExplorer,
    ModesState,
    data_of,
    modes_explorer,
    phase_plane,
)
from ssl_explain.lessons.byol_solved.modes import basin_boundary, mode_flow
from ssl_explain.lessons.byol_solved.picture import TOP, PlanePicture, figure_basins, figure_unaligned

CONTROLS = ModesState.controls()


@pytest.fixture(scope="module")
def one():
    return modes_explorer()


@pytest.mark.parametrize("departure", CONTROLS["departure"].options)
@pytest.mark.parametrize("eta", [0.17, 0.3])
def test_the_words_above_the_two_halves_never_meet(one, eta, departure):
    one.state = ModesState(eta=eta, beta=0.03, turn=45, departure=departure)
    left, right = (words.get_window_extent() for words in one.figure.captions)
    assert left.x1 + 20 < right.x0


@pytest.mark.parametrize("p", [-0.2, 1.1])
@pytest.mark.parametrize("departure", CONTROLS["departure"].options)
def test_the_fastest_settings_stay_finite(one, p, departure):
    one.state = ModesState(alpha=4.0, noise=1.0, eta=0.3, w2=1.4, p=p, turn=45, departure=departure)
    sound(one)


@pytest.mark.parametrize("name", ModesExplorer.presets)
def test_presets_show_what_they_say(one, name):
    one.state = ModesState().change(**ModesExplorer.presets[name])
    assert one.record.survives == (name in ("survives", "slow target"))
    assert bool(one.record.fixed) == (name != "just above the threshold")
    if name == "slow target":
        assert not phase_plane(one.state.change(beta=math.inf)).survives


def test_what_is_drawn_is_the_exact_solution(one):
    one.state = ModesState(eta=0.12, alpha=1.5, beta=0.3, p=0.2, w2=0.4, noise=0.25)
    picture, record, rates = one.figure, one.record, Rates(1.5, 0.12, 0.3)
    start = torch.tensor([[0.2, SECOND[0]], [0.4, SECOND[1]]], dtype=torch.float64)
    exact = mode_flow(*start, noise=0.25, rates=rates, times=record.predicted.times)
    np.testing.assert_allclose(picture.path.get_xdata(), exact.predictor[:, 0], atol=1e-5)
    np.testing.assert_allclose(picture.path.get_ydata(), exact.size[:, 0], atol=1e-5)
    for mode in range(2):
        np.testing.assert_allclose(picture.lines[0][mode].get_ydata(), exact.size[:, mode], atol=1e-5)
        offset = exact.size[:, mode] - exact.predictor[:, mode] ** 2 / 1.5
        np.testing.assert_allclose(picture.lines[1][mode].get_ydata(), offset, atol=1e-5)
        np.testing.assert_allclose(picture.dots[0][mode].get_ydata(), record.trained.size[:, mode])
    assert record.gap < 0.02


def test_the_basin_that_is_drawn_parts_the_starts(one):
    one.state = ModesState(eta=0.2)
    edge = one.figure.edge.get_ydata()
    torch.testing.assert_close(torch.as_tensor(edge), basin_boundary(COLUMNS, noise=0.0, rates=Rates(decay=0.2)))
    outline = one.figure.basin.get_path()
    for p in (-0.1, 0.2, 0.45, 0.9):
        for s in (0.02, 0.1, 0.15, 0.3, 1.0):
            start, long = torch.tensor([p, s], dtype=torch.float64), torch.tensor([0.0, 300.0])
            later = mode_flow(*start, noise=0.0, rates=Rates(decay=0.2), times=long)
            assert outline.contains_point((p, s)) != bool(later.size[-1] > 0.01)
    one.state = ModesState(eta=0.28)
    assert all(one.figure.basin.get_path().contains_point((p, 0.99 * TOP)) for p in (-0.29, 0.5, 1.19))
    assert len(one.figure.goal.get_xdata()) == len(one.figure.saddle.get_xdata()) == 0


def test_the_plane_is_drawn_again_only_if_a_rate_changes(one):
    picture = PlanePicture(one.compute(ModesState()))
    assert not picture.update(one.compute(ModesState(p=0.5)))
    assert picture.update(one.compute(ModesState(p=0.5, alpha=2.0)))
    assert len(picture.goal.get_xdata()) == 1
    assert picture.goal.get_ydata()[0] == pytest.approx(picture.goal.get_xdata()[0] ** 2 / 2)


def test_departures_leave_one_assumption_each():
    gaps = {name: phase_plane(ModesState(departure=name)).gap for name in CONTROLS["departure"].options}
    assert gaps.pop("none") < 0.01
    assert min(gaps.values()) > 0.03
    assert phase_plane(ModesState(turn=45)).gap > 0.02
    stretched = data_of(ModesState(departure="stretched data")).between
    assert float(stretched.diagonal().sum()) == pytest.approx(3)
    assert float((stretched - stretched.diagonal().diag()).abs().max()) > 0.3


def test_figures_of_the_notebook_draw_their_numbers():
    columns, edge = torch.linspace(0, 1, 11), torch.linspace(0.3, 0.1, 11)
    picture = figure_basins(columns, {"a": edge, "b": torch.full((11,), math.inf)}, {"a": (0.2, 0.7), "b": ()})
    ax = picture.figure.axes[0]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), edge)
    assert "p- = 0.200" in picture.words
    assert "b: everything dies" in picture.words
    times = torch.linspace(0, 1, 5)
    picture = figure_unaligned({"a": (times, 0.1 * times, 1 - times)})
    np.testing.assert_allclose(picture.figure.axes[1].lines[0].get_ydata(), 1 - times)
    assert "off by up to 0.100" in picture.words
