"""What many pictures draw alike: every mark draws the same interval, and the words say it."""

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PolyCollection

from ssl_explain.kit import charts
from ssl_explain.kit.picture import png
from ssl_explain.kit.style import FONT, drawing
from ssl_explain.results import interval
from ssl_explain.topology import Tree

GROUPS = [[0.8, 0.9, 1.0], [0.1, 0.3, 0.2, 0.6]]


@pytest.fixture
def ax():
    _, (ax,) = charts.panels(4, 3)
    return ax


def test_means_are_those_of_the_groups_with_their_confidence_intervals():
    found = charts.means(GROUPS)
    np.testing.assert_allclose(found.middle, [0.9, 0.3])
    np.testing.assert_allclose(np.stack([found.low, found.high], 1), [interval(group) for group in GROUPS])
    np.testing.assert_allclose(charts.means([torch.tensor(GROUPS[0])]).low, interval(GROUPS[0])[0], rtol=1e-6)


def test_one_seed_has_no_interval():
    with pytest.raises(ValueError, match="number of values"):
        charts.means([[1.0]])


def test_medians_hold_the_middle_share():
    values = torch.arange(101.0)
    found = charts.medians([values, 2 * values], 0.9)
    np.testing.assert_allclose([found.low, found.middle, found.high], [[5, 10], [50, 100], [95, 190]])


@pytest.mark.parametrize("across", [False, True], ids=["upright", "across"])
def test_error_bars_end_where_the_interval_ends(ax, across):
    found, places = charts.means(GROUPS), np.array([1.0, 4.0])
    (found.bars_across if across else found.bars)(ax, places, capsize=3, marker="s")
    (bars,) = [lines for lines in ax.collections if isinstance(lines, LineCollection)]
    ends = np.array(bars.get_segments())[:, :, ::-1] if across else np.array(bars.get_segments())
    np.testing.assert_allclose(ends[:, :, 0], [[1, 1], [4, 4]])
    np.testing.assert_allclose(ends[:, :, 1], np.stack([found.low, found.high], 1))
    line = ax.lines[0]
    np.testing.assert_allclose(line.get_xdata() if across else line.get_ydata(), found.middle)
    assert line.get_marker() == "s"


def test_a_band_lies_between_the_ends_and_the_curve_within(ax):
    found = charts.medians(GROUPS, 0.5)
    found.band(ax, [1, 2], color="#0072B2", linewidth=2, label="all")
    (band,) = [patch for patch in ax.collections if isinstance(patch, PolyCollection)]
    corners = band.get_paths()[0].vertices
    for place, low, high in zip([1, 2], found.low, found.high, strict=True):
        heights = corners[corners[:, 0] == place][:, 1]
        assert (heights.min(), heights.max()) == (low, high)
    assert ax.lines[0].get_label() == "all"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), found.middle)


def test_a_mean_curve_lies_in_the_band_of_its_interval(ax):
    runs = torch.tensor([[0.1, 0.5, 0.3], [0.3, 0.7, 0.2], [0.2, 0.9, 0.4]], dtype=torch.float64)
    with drawing():
        charts.mean_curve(ax, [0, 5, 10], runs, label="all")
        charts.mean_curve(ax, [0, 5, 10], runs, estimator="median", errorbar=("pi", 100))
    found = charts.means(runs.T)
    ends = [(found.middle, found.low, found.high), (runs.median(0).values, runs.amin(0), runs.amax(0))]
    bands = [patch for patch in ax.collections if isinstance(patch, PolyCollection)]
    for line, band, (middle, low, high) in zip(ax.lines, bands, ends, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [0, 5, 10])
        np.testing.assert_allclose(line.get_ydata(), middle)
        corners = band.get_paths()[0].vertices
        heights = [corners[corners[:, 0] == place][:, 1] for place in (0, 5, 10)]
        np.testing.assert_allclose([h.min() for h in heights], low)
        np.testing.assert_allclose([h.max() for h in heights], high)


def test_words_say_middle_and_ends():
    assert charts.Interval(np.array([1.0]), np.array([2.0]), np.array([3.456])).words(".2f") == ["2.00 [1.00, 3.46]"]


def test_panels_stand_side_by_side():
    figure, axes = charts.panels(9.6, 3.5, 3, width_ratios=(1, 2, 1), sharey=True)
    assert figure.axes == axes
    left, middle, right = (ax.get_position() for ax in axes)
    assert left.x1 < middle.x0 < middle.x1 < right.x0
    assert middle.width == pytest.approx(2 * left.width)


def test_a_legend_beside_the_panel_covers_none_of_it(ax):
    ax.plot([0, 1], [0, 1], label="up")
    with drawing():
        beside, within = charts.legend(ax, "beside"), charts.legend(ax, "upper left", fontsize=FONT - 1)
    ends = [legend.get_window_extent().x0 for legend in (beside, within)]
    assert ends[0] >= ax.get_window_extent().x1 > ends[1]
    assert not within.get_frame_on()
    assert [text.get_fontsize() for text in within.get_texts()] == [FONT - 1]


def test_a_heading_is_placed_on_the_figure_and_saved_with_its_panel(ax):
    before = png(ax.figure)
    text = charts.heading(ax, 0.1, 0.95, size=FONT + 1)
    text.set_text("what is shown")
    text.set_animated(True)
    assert png(ax.figure) != before
    corner = ax.figure.transFigure.transform((0.1, 0.95))
    np.testing.assert_allclose(text.get_transform().transform(text.get_position()), corner)


def test_a_matrix_of_any_shape_fills_the_frame_of_a_heat_map(ax):
    image = charts.heat_map(ax, "RdBu_r", vmin=0)
    image.set_data(np.ones((3, 7)))
    assert (image.get_extent(), image.get_clim(), ax.get_xlim()) == ([0, 1, 0, 1], (0, 1), (0, 1))


def test_strokes_leave_the_limits_of_the_axes_alone(ax):
    ax.plot([0, 1], [0, 2])
    before = ax.axis()
    strokes = charts.new_strokes(ax, [[(0, 0), (50, 80)]], colors="#222222", linewidths=2)
    strokes.set_segments([[(0, 0), (7, 9)], [(1, 1), (2, 2)]])
    ax.autoscale_view()
    assert strokes in ax.collections
    assert ax.axis() == before


def test_plain_ticks_are_those_asked_for_and_no_others(ax):
    ax.set_xscale("log")
    charts.plain_ticks(ax, [0.5, 2, 30])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.5", "2", "30"]
    assert list(ax.get_xticks(minor=True)) == []


def test_every_branch_leads_from_a_node_to_its_parent():
    assert charts.branches(Tree(1, 2)) == [[(0.25, 0.0), (0.5, 1.0)], [(0.75, 0.0), (0.5, 1.0)]]
    tree = Tree(2, 3)
    found = charts.branches(tree)
    assert len(found) == sum(tree.widths[:-1])
    assert found[0] == [charts.place(tree, 0, 0), charts.place(tree, 1, 0)]
    assert found[-1] == [charts.place(tree, 1, 2), charts.place(tree, 2, 0)]
