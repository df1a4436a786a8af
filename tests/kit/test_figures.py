"""Figures: what is drawn is what was recorded. Drawn data, never pixels."""

import dataclasses
import io

import numpy as np
import pytest
import torch
from PIL import Image
from tables import stored

from ssl_explain.kit.style import LOWEST, SERIES, on_scale
from ssl_explain.lessons.latent_variables_emerge.figures import figure_gap_closed, figure_overparameterisation
from ssl_explain.lessons.start_here.picture import EmergencePicture
from ssl_explain.lessons.start_here.record import Emergence
from ssl_explain.records import Stretch, Trace
from ssl_explain.results import interval
from ssl_explain.topology import Tree


def trace_of(tree, steps=(0, 10, 20), seed=0, stopped=None, strength=None):
    g = torch.Generator().manual_seed(seed)
    values = 0.2 + 0.7 * torch.rand(len(steps), len(tree.latents), generator=g)
    stretches = () if strength is None else (Stretch(0, strength, 0.1),)
    return Trace(torch.tensor(steps), values, torch.zeros(steps[-1]), stopped, stretches)


def record(depth=3, **fields):
    tree, g = Tree(depth), torch.Generator().manual_seed(9)
    polarity = tuple(2 * torch.rand(width, generator=g) - 1 for width in tree.widths[:-1])
    ceilings = 0.9 + 0.1 * torch.rand(len(tree.latents), generator=g)
    known = {"trace": trace_of(tree), "strength": 0.5, "budget": 500}
    return Emergence(tree, polarity, ceilings, **known | fields)


def shares(r):
    return (r.trace.values[-1] / r.ceilings).clamp(0, 1)


def everything(picture):
    return [picture.nodes, *picture.numbers, picture.caption, *picture.curves, picture.ghost, *picture.still]


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_circles_show_the_share_of_the_ceiling_as_colour_and_number(depth):
    r = record(depth)
    picture = EmergencePicture(r)
    expected = shares(r)
    np.testing.assert_allclose(picture.nodes.get_array(), expected)
    assert picture.nodes.get_clim() == (LOWEST, 1)
    assert [n.get_text() for n in picture.numbers] == [f"{100 * x:.0f}" for x in expected.tolist()]
    assert [n.get_color() for n in picture.numbers] == [on_scale(x) for x in expected.tolist()]
    places = [(r.topology.horizontal(level)[k], level / depth) for level, k in r.topology.latents]
    np.testing.assert_allclose(picture.nodes.get_offsets(), places)
    np.testing.assert_allclose([n.get_position() for n in picture.numbers], places)


def test_the_legend_makes_room_for_a_root_that_hardly_reaches_the_leaves():
    high, low = record(3), record(3, budget=500)
    low = dataclasses.replace(low, ceilings=0.4 * low.ceilings)
    picture = EmergencePicture(high)

    def middle():
        box = picture.curve_axes.get_legend().get_window_extent()
        return picture.curve_axes.transAxes.inverted().transform([(box.x0, (box.y0 + box.y1) / 2)])[0, 1]

    assert middle() < 0.4
    assert picture.update(low) is True
    assert middle() > 0.6
    assert picture.update(high) is True
    assert picture.png() == EmergencePicture(high).png()


def test_numbers_fit_their_circles_and_a_crowd_has_colours_only():
    picture = EmergencePicture(record(5, trace=Trace(torch.tensor([0]), torch.ones(1, 31), torch.empty(0))))
    widths = sorted(n.get_window_extent().x0 for n in picture.numbers if n.get_position()[1] == 0.2)
    ends = sorted(n.get_window_extent().x1 for n in picture.numbers if n.get_position()[1] == 0.2)
    assert all(end + 4 < start for end, start in zip(ends, widths[1:], strict=False))
    picture = EmergencePicture(record(6))
    assert picture.numbers == []
    assert len(picture.nodes.get_array()) == 63
    tree = Tree(2)
    r = record(2, trace=Trace(torch.tensor([0]), torch.full((1, 3), 0.999), torch.empty(0)))
    assert [n.get_text() for n in EmergencePicture(r).numbers] == ["100"] * len(tree.latents)


