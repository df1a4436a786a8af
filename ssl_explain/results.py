"""Results that took long to compute: a CSV table and a manifest with its origin.

``name.csv`` is the table, ``name.json`` its manifest: sha256, number of rows, command, seeds, versions.
Both are written in full to temporary files before either is moved into place, so a write that fails leaves the
old pair whole. The manifest's command makes the table again. A damaged table is never overwritten: move it away first.
"""

import csv
import hashlib
import io
import json
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ssl_explain import require

FORMAT = 1
_PACKAGE = Path(__file__).resolve().parent
# The folder of the tables: inside an installed package, beside the package in a checkout.
DATA = _PACKAGE / "data" if (_PACKAGE / "data").is_dir() else _PACKAGE.parent / "data"

Table = dict[str, np.ndarray]


@contextmanager
def temporary_file(path: Path, content: bytes) -> Iterator[Path]:
    """A temporary file beside ``path`` with this content, to be moved to ``path``; an error removes it.

    SIGKILL may leave it there, as a hidden file ``.name.xxxxxxxx``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        yield Path(temporary)
    finally:
        Path(temporary).unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file in one step: at any time, also if the process dies, there is the old file or the new one."""
    with temporary_file(path, content) as new:
        os.replace(new, path)


def versions() -> dict[str, str]:
    """The versions on which the last digits may depend."""
    return {"python": platform.python_version(), "torch": metadata.version("torch")}


def csv_bytes(columns: Mapping[str, Sequence[object]]) -> bytes:
    r"""The bytes of the file of a table, given as one list per column.

    Raises:
        ValueError: columns of unequal length.

    Example:
        >>> csv_bytes({"neurons": [2, 5], "end": [0.1, 0.25]})
        b'neurons,end\n2,0.1\n5,0.25\n'
    """
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1:
        require.fail("columns", "be equally long", lengths, "give every row an entry in every column")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def write_table(
    path: str | os.PathLike[str], columns: Mapping[str, Sequence[object]], *, command: str, seeds: str
) -> None:
    """Write a table, one list per column, and beside it the manifest that :func:`read_table` verifies.

    Both files are whole at any time. A process that is killed between its last two steps leaves the new table beside
    the old manifest, for which :func:`read_table` raises an error.

    Raises:
        ValueError: columns of unequal length.
        TypeError: a path of another type.
    """
    path, content = require.path("path", path), csv_bytes(columns)
    manifest = {
        "format": FORMAT,
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "rows": len(next(iter(columns.values()))),
        "command": command,
        "seeds": seeds,
        "versions": versions(),
    }
    beside, text = path.with_suffix(".json"), json.dumps(manifest, indent=2) + "\n"
    with temporary_file(path, content) as new, temporary_file(beside, text.encode()) as new_beside:
        os.replace(new, path)
        os.replace(new_beside, beside)


def read_manifest(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The manifest of a table, after checking the table against it.

    Raises:
        FileNotFoundError: the table or its manifest is missing.
        ValueError: the manifest is unreadable or of another format, or the table differs from the one it describes.
        TypeError: a path of another type.
    """
    return _verified(path)[0]


def _verified(path: str | os.PathLike[str]) -> tuple[dict[str, Any], bytes]:
    """The manifest of a table and the bytes of the table, which match it."""
    path = require.path("path", path)
    beside = path.with_suffix(".json")
    for needed in (path, beside):
        if not needed.is_file():
            require.fail("path", "name a table with its manifest", f"no {needed}", "restore it", FileNotFoundError)
    try:
        manifest = json.loads(beside.read_bytes())
        version, command = manifest["format"], manifest["command"]
        expected, rows = (manifest["sha256"], int(manifest["rows"])) if version == FORMAT else ("", 0)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(
            f"`{beside}` must be a manifest, got {error!r}; restore it, or move both files away."
        ) from error
    again = f"restore it, or move both files away and run `{command}`"
    require.that(version == FORMAT, str(beside), f"have format {FORMAT}", f"{version!r:.80}", again)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected:
        found = max(content.count(b"\n") - 1, 0)
        truncated = found < rows or not content.endswith(b"\n")
        got = f"{found} of {rows} rows: it breaks off" if truncated else "another checksum: something in it has changed"
        if hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest() == expected:
            got = "other line ends, CRLF for LF: git (core.autocrlf) or an editor has converted them"
        require.fail(str(path), f"match its manifest {beside.name}", got, again)
    return manifest, content


def read_table(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read a table as one array per column, after checking it against its manifest.

    Raises:
        FileNotFoundError: the table or its manifest is missing.
        ValueError: the manifest is unreadable or of another format, or the table differs from the one it describes, or
            is no CSV table.
        TypeError: a path of another type.
    """
    _, content = _verified(path)
    try:
        header, *rows = csv.reader(io.StringIO(content.decode()), strict=True)
        if any(len(row) != len(header) for row in rows):
            raise ValueError("rows of unequal length")
    except (ValueError, csv.Error) as error:
        raise ValueError(f"`{path}` must be a table, got {error}; restore it, or move both files away.") from error
    return {name: _column([row[k] for row in rows]) for k, name in enumerate(header)}


def interval(values: ArrayLike) -> tuple[float, float]:
    """The 95 % confidence interval of a mean over independent seeds, by Student's t.

    Raises:
        ValueError: fewer than two values.

    Example:
        >>> [round(end, 2) for end in interval([0.8, 0.9, 1.0])]
        [0.65, 1.15]
    """
    from scipy import stats  # it takes a second to import

    x = np.asarray(values, dtype=float)
    require.integer("number of values", x.size, 2, "one value has no spread")
    half = stats.t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / len(x) ** 0.5
    return float(x.mean() - half), float(x.mean() + half)


def _column(cells: list[str]) -> np.ndarray:
    for kind in (int, float):
        try:
            return np.array([kind(cell) for cell in cells])
        except ValueError:
            continue
    return np.array(cells)


def pick(table: Table, **values: float | str | np.number) -> Table:
    """The rows in which the given columns have the given values."""
    keep = np.all([table[name] == value for name, value in values.items()], axis=0)
    return {name: column[keep] for name, column in table.items()}
