"""What a sweep that is not finished has already done: one file per finished job, in a folder beside the table.

``name.parts/sweep.json`` says which sweep the folder belongs to, ``00003.json`` holds the rows of its fourth job.
Every file is moved into place whole and carries its checksum. What is not as expected is named and left alone.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ssl_explain.results import csv_bytes, read_manifest, versions, write_table, write_whole

FORMAT = 1
MANIFEST, LOCK = "sweep.json", "lock"
OURS = re.compile(r"sweep\.json|\d{5,}\.json")
STRAY = re.compile(r"\.(.+)\.\w{8}")  # what a killed `write_whole` leaves behind

Cell = int | float | str
Rows = Sequence[Mapping[str, Cell]]


def _plain(value: object, what: str) -> Any:
    """The value as it comes back from a file, so that a fresh row and a resumed one are the same bytes."""
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError) as error:
        raise TypeError(f"`{what}` must hold numbers, text, and lists of them, got {error}; convert first.") from error


def _checksum(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _write(path: Path, body: object) -> None:
    content = {"format": FORMAT, "sha256": _checksum(body), "body": body}
    write_whole(path, (json.dumps(content) + "\n").encode())


def _read(path: Path) -> Any:
    """The body of a file, if the file is whole.

    Raises:
        ValueError: unreadable, truncated, changed, or of another format.
    """
    try:
        content = json.loads(path.read_bytes())
        version, expected, body = content["format"], content["sha256"], content["body"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(_unusable(path, f"got {error!r}")) from error
    if version != FORMAT or _checksum(body) != expected:
        raise ValueError(_unusable(path, "got another checksum" if version == FORMAT else f"got format {version!r}"))
    return body


def _alike(rows: Sequence[object]) -> bool:
    """Whether all of them are rows of one table, and there are some."""
    names = [list(row) for row in rows if isinstance(row, dict)]
    return len(names) == len(rows) > 0 and all(one == names[0] for one in names)


def _unusable(path: Path, got: str) -> str:
    return (
        f"`{path}` must be a whole file of a sweep, {got}; move it away and run the sweep again "
        f"(what is there is kept), or write to another place."
    )


class Parts:
    """The folder of one sweep, for one process at a time: enter it, read what is ``done``, ``add`` to it, ``finish``.

    ``plan`` says what is computed (job, grid, fixed keywords), ``settings`` lists the jobs in order.
    ``command`` makes the table; where ``replace`` is off only a table of the same command may be replaced.

    Raises:
        TypeError: a setting that no JSON file can hold.
        ValueError: a path that does not end in .csv; files that are damaged, or of another sweep; a table of another
            command; another process that writes here.
    """

    def __init__(
        self,
        path: Path,
        plan: Mapping[str, object],
        settings: Sequence[object],
        *,
        command: str,
        seeds: str,
        replace: bool = False,
    ) -> None:
        """Only remember: nothing is read or written before the folder is entered."""
        if path.suffix != ".csv":
            raise ValueError(f"`path` must end in .csv, got {path}; its manifest will lie beside it and end in .json.")
        self.path, self.folder = path, path.with_suffix(".parts")
        self.plan = {**_plain(plan, "grid"), "versions": versions()}
        self.settings = _plain(settings, "grid")
        self.command, self.seeds, self.replace = command, seeds, replace
        self.done: dict[int, Rows] = {}
        self._ours = False

    @contextmanager
    def open(self) -> Iterator["Parts"]:
        """Keep other processes out, check everything that is there, read the parts; leave no empty folder behind."""
        made = [folder for folder in self.folder.parents if not folder.exists()]
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / LOCK, timeout=0)
        try:
            with lock:
                try:
                    self._check_plan()
                    self.done = self._read_parts()
                    self._ours = True
                    self._check_table()
                    yield self
                finally:
                    if self._ours and not self.done:  # nothing but the plan: a sweep that failed at its first job
                        self._remove()
        except Timeout:
            raise ValueError(
                f"`{self.folder}` must be used by one sweep at a time, but another process writes there; wait for it."
            ) from None
        finally:
            for folder in made:
                with suppress(OSError):  # not empty
                    folder.rmdir()

    def add(self, index: int, rows: Sequence[Mapping[str, object]]) -> None:
        """Keep the rows of a finished job.

        Raises:
            TypeError: rows that hold more than numbers and text.
            ValueError: no rows, or rows with other columns than the rows before.
        """
        kept: Rows = _plain(rows, "job")
        first = next(iter(self.done.values()), kept)
        columns = [list(row) for row in [*first[:1], *kept]]
        if not kept or not _alike([*first[:1], *kept]):
            raise ValueError(
                f"`job` must return rows with the same columns for every setting, got {columns[-1:]} "
                f"for {self.settings[index]} and {columns[:1]} before; let every row name every column."
            )
        _write(self.folder / f"{index:05d}.json", {"setting": self.settings[index], "rows": kept})
        self.done[index] = kept

    def finish(self) -> dict[str, list[Cell]]:
        """Write the table, in the order of the settings; then the parts have done their duty."""
        columns = self._columns()
        write_table(self.path, columns, command=self.command, seeds=self.seeds, folder=self.folder)
        self._remove()
        return columns

    def _columns(self) -> dict[str, list[Cell]]:
        rows = [row for index in sorted(self.done) for row in self.done[index]]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def _names(self) -> list[str]:
        """Visible files, after taking away what a killed write has left."""
        names = sorted(entry.name for entry in self.folder.iterdir())
        ours = (*self._finals(), MANIFEST)
        for name in names:
            stray = STRAY.fullmatch(name)
            if stray and (stray[1] in ours or OURS.fullmatch(stray[1])):
                (self.folder / name).unlink()
        return [name for name in names if not name.startswith(".") and name != LOCK]

    def _finals(self) -> tuple[str, str]:
        return self.path.name, self.path.with_suffix(".json").name

    def _check_plan(self) -> None:
        names, manifest = self._names(), self.folder / MANIFEST
        if not names:
            return _write(manifest, self.plan)
        if MANIFEST not in names:
            raise ValueError(_unusable(manifest, f"got none beside {names[0]}"))
        plan = _read(manifest)
        if plan != self.plan:
            other = plan if isinstance(plan, dict) else {}
            changed = [f"{k} = {other.get(k)} there and {self.plan.get(k)} here"
                       for k in sorted({*other, *self.plan}) if other.get(k) != self.plan.get(k)]  # fmt: skip
            raise ValueError(
                f"`{self.folder}` must hold parts of this sweep, got those of another one ({'; '.join(changed)}); "
                "finish that one with its own settings, move the folder away, or write to another place."
            )

    def _read_parts(self) -> dict[int, Rows]:
        expected = {f"{k:05d}.json": k for k in range(len(self.settings))}
        done: dict[int, Rows] = {}
        for name in self._names():
            if name == MANIFEST:
                continue
            if name not in expected:
                raise ValueError(_unusable(self.folder / name, "got a file that this sweep never writes"))
            part, index = _read(self.folder / name), expected[name]
            rows = part.get("rows") if isinstance(part, dict) and part.get("setting") == self.settings[index] else None
            if not isinstance(rows, list) or not rows or not _alike([*next(iter(done.values()), rows)[:1], *rows]):
                raise ValueError(_unusable(self.folder / name, f"got no rows of setting {self.settings[index]}"))
            done[index] = rows
        return done

    def _check_table(self) -> None:
        """Refuse to begin what could not be written at the end."""
        finals = [self.path.with_name(name) for name in self._finals()]
        if not any(os.path.lexists(file) for file in finals):
            return
        complete = len(self.done) == len(self.settings) and finals[0].is_file()
        if complete and finals[0].read_bytes() == csv_bytes(self._columns()):
            return  # killed between table and manifest: both are ours
        made_by = read_manifest(self.path)["command"]
        if made_by != self.command and not self.replace:
            raise ValueError(
                f"`{self.path}` must be missing or made by the same command, got the table of: {made_by}; "
                "write to another place, move it away, or allow its replacement (`replace=True`, `--replace`)."
            )

    def _remove(self) -> None:
        """Remove the folder and what this sweep has put there, the plan last; a stranger's file stays, and is kept."""
        for index in self.done:
            (self.folder / f"{index:05d}.json").unlink(missing_ok=True)
        for name in (MANIFEST, LOCK):
            (self.folder / name).unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()
