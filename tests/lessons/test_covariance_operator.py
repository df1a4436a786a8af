"""The operator explorer, its figures and the exercises of notebook 03."""

import numpy as np
import pytest
import torch

from ssl_explain.kit.reader import ReaderFunction
from ssl_explain.lessons.covariance_operator.explorer import (
    WORLD,
    OperatorState,
    connections,
    network_of,
    operator_explorer,
    spectrum_of,
)
from ssl_explain.lessons.covariance_operator.picture import (
    FLOOR,
    SpectrumPicture,
    figure_split,
    plane,
)
from ssl_explain.operators import definitions

BASE = OperatorState()


@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_record_agrees_with_the_definitions(layer, strength):
    state = BASE.change(layer=layer, strength=strength, width=4)
    record, net, views = spectrum_of(state), network_of(state), WORLD.enumerate(strength)
    k = connections(net, views.x, layer)
    between, within = definitions.covariance_operator(k), definitions.within_operator(k)
    total = torch.linalg.eigvalsh(between + within).flip(0).clamp_min(0)
    torch.testing.assert_close(record.total, total, rtol=0, atol=1e-12)
    torch.testing.assert_close(record.between.sum(), between.trace(), rtol=0, atol=1e-12)
    assert record.kept == pytest.approx(record.shares[1], abs=1e-12)
    assert record.shares[1] == pytest.approx(float(between.trace() / (between + within).trace()), abs=1e-12)
    literal = spectrum_of(state, ReaderFunction(definitions.covariance_operator, lambda k: k.shape[2:3] * 2))
    torch.testing.assert_close(literal.between, record.between, rtol=0, atol=1e-12)
    assert (literal.cosine, literal.length) == pytest.approx((1, 1), abs=1e-12)


def test_more_augmentation_leaves_less_and_fewer_directions():
    shares = [spectrum_of(BASE.change(strength=q / 10)).kept for q in range(11)]
    assert shares[0] == pytest.approx(1, abs=1e-12)
    assert shares == sorted(shares, reverse=True)
    assert spectrum_of(BASE.change(strength=0.8)).directions < spectrum_of(BASE.change(strength=0.0)).directions / 3
    alive = spectrum_of(BASE.change(strength=1.0)).between > 1e-12
    assert alive.sum() == 4, "two points and four outputs"


def of_all_views(k):
    return definitions.covariance_operator(k.flatten(0, 1).unsqueeze(1))


def second_moment(k):
    return torch.einsum("xit,xjt->ij", k.mean(1), k.mean(1)) / len(k)


@pytest.mark.parametrize("wrong", [of_all_views, second_moment])
def test_a_wrong_operator_misses_the_real_step(wrong):
    record = operator_explorer(operator=wrong).record
    assert record.cosine < 0.99
    assert record.kept > 1.5 * spectrum_of(BASE).kept
    assert wrong.__name__ in operator_explorer(operator=wrong).figure.describe()


def test_picture_draws_the_record():
    record = spectrum_of(BASE)
    picture = SpectrumPicture(record)
    drawn = torch.tensor(picture.between.get_ydata(), dtype=torch.float64)
    torch.testing.assert_close(drawn, (record.between / record.total[0])[: len(drawn)].clamp_min(FLOOR / 10))
    for split, places in zip(picture.splits, (record.outputs, record.connections), strict=True):
        views = torch.tensor(split.views.get_xydata()).view(places.shape)
        assert views.amax((0, 1)).max() == pytest.approx(1)
        scale = (views[0, 0] - views[1, 0])[0] / (places[0, 0] - places[1, 0])[0]
        torch.testing.assert_close(views - views[0, 0], scale * (places - places[0, 0]))
        means = torch.tensor(split.means.get_xydata())
        torch.testing.assert_close(means, views.mean(1))
        tips = np.asarray(split.arrows.get_offsets()) + np.stack([split.arrows.U, split.arrows.V], 1)
        np.testing.assert_allclose(tips, means[[0, 6, 12, 18]], atol=1e-12)
        assert len(split.fans.get_segments()) == 4 * record.outputs.shape[1]


def test_views_stand_still_while_their_means_move():
    """Whatever q is, all views of the ring are the same patterns: what changes is which of them belong together."""
    few, many = (SpectrumPicture(spectrum_of(BASE.change(strength=q))) for q in (0.2, 0.8))
    for before, after in zip(few.splits, many.splits, strict=True):
        sets = ({tuple(row) for row in split.views.get_xydata().round(9).tolist()} for split in (before, after))
        assert len(set.intersection(*sets)) == 24
        spreads = [np.std(split.means.get_xydata(), 0).max() for split in (before, after)]
        assert spreads[1] < spreads[0] / 2


def test_the_plane_is_that_of_the_largest_variance():
    values = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    flat = values.flatten(0, 1)
    places = plane(values, flat).flatten(0, 1)
    largest = torch.linalg.eigvalsh(torch.cov(flat.T)).flip(0)[:2]
    torch.testing.assert_close(torch.cov(places.T), largest.diag())


def test_the_figure_says_what_it_draws():
    split = torch.tensor([[[0.0, 1.0], [0.0, -1.0]], [[2.0, 1.0], [2.0, -1.0]]])
    assert figure_split({"outputs f": split}).words == "outputs f: between points 50 %, within 50 %."
