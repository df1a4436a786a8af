"""Real pictures on the screen: views, directions of OP, predicted steps, a student at work, figures of the tables."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hands import join
from tables import rows, stored

from ssl_explain import PictureWorld, digits
from ssl_explain.lessons.real_images.directions import (
    SideBySide,
    as_pictures,
    bottom_operator,
    directions,
    one_of,
    overlap,
    points_of,
    roughness,
    students,
    views_at,
)
from ssl_explain.lessons.real_images.directions_explorer import (
    STRENGTHS,
    DirectionsState,
    all_sweeps,
    directions_explorer,
    student,
)
from ssl_explain.lessons.real_images.explorer import (
    LOSSES,
    PicturesState,
    objective_of,
    pictures_explorer,
    probe_of_output,
    setting_of,
)
from ssl_explain.lessons.real_images.picture import figure_over_strength, figure_spectra, mosaic
from ssl_explain.lessons.real_images.probe import probe, spectrum
from ssl_explain.lessons.real_images.step_explorer import RealStepState, copies, real_step_explorer, views_of_run
from ssl_explain.lessons.real_images.training_picture import figure_losses, figure_strength, named_losses
from ssl_explain.lessons.real_images.views_explorer import PARTS, ViewsState, labels_of, share_kept, views_explorer
from ssl_explain.losses.contrastive import simple_contrastive
from ssl_explain.results import interval, pick
from ssl_explain.worlds.augment import EVERYTHING

MAKE = {
    "views": (views_explorer, ViewsState()),
    "directions": (directions_explorer, DirectionsState()),
    "step": (real_step_explorer, RealStepState()),
    "training": (pictures_explorer, PicturesState()),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def explorers():
    return {name: make(state) for name, (make, state) in MAKE.items()}


# Views


def test_views_and_mosaics_keep_their_places():
    record = views_explorer(ViewsState(strength=0.0)).record
    assert torch.equal(record.grid, record.grid[:, :1].expand_as(record.grid))
    picture = views_explorer(ViewsState(strength=2.0))
    whole = picture.figure.image.get_array().filled(np.nan)
    first = picture.record.grid[1, 0].numpy()
    np.testing.assert_array_equal(whole[9:17, :8], first)
    np.testing.assert_array_equal(whole[9:17, -8:], picture.record.grid[1, -1].numpy())
    assert np.isnan(whole[8]).all()
    grid = torch.arange(8.0).view(1, 4, 1, 2)
    narrow, wide = mosaic(grid), mosaic(grid, wide=(0,))
    assert narrow.shape == (1, 11)
    assert wide.shape == (1, 13)
    np.testing.assert_array_equal(narrow[0][~np.isnan(narrow[0])], wide[0][~np.isnan(wide[0])])


def test_the_share_kept_falls_to_chance_and_one_part_alone_keeps_more():
    kept = [share_kept(strength, EVERYTHING) for strength in (0.0, 0.5, 1.0, 2.0, 6.0)]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > 0.95
    assert kept[-1] < 0.2
    for name, part in PARTS.items():
        alone = views_explorer(ViewsState(strength=2.0, parts=name))
        assert alone.record.parts == (part,)
        assert alone.record.kept_now > share_kept(2.0, EVERYTHING)
        assert f"on: {part}" in alone.figure.describe()


# Directions


def test_directions_are_the_eigenvectors_of_the_operator():
    world, net = digits(), one_of(students(digits(), 0.0, steps=0, runs=2), 0)
    views = views_at(world, points_of(world, 1, 10), 0.5, views=3)
    found = directions(net, views, (8, 8))
    values, vectors = torch.linalg.eigh(bottom_operator(net, views).as_matrix())
    trace = values.sum()
    torch.testing.assert_close(found.values * trace, values.flip(0)[:6], rtol=1e-5, atol=0)
    assert overlap(found.vectors, vectors.flip(1)[:, :6]) == pytest.approx(1, abs=1e-4)
    assert found.total == pytest.approx(float(trace))
    torch.testing.assert_close(found.pictures.square().sum((1, 2)), torch.ones(6).double())
    assert ((found.share_of_one > 0) & (found.share_of_one <= 1 + 1e-9)).all()


def test_a_picture_is_the_best_pattern_that_all_neurons_share():
    g = torch.Generator().manual_seed(0)
    v = torch.randn(3 * 4, 1, generator=g).double()
    v /= v.norm()
    picture, share = as_pictures(v, (2, 2))
    caught = (v.view(3, 4) @ picture.flatten()).square().sum()
    torch.testing.assert_close(caught, share[0])
    for _ in range(50):
        other = torch.nn.functional.normalize(torch.randn(4, generator=g).double(), dim=0)
        assert (v.view(3, 4) @ other).square().sum() <= share[0] + 1e-12


def test_roughness_and_overlap_at_their_ends():
    board = (torch.arange(8).view(-1, 1) + torch.arange(8)) % 2 * 2.0 - 1
    assert roughness(board) == pytest.approx(2 * 7 / 8 * 2)
    noise = torch.randn(2000, 8, 8, generator=torch.Generator().manual_seed(0))
    assert roughness(noise).mean() == pytest.approx(1.75, abs=0.02)
    a = torch.linalg.qr(torch.randn(9, 3, generator=torch.Generator().manual_seed(1)))[0]
    turned = a @ torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2)))[0]
    assert overlap(a, turned) == pytest.approx(1, abs=1e-5)
    assert overlap(torch.eye(6)[:, :3], torch.eye(6)[:, 3:]) == 0


def test_students_side_by_side_are_reproducible_and_those_alone():
    world = digits()
    twice = [students(world, 0.5, runs=2, steps=3, batch=16) for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(twice[0].weights, twice[1].weights, strict=True))
    fresh = students(world, 0.0, runs=2, steps=0)
    assert not torch.equal(fresh.weights[0], twice[0].weights[0])
    assert torch.equal(fresh.weights[0], students(world, 4.0, runs=2, steps=0).weights[0])
    drawn = SideBySide(world, 3).draw(5, views=2, strength=0.0, generator=torch.Generator().manual_seed(0)).x
    assert drawn.shape == (3, 5, 2, 64)
    assert len(drawn[:, :, 0].flatten(0, 1).unique(dim=0)) == 15
    net = students(digits(), 0.0, runs=3, steps=0)
    x = digits().inputs()[:7]
    together = net(x.expand(3, -1, -1))[2]
    torch.testing.assert_close(one_of(net, 2, normalise=True)(x.double()).float(), together)


def test_stronger_views_turn_and_smooth_the_directions(explorers):
    for network, sweep in all_sweeps().items():
        overlaps = [found.overlap for found in sweep.sweep]
        assert overlaps[0] == 1
        assert overlaps[4] < 0.5
        assert sweep.redrawn[5] > overlaps[5] + 0.2
        assert sweep.sweep[5].roughness.mean() < sweep.sweep[0].roughness.mean() / 2
        assert network in explorers["directions"].compute(DirectionsState(network=network)).network


def test_drawn_directions_are_those_of_the_record(explorers):
    explorer = explorers["directions"]
    explorer.state = DirectionsState(strength=4.0, network="untrained")
    figure, record = explorer.figure, explorer.record
    assert [text.get_text() for text in figure.rows] == ["q = 0", "q = 4"]
    assert [text.get_text() for text in figure.shares[6:]] == [f"{100 * v:.0f} %" for v in record.now.values.tolist()]
    drawn = figure.image.get_array().filled(np.nan)[9:17, :8]
    expected = record.now.pictures[0] / record.now.pictures[0].abs().max()
    np.testing.assert_allclose(drawn, expected.numpy(), atol=1e-6)
    assert list(figure.line.get_xdata()) == [STRENGTHS.index(4.0)] * 2


# The real step


@pytest.mark.parametrize("network", ["untrained", "trained, q = 0.5"])
def test_the_step_of_l_simp_is_predicted_at_every_strength(network, explorers):
    for strength in (0.0, 1.0, 4.0):
        state = RealStepState(loss="L_simp", strength=strength, network=network)
        now = explorers["step"].compute(state).now
        assert now.cosine == pytest.approx(1, abs=1e-9)
        assert now.error < 1e-9


def test_the_true_step_is_the_gradient_over_all_pairs_of_views(explorers):
    now = explorers["step"].compute(RealStepState(loss="L_simp", strength=1.0, run=3)).now
    net, x = one_of(student("untrained"), 2), views_of_run(3).x[3]
    f = net(x)
    r = 0.5 * (f[:, :, None, None] - f).square().sum(-1)
    energy = simple_contrastive(r.diagonal(dim1=0, dim2=2).mean().view(1), r.mean().view(1, 1)).sum()
    (gradient,) = torch.autograd.grad(-energy, net.weights[0])
    torch.testing.assert_close(now.true, gradient.flatten(), rtol=1e-9, atol=1e-14)


def test_digits_are_sorted_and_copies_are_alike():
    x = views_of_run(2).x
    assert x.shape == (6, 12, 6, 64)
    assert torch.equal(x[0], x[0][:, :1].expand_as(x[0]))
    net = copies(one_of(student("untrained"), 0), normalise=False)
    out = net(x[:1].expand(6, -1, -1, -1))
    assert torch.equal(out[0], out[5])


def test_frozen_weights_fail_after_training_and_departures_are_seen(explorers):
    compute = explorers["step"].compute
    assert compute(RealStepState()).now.cosine > 0.99
    assert compute(RealStepState(network="trained, q = 0.5")).now.cosine < 0.5
    for step in ("one batch of 64", "normalised outputs"):
        assert compute(RealStepState(loss="L_simp", step=step)).now.cosine < 0.95


# Training


def test_training_streams_and_probes_on_schedule():
    explorer = pictures_explorer(PicturesState(budget=100))
    record = explorer.run(30)
    assert record.step == 30
    assert record.trace.steps.tolist() == [0, 25]
    assert record.trace.values[0] == pytest.approx(
        float(probe_of_output(pictures_explorer().start(PicturesState()).net))
    )
    net = explorer._training.net
    np.testing.assert_allclose(record.weights.flatten(1).numpy(), net.weights[0][0, :25].detach().numpy())
    torch.testing.assert_close(record.spectra[1], spectrum(net(digits("test").inputs()).detach()))
    pixels = probe(digits().inputs(), digits().labels, digits("test").inputs(), digits("test").labels)
    assert record.raw == pytest.approx(pixels)
    drawn = explorer.figure
    assert drawn.curve.get_ydata() == pytest.approx(record.trace.values.tolist())
    assert [line.get_ydata()[0] for line in drawn.baselines] == pytest.approx([pixels, float(record.trace.values[0])])


def test_play_runs_to_the_budget_and_a_new_seed_starts_afresh():
    explorer = pictures_explorer(PicturesState(budget=100))
    explorer.play()
    join(explorer)
    assert explorer.over
    assert explorer.record.trace.steps.tolist() == [0, 25, 50, 75, 100]
    explorer.state = explorer.state.change(strength=0.0)  # live, but the run is over: afresh, the old curve is kept
    assert explorer.record.step == 0
    assert explorer.record.before.steps.tolist() == [0, 25, 50, 75, 100]
    assert "The run before, with q = 0.5" in explorer.figure.describe()
    explorer.state = explorer.state.change(seed=2)
    assert explorer.record.before is None


@pytest.mark.parametrize("loss", LOSSES)
def test_live_settings_reach_the_run(loss):
    explorer = pictures_explorer(PicturesState(budget=100))
    explorer.run(1)
    explorer.state = explorer.state.change(loss=loss, strength=1.0, learning_rate=0.3, extra=1.0, temperature=0.5)
    assert explorer._training.step == 1
    assert (explorer._training.strength, explorer._training.learning_rate) == (1.0, 0.3)
    views = digits().draw(8, strength=0.5, generator=torch.Generator().manual_seed(0))
    expected = objective_of(explorer.state)(explorer._training.net, views)
    torch.testing.assert_close(explorer._training.objective(explorer._training.net, views), expected)
    assert loss in explorer.figure.describe()


def test_unused_settings_and_missing_labels_are_said():
    words = {loss: setting_of(PicturesState(loss=loss, extra=0.5)) for loss in LOSSES}
    assert words["InfoNCE"] == "InfoNCE, τ = 0.2, ε = 0.5 unused; learning rate 1"
    assert words["frozen InfoNCE"] == "frozen InfoNCE, τ = 0.2, ε = 0.5; learning rate 1"
    assert words["L_simp"] == "L_simp, τ = 0.2 unused, ε = 0.5 unused; learning rate 1"
    with pytest.raises(ValueError, match="labels"):
        labels_of(PictureWorld(torch.zeros(2, 1, 8, 8)))


# Tables


def test_strength_figure_draws_means_baselines_and_intervals():
    table = pick(stored("pictures_strength"), kind="mlp")
    shown = figure_strength(table)
    output, hidden = shown.figure.axes
    assert output.get_title(loc="left") == "probe of the output"
    (drawn,) = [
        line.get_ydata() for line in output.lines if line.get_label() == "trained" and len(line.get_ydata()) > 2
    ]
    trained = rows(table, layer="output", when="trained")
    means = [rows(trained, strength=s)["probe"].mean() for s in np.unique(table["strength"])]
    np.testing.assert_allclose(drawn, means)
    assert any(line.get_label() == "raw pixels" for line in hidden.lines)
    values = rows(table, layer="output", when="untrained", strength=0.0)["probe"]
    low, high = interval(values)
    assert f"untrained {values.mean():.3f} [{low:.3f}, {high:.3f}]" in shown.words
    assert f"raw pixels {rows(table, when='raw')['probe'][0]:.3f}" in shown.words
    assert "neighbours of the output" in figure_strength(table, measure="neighbours").words


def test_losses_figure_names_every_loss_with_its_mean():
    table = stored("pictures_losses")
    named = list(named_losses(table))
    assert named[:4] == ["InfoNCE", "soft triplet", "L_simp", "frozen, ε = 0"]
    shown = figure_losses(table)
    ticks = [text.get_text() for text in shown.figure.axes[0].get_xticklabels()]
    assert ticks == ["no τ", *(f"{tau:g}" for tau in np.unique(table["temperature"]) if tau)]
    output = rows(table, layer="output")
    for name, wanted in (("frozen, ε = 0.5: ", {"loss": "frozen", "extra": 0.5}), ("L_simp: ", {"loss": "simple"})):
        found = rows(output, **wanted)
        first = rows(found, temperature=found["temperature"].min())["probe"].mean()
        assert re.search(rf"{name}(τ [\d.]+ → )?{first:.3f} ", shown.words)


def test_curves_over_strength_and_spectra_draw_means():
    values = torch.tensor([[1.0, 0.5], [1.0, 0.7], [1.0, 0.6]])
    shown = figure_over_strength((0.0, 1.0), {"overlap": values}, title="t", low=-1)
    np.testing.assert_allclose(shown.figure.axes[0].lines[0].get_ydata(), [1.0, 0.6], rtol=1e-6)
    assert "overlap: q 0 → 1.00, q 1 → 0.60" in shown.words
    spectra = figure_spectra({"layer 1": {"untrained": values}, "layer 2": {"untrained": 2 * values}})
    assert "layer 2, untrained: 2 down to 1.2" in spectra.words
    assert plt.get_fignums() == []
