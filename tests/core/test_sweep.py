"""Sweeps: the same bytes wherever they run and whenever they are killed; nothing of others is overwritten."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from fuzz import forged

from ssl_explain.dynamics import sweep as sweep_module
from ssl_explain.dynamics.sweep import settings_of, sweep
from ssl_explain.results import read_table

GRID = {"neurons": [2, 5, 10], "polarity": [(0.7, 1.0), (0.9, 1.0)]}
COMMAND = "python -m somewhere sweep"
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


def job(neurons, polarity, seed=1, log=None, trap=None):
    """Two seeds side by side. ``log`` counts calls; the first call of 5 neurons falls into the ``trap`` and dies."""
    if log:
        with open(log, "a") as file:
            file.write(f"{neurons} {polarity[0]}\n")
    if trap and neurons == 5:
        with contextlib.suppress(FileExistsError), open(trap, "x"):  # two processes may come at once: one falls
            os.kill(os.getpid(), signal.SIGKILL)
    draws = torch.randn(2, neurons, generator=torch.Generator().manual_seed(seed)) * polarity[0]
    for run, value in enumerate((draws @ draws.mT).diagonal()):
        yield {"neurons": neurons, "low": polarity[0], "run": run, "value": float(value), "name": "a, b"}


def strict(neurons, polarity, broken):
    if neurons == broken:
        raise ValueError("`neurons` is out of luck")
    return job(neurons, polarity)


def go(path, function=job, **options):
    options = {"progress": False, "command": COMMAND, "seeds": "2 runs"} | options
    return sweep(function, options.pop("grid", GRID), path, **options)


def few(path):
    """Three jobs only: the test that kills at every moment runs them often."""
    return go(path, grid=GRID | {"polarity": [(0.7, 1.0)]})


def content(folder):
    """Every file below a folder."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def refused(path, said, function=strict, *, error=ValueError, **options):
    """A sweep that is refused with these words, and leaves every file as it was."""
    before = content(path.parent)
    with pytest.raises(error, match=said):
        go(path, function, **{"fixed": {"broken": 10}} | options if function is strict else options)
    assert content(path.parent) == before


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    go(folder / "table.csv")
    return content(folder)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.csv"


@pytest.fixture
def half(path):
    """A sweep that has done four of its six jobs."""
    with pytest.raises(ValueError, match="out of luck"):
        go(path, strict, fixed={"broken": 10})
    return path


# --- the table ----------------------------------------------------------------------------------------------


def test_settings_are_the_product_in_order():
    assert settings_of({"a": [1, 2], "b": "xy"}) == [{"a": a, "b": b} for a in (1, 2) for b in "xy"]


def test_the_table_holds_the_rows_of_every_setting_in_order(path, undisturbed):
    columns = go(path)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    assert rows == [row for setting in settings_of(GRID) for row in job(**setting)]
    assert {name: column.tolist() for name, column in read_table(path).items()} == columns
    assert json.loads(path.with_suffix(".json").read_text())["command"] == COMMAND
    assert content(path.parent) == undisturbed
    assert {file.name for file in path.parent.iterdir()} == {"table.csv", "table.json"}


def test_two_workers_write_the_same_bytes(path, undisturbed):
    go(path, workers=2)
    assert content(path.parent) == undisturbed


def test_a_job_has_one_thread_and_the_caller_keeps_his(path):
    seen = []

    def look(x):
        seen.append(torch.get_num_threads())
        return [{"x": x}]

    torch.set_num_threads(2)
    try:
        go(path, look, grid={"x": [1, 2]})
        assert (seen, torch.get_num_threads()) == ([1, 1], 2)
    finally:
        torch.set_num_threads(1)


def test_the_bar_counts_what_was_done_before(half, capsys):
    with pytest.raises(ValueError, match="out of luck"):
        go(half, strict, fixed={"broken": 10}, progress=True)
    assert "4/6" in capsys.readouterr().err


def test_without_a_command_the_manifest_names_function_and_grid(path):
    sweep(job, {"neurons": [2], "polarity": [(0.7, 1.0)]}, path, fixed={"seed": 3}, progress=False)
    command = json.loads(path.with_suffix(".json").read_text())["command"]
    assert command == f"sweep({__name__}.job, {{'neurons': [2], 'polarity': [(0.7, 1.0)]}}, fixed={{'seed': 3}})"


# --- stopped, killed, resumed -------------------------------------------------------------------------------


def test_what_was_finished_is_not_computed_again(path, tmp_path, undisturbed):
    log = tmp_path / "log"

    def picky(neurons, polarity):
        if neurons == 10 and not (tmp_path / "mended").exists():
            raise RuntimeError("no luck")
        return job(neurons, polarity, log=log)

    with pytest.raises(RuntimeError, match="no luck"):
        go(path, picky)
    assert not path.exists()
    (tmp_path / "mended").touch()
    go(path, picky)
    assert set(Counter(log.read_text().splitlines()).values()) == {1}
    assert path.read_bytes() == undisturbed["table.csv"]


