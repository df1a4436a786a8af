import numpy as np
import pytest
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform

from ssl_explain.figures.style import new_figure
from ssl_explain.widgets.stamps import Stamps

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


@pytest.mark.parametrize("words", ["", " ", "step 12", "a\nb", "12345", "$x$"])
def test_other_texts_are_left_alone(figure, words):
    figure.canvas.draw()
    got = pixels_of(figure).copy()
    assert not Stamps(figure).draw(a_text(figure, words), got)
    assert (got == pixels_of(figure)).all()


def test_a_text_that_is_cut_off_is_left_alone(figure):
    figure.canvas.draw()
    for x, y in ((1, 100), (299, 100), (150, 1), (150, 199)):
        text = a_text(figure)
        text.set_position((x, y))
        assert not Stamps(figure).draw(text, pixels_of(figure).copy())


def test_each_distinct_text_is_made_once(figure, monkeypatch):
    figure.canvas.draw()
    stamps, made = Stamps(figure), []
    make = stamps._make
    monkeypatch.setattr(stamps, "_make", lambda text: made.append(text.get_text()) or make(text))
    for words in ("97", "98", "97", "97"):
        stamps.draw(a_text(figure, words), pixels_of(figure).copy())
    assert made == ["97", "98"]
