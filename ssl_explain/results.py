"""Small results that took long to compute: a CSV table and a manifest that says where it came from.

``name.csv`` is the table, ``name.json`` its manifest: sha256, number of rows, command, seeds, versions.
Both are written in full to temporary files before either is moved into place, so a write that fails leaves the
old pair whole.
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

import numpy as np
from numpy.typing import ArrayLike

FORMAT = 1


@contextmanager
def staged(path: Path, content: bytes) -> Iterator[Path]:
    """A finished file beside ``path``, to be moved there; whatever happens, it is gone afterwards."""
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


def write_table(path: Path, columns: Mapping[str, Sequence[object]], *, command: str, seeds: str) -> None:
    """Write a table, one list per column, and beside it the manifest that :func:`read_table` verifies.

    Raises:
        ValueError: columns of unequal length.
    """
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"`columns` must be equally long, got {lengths}; give every row an entry in every column.")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    content = text.getvalue().encode()
    manifest = {
        "format": FORMAT,
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "rows": next(iter(lengths.values())),
        "command": command,
        "seeds": seeds,
        "versions": {"python": platform.python_version(), "torch": metadata.version("torch")},
    }
    beside = path.with_suffix(".json")
    with staged(path, content) as new, staged(beside, (json.dumps(manifest, indent=2) + "\n").encode()) as new_beside:
        os.replace(new, path)
        os.replace(new_beside, beside)


def read_table(path: Path) -> dict[str, np.ndarray]:
    """Read a table as one array per column, after checking it against its manifest.

    Raises:
        FileNotFoundError: the table or its manifest is missing.
        ValueError: the manifest is unreadable or of another format, or the table is not the one it describes.
    """
    for needed in (path, path.with_suffix(".json")):
        if not needed.is_file():
            raise FileNotFoundError(f"`path` must name a table with its manifest, got no {needed}; restore it.")
    content = path.read_bytes()
    try:
        manifest = json.loads(path.with_suffix(".json").read_bytes())
        version, expected, command = manifest["format"], manifest["sha256"], manifest["command"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"`{path.with_suffix('.json')}` must be a manifest, got {error!r}; restore it.") from error
    if version != FORMAT:
        raise ValueError(f"`{path.with_suffix('.json')}` must have format {FORMAT}, got {version!r}; run: {command}")
    if hashlib.sha256(content).hexdigest() != expected:
        raise ValueError(f"`{path}` must match its manifest, got another checksum; restore it, or run: {command}")
    header, *rows = csv.reader(io.StringIO(content.decode()))
    return {name: _column([row[k] for row in rows]) for k, name in enumerate(header)}


def interval(values: ArrayLike) -> tuple[float, float]:
    """The 95 % confidence interval of a mean over independent seeds, by Student's t.

    Example:
        >>> [round(end, 2) for end in interval([0.8, 0.9, 1.0])]
        [0.65, 1.15]
    """
    from scipy import stats  # it takes a second to import, and only statistics need it

    x = np.asarray(values, dtype=float)
    half = stats.t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / len(x) ** 0.5
    return float(x.mean() - half), float(x.mean() + half)


def _column(cells: list[str]) -> np.ndarray:
    for kind in (int, float):
        try:
            return np.array([kind(cell) for cell in cells])
        except ValueError:
            continue
    return np.array(cells)
