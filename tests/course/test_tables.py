"""Every table of the course: the same arguments make the same rows, block below block; and what is stored is whole."""

from collections import Counter

import numpy as np
import pytest
from tables import as_rows, stored

from ssl_explain.lessons.byol_hidden_contrast import table as byol
from ssl_explain.lessons.collapse_and_grassmannian import kernel_drift as kernel
from ssl_explain.lessons.latent_variables_emerge import table as neurons
from ssl_explain.lessons.real_images import table as pictures
from ssl_explain.results import DATA, read_table

FULL = ("BYOL", "linear", "mean", "EMA", 2, 0.1)
SMALL = {"seeds": 2, "steps": 2, "seed": 4}
RUNS = {"runs": 2, "steps": 3, "seed": 4}
QUIET = {"workers": 1, "progress": False}
BLOCKS = {
    "byol_ablation": lambda **given: byol.byol_block(FULL, **SMALL | given),
    "kernel_drift": lambda **given: kernel.drift_block("supervised", "ntk", 8, **{"seeds": 2, "seed": 4} | given),
    "overparameterisation": lambda **given: neurons.block(2, (0.8, 1.0), "gated", **RUNS | given),
    "pictures_losses": lambda **given: pictures.loss_block(pictures.SETTINGS[1], **SMALL | given),
    "pictures_strength": lambda **given: pictures.strength_block("mlp", 0.5, **SMALL | given),
}
COLUMNS = {
    "byol_ablation": byol.COLUMNS,
    "kernel_drift": kernel.COLUMNS,
    "overparameterisation": neurons.COLUMNS,
    "pictures_losses": pictures.LOSS_COLUMNS,
    "pictures_strength": pictures.STRENGTH_COLUMNS,
}


def small_byol(folder, patch):
    patch.setattr(byol, "SETTINGS", (*byol.SETTINGS[:2], FULL))
    patch.setattr(byol, "STEPS", 2)
    blocks = [byol.byol_block(setting, **SMALL) for setting in byol.SETTINGS]
    return byol.byol_table(folder, seeds=2, seed=4, **QUIET), blocks


def small_kernel(folder, patch):
    patch.setattr(kernel, "WIDTHS", (8, 16))
    patch.setattr(kernel, "TIMES", (0.5, 1.0))
    ways = [(loss, scale, n) for loss in kernel.LOSSES for scale in kernel.SCALES for n in (8, 16)]
    blocks = [kernel.drift_block(*way, seeds=2, seed=3) for way in ways]
    return kernel.kernel_drift_table(folder, seeds=2, seed=3, **QUIET), blocks


def small_neurons(folder, patch):
    ways = (2, 5), ((0.7, 1.0), (0.9, 1.0)), ("linear",)
    blocks = [neurons.block(m, polarity, "linear", **RUNS) for m in ways[0] for polarity in ways[1]]
    return neurons.overparameterisation(folder / "overparameterisation.csv", *ways, **RUNS, progress=False), blocks


def small_pictures(folder, patch):
    patch.setattr(pictures, "SETTINGS", pictures.SETTINGS[:3])
    blocks = [pictures.loss_block(setting, **SMALL) for setting in pictures.SETTINGS]
    return pictures.picture_table("losses", folder, **SMALL, progress=False), blocks


SMALL_TABLES = {
    "byol_ablation": small_byol,
    "kernel_drift": small_kernel,
    "overparameterisation": small_neurons,
    "pictures_losses": small_pictures,
}


def test_no_table_is_left_out():
    assert {path.stem for path in DATA.glob("*.csv")} == set(COLUMNS)


@pytest.mark.parametrize("name", BLOCKS)
def test_same_arguments_same_rows_and_another_seed_others(name):
    first, second, other = (list(BLOCKS[name](**given)) for given in ({}, {}, {"seed": 5}))
    assert first == second != other
    assert {tuple(row) for row in [*first, *other]} == {COLUMNS[name]}
    assert len(first) == len(other)


@pytest.mark.parametrize("name", SMALL_TABLES)
def test_a_table_is_its_blocks_one_below_the_other(name, tmp_path, monkeypatch, capsys):
    columns, blocks = SMALL_TABLES[name](tmp_path, monkeypatch)
    assert tuple(columns) == COLUMNS[name]
    assert as_rows(columns) == [row for block in blocks for row in block]
    assert {key: column.tolist() for key, column in read_table(tmp_path / f"{name}.csv").items()} == columns
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", BLOCKS)
def test_bad_settings_are_named(name):
    for option in ("seeds", "runs", "steps"):
        if option in {"kernel_drift": ("seeds",), "overparameterisation": RUNS}.get(name, SMALL):
            with pytest.raises(ValueError, match=f"`{option}` must be an integer ≥ 1"):
                list(BLOCKS[name](**{option: 0}))


def whole(name):
    """How many rows there are of each setting."""
    if name == "byol_ablation":
        every = {(*s, layer): 10 for s in byol.SETTINGS if s[0] != "raw" for layer in ("hidden", "output")}
        return (*byol.COLUMNS[:6], "layer"), every | {(*byol.SETTINGS[0], "pixels"): 1}
    if name == "kernel_drift":
        pairs = [(loss, scale) for loss in kernel.LOSSES for scale in kernel.SCALES]
        times = dict.fromkeys(pairs, kernel.TIMES) | {("contrastive", "ntk"): kernel.UNBOUNDED}
        every = {(*pair, n, t): kernel.SEEDS for pair in pairs for n in kernel.WIDTHS for t in times[pair]}
        return ("loss", "scale", "width", "time"), every
    if name == "overparameterisation":
        ways = [(m, *polarity, top) for m in neurons.NEURONS for polarity in neurons.POLARITIES for top in neurons.TOPS]
        levels = [(*way, k) for way in ways for k in range(1, 6)]
        return ("neurons", "polarity_low", "polarity_high", "top", "level"), dict.fromkeys(levels, 30)
    if name == "pictures_losses":
        every = {(*s, layer): 12 for s in pictures.SETTINGS if s[0] != "raw" for layer in ("hidden", "output")}
        return ("loss", "temperature", "extra", "layer"), every | {("raw", 0.0, 0.0, "pixels"): 1}
    ways = [(when, layer, 12) for when in ("untrained", "trained") for layer in ("hidden", "output")]
    ways.append(("raw", "pixels", 1))
    every = {(kind, s, *way): n for kind in ("mlp", "conv") for s in pictures.STRENGTHS for *way, n in ways}
    return ("kind", "strength", "when", "layer"), every


@pytest.mark.parametrize("name", COLUMNS)
def test_a_stored_table_is_complete(name):
    table, (names, counts) = stored(name), whole(name)
    assert tuple(table) == COLUMNS[name]
    assert Counter(zip(*(table[key].tolist() for key in names), strict=True)) == counts
    number = "run" if "run" in table else "seed"
    keys = list(zip(*(table[key].tolist() for key in (*names, number)), strict=True))
    assert len(set(keys)) == len(keys), "each seed once"
    seeds = max(counts.values())
    assert set(table[number].tolist()) == set(range(seeds) if number == "run" else range(1, seeds + 1))
    assert all(np.isfinite(column).all() for column in table.values() if column.dtype.kind == "f")
