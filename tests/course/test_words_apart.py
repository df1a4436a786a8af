"""No two words of a picture lie upon each other and none leaves it, whatever the settings."""

import random

import pytest
from looks import crowded_texts
from registry import FACTORIES


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
        assert crowded_texts(explorer.figure.figure) == [], mixture


def test_words_that_meet_are_seen():
    explorer = FACTORIES["modes_explorer"]()
    left, right = explorer.figure.captions
    assert crowded_texts(explorer.figure.figure) == []
    left.set_text("word " * 20)
    assert crowded_texts(explorer.figure.figure) == [f"{left.get_text()} | {right.get_text()}"]
