"""A curve is drawn with the pointer or with keys, and the run is seen once it is kept."""

import html

import numpy as np
import pytest
import torch
from hands import browser, click, every
from refusals import refused

from ssl_explain.lessons.two_views_one_network.guess_explorer import sketch

PLACES, RUN = (10, 50, 100), np.linspace(0.2, 0.1, 101)


@pytest.fixture
def guess():
    return sketch("Where does <it> go?", PLACES, start=0.2, ends=(0, 0.4), labels=("step", "it"))


def drag(guess, *points):
    for x, y in points:
        guess.view._hear(None, {"pick": [guess.view.image._picks + 1, "panel", x, y]}, [])


def texts(guess):
    return [w.value for w in every(guess.widget) if isinstance(getattr(w, "value", None), str)]


def test_a_drag_sets_the_places_that_it_passes(guess):
    drag(guess, (0, 0.3), (28, 0.3), (35, 0.252), (99.7, 0.1234))
    assert guess.guess == pytest.approx({10: 0.3, 50: 0.252, 100: 0.124})
    assert [slider.value for slider in guess._sliders.values()] == pytest.approx([0.3, 0.252, 0.124])
    np.testing.assert_allclose(guess.picture.guess.get_ydata(), [0.2, 0.3, 0.252, 0.124])
    assert "0.252 at step 50" in guess.view.image.words


def test_a_slider_does_the_same(guess):
    before = guess.view.frames
    browser(guess._sliders[50], value=0.3)
    assert guess.guess == {50: 0.3}
    assert guess.view.frames == before + 1
    assert all(slider.description.count("step") for slider in guess._sliders.values())


def test_what_a_browser_rounds_is_no_guess():
    guess = sketch("", (10,), start=0.217, ends=(0, 0.4))
    assert guess._sliders[10].value == pytest.approx(0.216)
    browser(guess._sliders[10], value=guess._sliders[10].value + 1e-16)
    assert guess.guess == {}


@pytest.mark.parametrize(("y", "value"), [(9.0, 0.4), (-1.0, 0.0)])
def test_outside_the_axes_the_nearest_edge_counts(guess, y, value):
    drag(guess, (1e6, y))
    assert guess.guess == {100: value}
    drag(guess, (5, 0.1), (float("nan"), 0.1), ("left", 0.1))
    assert guess.guess == {100: value, 10: pytest.approx(0.1)}


def test_the_run_is_seen_only_once_a_guess_is_kept(guess):
    guess.reveal(RUN)
    assert len(guess.picture.run.get_xdata()) == 0
    click(next(w for w in every(guess.widget) if getattr(w, "description", "") == "commit"))
    assert "draw first: drag in the axes, or move a slider" in texts(guess)
    assert len(guess.picture.run.get_xdata()) == 0
    drag(guess, (100, 0.3))
    assert len(guess.picture.run.get_xdata()) == 0
    guess.commit()
    assert "kept; go on" in texts(guess)
    np.testing.assert_array_equal(guess.picture.run.get_ydata(), RUN)
    assert "The run ends at 0.1." in guess.view.image.words


def test_reveal_after_or_before_the_guess_ends_the_same(guess):
    guess.draw(50, 0.15)
    guess.draw(100, 0.3)
    guess.commit()
    early = guess.reveal(RUN)
    other = sketch("", PLACES, start=0.2, ends=(0, 0.4), labels=("step", "it"))
    late = other.reveal(RUN)
    assert late.words.startswith("<details><summary>No guess yet")
    assert "0.19, 0.15, 0.1 at step 10, 50, 100" in late.words.partition("</summary>")[2]
    drag(other, (50, 0.15), (100, 0.3))
    other.commit()
    assert other.guess == guess.guess
    assert late.words == early.words
    assert early.words.startswith(
        "Your curve is off by 0.1 on average, most at step 100: you drew 0.3, the run has 0.1."
    )


def test_the_saved_cell_holds_empty_axes_and_a_folded_answer(guess):
    data, metadata = guess._repr_mimebundle_()
    assert data["text/plain"].startswith("Where does <it> go? Axes for a curve of it over steps, which begins at 0.2.")
    assert metadata["image/png"]["alt"].endswith("Your guess: not drawn yet.")
    empty = data["image/png"]
    bundle = guess.reveal(RUN)._repr_mimebundle_()
    assert guess._repr_mimebundle_()[0]["image/png"] == empty
    summary, _, folded = bundle["text/html"].partition("</summary>")
    assert "0.1" not in summary
    assert folded == "<b>Measured:</b> it is 0.19, 0.15, 0.1 at step 10, 50, 100.</details>"
    assert bundle["text/plain"] == html.unescape(folded).replace("<b>", "").replace("</b>", "").removesuffix(
        "</details>"
    )


def test_labels_are_text_and_a_run_may_have_a_gradient():
    guess = sketch("", (1,), start=0, labels=("step", "<i>"))
    page = guess.reveal(torch.tensor([0.0, 0.5], requires_grad=True)).page
    assert "&lt;i&gt; is 0.5" in page
    assert "<i>" not in page


def test_shown_again_after_a_close_it_has_the_same_guess(guess):
    guess.draw(10, 0.3)
    first = guess.widget
    guess.close()
    assert first.comm is None
    assert guess.widget.owner is guess
    assert guess._sliders[10].value == pytest.approx(0.3)
    assert guess.view.picture is guess.picture


test_what_makes_no_curve_is_refused = refused(
    (lambda: sketch("", (), start=0), r"`places` must increase from above 0, got \(\)"),
    (lambda: sketch("", (0, 10), start=0), "`places` must increase from above 0"),
    (lambda: sketch("", (20, 10), start=0), "`places` must increase from above 0"),
    (lambda: sketch("", (10,), start=2), r"`start` must lie in \[0, 1\], got 2; choose `ends` between which it lies"),
    (lambda: sketch("", (10,), start=0).reveal(np.ones(10)), r"`run` must have more than 10 values, got shape \(10,\)"),
    (lambda: sketch("", (1,), start=0).reveal(np.ones((5, 2))), "`run` must have more than 1 values"),
    (lambda: sketch("", (1,), start=0).reveal([0, float("nan")]), "`run` must"),
)
