"""The command line: the table, the help, and one sentence for everything that cannot be."""

import json
import re
from pathlib import Path

import pytest
import torch

from ssl_explain import __main__ as command
from ssl_explain.jobs import commands
from ssl_explain.lessons.byol_hidden_contrast import table as byol_table
from ssl_explain.lessons.collapse_and_grassmannian import kernel_drift
from ssl_explain.lessons.latent_variables_emerge import table as table_module
from ssl_explain.lessons.start_here.experiment import emergence_run
from ssl_explain.lessons.start_here.explorer import tree_explorer
from ssl_explain.lessons.start_here.state import TreeState
from ssl_explain.results import read_table

QUICK = ["--steps", "20", "--depth", "2", "--neurons", "3"]
ONE = ["--polarity", "0.8:1.0", "--runs", "1", "--workers", "1"]
ROW = re.compile(r" +(\d|root)((?: +\d\.\d\d){3})")


def said(capsys, *words):
    command.main(words)
    return capsys.readouterr().out


def tables(text):
    """The printed numbers: per strength, one (level, start, end, ceiling) per line."""
    found = {}
    for line in text.splitlines():
        if line.startswith("with"):
            rows = found.setdefault(line, [])
        elif match := ROW.fullmatch(line):
            rows.append((match[1], *map(float, match[2].split())))
    return found


def test_the_table_has_every_level_for_both_strengths(capsys):
    found = tables(said(capsys, *QUICK))
    assert list(found) == ["with augmentation (q = 0.5)", "without augmentation (q = 0)"]
    for rows in found.values():
        assert [row[0] for row in rows] == ["1", "root"]
        assert all(0 <= x <= 1 for row in rows for x in row[1:])


def test_the_numbers_are_those_of_the_run(capsys):
    found = tables(said(capsys, *QUICK, "--seed", "3"))
    for strength, rows in zip((0.5, 0.0), found.values(), strict=True):
        run = emergence_run(depth=2, neurons=3, seed=3, strength=strength, learning_rate=0.01)
        run.training.advance(20)
        record = run.record(20)
        values, ceilings = record.by_level(record.trace.values), record.by_level(record.ceilings)
        expected = torch.stack([values[0], values[-1], ceilings], dim=1)
        assert [row[1:] for row in rows] == [tuple(round(x, 2) for x in row) for row in expected.tolist()]


def test_both_runs_start_from_the_same_network(capsys):
    first, second = tables(said(capsys, *QUICK)).values()
    assert [(row[1], row[3]) for row in first] == [(row[1], row[3]) for row in second]


def test_options_count_before_and_after_the_command(capsys):
    expected = said(capsys, *QUICK, "--seed", "4")
    assert said(capsys, "demo", *QUICK, "--seed", "4") == expected
    assert said(capsys, *QUICK, "demo", "--seed", "4") == expected
    assert said(capsys, *QUICK, "--seed", "4", "demo") == expected
    assert said(capsys, *QUICK) != expected


def test_the_demo_is_the_run_of_the_first_notebook(capsys):
    explorer = tree_explorer(TreeState(depth=2, budget=500))
    record = explorer.run(20)
    start, end = record.by_level(record.trace.values)[[0, -1], -1].tolist()
    rows = tables(said(capsys, "--steps", "20", "--depth", "2"))["with augmentation (q = 0.5)"]
    assert rows[-1][1:3] == (round(start, 2), round(end, 2))


def test_options_before_the_sweep_count(tmp_path, capsys):
    said(capsys, "--steps", "3", "--seed", "5", "--neurons", "3", "sweep", *ONE, "--out", str(tmp_path))
    manifest = json.loads((tmp_path / "overparameterisation.json").read_text())
    assert manifest["command"].startswith("python -m ssl_explain sweep --neurons 3 --polarity 0.8:1.0 --top ")
    assert manifest["command"].endswith(" --steps 3 --seed 5")


