"""The table over seeds: deterministic, complete, and the stored one can be made again."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ssl_explain.dynamics.overparameterisation import COLUMNS, NEURONS, POLARITIES, block, overparameterisation
from ssl_explain.results import read_table

STORED = Path(__file__).parent.parent / "data" / "overparameterisation.csv"
SMALL = {"runs": 2, "steps": 3, "seed": 4}


def test_same_arguments_same_rows_and_another_seed_others():
    first, second = (list(block(2, (0.8, 1.0), **SMALL)) for _ in range(2))
    other = list(block(2, (0.8, 1.0), **SMALL | {"seed": 5}))
    assert first == second
    assert len(first) == len(other) == 2 * 5
    assert first != other


def test_rows_are_labelled_and_possible():
    for k, (neurons, low, high, run, level, start, end, ceiling) in enumerate(block(5, (0.7, 1.0), **SMALL)):
        assert (neurons, low, high) == (5, 0.7, 1.0)
        assert (run, level) == (k // 5, k % 5 + 1)
        assert all(0 <= x <= 1 and round(x, 4) == x for x in (start, end, ceiling))


def test_no_step_is_taken_before_the_start():
    """Start belongs to the untrained network: it does not depend on how long training lasts."""
    short, long = (list(block(2, (0.9, 1.0), **SMALL | {"steps": steps})) for steps in (1, 20))
    assert [row[5] for row in short] == [row[5] for row in long]
    assert [row[6] for row in short] != [row[6] for row in long]


def test_the_table_is_its_blocks_one_below_the_other(capsys):
    neurons, polarities = (2, 5), ((0.7, 1.0), (0.9, 1.0))
    columns = overparameterisation(neurons, polarities, **SMALL)
    blocks = [row for m in neurons for polarity in polarities for row in block(m, polarity, **SMALL)]
    assert list(columns) == list(COLUMNS)
    assert list(zip(*columns.values(), strict=True)) == blocks
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("neurons", "polarity", "options", "name"),
    [
        (0, (0.8, 1.0), {}, "neurons"),
        (2, (0.8, 1.2), {}, "polarity"),
        (2, (1.0, 0.8), {}, "polarity"),
        (2, (0.8, 1.0), {"runs": 0}, "runs"),
    ],
)
def test_bad_settings_are_named(neurons, polarity, options, name):
    with pytest.raises(ValueError, match=f"`{name}"):
        list(block(neurons, polarity, **SMALL | options))


def test_the_stored_table_is_complete():
    table = read_table(STORED)
    assert tuple(table) == COLUMNS
    settings = zip(table["neurons"], table["polarity_low"], table["polarity_high"], strict=True)
    rows = Counter((int(m), (float(low), float(high))) for m, low, high in settings)
    assert rows == {(m, polarity): 16 * 5 for m in NEURONS for polarity in POLARITIES}
    keys = zip(*(table[name].tolist() for name in COLUMNS[:5]), strict=True)
    assert len(set(keys)) == 960


def test_the_stored_table_tells_the_story():
    """More neurons end nearer to the ceiling, in every polarity range; nothing beats it by more than noise."""
    table = read_table(STORED)
    root = table["level"] == 5
    for low, _ in POLARITIES:
        ends = [
            table["end"][root & (table["neurons"] == m) & (table["polarity_low"] == low)].mean() for m in NEURONS[:3]
        ]
        assert ends == sorted(ends)
    assert (table["end"] <= table["ceiling"] + 0.03).all()


@pytest.mark.stress
def test_a_stored_block_can_be_made_again():
    """To the last digit before training. 1500 steps blow another CPU's rounding up to some thousandths at the end."""
    table = read_table(STORED)
    keep = (table["neurons"] == 5) & (table["polarity_low"] == 0.8)
    again = dict(zip(COLUMNS, np.array(list(block(5, (0.8, 1.0), runs=16, steps=1500, seed=1))).T, strict=True))
    for name in COLUMNS:
        tolerance = 0.02 if name == "end" else 1.5e-4
        np.testing.assert_allclose(again[name], table[name][keep], rtol=0, atol=tolerance, err_msg=name)
    means, stored = (x.reshape(16, 5).mean(0) for x in (again["end"], table["end"][keep]))
    np.testing.assert_allclose(means, stored, rtol=0, atol=2e-3)
