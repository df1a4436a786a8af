"""Results on disk: verified when read, whole or untouched when written."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from scipy import stats
from tables import files

from ssl_explain import results
from ssl_explain.__main__ import read
from ssl_explain.results import interval, read_manifest, read_table, write_table

ROOT = Path(__file__).resolve().parents[2]
DATA = sorted((ROOT / "data").glob("*.csv"))
COLUMNS = {"neurons": [2, 10], "end": [0.1, 1 / 3], "name": ["InfoNCE, H = 1", 'the "root"']}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    write_table(path, COLUMNS, command="python -m ssl_explain sweep", seeds="1 to 2")
    return path


@pytest.fixture(params=[None, *DATA], ids=lambda path: path.stem if path else "small")
def any_table(tmp_path, request):
    """A small table, and a copy of every stored one."""
    if request.param is None:
        return request.getfixturevalue("table")
    for file in (request.param, request.param.with_suffix(".json")):
        shutil.copy(file, tmp_path)
    return tmp_path / request.param.name


def test_round_trip_keeps_every_bit_and_the_kind_of_each_column(table):
    read = read_table(table)
    assert {name: column.tolist() for name, column in read.items()} == COLUMNS
    assert [column.dtype.kind for column in read.values()] == ["i", "f", "U"]


def test_manifest_says_where_the_table_came_from(table):
    manifest = json.loads(table.with_suffix(".json").read_text())
    assert (manifest["file"], manifest["rows"], manifest["seeds"]) == ("table.csv", 2, "1 to 2")
    assert manifest["command"] == "python -m ssl_explain sweep"
    assert set(manifest["versions"]) == {"python", "torch"}


def trouble(path, error=ValueError):
    """What reading a table says of it: its file, what is wrong, and what to do."""
    with pytest.raises(error) as caught:
        read_table(path)
    said = str(caught.value)
    assert str(path.with_suffix("")) in said
    assert "restore it" in said
    return said


def test_a_truncated_table_is_refused_with_the_command_that_makes_it(any_table):
    content, manifest = any_table.read_bytes(), json.loads(any_table.with_suffix(".json").read_text())
    lines = content.splitlines(keepends=True)
    for cut in (0, 1, 10, len(lines[0]), len(content) // 2, len(content) - len(lines[-1]), len(content) - 1):
        any_table.write_bytes(content[:cut])
        there = max(content[:cut].count(b"\n") - 1, 0)
        said = trouble(any_table)
        assert (
            f"must match its manifest {any_table.stem}.json, got {there} of {manifest['rows']} rows: it breaks" in said
        )
        assert re.search(f"move both .*run `{re.escape(manifest['command'])}", said)


def test_a_flipped_byte_is_refused_wherever_it_is(any_table):
    """Every byte of a small table, one in each of fifty lines of a large one."""
    content = any_table.read_bytes()
    starts = [0, *(at + 1 for at in range(len(content) - 1) if content[at] == 10)]
    for at in range(len(content)) if len(starts) < 5 else starts[:: max(1, len(starts) // 50)]:
        any_table.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        said = trouble(any_table)
        assert "must match its manifest" in said
        assert len(starts) < 5 or "got another checksum: something in it has changed" in said


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_half_a_pair_is_refused(any_table, suffix):
    gone = any_table.with_suffix(suffix)
    gone.unlink()
    assert f"got no {gone}; restore it" in trouble(any_table, FileNotFoundError)


@pytest.mark.parametrize("garbled", [b"", b"{", b"\xff\xfe", b"[]", b"3", b"null", b"{}", b'{"format": 1}'])
def test_garbled_manifest_is_named(table, garbled):
    table.with_suffix(".json").write_bytes(garbled)
    with pytest.raises(ValueError, match=r"table\.json` must be a manifest, got .*; restore it"):
        read_table(table)


def test_a_damaged_manifest_is_named(any_table):
    beside = any_table.with_suffix(".json")
    content = beside.read_bytes()
    for cut in (0, 1, len(content) // 2, len(content) - 3):
        beside.write_bytes(content[:cut])
        assert f"`{beside}` must be a manifest, got" in trouble(any_table)
    digest = json.loads(content)["sha256"].encode()
    beside.write_bytes(content.replace(digest, digest[::-1]))
    assert "got another checksum" in trouble(any_table)


def test_another_format_is_named_before_anything_else_is_asked_of_it(any_table):
    beside = any_table.with_suffix(".json")
    manifest = json.loads(beside.read_text())
    for other in (manifest | {"format": 2}, {"format": 2, "command": manifest["command"]}):
        beside.write_text(json.dumps(other))
        said = trouble(any_table)
        assert f"`{beside}` must have format 1, got 2; " in said
        assert f"run `{manifest['command']}" in said


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


def sources():
    """Every code cell of the course."""
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                yield path.stem, cell.source


def test_notebooks_read_data_by_this_function_alone():
    """Whoever names a table in code hands it to read_table; nothing else in the course opens a file."""
    read = set()
    for name, source in sources():
        tree = ast.parse(source)
        calls = [
            node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "read_table"
        ]
        read.update(table for call in calls for table in tables_in(call))
        assert tables_in(tree) == [table for call in calls for table in tables_in(call)], name
        for word in ("open(", "read_text", "read_bytes", "read_csv", "loadtxt", "genfromtxt", "np.load", "json.load"):
            assert word not in source, (name, word)
    assert read == {path.name for path in DATA}


def tables_in(tree):
    """The names of tables that stand in it as text."""
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [Path(text).name for text in texts if text.endswith(".csv")]