def test_an_interrupt_ends_quietly(monkeypatch):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr("ssl_explain.lessons.start_here.command.emergence_run", interrupted)
    with pytest.raises(SystemExit) as end:
        command.main(QUICK)
    assert end.value.code == 130


def test_a_progress_bar_goes_to_the_other_stream(capsys):
    command.main(QUICK)
    assert "20/20" in capsys.readouterr().err


def test_a_run_that_breaks_down_says_so(capsys, monkeypatch):
    def broken(**options):
        run = emergence_run(**options)
        run.training.stopped = "stopped at step 0: no luck"
        return run

    monkeypatch.setattr("ssl_explain.lessons.start_here.command.emergence_run", broken)
    assert said(capsys, *QUICK).count("stopped at step 0: no luck") == 2


SEEDS = f"(default: byol {byol_table.SEEDS}, kernel-drift {kernel_drift.SEEDS})"


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], ("--seed ", "--steps ", "--depth ")),
        (["demo"], ("--seed ", "--steps ", "--depth ")),
        (["sweep"], ("--seed ", "--steps ", "--runs ", "--out ", "--cluster ")),
        (["table"], ("--seed ", "--workers ", "--cluster ", "--out ", "--replace ", SEEDS)),
        (["images"], ("--dataset ", "--net ", "--loss ", "--out ")),
        (["image-sweep"], ("--kinds ", "--seeds ", "--steps ", "--out ")),
    ],
)
def test_help_ends_well(words, options, capsys):
    with pytest.raises(SystemExit) as end:
        command.main([*words, "--help"])
    assert end.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith("usage: python -m ssl_explain")
    assert "default: " in text
    assert all(option in text for option in options)


BAD = [
    (["--seeds", "0"], "`seeds` must be an integer ≥ 1, got 0"),
    (["--seed", "-1"], "`seed` must be an integer from 0 to"),
    (["--workers", "0"], "`workers` must be an integer ≥ 1, got 0"),
    (["--cluster", "nowhere"], "`cluster` must be the address of a Dask scheduler"),
]


