"""Partial results: the rows of the finished jobs of a sweep, in one file beside the table.

The file ``name.parts`` says to which sweep it belongs and carries a checksum. It is replaced in one step after each
job, so that a killed process loses only the jobs it was running. A damaged file, or one of another sweep, is named
in an error and left alone.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ssl_explain import require
from ssl_explain.results import csv_bytes, read_manifest, versions, write_table, write_whole

FORMAT = 1

Cell = int | float | str
Rows = Sequence[Mapping[str, Cell]]


def _plain(value: object, what: str) -> Any:
    """The value as it comes back from a file, so that a new row and a resumed one have the same bytes."""
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError) as error:
        raise TypeError(f"`{what}` must hold numbers, text, and lists of them, got {error}; convert first.") from error


def _checksum(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _same_columns(rows: Sequence[object]) -> bool:
    """Whether all rows are mappings with the same keys in the same order, and there is at least one."""
    names = [list(row) for row in rows if isinstance(row, dict)]
    return len(names) == len(rows) > 0 and all(one == names[0] for one in names)


class PartialResults:
    """The finished jobs of one sweep, for one process at a time: :meth:`open`, read ``done``, ``add``, ``finish``.

    ``plan`` says what is computed (job, grid, fixed keywords), ``settings`` lists the jobs in order.
    ``command`` makes the table; unless ``replace`` is on, only a table of the same command may be replaced.

    Raises:
        TypeError: a setting that no JSON file can hold.
        ValueError: a path that does not end in .csv; a file that is damaged, or of another sweep; a table of another
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
        """Store the arguments; :meth:`open` reads and writes."""
        remedy = "its manifest will lie beside it and end in .json"
        require.that(path.suffix == ".csv", "path", "end in .csv", path, remedy)
        self.path, self.file = path, path.with_suffix(".parts")
        self.plan = {**_plain(plan, "grid"), "versions": versions()}
        self.settings = _plain(settings, "grid")
        self.command, self.seeds, self.replace = command, seeds, replace
        self.done: dict[int, Rows] = {}

    @contextmanager
    def open(self) -> Iterator["PartialResults"]:
        """Lock out other processes and read what is there; folders that stay empty are removed again."""
        made = [folder for folder in self.path.parents if not folder.exists()]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = self.path.with_name(f".{self.path.name}.lock")
        try:
            with FileLock(lock, timeout=0):
                try:
                    self._remove_temporary_files()
                    self.done = self._read() if os.path.lexists(self.file) else {}
                    self._check_table()
                    yield self
                finally:
                    lock.unlink(missing_ok=True)
        except Timeout:
            raise ValueError(
                f"`{self.file}` must be used by one sweep at a time, but another process writes there; wait for it."
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
        if not _same_columns([*first[:1], *kept]):
            columns = [list(row) for row in [*first[:1], *kept]]
            got = f"{columns[-1:]} for {self.settings[index]} and {columns[:1]} before"
            remedy = "let every row name every column"
            require.fail("job", "return rows with the same columns for every setting", got, remedy)
        self.done[index] = kept
        body = {"plan": self.plan, "done": {str(k): part for k, part in self.done.items()}}
        write_whole(self.file, json.dumps({"format": FORMAT, "sha256": _checksum(body), "body": body}).encode())

    def finish(self) -> dict[str, list[Cell]]:
        """Write the table, in the order of the settings, and remove the partial results."""
        columns = self._columns()
        write_table(self.path, columns, command=self.command, seeds=self.seeds)
        self.file.unlink(missing_ok=True)
        return columns

    def _columns(self) -> dict[str, list[Cell]]:
        rows = [row for index in sorted(self.done) for row in self.done[index]]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def _remove_temporary_files(self) -> None:
        """Remove what a killed `write_whole` or `write_table` has left."""
        for final in (self.path, self.path.with_suffix(".json"), self.file):
            for temporary in self.path.parent.glob(f".{final.name}.????????"):
                temporary.unlink()

    def _read(self) -> dict[int, Rows]:
        """The rows of the finished jobs by index, if the file is whole and of this sweep."""
        try:
            content = json.loads(self.file.read_bytes())
            version, checksum, body = content["format"], content["sha256"], content["body"]
            plan, done = {**body["plan"]}, {int(k): rows for k, rows in body["done"].items()}
            rows = [*chain(*done.values())]
        except (OSError, LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise ValueError(self._unusable(repr(error))) from error
        if version != FORMAT or checksum != _checksum(body):
            got = "another checksum" if version == FORMAT else f"format {version!r:.80}"
            raise ValueError(self._unusable(got))
        if changed := sorted(k for k in {*plan, *self.plan} if plan.get(k) != self.plan.get(k)):
            differ = [f"{k} = {plan.get(k)} there and {self.plan.get(k)} here" for k in changed]
            remedy = "finish that one with its own settings, move the file away, or write to another place"
            got = f"those of another one ({'; '.join(differ)})"
            require.fail(str(self.file), "hold partial results of this sweep", got, remedy)
        if not (done.keys() <= set(range(len(self.settings))) and all(done.values()) and _same_columns(rows)):
            raise ValueError(self._unusable("rows that this sweep never writes"))
        return done

    def _unusable(self, got: str) -> str:
        remedy = "move it away and run the sweep again, or write to another place"
        return f"`{self.file}` must be a whole file of a sweep, got {got}; {remedy}."

    def _check_table(self) -> None:
        """Check, before any job runs, that the table may be written at the end."""
        if not any(os.path.lexists(file) for file in (self.path, self.path.with_suffix(".json"))):
            return
        complete = len(self.done) == len(self.settings) and self.path.is_file()
        if complete and self.path.read_bytes() == csv_bytes(self._columns()):
            return  # killed between table and manifest: both are ours
        made_by = read_manifest(self.path)["command"]
        if made_by != self.command and not self.replace:
            remedy = "write to another place, move it away, or allow its replacement (`replace=True`, `--replace`)"
            got = f"the table of: {made_by}"
            require.fail(str(self.path), "be missing or made by the same command", got, remedy)
