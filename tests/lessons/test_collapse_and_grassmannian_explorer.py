"""The Grassmann explorer: every setting, its presets, what is drawn, Play, and the static figures."""

import numpy as np
import pytest
import torch
from scipy.linalg import expm, subspace_angles

from ssl_explain.lessons.collapse_and_grassmannian.explorer import (
    KERNEL,
    PULL,
    GrassmannExplorer,
    GrassmannState,
    grassmann_explorer,
    spectrum_of,
)
from ssl_explain.lessons.collapse_and_grassmannian.picture import (
    SpanPicture,
    decades,
    directions,
    figure_features,
    figure_order,
    scaled,
)
from ssl_explain.subspaces import participation_ratio

CONTROLS = GrassmannState.controls()


@pytest.fixture(scope="module")
def one():
    return grassmann_explorer()


@pytest.mark.parametrize("name", GrassmannExplorer.presets)
def test_presets_say_what_happens(one, name):
    one.state = GrassmannState().change(**GrassmannExplorer.presets[name])
    record = one.record
    rank, size = directions(record.columns[-1]), float(torch.linalg.matrix_norm(record.columns[-1], 2))
    assert {
        "columns merge": rank < 1.05 and size > 1e6,
        "orthonormal: all k found": rank > 2.99 and float(record.angles[-1, -1].rad2deg()) < 1,
        "pull only: everything dies": size < 0.01,
        "two equal eigenvalues": rank > 1.05,
    }[name]


@pytest.mark.parametrize("columns", ["free", "orthonormal"])
def test_the_closed_form_is_that_of_scipy(columns):
    record = grassmann_explorer(GrassmannState(columns=columns, seed=4)).record
    t = 20
    moved = expm(float(record.times[t]) * np.diag(record.eigenvalues)) @ record.columns[0].numpy()
    expected = subspace_angles(moved, np.eye(6)[:, :3])[::-1]
    np.testing.assert_allclose(record.predicted_angles[t], expected, atol=1e-6)
    if columns == "free":
        np.testing.assert_allclose(record.predicted[t], moved, rtol=1e-9)
    assert float(record.error[-1].rad2deg()) < 0.2


def test_a_large_step_leaves_the_closed_form():
    far = grassmann_explorer(GrassmannState(columns="orthonormal", step_size=3.0)).record
    assert float(far.error[-1].rad2deg()) > 10


@pytest.mark.parametrize("objective", CONTROLS["objective"].options)
@pytest.mark.parametrize("spectrum", CONTROLS["spectrum"].options)
def test_eigenvalues_fall_and_have_their_sign(objective, spectrum):
    values = spectrum_of(GrassmannState(objective=objective, spectrum=spectrum))
    assert (values.diff() <= 1e-12).all()
    assert float(values.abs().max()) == pytest.approx(1)
    assert ((values <= 0) if objective == PULL else (values >= 0)).all()
    assert (len(values) == 6) == (spectrum != KERNEL)


def test_curves_arrows_and_rank_are_those_of_the_record():
    record = grassmann_explorer(GrassmannState(k=2, time=50)).record
    picture, past = SpanPicture(record), slice(record.shown + 1)
    for j in range(2):
        np.testing.assert_allclose(picture.sizes[j].get_ydata(), decades(record.columns[past])[:, j])
        angles = record.predicted_angles[past, j].rad2deg()
        np.testing.assert_allclose(picture.predicted_angles[j].get_ydata(), angles)
        np.testing.assert_allclose(picture.arrows[j].get_xydata()[1], scaled(record.columns[record.shown])[:2, j])
    for group in (picture.sizes, picture.angles, picture.arrows, picture.starts):
        assert all(len(artist.get_xdata()) == 0 for artist in group[2:])
    assert picture.sizes[0].get_xdata()[-1] == pytest.approx(12)
    assert "Participation ratio" in picture.caption.get_text()
    theta = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert directions(theta) == pytest.approx(float(participation_ratio(torch.linalg.svdvals(theta).square())))
    assert scaled(theta).norm(dim=0).max() == pytest.approx(1)


def test_static_figures_draw_their_numbers():
    figure = figure_order([0.2, 0.1], {"steps": [0.04, 0.02]})
    assert figure.figure.axes[0].lines[0].get_ydata().tolist() == [0.04, 0.02]
    assert "0.1 → 0.02" in figure.words
    x = torch.tensor([2.0, 0.0, 1.0])
    f = torch.tensor([[1.0, -4.0], [0.5, 2.0], [-2.0, 1.0]])
    features = figure_features(x, {"all": f})
    np.testing.assert_allclose(features.figure.axes[0].lines[1].get_ydata(), [-0.5, -0.25, 1.0])