HEAD = """
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[1], str(Path(sys.argv[1]).parent / "helpers")]
import test_sweep
"""
KILLED_ANYWHERE = """
from killing import apart, survives
place, reference = Path(sys.argv[2]), Path(sys.argv[3])

moment = 0
while True:
    moment += 1
    folder = place / str(moment)
    folder.mkdir()
    if sys.argv[4] == "again":  # over the finished table of the same command
        apart(lambda: test_sweep.few(folder / "table.csv"))
    if survives(moment, lambda: test_sweep.few(folder / "table.csv")):
        break
    assert apart(lambda: test_sweep.few(folder / "table.csv")) == 0, moment
    assert sorted(p.name for p in folder.iterdir()) == ["table.csv", "table.json"], moment
    for name in ("table.csv", "table.json"):
        assert (folder / name).read_bytes() == (reference / name).read_bytes(), (moment, name)
print(moment - 1)
"""


@pytest.mark.gate(1)
@POSIX
@pytest.mark.parametrize("before", ["nothing", "again"])
def test_killed_at_any_touch_of_the_file_system_it_ends_with_the_same_bytes(tmp_path, before):
    """SIGKILL before the first, second, … last operation on files; each time the next run finishes the table."""
    reference, place = tmp_path / "reference", tmp_path / "place"
    place.mkdir()
    few(reference / "table.csv")
    tests = str(Path(__file__).parent)
    command = [sys.executable, "-c", HEAD + KILLED_ANYWHERE, tests, str(place), str(reference), before]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30


@pytest.mark.stress
@POSIX
def test_killed_from_outside_while_two_workers_compute(path, undisturbed):
    script = HEAD + "test_sweep.go(Path(sys.argv[2]), workers=2)"
    command = [sys.executable, "-c", script, str(Path(__file__).parent), str(path)]
    parts, end = path.with_suffix(".parts"), time.monotonic() + 60
    process = subprocess.Popen(command, start_new_session=True)
    try:
        while not parts.exists() and process.poll() is None and time.monotonic() < end:
            os.sched_yield()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL or path.exists()
    go(path, workers=2)
    assert content(path.parent) == undisturbed


@POSIX
def test_a_worker_that_dies_is_said_and_what_is_finished_is_kept(path, tmp_path, undisturbed):
    trap = tmp_path / "trap"
    with pytest.raises(ChildProcessError, match=r"a worker process has died.*run the sweep again"):
        go(path, workers=2, fixed={"trap": str(trap)})
    go(path, workers=2, fixed={"trap": str(trap)})
    assert path.read_bytes() == undisturbed["table.csv"]


# --- what is in the way stays as it is ----------------------------------------------------------------------


def flip(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


DAMAGE = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "flipped": flip,
    "binary": lambda data: b"\xff\xfe\x00",
    "number": lambda data: b"3",
    "foreign": lambda data: b'{"hello": "world"}',
    "format": lambda data: data.replace(b'"format": 1', b'"format": 7'),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_partial_results_are_named_and_left_alone(half, damage):
    file = half.with_suffix(".parts")
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    refused(half, re.escape(f"`{file}` must be a whole file of a sweep"))


FORGED = {
    "a job too many": lambda done: done | {"6": done["0"]},
    "a job that is no number": lambda done: done | {"x": done["0"]},
    "a job without rows": lambda done: done | {"1": []},
    "rows of other columns": lambda done: done | {"1": [{"x": 1}]},
    "rows that are none": lambda done: done | {"1": [3]},
    "nothing": lambda done: {},
}


@pytest.mark.parametrize("forge", FORGED)
def test_rows_that_no_sweep_writes_are_named_and_left_alone(half, forge):
    file = half.with_suffix(".parts")
    body = json.loads(file.read_bytes())["body"]
    body["done"] = FORGED[forge](body["done"])
    file.write_bytes(forged(body))
    refused(half, re.escape(f"`{file}` must be a whole file of a sweep, got "))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fixed": {"broken": 11}}, "fixed = {'broken': 10} there and {'broken': 11} here"),
        ({"grid": GRID | {"neurons": [2, 5]}, "fixed": {"broken": 10}}, "grid = "),
    ],
)
def test_parts_of_another_sweep_are_named_and_left_alone(half, options, said):
    refused(half, "must hold partial results of this sweep, got those of another one.*" + re.escape(said), **options)


@pytest.mark.parametrize("damage", ["empty", "truncated", "flipped", "binary"])
@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_damaged_table_is_named_and_left_alone(path, suffix, damage):
    go(path)
    file = path.with_suffix(suffix)
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    for replace in (False, True):
        said = rf"`{re.escape(str(path.with_suffix('')))}.* must .*move both files away"
        refused(path, said, job, replace=replace)
    assert {p.name for p in path.parent.iterdir()} == {"table.csv", "table.json"}


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_half_a_table_is_named_and_left_alone(path, suffix):
    path.with_suffix(suffix).write_text("precious")
    refused(path, "must name a table with its manifest", job, error=FileNotFoundError)