@pytest.mark.parametrize(
    ("levels", "shown"), [((), (1, 2, 3)), ((0,), (3,)), ((0, -1, 1), (3, 2, 1)), ((9,), (1, 2, 3))]
)
def test_curves_are_the_means_of_their_levels_under_their_ceilings(levels, shown):
    r = record(3)
    picture = EmergencePicture(r, levels=levels)
    dotted = picture.ceilings
    assert all(line.get_linestyle() == ":" for line in dotted)
    assert len(picture.curves) == len(dotted) == len(shown)
    for curve, ceiling, level in zip(picture.curves, dotted, shown, strict=True):
        own = r.topology.level_slice(level)
        assert list(curve.get_xdata()) == [0, 10, 20]
        np.testing.assert_allclose(curve.get_ydata(), r.trace.values[:, own].mean(1), rtol=1e-6)
        np.testing.assert_allclose(ceiling.get_ydata(), r.ceilings[own].mean().item(), rtol=1e-6)
        assert curve.get_color() == ceiling.get_color()
    assert len({(c.get_color(), c.get_marker()) for c in picture.curves}) == len(shown)


@pytest.mark.parametrize("depth", [1, 4, 6])
def test_the_root_keeps_its_colour(depth):
    assert EmergencePicture(record(depth), levels=(0,)).curves[0].get_color() == SERIES[6]


def test_the_run_before_is_a_dashed_curve_of_its_root():
    assert len(EmergencePicture(record()).ghost.get_xdata()) == 0
    before = trace_of(Tree(3), (0, 10, 20, 30), seed=1, strength=0.25)
    picture = EmergencePicture(record(before=before))
    assert list(picture.ghost.get_xdata()) == [0, 10, 20, 30]
    np.testing.assert_allclose(picture.ghost.get_ydata(), before.values[:, -1])
    assert picture.ghost.get_linestyle() == "--"
    assert "root, run before (q = 0.25)" in [text.get_text() for text in picture.still[-1].get_texts()]


def test_edges_join_children_to_parents_thick_if_faithful_dashed_if_they_flip():
    r = record(3)
    edges = EmergencePicture(r).edges
    rho = torch.cat(list(r.polarity)).numpy()
    assert len(edges.get_segments()) == len(rho) == 14
    dashed = np.array([dashes is not None for _, dashes in edges.get_linestyle()])
    assert (dashed == (rho < 0)).all()
    assert 0 < dashed.sum() < 14
    widths = np.array(edges.get_linewidth())
    assert (np.diff(widths[np.argsort(abs(rho))]) > 0).all()
    np.testing.assert_allclose(edges.get_segments()[5], [[5.5 / 8, 0], [2.5 / 4, 1 / 3]])


def test_update_moves_the_same_artists():
    r = record()
    picture = EmergencePicture(r)
    artists = everything(picture)
    later = dataclasses.replace(r, trace=trace_of(r.topology, (0, 10, 20, 30), seed=2), strength=0.1)
    assert picture.update(later) is False
    assert all(a is b for a, b in zip(everything(picture), artists, strict=True))
    np.testing.assert_allclose(picture.nodes.get_array(), shares(later))
    assert list(picture.curves[0].get_xdata()) == [0, 10, 20, 30]
    assert picture.caption.get_text() == "step 30\nq = 0.1"
    assert picture.record is later


@pytest.mark.parametrize("change", ["tree", "budget", "before"])
def test_update_says_when_still_artists_changed_and_leaves_none_behind(change):
    r = record()
    other = {
        "tree": record(4),
        "budget": dataclasses.replace(r, budget=1500),
        "before": dataclasses.replace(r, before=trace_of(r.topology, seed=1, strength=0.0)),
    }[change]
    picture, fresh = EmergencePicture(r), EmergencePicture(other)
    count = [len(ax.get_children()) for ax in picture.figure.axes]
    assert picture.update(other) is True
    assert picture.curve_axes.get_xlim() == (0, other.budget)
    assert [len(ax.get_children()) for ax in picture.figure.axes] == [len(a.get_children()) for a in fresh.figure.axes]
    assert picture.png() == fresh.png()
    assert picture.update(r) is True
    assert [len(ax.get_children()) for ax in picture.figure.axes] == count
    assert picture.png() == EmergencePicture(r).png()


