"""The table of which part of BYOL keeps it alive: deterministic, complete, tells its story, can be made again."""

import numpy as np
import pytest
import torch
from tables import rows, stored

from ssl_explain.lessons.byol_hidden_contrast import table as module
from ssl_explain.lessons.byol_hidden_contrast.table import BASELINES, COLUMNS, DECAY, EVERY, SETTINGS, byol_block
from ssl_explain.lessons.byol_hidden_contrast.two_towers import dual_run, open_student
from ssl_explain.lessons.real_images.experiment import STEPS, Evaluation, picture_run
from ssl_explain.networks.dual import Centring, linear_predictor
from ssl_explain.results import interval
from ssl_explain.worlds.pictures import digits

SEEDS = range(1, 11)
SMALL = {"seeds": 2, "steps": 2, "seed": 4}
PICTURE = 1 / 600  # one test picture more or less
FULL = ("BYOL", "linear", "mean", "EMA", 2, 0.1)


@pytest.fixture(scope="module")
def table():
    return stored("byol_ablation")


def byol(table, measure="probe", **wanted):
    """One number per seed, of the output, without decay and re-initialisation unless said otherwise."""
    chosen = {"method": "BYOL", "layer": "output", "reinitialise": 0, "decay": 0.0} | wanted
    found = rows(table, **chosen)
    assert sorted(found["seed"].tolist()) == list(SEEDS), wanted
    return found[measure]


def test_rows_go_by_seed_and_layer():
    first, other = (list(byol_block(FULL, **SMALL | {"seed": seed})) for seed in (4, 5))
    assert [(row["seed"], row["layer"]) for row in first] == [(s, k) for s in (4, 5) for k in ("hidden", "output")]
    assert other[:2] == first[2:]


def test_a_block_scores_the_run_that_its_setting_names():
    run = dual_run(
        digits("train"), predictor=linear_predictor(64), centring=Centring(), momentum=0.99, reinitialise_every=2,
        decay=0.1, learning_rate=module.RATE, seed=4,
    )  # fmt: skip
    run.advance(2)
    scores = Evaluation(digits("train"), digits("test"))(run.net.online)
    found = list(byol_block(FULL, **SMALL | {"seeds": 1}))
    for row, (linear, near) in zip(found, scores.tolist(), strict=True):
        assert (row["probe"], row["neighbours"]) == pytest.approx((linear, near), abs=6e-5)


def test_signs_of_life_are_literal():
    """Against loops over numpy, two views of every training picture."""
    start, views = open_student(digits("train"), generator=torch.Generator().manual_seed(4)), module._views()
    run = dual_run(digits("train"), learning_rate=module.RATE, seed=4)
    run.advance(2)
    f, before = (net(views).detach().double().numpy() for net in (run.net.online, start))
    assert f.shape == (1197, 2, 64)
    (row,) = (
        r
        for r in byol_block(("BYOL", "none", "none", "shared", 0, 0.0), **SMALL | {"seeds": 1})
        if r["layer"] == "output"
    )
    moment = (f**2).sum(-1).mean()
    assert row["moment"] == pytest.approx(moment / (before**2).sum(-1).mean(), rel=1e-3)
    one, two = f[:, 0], f[:, 1]
    shared = sum(np.cov(one[:, k], two[:, k], bias=True)[0, 1] for k in range(64))
    assert row["between"] == pytest.approx(shared / moment, rel=1e-3)
    shares = np.linalg.svd(f.reshape(-1, 64) - f.reshape(-1, 64).mean(0), compute_uv=False) ** 2
    shares = shares / shares.sum()
    assert row["rank"] == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-3)


def test_the_baselines_are_what_they_say():
    (raw,) = byol_block(SETTINGS[0], **SMALL)
    linear, near = Evaluation(digits("train"), digits("test")).raw.tolist()
    assert (raw["layer"], raw["moment"]) == ("pixels", 1.0)
    assert (raw["probe"], raw["neighbours"]) == pytest.approx((linear, near), abs=6e-5)
    untrained = list(byol_block(SETTINGS[1], **SMALL))
    assert [row["moment"] for row in untrained] == [1.0] * 4
    nce = [row for row in byol_block(SETTINGS[2], **SMALL) if row["seed"] == 4]
    run = picture_run(digits("train"), strength=0.5, seed=4)
    run.advance(2)
    run.net.normalise = False
    scores = Evaluation(digits("train"), digits("test"))(run.net)
    assert [row["probe"] for row in nce] == pytest.approx(scores[:, 0].tolist(), abs=6e-5)
    assert nce[1]["moment"] != pytest.approx(1, abs=1e-3)