IMAGES = [
    (["--strength", "-1"], "`strength` must lie in [0, inf), got -1.0"),
    (["--strength", "nan"], "`strength` must lie in [0, inf), got nan"),
    (["--batch", "1"], "`batch` must be an integer from 2 to 1197, got 1"),
    (["--batch", "1198"], "`batch` must be an integer from 2 to 1197, got 1198"),
    (["--epochs", "0"], "`epochs` must be an integer ≥ 1, got 0"),
    (["--first", "1"], "`first` must be an integer ≥ 2, got 1"),
    (["--temperature", "0"], "`temperature` must lie in (0, inf), got 0.0"),
    (["--loss", "frozen", "--extra", "-1"], "`extra` must lie in [0, inf), got -1.0"),
    (["--extra", "1"], "`extra` must be 0 for the loss nce"),
    (["--learning-rate", "-1"], "`learning_rate` must lie in"),
    (["--seed", "-1"], "`seed` must be an integer from 0 to"),
    (["--device", "abacus"], "`device` must be one that this PyTorch"),
    (["--resume"], "`resume` must come with `out`"),
    (["--dataset", "cifar10"], "`folder` must name the folder of cifar-10-binary.tar.gz, got none; download"),
    (["--dataset", "stl10"], "`folder` must name the folder of stl10_binary.tar.gz, got none; download"),
]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--depth", "0"], "`depth` must be an integer from 1 to 12, got 0"),
        (["--depth", "21"], "`depth` must be an integer from 1 to 12, got 21"),
        (["--neurons", "0"], "`neurons` must be an integer from 1 to 1000, got 0"),
        (["--steps", "0"], "`steps` must be an integer ≥ 1, got 0"),
        (["--steps", "-3"], "`steps` must be an integer ≥ 1, got -3"),
        (["--seed", "-1"], "`seed` must be an integer from 0 to"),
        (["--seed", str(2**64)], "`seed` must be an integer from 0 to"),
        (["sweep", "--runs", "0"], "`runs` must be an integer ≥ 1, got 0"),
        (["sweep", "--steps", "0"], "`steps` must be an integer ≥ 1, got 0"),
        (["sweep", "--workers", "0"], "`workers` must be an integer ≥ 1, got 0"),
        (["sweep", "--device", "abacus"], "`device` must be one that this PyTorch"),
        (["sweep", "--cluster", "tcp://127.0.0.1:9"], "`cluster` must be the address of a Dask scheduler"),
        *((["table", about, *words], sentence) for about in ("byol", "kernel-drift") for words, sentence in BAD),
        *((["images", *words], sentence) for words, sentence in IMAGES),
    ],
)
def test_a_bad_value_ends_with_one_sentence(words, sentence, tmp_path, monkeypatch, small_tables):
    monkeypatch.setattr("ssl_explain.dynamics.sweep.PATIENCE", 0.5)
    monkeypatch.delenv("SSL_EXPLAIN_DATA", raising=False)
    if words[0] in ("sweep", "table"):
        words = [*words, "--out", str(tmp_path), *([] if "--workers" in words else ["--workers", "1"])]
    elif words[0] == "images" and "--resume" not in words:
        words = [*words, "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as end:
        command.main(words)
    assert str(end.value).startswith(f"ssl_explain: {sentence}")
    assert "\n" not in str(end.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_place_that_cannot_be_written_is_named_with_its_option_before_the_minutes(tmp_path, place, monkeypatch):
    (tmp_path / "file").write_text("of somebody")
    monkeypatch.setattr(table_module, "block", lambda *_, **__: pytest.fail("computed first"))
    said = r"^ssl_explain: `--out` must name a folder to write to, got .*file.*name another\.$"
    with pytest.raises(SystemExit, match=said):
        command.main(["sweep", *ONE, "--out", str(tmp_path / place)])
    assert (tmp_path / "file").read_text() == "of somebody"


RANGES = ("0.8", "a:b", "1:0.8", "0.8:1.5", "-0.1:1")


@pytest.mark.parametrize(
    ("words", "trouble"),
    [
        (["--steps", "many"], "many"),
        (["--colour", "red"], "red"),
        (["sweep", "--polarity", "0.8"], "0.8"),
        *((["sweep", f"--polarity={word}"], word) for word in RANGES),
        (["dance"], "dance"),
        (["--depth", "3", "sweep"], "sweep has no option --depth"),
        (["table"], "about"),
        (["table", "colour"], "colour"),
        (["table", "byol", "--seeds", "many"], "many"),
        (["--steps", "3", "table", "byol"], "table has no option --steps"),
        (["images", "--dataset", "faces"], "faces"),
        (["images", "--loss", "l2"], "l2"),
        (["images", "--net", "resnet"], "resnet"),
        (["images", "--batch", "many"], "many"),
        (["image-sweep", "--seeds", "3"], "about"),
        (["image-sweep", "colour"], "colour"),
        (["--depth", "3", "images"], "images has no option --depth"),
        (["--depth", "3", "image-sweep", "losses"], "image-sweep has no option --depth"),
    ],
)
def test_what_cannot_be_read_ends_with_the_usage(words, trouble, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        command.main(words)
    assert end.value.code == 2
    said_instead = capsys.readouterr().err
    assert said_instead.startswith("usage:")
    assert trouble in said_instead
    assert list(tmp_path.iterdir()) == []


def test_sweep_writes_a_verified_table_whose_command_makes_it_again(tmp_path, capsys):
    words = ["sweep", "--runs", "2", "--steps", "3", "--seed", "5", "--workers", "1"]
    text = said(capsys, *words, "--out", str(tmp_path / "new"))
    path = tmp_path / "new" / "overparameterisation.csv"
    table = read_table(path)
    rows = len(table_module.NEURONS) * len(table_module.POLARITIES) * len(table_module.TOPS) * 2 * 5
    assert len(table["run"]) == rows
    assert text == f"{path}: {rows} rows\n"
    manifest = json.loads(path.with_suffix(".json").read_text())
    assert manifest["seeds"] == "2 runs side by side from seed 5"
    once = path.read_bytes()
    for place in (tmp_path, path.parent):  # elsewhere, and where it is: the same command may replace its own table
        command.main([*manifest["command"].split()[3:], "--workers", "1", "--out", str(place)])
        assert (place / path.name).read_bytes() == once


def test_a_table_of_another_command_is_replaced_only_on_demand(tmp_path, capsys):
    words = ["sweep", *ONE, "--steps", "3", "--out", str(tmp_path)]
    said(capsys, *words, "--neurons", "2")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(
        SystemExit, match=r"must be missing or made by the same command.*--neurons 2 .*allow its replacement"
    ):
        command.main([*words, "--neurons", "3"])
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    said(capsys, *words, "--neurons", "3", "--replace")
    assert set(read_table(tmp_path / "overparameterisation.csv")["neurons"]) == {3}


SMALLER = (("raw", "none", "none", "shared", 0, 0.0), ("BYOL", "linear", "mean", "EMA", 1, 0.1))


@pytest.fixture
def small_tables(monkeypatch):
    monkeypatch.setattr(byol_table, "SETTINGS", SMALLER)
    monkeypatch.setattr(byol_table, "STEPS", 2)
    for name, value in {
        "LOSSES": ("contrastive",),
        "SCALES": ("orthonormal",),
        "WIDTHS": (8, 9),
        "TIMES": (0.1,),
    }.items():
        monkeypatch.setattr(kernel_drift, name, value)


@pytest.mark.parametrize(("about", "name", "rows"), [("byol", "byol_ablation", 5), ("kernel-drift", "kernel_drift", 4)])
def test_a_table_is_written_and_its_command_makes_it_again(tmp_path, capsys, small_tables, about, name, rows):
    text = said(capsys, "table", about, "--seeds", "2", "--seed", "3", "--workers", "1", "--out", str(tmp_path / "new"))
    path = tmp_path / "new" / f"{name}.csv"
    assert text == f"{path}: {rows} rows\n"
    manifest = json.loads(path.with_suffix(".json").read_text())
    assert manifest["command"] == f"python -m ssl_explain table {about} --seeds 2 --seed 3"
    assert manifest["seeds"].endswith("seeds 3 to 4")
    command.main([*manifest["command"].split()[3:], "--workers", "1", "--out", str(tmp_path)])
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(("about", "seeds"), [("byol", byol_table.SEEDS), ("kernel-drift", kernel_drift.SEEDS)])
def test_every_option_of_a_table_reaches_it(monkeypatch, capsys, tmp_path, about, seeds):
    seen = []

    def stand_in(folder, **options):
        seen.append({"folder": folder, **options})
        return {"seed": [1, 2]}

    monkeypatch.setitem(commands.TABLES, about, (stand_in, "some.csv", seeds))
    assert said(capsys, "table", about) == f"{Path('data') / 'some.csv'}: 2 rows\n"
    given = {"seeds": 5, "seed": 6, "workers": 7, "cluster": "tcp://somewhere:1"}
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    said(capsys, "table", about, *words, "--out", str(tmp_path), "--replace")
    usual = {"seeds": seeds, "seed": 1, "workers": 2, "cluster": None, "replace": False}
    assert seen == [{"folder": Path("data")} | usual, {"folder": tmp_path, "replace": True} | given]


def test_a_stopped_table_says_where_its_parts_lie(monkeypatch, capsys, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setitem(commands.TABLES, "byol", (interrupted, "byol_ablation.csv", 10))
    with pytest.raises(SystemExit) as end:
        command.main(["table", "byol", "--out", str(tmp_path)])
    assert end.value.code == 130
    assert f"Stopped. What is finished lies in {tmp_path / 'byol_ablation.parts'}: the" in capsys.readouterr().out
