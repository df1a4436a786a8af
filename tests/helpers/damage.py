"""Tables, and partial results of sweeps, whose bytes somebody has damaged."""

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz import JSON, NOISE, REFUSED, damaged, outcome

from ssl_explain.dynamics.partial_results import PartialResults
from ssl_explain.dynamics.partial_results import _checksum as sealed
from ssl_explain.results import read_manifest, read_table, write_table


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


def any_table(content, manifest, forged, rows):
    table(content, MANIFEST)
    table(TABLE, manifest)
    table(*sealed_table(forged, rows=rows))


TABLES = (damaged(TABLE), damaged(MANIFEST), NOISE, JSON)


SETTINGS = [{"x": 1}, {"x": 2}]


def keeper(folder):
    return PartialResults(Path(folder, "t.csv"), {"job": "j"}, SETTINGS, command="c", seeds="1")


def half_done(folder):
    with keeper(folder).open() as parts:
        parts.add(0, [{"x": 1, "y": 2.0}])
    return Path(folder, "t.parts")


def whole_parts():
    with TemporaryDirectory() as folder:
        return half_done(folder).read_bytes()


PARTS = whole_parts()
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


def forged(body):
    return json.dumps({"format": 1, "sha256": sealed(body), "body": body}).encode()


def any_part(content, body):
    part(content)
    part(forged(body))
    part(forged({"plan": body, "done": {"0": [{"x": 1, "y": 2.0}]}}))
    part(forged({"plan": PLAN, "done": body}))
    part(forged({"plan": PLAN, "done": {"0": body}}))


FILES = (damaged(PARTS), JSON)
