"""Choose the slide type of every cell of a notebook.

``python tools/slide_types.py notebooks/10*.ipynb`` writes ``slideshow.slide_type`` into the metadata of those cells
that have none yet; types chosen by hand stay. Sources and outputs stay as they are: nothing has to be executed again.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import nbformat
from course import notebooks
from nbformat import NotebookNode
from run_notebooks import write

TYPES = ("slide", "subslide", "fragment", "skip", "notes")
CAPTION = 260  # letters; a shorter text stands above its picture
LIVE = re.compile(r"\bTry first\b|\bPlay\b|\bPause\b|\bexplorer\b|\bpreset\b|^(Now )?[Mm]ove ")  # about live pictures
NEAR = 4  # cells between an explorer and the still picture that replaces it


def tags(cell: NotebookNode) -> set[str]:
    """The tags of a cell."""
    return set(cell.metadata.get("tags", []))


def is_heading(cell: NotebookNode) -> bool:
    """Whether the cell begins a section."""
    return cell.cell_type == "markdown" and cell.source.startswith(("# ", "## "))


def has_picture(cell: NotebookNode) -> bool:
    """Whether the cell shows a picture without a kernel."""
    return any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


def cut_before(begins: Callable[[Any], bool], items: Iterable[Any]) -> list[list[Any]]:
    """Split items before each one that begins a part."""
    parts: list[list[Any]] = []
    for item in items:
        if begins(item) or not parts:
            parts.append([])
        parts[-1].append(item)
    return parts


def _code(cell: NotebookNode, following: list[NotebookNode]) -> str:
    if tags(cell) & {"predict", "reveal"}:
        return "subslide"
    if not has_picture(cell):
        return "skip"
    replaced = "explorer" in tags(cell) and any("figure" in tags(other) for other in following[:NEAR])
    return "skip" if replaced else "subslide"


def _is_caption(cell: NotebookNode) -> bool:
    return cell.cell_type == "markdown" and len(cell.source) <= CAPTION


def _text(cell: NotebookNode, following: NotebookNode | None) -> str:
    if LIVE.search(cell.source) and "$$" not in cell.source:
        return "notes"
    if "$$" in cell.source or cell.source.startswith("**"):
        return "subslide"
    above = following is not None and has_picture(following) and _is_caption(cell)
    return "subslide" if above else "notes"


def section_types(cells: list[NotebookNode]) -> list[str]:
    """The slide types of the cells of one section.

    A picture below a short text appears on the same slide, one key later. Exercises, and checks without a picture,
    are left out.
    """
    head, body = cells[0], cells[1:]
    shown = any(has_picture(cell) or tags(cell) & {"predict", "reveal"} for cell in body)
    desk = re.match(r"## (Exercise|Check)", head.source) and not shown
    if desk or any("exercise" in tags(cell) for cell in body):
        return ["skip"] * len(cells)
    kinds = ["slide" if is_heading(head) else "skip"]
    kinds += [_code(cell, cells[k + 1 :]) if cell.cell_type == "code" else "" for k, cell in enumerate(body, 1)]
    for k, cell in enumerate(cells):
        following = (other for other, kind in zip(cells[k + 1 :], kinds[k + 1 :], strict=True) if kind != "skip")
        kinds[k] = kinds[k] or _text(cell, next(following, None))
        above = max((j for j in range(1, k) if kinds[j] != "skip"), default=0)
        if kinds[k] == kinds[above] == "subslide" and has_picture(cell) and _is_caption(cells[above]):
            kinds[k] = "fragment"
    return kinds


def assign(nb: NotebookNode) -> int:
    """Fill in missing types; return the number of cells that changed."""
    chosen = [kind for cells in cut_before(is_heading, nb.cells) for kind in section_types(cells)]
    changed = 0
    for cell, kind in zip(nb.cells, chosen, strict=True):
        if cell.metadata.get("slideshow", {}).get("slide_type") not in TYPES:
            cell.metadata["slideshow"] = {"slide_type": kind}
            changed += 1
    return changed


def main() -> int:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Give every cell of a notebook its place in the slides.")
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks (default: all in notebooks/)")
    options = parser.parse_args()
    for path in options.paths or notebooks():
        nb = nbformat.read(path, as_version=4)
        if changed := assign(nb):
            write(nb, path)
        print(f"{path.name}: {changed} of {len(nb.cells)} cells")
    return 0


if __name__ == "__main__":
    sys.exit(main())
