"""The explorers of notebook 01: pull and push in every setting, clouds that collapse, stay or run away."""

import dataclasses

import numpy as np
import pytest
import torch

from ssl_explain.lessons.two_views_one_network.explorer import (
    GAP,
    CloudState,
    LossState,
    cloud_run,
    loss_explorer,
)
from ssl_explain.lessons.two_views_one_network.picture import CloudPicture, LandscapePicture

LOSS, CLOUD = LossState.controls(), CloudState.controls()


def test_slopes_are_those_of_the_surface_and_the_nearest_negative_is_pushed_most():
    """Finite differences of the plotted surface and cuts, next to the slopes from autograd."""
    record = loss_explorer(LossState(r_pos=1.5, r_neg=1.5, negatives=4)).record
    middle = len(record.grid) // 2
    assert float(record.grid[middle]) == 1.5
    step = float(record.grid[1] - record.grid[0])
    across = (record.surface[middle, middle + 1] - record.surface[middle, middle - 1]) / (2 * step)
    upward = (record.surface[middle + 1, middle] - record.surface[middle - 1, middle]) / (2 * step)
    cuts = (record.along[:, middle + 1] - record.along[:, middle - 1]) / (2 * step)
    expected = torch.stack([record.slopes[0], record.slopes[1:].sum()])
    torch.testing.assert_close(torch.stack([across, upward]), expected, rtol=0, atol=2e-3)
    torch.testing.assert_close(cuts, expected, rtol=0, atol=2e-3)
    assert float(record.surface[middle, middle]) == pytest.approx(record.value)
    record = loss_explorer(LossState(negatives=5)).record
    np.testing.assert_allclose(record.energies[1:].diff(), GAP)
    assert (record.slopes[1:].diff() > 0).all()


@pytest.mark.parametrize("departure", LOSS["departure"].values())
def test_landscape_draws_the_record(departure):
    record = loss_explorer(LossState(negatives=3, departure=departure)).record
    picture = LandscapePicture(record)
    np.testing.assert_allclose(picture.image.get_array(), record.surface)
    assert picture.point.get_xydata()[0] == pytest.approx(record.energies[:2])
    np.testing.assert_allclose(picture.by_pos.get_ydata(), record.along[0])
    assert picture.pull.get_height() == pytest.approx(float(record.slopes[0]))
    shown = [bar for bar in picture.pushes if bar.get_visible()]
    np.testing.assert_allclose([bar.get_height() for bar in shown], record.slopes[1:])
    assert shown[-1].get_y() + shown[-1].get_height() == pytest.approx(-float(record.slopes[0]))
    assert picture.sum.get_ydata()[0] == pytest.approx(0, abs=1e-12)
    width = picture.beyond[0].get_width()
    assert width == pytest.approx(0 if departure == "none" else 1)


def test_landscape_keeps_its_surface_while_only_the_point_moves():
    one, other = (loss_explorer(LossState(r_pos=r)).record for r in (0.5, 1.0))
    picture = LandscapePicture(one)
    assert picture.update(other) is False
    assert picture.point.get_xdata()[0] == pytest.approx(1.0)
    hot = loss_explorer(LossState(temperature=2.0)).record
    assert picture.update(hot) is True
    assert picture.png() == LandscapePicture(hot).png()


@pytest.mark.gate(6)
@pytest.mark.parametrize("seed", CLOUD["seed"].values())
def test_without_the_push_everything_collapses_with_it_nothing_does(seed):
    alone = cloud_run(CloudState(loss="r+ alone", step=0, seed=seed))
    pushed = cloud_run(CloudState(loss="InfoNCE", step=0, seed=seed))
    assert alone.between[-1] < 0.1 * alone.between[0]
    assert pushed.between[-1] > 0.5 * pushed.between[0]


def test_equal_views_stand_still_and_length_one_holds_what_would_run_away():
    still = cloud_run(CloudState(loss="r+ alone", step=0, strength=0.0))
    np.testing.assert_allclose(still.between, still.between[0], rtol=1e-6)
    free = cloud_run(CloudState(loss="L_simp", step=0))
    held = cloud_run(CloudState(loss="L_simp", step=0, departure="outputs of length one"))
    assert "run away" in free.trace.stopped
    assert held.trace.stopped is None
    np.testing.assert_allclose(held.trace.values.norm(dim=-1), 1, atol=1e-5)
    jumpy = cloud_run(CloudState(loss="r+ alone", step=0, departure="huge steps"))
    assert "run away" in jumpy.trace.stopped


def test_clouds_draw_inputs_outputs_and_variances():
    record = dataclasses.replace(cloud_run(CloudState(step=0)), step=7)
    picture = CloudPicture(record)
    for line, points in zip(picture.outputs, record.trace.values[7], strict=True):
        np.testing.assert_allclose(line.get_xydata(), points)
    for line, points in zip(picture.inputs, record.inputs, strict=True):
        np.testing.assert_allclose(line.get_xydata(), points)
    np.testing.assert_allclose(picture.between.get_ydata(), record.between[:8], rtol=1e-5)
    assert picture.now.get_xdata()[0] == 7
