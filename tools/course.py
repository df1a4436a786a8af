"""Title, question, minutes and speaker notes, read from the notebooks."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
ROUTE = ("00", "03", "05", "08", "14")  # the notebooks of the 45 minutes in notebooks/README.md
ONLY_IN_LAB = re.compile(r"In JupyterLab, first choose [^.]*\.\s*")  # slides and pages have no menu


@dataclass(frozen=True)
class Section:
    """A section with its speaker note."""

    title: str
    minutes: int
    poll: str
    wrong: str
    say: str


@dataclass(frozen=True)
class Lesson:
    """The first screen and the speaker notes of one notebook."""

    path: Path
    title: str
    question: str
    afterwards: str
    minutes: int
    sections: tuple[Section, ...]

    @property
    def number(self) -> str:
        """The two digits in front of its name."""
        return self.path.stem[:2]


def section(title: str, note: Mapping[str, Any]) -> Section:
    """Read a speaker note; the reply may stand in brackets after the wrong answer: "Nobody. (The augmentation.)"."""
    found = re.fullmatch(r"(.*?)\s*\((.+)\)", note["wrong"], flags=re.DOTALL)
    wrong, say = found.groups() if found else (note["wrong"], "")
    return Section(title, note["minutes"], note["poll"], wrong, note.get("say", say))


def _said(source: str, word: str) -> str:
    found = re.search(rf"\*\*{word}\*\*:? *(.+)", source)
    return found[1].strip() if found else ""


def lesson(path: Path, nb: NotebookNode | None = None) -> Lesson:
    """Read one notebook."""
    nb = nb or nbformat.read(path, as_version=4)
    first = nb.cells[0].source
    minutes = re.search(r"\*\*Time:?\*\*:? (\d+) minutes", first)
    notes = (
        section(cell.source.splitlines()[0].lstrip("# "), cell.metadata["speaker"])
        for cell in nb.cells
        if "speaker" in cell.metadata
    )
    return Lesson(
        path,
        first.splitlines()[0].lstrip("# "),
        _said(first, r"Question\.?"),
        _said(first, "Afterwards you can"),
        int(minutes[1]) if minutes else 0,
        tuple(notes),
    )


def notebooks() -> list[Path]:
    """All notebooks, in the order of the course."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))


def lessons() -> Iterator[Lesson]:
    """All notebooks, read."""
    return map(lesson, notebooks())


def on_route(every: Iterable[Lesson]) -> tuple[list[Lesson], list[Lesson]]:
    """Those of the 45 minutes, in their order, and the others."""
    known = {one.number: one for one in every}
    return [known.pop(number) for number in ROUTE if number in known], list(known.values())
