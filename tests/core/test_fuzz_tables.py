"""Tables and parts under fire: arbitrary bytes, cut, flipped, of another version; a result or the documented error."""

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fuzz import DEEP, JSON, NOISE, REFUSED, SOME, as_a_user, bomb, damaged, forged, outcome
from hypothesis import example, given

from ssl_explain.dynamics.partial_results import PartialResults
from ssl_explain.results import read_manifest, read_table, write_table


@pytest.fixture(autouse=True, scope="module")
def user():
    with as_a_user():
        yield


# --- tables --------------------------------------------------------------------------------------------------


def whole_table():
    with TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        write_table(path, {"n": [1, 2, 3], "end": [0.5, 0.25, 1.0]}, command="python -m ssl_explain sweep", seeds="1")
        return path.read_bytes(), path.with_suffix(".json").read_bytes()


TABLE, MANIFEST = whole_table()


def table(content, manifest):
    """Read a table: all of it, or an error that leaves the files as they are."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_bytes(content)
        path.with_suffix(".json").write_bytes(manifest)
        for read in (read_manifest, read_table):
            if outcome(lambda read=read: read(path)) is not REFUSED:
                assert hashlib.sha256(content).hexdigest() == json.loads(manifest)["sha256"]
        assert path.read_bytes() == content


def sealed_table(content, version=1, rows=3):
    seal = {"format": version, "sha256": hashlib.sha256(content).hexdigest(), "rows": rows, "command": "x"}
    return content, json.dumps(seal).encode()


@SOME
@given(damaged(TABLE), damaged(MANIFEST), NOISE, JSON)
@example(TABLE, DEEP, b"", 1e400)
@example(TABLE, MANIFEST, b"a,b\n1\n", 1)
@example(TABLE, MANIFEST, b'a\n"' + b"x" * 200_000, 1)
@example(TABLE, b'{"format": 2}', b"\xff\n", "3")
def test_a_table_is_read_whole_or_refused(content, manifest, forged, rows):
    table(content, MANIFEST)
    table(TABLE, manifest)
    table(*sealed_table(forged, rows=rows))


# --- parts of a sweep ----------------------------------------------------------------------------------------

SETTINGS = [{"x": 1}, {"x": 2}]


def keeper(folder):
    return PartialResults(Path(folder, "t.csv"), {"job": "j"}, SETTINGS, command="c", seeds="1")


def half_done(folder):
    with keeper(folder).open() as parts:
        parts.add(0, [{"x": 1, "y": 2.0}])
    return Path(folder, "t.parts")


with TemporaryDirectory() as place:
    PARTS = half_done(place).read_bytes()
PLAN = json.loads(PARTS)["body"]["plan"]


def part(content):
    """Go on with a sweep whose partial results are these bytes: as they were, or refused and left alone."""
    with TemporaryDirectory() as folder:
        file = half_done(folder)
        file.write_bytes(content)

        def resume():
            with keeper(folder).open() as parts:
                parts.add(1, [{"x": 2, "y": 3.0}])
                return parts.finish()

        columns = outcome(resume)
        if columns is REFUSED:
            assert file.read_bytes() == content
        else:
            assert list(columns) == ["x", "y"]


@SOME
@given(damaged(PARTS), JSON)
@example(DEEP, "abc")
@example(b"", [{"x": 1}, {"y": 2}])
@example(b"", [{"z": 1}])
@example(b"", [[None, False]])
def test_a_sweep_goes_on_or_refuses(content, body):
    part(content)
    part(forged(body))
    part(forged({"plan": body, "done": {"0": [{"x": 1, "y": 2.0}]}}))
    part(forged({"plan": PLAN, "done": body}))
    part(forged({"plan": PLAN, "done": {"0": body}}))


def test_nothing_is_unpickled(tmp_path):
    content = bomb(tmp_path / "ran")
    table(content, MANIFEST)
    table(*sealed_table(content))
    part(content)
    assert not (tmp_path / "ran").exists()
