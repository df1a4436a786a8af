"""The palette: roles and levels are told apart by every eye, and every text can be read."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_hex

from ssl_explain.figures import style
from ssl_explain.figures.style import (
    BRANCH,
    INK,
    LOWEST,
    MARKERS,
    PAPER,
    QUIET,
    SCALE,
    SERIES,
    new_figure,
    on_scale,
    tidy,
)

ROLES = (style.MEASURED, style.PREDICTED, style.POSITIVE, style.NEGATIVE, QUIET)

# Machado, Oliveira, Fernandes (2009), severity 1, in linear RGB.
EYES = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
TOLD_APART = 12.0  # ΔE*76; 2.3 is just noticeable side by side, thin lines need several times that


def linear(colour):
    c = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    t = TO_XYZ @ np.clip(rgb, 0, 1) / (TO_XYZ @ np.ones(3))
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(a, b, eye):
    return float(np.linalg.norm(lab(EYES[eye] @ linear(a)) - lab(EYES[eye] @ linear(b))))


def contrast(a, b):
    """WCAG contrast ratio of two colours, from 1 to 21."""
    dark, bright = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (a, b))
    return (bright + 0.05) / (dark + 0.05)


def test_the_yardsticks_measure():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    np.testing.assert_allclose(lab(linear("#ff0000")), [53.2, 80.1, 67.2], atol=0.1)
    assert distance("#8f8f00", "#b97a00", "deuteranopia") < 12 < distance("#8f8f00", "#b97a00", "normal")


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize(
    "palette", [SERIES, ROLES, (BRANCH, style.MEASURED, INK)], ids=["levels", "roles", "branches and nodes"]
)
def test_colours_are_told_apart(palette, eye):
    pairs = {(a, b): round(distance(a, b, eye), 1) for a, b in itertools.combinations(palette, 2)}
    assert {pair: d for pair, d in pairs.items() if d < TOLD_APART} == {}


def test_never_by_colour_alone():
    assert len(set(MARKERS)) == len(MARKERS) >= len(SERIES)


@pytest.mark.parametrize("text", [INK, QUIET])
def test_text_reads_on_paper(text):
    assert contrast(text, PAPER) >= 4.5


@pytest.mark.parametrize("colour", sorted({*SERIES, *ROLES, BRANCH}))
def test_lines_and_markers_stand_out_from_paper(colour):
    assert contrast(colour, PAPER) >= 3


@pytest.mark.parametrize("percent", range(101))
def test_numbers_read_on_their_circle(percent):
    for share in np.linspace(percent - 0.5, percent + 0.5, 11).clip(0, 100) / 100:
        fill = to_hex(SCALE(float(np.clip((share - LOWEST) / (1 - LOWEST), 0, 1))))
        assert contrast(on_scale(share), fill) >= 4.5


def test_more_is_brighter_for_every_eye():
    fills = [linear(to_hex(SCALE(k))) for k in range(256)]
    for eye in EYES.values():
        lightness = np.array([lab(eye @ fill)[0] for fill in fills])
        assert (lightness[8:] > lightness[:-8]).all()


def test_a_new_figure_belongs_to_nobody():
    from matplotlib import pyplot

    figure = new_figure(3, 2)
    assert figure.canvas.get_width_height() == (300, 200)
    assert pyplot.get_fignums() == []


def test_tidy_gives_the_house_look():
    ax = new_figure(3, 2).subplots()
    tidy(ax, xlabel="x", ylabel="y", title="t")
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left")) == ("x", "y", "t")
    assert [side for side, spine in ax.spines.items() if spine.get_visible()] == ["left", "bottom"]
