"""The palette: roles and levels are told apart by every eye, and every text can be read."""

import itertools

import numpy as np
import pytest
from looks import EYES, PALETTE, READABLE, ROLES, SEEN, TOLD_APART, contrast, distance, lab, linear
from matplotlib.colors import to_hex

from ssl_explain.kit import style
from ssl_explain.kit.style import BRANCH, INK, LOWEST, MARKERS, PAPER, QUIET, SCALE, SERIES, new_figure, on_scale, tidy


def test_the_yardsticks_measure():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    np.testing.assert_allclose(lab(linear("#ff0000")), [53.2, 80.1, 67.2], atol=0.1)
    assert distance("#8f8f00", "#b97a00", "deuteranopia") < 12 < distance("#8f8f00", "#b97a00", "normal")


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize(
    "palette", [PALETTE, (BRANCH, style.MEASURED, INK)], ids=["lines and markers", "branches and nodes"]
)
def test_colours_are_told_apart(palette, eye):
    pairs = {(a, b): round(distance(a, b, eye), 1) for a, b in itertools.combinations(palette, 2)}
    assert {pair: d for pair, d in pairs.items() if d < TOLD_APART} == {}


def test_never_by_colour_alone_and_more_is_brighter():
    assert len(set(MARKERS)) == len(MARKERS) >= len(SERIES)
    fills = [linear(to_hex(SCALE(k))) for k in range(256)]
    for eye in EYES.values():
        lightness = np.array([lab(eye @ fill)[0] for fill in fills])
        assert (lightness[8:] > lightness[:-8]).all()


SEEN_ON_PAPER = dict.fromkeys({*SERIES, *ROLES, BRANCH}, SEEN) | {INK: READABLE, QUIET: READABLE}


@pytest.mark.parametrize("colour", sorted(SEEN_ON_PAPER))
def test_text_lines_and_markers_stand_out_from_paper(colour):
    assert contrast(colour, PAPER) >= SEEN_ON_PAPER[colour]


@pytest.mark.parametrize("percent", range(101))
def test_numbers_read_on_their_circle(percent):
    for share in np.linspace(percent - 0.5, percent + 0.5, 11).clip(0, 100) / 100:
        fill = to_hex(SCALE(float(np.clip((share - LOWEST) / (1 - LOWEST), 0, 1))))
        assert contrast(on_scale(share), fill) >= READABLE


def test_a_new_figure_belongs_to_nobody_and_has_the_house_look():
    from matplotlib import pyplot

    figure = new_figure(3, 2)
    assert figure.canvas.get_width_height() == (300, 200)
    assert pyplot.get_fignums() == []
    ax = new_figure(3, 2).subplots()
    tidy(ax, xlabel="x", ylabel="y", title="t")
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left")) == ("x", "y", "t")
    assert [side for side, spine in ax.spines.items() if spine.get_visible()] == ["left", "bottom"]
