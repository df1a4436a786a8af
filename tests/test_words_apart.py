"""No two words of a picture lie upon each other and none leaves it, whatever the settings."""

import itertools
import random

import pytest
from matplotlib.text import Text
from test_accessibility import FACTORIES


def words(figure):
    """What is written, with its box; numbers at the ticks are matplotlib's business."""
    ticks = [axis.get_ticklabels(which="both") for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    at_axes = {*itertools.chain.from_iterable(ticks)}
    at_axes |= {axis.offsetText for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)}
    seen = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent()) for text in seen if text not in at_axes]


def trouble(figure):
    """Pairs of words that share more than a pixel or two, and words that are cut off."""
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    written = words(figure)
    found = [text for text, box in written if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1]
    for (one, a), (other, b) in itertools.combinations(written, 2):
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 2 and min(a.y1, b.y1) - max(a.y0, b.y0) > 3 and one != other:
            found.append(f"{one} | {other}")
    return found


@pytest.mark.stress
@pytest.mark.parametrize("name", FACTORIES)
def test_words_keep_apart_in_any_mixture_of_settings(name):
    """Words collide where three or four settings make them long at once; pairs of extremes do not get there."""
    explorer, rng = FACTORIES[name](), random.Random(name)
    controls = explorer.state.controls()
    start = explorer.state
    for _ in range(40):
        mixture = {field: rng.choice(control.values()) for field, control in controls.items() if rng.random() < 0.7}
        explorer.state = start.change(**mixture)
        assert trouble(explorer.figure.figure) == [], mixture


def test_words_that_meet_are_seen():
    explorer = FACTORIES["modes_explorer"]()
    left, right = explorer.figure.captions
    assert trouble(explorer.figure.figure) == []
    left.set_text("word " * 20)
    assert trouble(explorer.figure.figure) == [f"{left.get_text()} | {right.get_text()}"]
