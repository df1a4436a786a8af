"""Copy the course to my_notebooks/, which git ignores, so that a reader can edit there and still pull.

``python tools/working_copies.py`` copies missing files, and updates those that have changed in the course, unless
the reader has changed them too. Saved outputs do not count as a change. A note in the folder records the version that
each copy was made from.
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
COURSE, MINE = ROOT / "notebooks", ROOT / "my_notebooks"
NOTE = ".copies.json"


def digest(content: bytes) -> str:
    """Digest of the text and the code of a notebook, or of all of another file."""
    try:
        cells = json.loads(content)["cells"]
        content = json.dumps([(cell["cell_type"], "".join(cell["source"])) for cell in cells]).encode()
    except (ValueError, KeyError, TypeError):
        pass
    return hashlib.sha256(content).hexdigest()


def replace_file(path: Path, content: bytes) -> None:
    """Write beside the old file, then rename: the file is never half-written."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_bytes(content)
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def read_note(path: Path) -> dict[str, Any]:
    """The note of an earlier run; empty if there is none."""
    try:
        note = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def renew(course: Path, mine: Path) -> tuple[list[str], list[str]]:
    """Update the copies; return the names of those updated, and of those kept although the course has newer ones."""
    mine.mkdir(exist_ok=True)
    note = read_note(mine / NOTE)
    renewed, kept = [], []
    for source in sorted(path for path in course.iterdir() if path.suffix in (".ipynb", ".md")):
        name, content, copy = source.name, source.read_bytes(), mine / source.name
        read, then = digest(content), note.get(name, "none")
        now = f"{read} {hashlib.sha256(content).hexdigest()}"
        if copy.exists():
            if now == then:
                continue
            if digest(copy.read_bytes()) not in (read, str(then).partition(" ")[0]):
                kept.append(name)
                continue
            renewed.append(name)
        replace_file(copy, content)
        note[name] = now
    replace_file(mine / NOTE, (json.dumps(note, indent=2) + "\n").encode())
    return renewed, kept


def main() -> int:
    """Update the copies and print where they are."""
    try:
        renewed, kept = renew(COURSE, MINE)
    except OSError as error:
        print(
            f"ssl_explain: {error}; your notebooks are kept in {MINE.name}/, so it must be writable.", file=sys.stderr
        )
        return 1
    print(f"Your notebooks lie in {MINE.name}/. What you change there stays, and git leaves it alone.")
    if renewed:
        print(f"Renewed, because the course has changed and you had not: {', '.join(renewed)}.")
    for name in kept:
        print(f"{name}: the course has a newer one, yours stays. To get both, rename yours and start again.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