def test_the_table_of_another_command_is_replaced_only_on_demand(path):
    go(path, command="another one")
    refused(path, "made by the same command, got the table of: another one", job)
    go(path, replace=True)
    assert json.loads(path.with_suffix(".json").read_text())["command"] == COMMAND


def test_leftovers_of_a_killed_write_are_removed_and_hidden_files_of_others_stay(half):
    of_others = {".DS_Store", ".other.csv.abcdefgh"}
    for name in {".table.parts.ab12cd_3", ".table.csv.abcdefgh", ".table.json.abcdefgh"} | of_others:
        (half.parent / name).write_text("half")
    with pytest.raises(ValueError, match="out of luck"):
        go(half, strict, fixed={"broken": 10})
    assert {file.name for file in half.parent.iterdir() if file.name.startswith(".")} == of_others


def test_a_second_sweep_in_the_same_place_is_sent_away(half):
    with FileLock(half.with_name(".table.csv.lock")):
        refused(half, "used by one sweep at a time, but another process writes there")


# --- bad arguments ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"grid": {}}, ValueError, "`grid` must give every name at least one value"),
        ({"grid": {"neurons": []}}, ValueError, "`grid` must give every name at least one value"),
        ({"grid": {"neurons": [torch.ones(1)], "polarity": [(0, 1)]}}, TypeError, "`grid` must hold numbers, text"),
        ({"workers": 0}, ValueError, "`workers` must be an integer ≥ 1, got 0"),
        ({"function": lambda neurons, polarity: []}, ValueError, "`job` must return rows with the same columns"),
        ({"function": lambda neurons, polarity: [{"x": 1}, {"y": 1}]}, ValueError, "`job` must return rows with"),
        ({"function": lambda neurons, polarity: [{"x": torch.ones(1)}]}, TypeError, "`job` must hold numbers, text"),
    ],
)
def test_bad_arguments_are_named_and_leave_nothing(path, options, error, said):
    with pytest.raises(error, match=re.escape(said)):
        go(path.parent / "new" / "folder" / path.name, **options)
    assert list(path.parent.iterdir()) == []


def test_every_setting_has_the_same_columns(path):
    with pytest.raises(
        ValueError, match=r"same columns for every setting, got \[\['y'\]\] for \{'x': 2\} and \[\['x'\]\]"
    ):
        go(path, lambda x: [{"x" if x == 1 else "y": x}], grid={"x": [1, 2]})


def test_a_path_that_is_no_table_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"`path` must end in \.csv"):
        go(tmp_path / "table.json")
    assert list(tmp_path.iterdir()) == []


# --- more than one machine ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as two:
        yield two


def test_a_cluster_writes_the_same_bytes(path, cluster, undisturbed):
    go(path, cluster=cluster.scheduler_address)
    assert content(path.parent) == undisturbed


@pytest.mark.stress
@POSIX
def test_a_cluster_outlives_the_death_of_a_worker(path, tmp_path, cluster, undisturbed):
    """One of two worker processes dies by SIGKILL within a job: Dask repeats what it lost, the bytes stay."""
    log, trap = tmp_path / "log", tmp_path / "trap"
    begin = time.monotonic()
    go(path, cluster=cluster.scheduler_address, fixed={"log": str(log), "trap": str(trap)})
    taken = time.monotonic() - begin
    calls = Counter(log.read_text().splitlines())
    print(f"took {taken:.1f} s, jobs computed again: {sum(calls.values()) - len(calls)}")
    assert trap.exists()
    assert len(calls) == 6
    assert 1 <= sum(calls.values()) - len(calls) <= 3
    assert path.read_bytes() == undisturbed["table.csv"]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "tcp://127.0.0.1:1"])
def test_an_unreachable_cluster_fails_within_seconds(path, address, monkeypatch):
    pytest.importorskip("distributed")
    assert sweep_module.PATIENCE <= 5
    monkeypatch.setattr(sweep_module, "PATIENCE", 1)
    begin = time.monotonic()
    with pytest.raises(ConnectionError, match=rf"`cluster` must be the address .* got '{address}'.*dask scheduler"):
        go(path, cluster=address)
    assert time.monotonic() - begin < 3
    assert list(path.parent.iterdir()) == []


def test_a_cluster_without_workers_is_named(path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as nobody,
        pytest.raises(ConnectionError, match="`cluster` must have workers, got none at"),
    ):
        go(path, cluster=nobody.scheduler_address)


def test_without_dask_the_extra_is_named(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"pip install -e '\.\[cluster\]'"):
        go(path, cluster="tcp://127.0.0.1:9")
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:8786", "localhost", "", "no cluster"])
def test_an_address_without_its_protocol_is_refused_before_anyone_is_called(path, address):
    pytest.importorskip("distributed")
    with pytest.raises(ConnectionError, match="`cluster` must be the address of a Dask scheduler with its protocol"):
        go(path, cluster=address)
    assert list(path.parent.iterdir()) == []
