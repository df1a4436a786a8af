import numpy as np
import pytest
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform

from ssl_explain.kit.stamps import Stamps
from ssl_explain.kit.style import new_figure

WIDTH, HEIGHT = 300, 200


def pixels_of(figure):
    return np.asarray(figure.canvas.buffer_rgba())


def a_text(figure, words="97", x=150.0, y=100.0, **more):
    text = Text(x, y, words, ha="center", va="center_baseline", animated=True, **more)
    figure.add_artist(text)
    text.set_transform(IdentityTransform())
    return text


@pytest.fixture
def figure():
    figure = new_figure(WIDTH / 100, HEIGHT / 100)
    figure.set_facecolor("#f0e442")
    return figure


@pytest.mark.parametrize("colour", ["#222222", "#ffffff", "#0072B280"])
def test_stamp_equals_the_text_it_stands_for(figure, colour):
    text = a_text(figure, color=colour)
    figure.canvas.draw()
    bare = pixels_of(figure).copy()
    figure.draw_artist(text)
    wanted = pixels_of(figure).astype(int)
    got = bare.copy()
    assert Stamps(figure).draw(text, got)
    assert (wanted != bare).any(), "the text shows"
    assert abs(got.astype(int) - wanted)[..., :3].max() <= 2, "rounding only"


def ink(pixels, bare):
    """The box that differs, and how much ink lies in it."""
    change = np.abs(pixels[..., :3].astype(int) - bare[..., :3]).sum(-1)
    rows, columns = (np.flatnonzero((change > 30).any(axis)) for axis in (1, 0))
    return np.array([rows[0], rows[-1], columns[0], columns[-1]]), change.sum()


SENTENCES = ("η = 0.3 (p²): ok", "a  b", "p- and\N{NO-BREAK SPACE}p+", "step 12", "step 12\nρ² = 1.00\n(all of them)")


@pytest.mark.parametrize("words", [*SENTENCES, "a\n\np"])
@pytest.mark.parametrize("va", ["top", "bottom", "center", "center_baseline", "baseline"])
@pytest.mark.parametrize("ha", ["left", "center", "right"])
def test_a_sentence_stands_where_matplotlib_puts_it_to_a_pixel(figure, words, ha, va):
    text = a_text(figure, words, x=150.4, y=99.7, color="#222222", fontsize=11)
    text.set(ha=ha, va=va)
    figure.canvas.draw()
    bare = pixels_of(figure).copy()
    figure.draw_artist(text)
    got = bare.copy()
    assert Stamps(figure).draw(text, got)
    wanted_box, wanted_ink = ink(pixels_of(figure), bare)
    got_box, got_ink = ink(got, bare)
    assert np.abs(got_box - wanted_box).max() <= 2
    assert got_ink == pytest.approx(wanted_ink, rel=0.05)


@pytest.mark.parametrize("words", ["", " ", "\n", "$x$", "a\n$x$"])
def test_other_texts_are_left_alone(figure, words):
    figure.canvas.draw()
    got = pixels_of(figure).copy()
    assert Stamps(figure).draw(a_text(figure, words), got) == (not words.strip()), "there is nothing to draw"
    assert (got == pixels_of(figure)).all()


def test_a_text_that_is_cut_off_is_left_alone(figure):
    figure.canvas.draw()
    for x, y in ((1, 100), (299, 100), (150, 1), (150, 199)):
        for words in ("97", "97 of 100"):
            text, got = a_text(figure, words), pixels_of(figure).copy()
            text.set_position((x, y))
            assert not Stamps(figure).draw(text, got)
            assert (got == pixels_of(figure)).all(), "not even a part of it"


def test_each_distinct_line_is_made_once(figure, monkeypatch):
    figure.canvas.draw()
    stamps, made = Stamps(figure), []
    make = stamps._make
    monkeypatch.setattr(stamps, "_make", lambda text, *half: made.append(text.get_text()) or make(text, *half))
    for words in ("97", "98", "97", "97", "step 1\nof 9", "step 2\nof 9"):
        assert stamps.draw(a_text(figure, words), pixels_of(figure).copy())
    assert made == ["97", "98", "step 1", "of 9", "step 2"]