def test_a_run_that_breaks_down_counts_as_collapsed(monkeypatch):
    monkeypatch.setattr(module, "RATE", 1e38)
    found = list(byol_block(("BYOL", "linear", "none", "EMA", 0, 0.02), **SMALL | {"seeds": 1, "steps": 5}))
    common = digits("train").labels.mode().values
    share = float((digits("test").labels == common).double().mean())
    for row in found:
        assert (row["moment"], row["between"], row["rank"]) == (0, 0, 0)
        assert row["probe"] == pytest.approx(share, abs=6e-5)
        assert row["neighbours"] < 0.3


def test_every_combination_is_there_once():
    assert len(set(SETTINGS)) == len(SETTINGS)
    core = {s[1:5] for s in SETTINGS if s[0] == "BYOL" and s[5] == 0 and s[4] in (0, EVERY)}
    expected = {
        (p, c, t, every)
        for p in ("none", "linear", "mlp")
        for c in ("none", "mean", "BatchNorm")
        for t in ("shared", "EMA")
        for every in (0, EVERY)
        if every == 0 or p != "none"
    }
    assert core == expected
    assert {s[:1] for s in SETTINGS if s[0] != "BYOL"} == {(name,) for name in BASELINES}


@pytest.mark.parametrize("predictor", ["none", "linear", "mlp"])
@pytest.mark.parametrize("target", ["shared", "EMA"])
def test_without_centring_the_mean_takes_over(table, predictor, target):
    wanted = {"predictor": predictor, "target": target}
    (start,) = {round(float(rows(table, method="untrained", layer="output")["between"].mean()), 2)}
    assert interval(byol(table, "between", centring="none", **wanted))[1] < start / 2
    for centring in ("mean", "BatchNorm"):
        assert interval(byol(table, "between", centring=centring, **wanted))[0] > 1.5 * start


@pytest.mark.parametrize("centring", ["mean", "BatchNorm"])
def test_centred_without_a_predictor_few_directions_are_left_unless_the_target_lags(table, centring):
    still, lag = (
        byol(table, "rank", predictor="none", centring=centring, target=target) for target in ("shared", "EMA")
    )
    assert interval(still)[1] < 4 < 6 < interval(lag)[0]
    probes = [byol(table, predictor="none", centring=centring, target=target) for target in ("EMA", "shared")]
    assert interval(probes[0] - probes[1])[0] > 0


@pytest.mark.parametrize("centring", ["none", "mean", "BatchNorm"])
@pytest.mark.parametrize("target", ["shared", "EMA"])
def test_a_linear_predictor_drawn_anew_every_50_steps_costs_probe(table, centring, target):
    wanted = {"predictor": "linear", "centring": centring, "target": target}
    again, never = (byol(table, reinitialise=every, **wanted) for every in (EVERY, 0))
    assert interval(again - never)[1] < 0


def test_a_lagging_target_and_decay_keep_points_apart_and_with_centring_beat_the_untrained_network(table):
    """The mean does not take over; but few directions are left, and the probe stays below the untrained network."""

    def output(measure, target, decay):
        return byol(table, measure, predictor="linear", centring="none", target=target, decay=decay)

    share = output("between", "EMA", DECAY)
    assert interval(share - output("between", "EMA", 0.0))[0] > 0.3
    assert interval(share - output("between", "shared", DECAY))[0] > 0.2
    untrained = rows(table, method="untrained", layer="output")
    assert interval(output("rank", "EMA", DECAY))[1] < 6
    assert interval(output("probe", "EMA", DECAY) - untrained["probe"])[1] < 0
    untrained = rows(table, method="untrained", layer="output")["probe"]
    best = byol(table, predictor="linear", centring="mean", target="EMA", decay=DECAY)
    assert interval(best - untrained)[0] > 0
    assert interval(best - byol(table, predictor="linear", centring="mean", target="EMA"))[0] > 0


@pytest.mark.stress
def test_stored_rows_can_be_made_again(table):
    """Baselines, and one run of each kind of part for one seed; another CPU's rounding may move some pictures."""
    for setting, slack in ((SETTINGS[0], 1), (SETTINGS[1], 1), (SETTINGS[5], 12)):
        for row in byol_block(setting, seeds=1, steps=STEPS, seed=1):
            kept = rows(table, **dict(zip(COLUMNS[:8], [row[name] for name in COLUMNS[:8]], strict=True)))
            for name in ("probe", "neighbours"):
                assert row[name] == pytest.approx(kept[name][0], abs=slack * PICTURE + 1e-4)
            assert row["between"] == pytest.approx(kept["between"][0], abs=0.03)


@pytest.mark.stress
@pytest.mark.parametrize("setting", SETTINGS[2:], ids=str)
def test_a_stored_block_can_be_made_again(table, setting):
    made = list(byol_block(setting, seeds=10, steps=STEPS, seed=1))
    kept = rows(table, **dict(zip(COLUMNS, setting, strict=False)))
    for name in ("probe", "neighbours"):
        np.testing.assert_allclose(np.mean([row[name] for row in made]), kept[name].mean(), rtol=0, atol=0.01)
