"""The table over seeds: deterministic, complete, and the stored one can be made again."""

import numpy as np
import pytest
import torch
from refusals import refused
from tables import rows, stored

from ssl_explain.lessons.latent_variables_emerge.table import COLUMNS, NEURONS, POLARITIES, TOPS, block
from ssl_explain.lessons.start_here.experiment import emergence_run

RUNS, STEPS, SEED = 30, 2500, 1
SMALL = {"runs": 2, "steps": 3, "seed": 4}


def test_rows_are_labelled_and_possible_and_start_before_the_first_step():
    """Start belongs to the untrained network: it does not depend on how long training lasts."""
    for k, row in enumerate(block(5, (0.7, 1.0), "linear", **SMALL)):
        assert tuple(row) == COLUMNS
        neurons, low, high, top, run, level, start, end, ceiling = row.values()
        assert (neurons, low, high, top) == (5, 0.7, 1.0, "linear")
        assert (run, level) == (k // 5, k % 5 + 1)
        assert all(0 <= x <= 1 and round(x, 4) == x for x in (start, end, ceiling))
    short, long = (list(block(2, (0.9, 1.0), "gated", **SMALL | {"steps": steps})) for steps in (1, 20))
    assert [row["start"] for row in short] == [row["start"] for row in long]
    assert [row["end"] for row in short] != [row["end"] for row in long]


def test_a_device_is_named_in_the_command_and_changes_nothing_where_it_is_the_cpu(tmp_path):
    assert list(block(2, (0.8, 1.0), "gated", **SMALL, device="cpu")) == list(block(2, (0.8, 1.0), "gated", **SMALL))
    with torch.device("meta"):  # whatever is made without naming a device now lands where nothing can be computed
        assert list(block(2, (0.8, 1.0), "gated", **SMALL)) == list(
            block(2, (0.8, 1.0), "gated", **SMALL, device="cpu")
        )


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("biases", [False, True])
def test_a_run_asks_for_no_tensor_anywhere_else(dense, biases):
    """A stand-in for a GPU: under another default device, what is not placed on purpose breaks."""
    with torch.device("meta"):
        run = emergence_run(depth=2, neurons=3, runs=2, points=50, dense=dense, biases=biases, device="cpu")
        run.training.advance(2)
        assert run.record(2).trace.values.device.type == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "abacus"])
def test_a_device_that_is_not_there_is_named(device):
    with pytest.raises(ValueError, match=rf"`device` must be one that this PyTorch .* got '{device}'.*take \"cpu\""):
        emergence_run(device=device)


test_bad_settings_are_named = refused(
    (lambda: list(block(0, (0.8, 1.0), "gated", **SMALL)), "`neurons"),
    (lambda: list(block(2, (0.8, 1.2), "gated", **SMALL)), "`polarity"),
    (lambda: list(block(2, (1.0, 0.8), "gated", **SMALL)), "`polarity"),
    (lambda: list(block(2, (0.8, 1.0), "round", **SMALL)), "`top"),
)


def test_the_stored_table_tells_the_story():
    """More neurons end nearer to the ceiling, and two do with a linear top; nothing beats it by more than noise."""
    table = stored("overparameterisation")
    for low, _ in POLARITIES:
        ends = {
            top: [rows(table, level=5, neurons=m, polarity_low=low, top=top)["end"].mean() for m in NEURONS[:3]]
            for top in TOPS
        }
        assert ends["gated"] == sorted(ends["gated"])
        assert ends["linear"][0] > ends["gated"][0] + 0.1
    assert (table["end"] <= table["ceiling"] + 0.03).all()


def again(neurons, polarity, top, steps):
    """Some rows of the stored table, made once more and as they are stored."""
    made = list(block(neurons, polarity, top, runs=RUNS, steps=steps, seed=SEED))
    kept = rows(stored("overparameterisation"), neurons=neurons, polarity_low=polarity[0], top=top)
    return {name: np.array([row[name] for row in made]) for name in COLUMNS}, kept


def same(made, kept, tolerance, name):
    """Words are equal, numbers to a tolerance."""
    if name == "top":
        assert list(made) == list(kept)
    else:
        np.testing.assert_allclose(made, kept, rtol=0, atol=tolerance, err_msg=name)


def test_stored_rows_can_be_made_again():
    """The rows of one setting, all columns but ``end``: to the stored rounding, four digits.

    ``end`` takes the whole block through all 2,500 steps, half a minute: that is the next test.
    """
    made, kept = again(2, (0.7, 1.0), "linear", steps=1)
    for name in set(COLUMNS) - {"end"}:
        same(made[name], kept[name], 1.01e-4, name)


@pytest.mark.stress
def test_a_stored_block_can_be_made_again():
    """All of it. 2,500 steps blow another CPU's rounding up to some thousandths at the end; else to the digit."""
    made, kept = again(5, (0.8, 1.0), "gated", STEPS)
    for name in COLUMNS:
        tolerance = 0.02 if name == "end" else 1.01e-4
        same(made[name], kept[name], tolerance, name)
    means, expected = (x.reshape(RUNS, 5).mean(0) for x in (made["end"], kept["end"]))
    np.testing.assert_allclose(means, expected, rtol=0, atol=2e-3)
