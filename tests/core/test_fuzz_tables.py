"""Tables and parts under fire: arbitrary bytes, cut, flipped, of another version; a result or the documented error."""

import pytest
from damage import FILES, MANIFEST, TABLE, TABLES, any_part, any_table
from fuzz import DEEP, FEWER, MANY, as_a_user
from hypothesis import example, given


@pytest.fixture(autouse=True, scope="module")
def user():
    with as_a_user():
        yield


# --- tables --------------------------------------------------------------------------------------------------


@FEWER
@given(*TABLES)
@example(TABLE, DEEP, b"", 1e400)
@example(TABLE, MANIFEST, b"a,b\n1\n", 1)
@example(TABLE, MANIFEST, b'a\n"' + b"x" * 200_000, 1)
@example(TABLE, b'{"format": 2}', b"\xff\n", "3")
def test_a_table_is_read_whole_or_refused(content, manifest, forged, rows):
    any_table(content, manifest, forged, rows)


@pytest.mark.stress
@MANY
@given(*TABLES)
def test_many_tables_are_read_whole_or_refused(content, manifest, forged, rows):
    any_table(content, manifest, forged, rows)


# --- parts of a sweep ----------------------------------------------------------------------------------------


@FEWER
@given(*FILES)
@example(DEEP, "abc")
@example(b"", [{"x": 1}, {"y": 2}])
@example(b"", [{"z": 1}])
def test_a_sweep_goes_on_or_refuses(content, body):
    any_part(content, body)


@pytest.mark.stress
@MANY
@given(*FILES)
def test_many_sweeps_go_on_or_refuse(content, body):
    any_part(content, body)
