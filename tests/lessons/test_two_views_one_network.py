"""The explorers of notebook 01: pull and push in every setting, clouds that collapse, stay or run away."""

import dataclasses

import numpy as np
import pytest
import torch

from ssl_explain.lessons.two_views_one_network.cloud_explorer import (
    CloudState,
    cloud_explorer,
    cloud_run,
    forces,
)
from ssl_explain.lessons.two_views_one_network.cloud_picture import LONGEST, CloudPicture
from ssl_explain.lessons.two_views_one_network.exercises import exercises
from ssl_explain.lessons.two_views_one_network.explorer import GAP, LossState, loss_explorer, loss_named
from ssl_explain.lessons.two_views_one_network.picture import LandscapePicture
from ssl_explain.losses.contrastive import contrastive
from ssl_explain.records import Views

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


def test_a_loss_that_leaves_an_energy_out_has_no_slope_there():
    record = loss_explorer(loss=lambda r_pos, r_neg: -r_neg.sum(-1)).record
    assert record.slopes.tolist() == [0, -1, -1, -1]
    assert not loss_explorer(loss=lambda r_pos, r_neg: torch.ones_like(r_pos)).record.slopes.any()


@pytest.mark.gate(6)
@pytest.mark.parametrize("seed", CLOUD["seed"].values())
def test_without_the_push_everything_collapses_with_it_views_of_a_point_come_together(seed):
    alone, pushed = (cloud_run(CloudState(loss=loss, seed=seed)) for loss in ("r+ alone", "InfoNCE"))
    assert alone.between[-1] < 0.2 * alone.between[0]
    assert pushed.between[-1] > pushed.between[0]
    ratio = pushed.within / pushed.between
    assert ratio[-1] < ratio[0]


def test_equal_views_stand_still_and_length_one_holds_what_would_run_away():
    still = cloud_run(CloudState(loss="r+ alone", strength=0.0))
    np.testing.assert_allclose(still.between, still.between[0], rtol=1e-6)
    free = cloud_run(CloudState(loss="L_simp"))
    held = cloud_run(CloudState(loss="L_simp", departure="normalised outputs"))
    assert "run away" in free.stopped
    assert held.stopped is None
    np.testing.assert_allclose(held.outputs.norm(dim=-1), 1, atol=1e-5)
    jumpy = cloud_run(CloudState(loss="r+ alone", departure="huge steps"))
    assert "run away" in jumpy.stopped


@pytest.mark.parametrize("name", ["InfoNCE", "soft triplet", "L_simp", "r+ alone"])
def test_arrows_are_the_two_parts_of_the_gradient(name):
    f, loss = cloud_run(CloudState()).outputs[3].clone().requires_grad_(), loss_named(name, 0.5)
    contrastive(loss, negatives="batch")(torch.nn.Identity(), Views(f[:, :2])).backward()
    pull, push = forces(loss, f.detach()[None])
    torch.testing.assert_close((pull + push)[0] / len(f), -f.grad[:, 0], rtol=1e-9, atol=1e-12)


def test_clouds_draw_inputs_outputs_arrows_and_what_has_happened():
    record = dataclasses.replace(cloud_run(CloudState()), shown=7)
    picture = CloudPicture(record)
    assert not picture.before.get_visible()
    for line, points in zip(picture.outputs, record.outputs[7], strict=True):
        np.testing.assert_allclose(line.get_xydata(), points)
    for line, points in zip(picture.inputs, record.inputs, strict=True):
        np.testing.assert_allclose(line.get_xydata(), points)
    np.testing.assert_allclose(picture.push.get_offsets(), record.outputs[7, :, 0])
    longest = torch.stack([record.pull[7], record.push[7]]).norm(dim=-1).max()
    np.testing.assert_allclose([picture.push.U, picture.push.V], LONGEST * picture.WINDOW / longest * record.push[7].T)
    np.testing.assert_allclose(picture.between.get_ydata(), record.between[:8], rtol=1e-5)


def test_a_picture_of_what_runs_away_zooms_out():
    explorer = cloud_explorer(CloudState(loss="L_simp", time=100))
    picture, f = explorer.figure, explorer.record.outputs[-1]
    zoom = float(f.abs().max()) / (0.95 * picture.WINDOW)
    assert zoom > 1e5
    assert picture.zoomed.get_text() == f"zoomed out {zoom:.2g} times"
    assert picture.before.get_width() == pytest.approx(2 * picture.WINDOW / zoom)
    np.testing.assert_allclose(picture.outputs[0].get_xydata(), f[0] / zoom, atol=1e-12)


def test_the_exercise_drives_both_explorers_and_lets_go_of_what_is_far_enough():
    hinge = exercises["hinge"].solution
    far, near = (loss_explorer(loss=hinge, r_pos=0.5, r_neg=r, negatives=1).record.slopes for r in (1.5, 0.7))
    assert far.tolist() == [0, 0]
    assert near.tolist() == [1, -1]
    assert cloud_explorer(loss=hinge, time=100).record.between[-1] > 0.1
