"""Every file in data/, damaged in every way through the function that notebooks read it with: each way has its name."""

import ast
import json
import shutil
from pathlib import Path

import nbformat
import pytest

from ssl_explain.results import read_table

ROOT = Path(__file__).resolve().parents[2]
TABLES = sorted((ROOT / "data").glob("*.csv"))


def sources():
    """Every code cell of the course."""
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                yield path.stem, cell.source


@pytest.fixture
def copied(tmp_path, request):
    for file in (request.param, request.param.with_suffix(".json")):
        shutil.copy(file, tmp_path)
    return tmp_path / request.param.name


EVERY = pytest.mark.parametrize("copied", TABLES, ids=lambda path: path.stem, indirect=True)


def trouble(path, error=ValueError):
    """What reading says of it: its file, what is wrong, and what to do."""
    with pytest.raises(error) as caught:
        read_table(path)
    said = str(caught.value)
    assert str(path.with_suffix("")) in said
    assert "restore it" in said
    return said


@EVERY
def test_truncation_is_named_wherever_it_breaks_off(copied):
    content, rows = copied.read_bytes(), json.loads(copied.with_suffix(".json").read_text())["rows"]
    lines = content.splitlines(keepends=True)
    for cut in (0, 1, len(lines[0]), len(content) // 2, len(content) - len(lines[-1]), len(content) - 1):
        copied.write_bytes(content[:cut])
        there = max(content[:cut].count(b"\n") - 1, 0)
        assert f"got {there} of {rows} rows: it breaks off" in trouble(copied)


@EVERY
def test_a_flipped_byte_is_named_in_every_line(copied):
    content = copied.read_bytes()
    starts = [0, *(at + 1 for at in range(len(content) - 1) if content[at] == 10)]
    for at in starts[:: max(1, len(starts) // 50)]:
        copied.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert "got another checksum: something in it has changed" in trouble(copied)


@EVERY
@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_missing_file_is_named(copied, suffix):
    gone = copied.with_suffix(suffix)
    gone.unlink()
    assert f"got no {gone}" in trouble(copied, FileNotFoundError)


@EVERY
def test_another_version_is_named_before_anything_else_is_asked_of_it(copied):
    beside = copied.with_suffix(".json")
    for manifest in (json.loads(beside.read_text()) | {"format": 2}, {"format": 2, "command": "make it anew"}):
        beside.write_text(json.dumps(manifest))
        assert f"`{beside}` must have format 1, got 2" in trouble(copied)


@EVERY
def test_a_damaged_manifest_is_named(copied):
    beside = copied.with_suffix(".json")
    content = beside.read_bytes()
    for cut in (0, 1, len(content) // 2, len(content) - 3):
        beside.write_bytes(content[:cut])
        assert f"`{beside}` must be a manifest, got" in trouble(copied)
    digest = json.loads(content)["sha256"].encode()
    beside.write_bytes(content.replace(digest, digest[::-1]))
    assert "got another checksum" in trouble(copied)


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
    assert read == {path.name for path in TABLES}


def tables_in(tree):
    """The names of tables that stand in it as text."""
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [Path(text).name for text in texts if text.endswith(".csv")]