def test_description_holds_the_plotted_numbers_and_where_the_run_stands():
    r = record(3, before=trace_of(Tree(3), seed=1, strength=0.25))
    words = EmergencePicture(r).describe()
    root, means = r.trace.values[:, -1], r.by_level(r.trace.values)[-1] / r.by_level(r.ceilings)
    assert "After 20 steps with augmentation strength q = 0.5:" in words
    assert f"root went from {root[0]:.2f} to {root[-1]:.2f} (ceiling {r.ceilings[-1]:.2f})" in words
    levels = ", ".join(f"{n} {100 * x:.0f} %" for n, x in zip(("level 1", "level 2", "root"), means, strict=True))
    assert words.endswith(f"{levels}. The run before, with q = 0.25, ended at {r.before.values[-1, -1]:.2f}.")
    tree = Tree(3)
    start = trace_of(tree, (0,))
    words = EmergencePicture(record(trace=start)).describe()
    assert words.startswith("Before training with")
    assert f"with the root is {start.values[0, -1]:.2f} (ceiling" in words
    broken = EmergencePicture(record(trace=trace_of(tree, stopped="stopped at step 20: not finite")))
    assert broken.describe().endswith("Training stopped at step 20: not finite.")
    assert "stopped" in broken.caption.get_text()


def test_png_is_the_same_in_every_run_and_has_alt_text():
    one, two = (EmergencePicture(record()).png() for _ in range(2))
    assert one == two
    assert Image.open(io.BytesIO(one)).size == (960, 420)
    picture = EmergencePicture(record())
    data, metadata = picture._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == data["text/plain"] == picture.describe() != ""


def test_overparameterisation_draws_means_intervals_and_ceiling_of_the_root():
    t = stored("overparameterisation")
    story = figure_overparameterisation(t)
    for ax, low in zip(story.figure.axes, np.unique(t["polarity_low"]), strict=True):
        panel = (t["level"] == t["level"].max()) & (t["polarity_low"] == low)
        gated, linear = (panel & (t["top"] == top) for top in ("gated", "linear"))
        drawn = [line for line in ax.lines if len(line.get_xdata())]
        lines = {line.get_marker(): line for line in drawn if line.get_marker() in "soD"}
        bars = [line.get_ydata() for line in drawn if line.get_marker() not in "soD" and line.get_linestyle() == "-"]
        shown = {"s": ("start", gated), "o": ("end", gated), "D": ("end", linear)}
        cells = {
            marker: [t[name][which & (t["neurons"] == m)] for m in np.unique(t["neurons"])]
            for marker, (name, which) in shown.items()
        }
        for marker, cell in cells.items():
            np.testing.assert_allclose(lines[marker].get_ydata(), [x.mean() for x in cell])
        ends = [(np.nanmin(bar), np.nanmax(bar)) for bar in bars]
        np.testing.assert_allclose(ends, [interval(x) for cell in cells.values() for x in cell])
        (ceiling,) = (line for line in drawn if line.get_label() == "ceiling (Bayes)")
        np.testing.assert_allclose(ceiling.get_ydata(), t["ceiling"][panel].mean())
        assert all(f"{x.mean():.2f}" in story.words for cell in cells.values() for x in cell)


def test_gap_closed_draws_means_and_intervals_of_the_levels_above_the_first():
    closed = torch.rand(3, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    story = figure_gap_closed([0, 10, 20], closed)
    ax = story.figure.axes[0]
    for line, band, level in zip(ax.lines, ax.collections, (1, 2), strict=True):
        assert list(line.get_xdata()) == [0, 10, 20]
        np.testing.assert_allclose(line.get_ydata(), closed[:, :, level].mean(1))
        corners = band.get_paths()[0].vertices
        drawn = [(min(y), max(y)) for x in (0, 10, 20) for y in [corners[corners[:, 0] == x, 1]]]
        np.testing.assert_allclose(drawn, [interval(row) for row in closed[:, :, level].tolist()])
    assert ax.lines[1].get_color() == SERIES[6]
    assert f"root {100 * closed[-1, :, 2].mean():.0f} %" in story.words
