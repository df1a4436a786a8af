"""Results on disk: verified when read, whole or untouched when written."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ssl_explain import results
from ssl_explain.__main__ import read
from ssl_explain.results import interval, read_manifest, read_table, write_table

DATA = sorted((Path(__file__).resolve().parents[2] / "data").glob("*.csv"))
COLUMNS = {"neurons": [2, 10], "end": [0.1, 1 / 3], "name": ["InfoNCE, H = 1", 'the "root"']}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    write_table(path, COLUMNS, command="python -m ssl_explain sweep", seeds="1 to 2")
    return path


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_round_trip_keeps_every_bit_and_the_kind_of_each_column(table):
    read = read_table(table)
    assert {name: column.tolist() for name, column in read.items()} == COLUMNS
    assert [column.dtype.kind for column in read.values()] == ["i", "f", "U"]


def test_manifest_says_where_the_table_came_from(table):
    manifest = json.loads(table.with_suffix(".json").read_text())
    assert (manifest["file"], manifest["rows"], manifest["seeds"]) == ("table.csv", 2, "1 to 2")
    assert manifest["command"] == "python -m ssl_explain sweep"
    assert set(manifest["versions"]) == {"python", "torch"}


def test_the_same_columns_give_the_same_bytes(table):
    before = files(table.parent)
    write_table(table, COLUMNS, command="python -m ssl_explain sweep", seeds="1 to 2")
    assert files(table.parent) == before


@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_truncated_table_is_refused_with_the_command_that_makes_it(table, cut):
    table.write_bytes(table.read_bytes()[:cut])
    expected = (
        r"must match its manifest table\.json, got [01] of 2 rows: it breaks off; .*move both .*run `python -m ssl"
    )
    with pytest.raises(ValueError, match=expected):
        read_table(table)


def test_every_flipped_byte_is_refused(table):
    content = table.read_bytes()
    for position in range(len(content)):
        table.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(ValueError, match="must match its manifest"):
            read_table(table)


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_half_a_pair_is_refused(table, suffix):
    gone = table.with_suffix(suffix)
    gone.unlink()
    with pytest.raises(FileNotFoundError, match=re.escape(f"got no {gone}; restore it")):
        read_table(table)


@pytest.mark.parametrize("garbled", [b"", b"{", b"\xff\xfe", b"[]", b"3", b"null", b"{}", b'{"format": 1}'])
def test_garbled_manifest_is_named(table, garbled):
    table.with_suffix(".json").write_bytes(garbled)
    with pytest.raises(ValueError, match=r"table\.json` must be a manifest, got .*; restore it"):
        read_table(table)


def test_manifest_of_another_format_is_named(table):
    beside = table.with_suffix(".json")
    beside.write_text(beside.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(ValueError, match=r"must have format 1, got 2; .* run `python -m ssl_explain sweep"):
        read_table(table)


@pytest.mark.parametrize("columns", [{"a": [1], "b": [1, 2]}, {}])
def test_columns_must_be_equally_long(tmp_path, columns):
    with pytest.raises(ValueError, match="`columns` must be equally long"):
        write_table(tmp_path / "t.csv", columns, command="", seeds="")
    assert files(tmp_path) == {}


@pytest.mark.parametrize("failing", ["replace", "fsync", "chmod"])
def test_failing_write_leaves_the_old_pair_and_nothing_else(table, monkeypatch, failing):
    before = files(table.parent)

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(results.os, failing, full)
    with pytest.raises(OSError, match="no space left"):
        write_table(table, {"x": [3]}, command="", seeds="")
    assert files(table.parent) == before


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from ssl_explain.results import write_table
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for room in (60, 4):  # bytes: enough for the table but not for its manifest; not even for the table
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try:
        write_table(Path(sys.argv[1]), {"x": list(range(10))}, command="", seeds="")
    except OSError as error:
        print(room, error.strerror)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs limits on the size of files")
def test_a_full_disk_leaves_the_old_pair(table):
    before = files(table.parent)
    run = [sys.executable, "-B", "-c", FULL_DISK, str(table)]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["60 File too large", "4 File too large"]
    assert files(table.parent) == before


def test_a_new_folder_is_made(tmp_path):
    path = tmp_path / "deep" / "down.csv"
    write_table(path, {"x": [1.5]}, command="", seeds="")
    assert read_table(path)["x"].tolist() == [1.5]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("n", [2, 3, 16])
def test_interval_is_the_t_interval(n):
    x = np.random.default_rng(n).normal(size=n)
    expected = stats.t.interval(0.95, n - 1, loc=x.mean(), scale=stats.sem(x))
    np.testing.assert_allclose(interval(x), expected, rtol=1e-12)
    assert interval(x.tolist()) == interval(x)


@pytest.mark.parametrize("values", [[], [1.0]])
def test_one_value_has_no_interval(values):
    with pytest.raises(ValueError, match="`number of values` must be an integer ≥ 2"):
        interval(values)


def test_a_path_may_be_a_string(tmp_path):
    path = str(tmp_path / "table.csv")
    write_table(path, {"x": [1, 2]}, command="none", seeds="none")
    assert read_table(path)["x"].tolist() == [1, 2]
    assert read_manifest(path)["rows"] == 2


def test_there_is_data():
    assert DATA


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.name)
def test_stored_table_matches_its_manifest(path):
    table, manifest = read_table(path), json.loads(path.with_suffix(".json").read_text())
    assert {len(column) for column in table.values()} == {manifest["rows"]}
    assert manifest["file"] == path.name
    assert manifest["command"].startswith("python -m ssl_explain ")
    run, options = read(manifest["command"].split()[3:])  # the command line takes it, and writes to this place
    assert run.__name__ in {"sweep", "image_sweep", "table"}
    assert path.parent.name == str(options.out)
    assert all(np.isfinite(column).all() for column in table.values() if column.dtype.kind == "f")
    assert {p.stem for p in path.parent.glob("*.json")} == {p.stem for p in DATA}
