"""The two tables of pictures: deterministic, complete, tell their story, and can be made again."""

import numpy as np
import pytest
from tables import rows, stored

from ssl_explain.lessons.real_images.experiment import STEPS
from ssl_explain.lessons.real_images.table import LOSS_COLUMNS, SETTINGS, loss_block, picture_table, strength_block
from ssl_explain.results import interval

SMALL = {"seeds": 2, "steps": 2, "seed": 4}
PICTURE = 1 / 600  # one test picture more or less


@pytest.fixture(scope="module")
def strength():
    return stored("pictures_strength")


@pytest.fixture(scope="module")
def losses():
    return stored("pictures_losses")


def test_before_training_strength_means_nothing():
    mild, wild = (list(strength_block("mlp", s, **SMALL)) for s in (0.25, 8.0))
    for a, b in zip(mild, wild, strict=True):
        if a["when"] != "trained":
            assert {**a, "strength": 0} == {**b, "strength": 0}


def test_another_table_is_named(tmp_path):
    with pytest.raises(ValueError, match="`about` must be one of strength, losses"):
        picture_table("colour", tmp_path)


@pytest.mark.parametrize("kind", ["mlp", "conv"])
def test_augmentation_decides(strength, kind):
    """Without it the probe of the output falls below the untrained net; a mild one lifts it above net and pixels."""

    def output(s, when="trained"):
        return rows(strength, kind=kind, strength=s, when=when, layer="output")["probe"]

    (raw,) = rows(strength, kind=kind, strength=0.5, when="raw")["probe"]
    untrained = output(0.5, "untrained")
    assert interval(output(0.0) - untrained)[1] < 0
    assert interval(output(0.5) - untrained)[0] > 0
    assert interval(output(0.5))[0] > raw


def test_which_loss_helps(losses):
    """On the output: InfoNCE at τ ≥ 0.2 and its frozen surrogate beat the untrained net and L_simp, and are alike."""

    def output(**wanted):
        return rows(losses, layer="output", **wanted)["probe"]

    untrained, simple = output(loss="untrained"), output(loss="simple")
    for tau in (0.2, 0.5):
        true, frozen = (output(loss=name, temperature=tau, extra=0.0) for name in ("nce", "frozen"))
        for probes in (true, frozen):
            assert interval(probes - untrained)[0] > 0 < interval(probes - simple)[0]
        assert abs((true - frozen).mean()) < 0.01


def test_stored_baselines_can_be_made_again(strength, losses):
    """Raw pixels and untrained students; another CPU may turn one picture over."""
    made = list(loss_block(SETTINGS[1], seeds=2, steps=1, seed=1))
    kept = rows(losses, loss="untrained")
    for k, row in enumerate(made):
        for name in ("probe", "neighbours"):
            assert row[name] == pytest.approx(kept[name][k], abs=PICTURE + 1e-4)
    (raw,) = loss_block(SETTINGS[0], seeds=1, steps=1, seed=1)
    for table, wanted in ((losses, {"loss": "raw"}), (strength, {"when": "raw", "strength": 2.0})):
        assert rows(table, **wanted)["probe"][0] == pytest.approx(raw["probe"], abs=PICTURE + 1e-4)


@pytest.mark.stress
def test_one_stored_student_can_be_trained_again(strength, losses):
    """One seed of each table, the same student: 400 steps let another CPU's rounding move some pictures."""
    made = [row for row in strength_block("mlp", 0.5, seeds=1, steps=STEPS, seed=3) if row["when"] == "trained"]
    kept = rows(strength, kind="mlp", strength=0.5, when="trained", seed=3)
    same = rows(losses, loss="nce", temperature=0.2, seed=3)
    for k, row in enumerate(made):
        for name in ("probe", "neighbours"):
            assert row[name] == pytest.approx(kept[name][k], abs=0.02)
            assert kept[name][k] == same[name][k]


@pytest.mark.stress
@pytest.mark.parametrize("setting", SETTINGS[2:], ids=str)
def test_a_stored_block_can_be_made_again(losses, setting):
    made = list(loss_block(setting, seeds=12, steps=STEPS, seed=1))
    kept = rows(losses, **dict(zip(LOSS_COLUMNS, setting, strict=False)))
    for name in ("probe", "neighbours"):
        values = np.array([row[name] for row in made])
        np.testing.assert_allclose(values, kept[name], rtol=0, atol=0.03)
        np.testing.assert_allclose(values.mean(), kept[name].mean(), rtol=0, atol=5e-3)
