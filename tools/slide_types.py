"""Give every cell of a notebook its place in the slides.

``python tools/slide_types.py notebooks/10*.ipynb`` writes ``slideshow.slide_type`` into the metadata of those cells
that have none yet; what somebody chose by hand stays (``--again`` chooses all of them afresh). Sources and outputs are
never touched, so nothing has to be executed again.
"""

import argparse
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from run_notebooks import ROOT, write

TYPES = ("slide", "subslide", "fragment", "skip", "notes")
CAPTION = 260  # letters: what is shorter stands above its picture
LIVE = re.compile(r"\bTry first\b|\bPlay\b|\bPause\b|\bexplorer\b|\bpreset\b|^(Now )?[Mm]ove ")  # no use on a still
NEAR = 4  # cells between an explorer and the still picture that replaces it


def tags(cell: NotebookNode) -> set[str]:
    """What the cell is for."""
    return set(cell.metadata.get("tags", []))


def is_heading(cell: NotebookNode) -> bool:
    """Whether a section begins here."""
    return cell.cell_type == "markdown" and cell.source.startswith(("# ", "## "))


def has_picture(cell: NotebookNode) -> bool:
    """Whether the cell shows a picture without a kernel."""
    return any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


def sections(nb: NotebookNode) -> list[list[NotebookNode]]:
    """The cells, cut in front of every heading."""
    parts: list[list[NotebookNode]] = []
    for cell in nb.cells:
        if is_heading(cell) or not parts:
            parts.append([])
        parts[-1].append(cell)
    return parts


def _code(cell: NotebookNode, following: list[NotebookNode]) -> str:
    if tags(cell) & {"predict", "reveal"}:
        return "subslide"
    if not has_picture(cell):
        return "skip"
    replaced = "explorer" in tags(cell) and any("figure" in tags(other) for other in following[:NEAR])
    return "skip" if replaced else "subslide"


def _text(cell: NotebookNode, following: NotebookNode | None) -> str:
    if LIVE.search(cell.source) and "$$" not in cell.source:
        return "notes"
    if "$$" in cell.source or cell.source.startswith("**"):
        return "subslide"
    above = following is not None and has_picture(following) and len(cell.source) <= CAPTION
    return "subslide" if above else "notes"


def section_types(cells: list[NotebookNode]) -> list[str]:
    """The places of the cells of one section.

    A picture under a short text comes on the same slide, one key later. Exercises, and checks that show no picture,
    are work for a desk: they are left out.
    """
    head, body = cells[0], cells[1:]
    shown = any(has_picture(cell) or tags(cell) & {"predict", "reveal"} for cell in body)
    desk = re.match(r"## (Exercise|Check)", head.source) and not shown
    if desk or any("exercise" in tags(cell) for cell in body):
        return ["skip"] * len(cells)
    types = ["slide" if is_heading(head) else "skip"]
    for k, cell in enumerate(body, 1):
        if cell.cell_type == "code":
            types.append(_code(cell, cells[k + 1 :]))
        else:
            visible = [
                c for c in cells[k + 1 :] if c.cell_type != "code" or _code(c, cells[cells.index(c) + 1 :]) != "skip"
            ]
            types.append(_text(cell, visible[0] if visible else None))
        before = [k for k in range(len(types) - 1) if types[k] != "skip"]
        if types[-1] == "subslide" and has_picture(cell) and before and before[-1] > 0:
            above = cells[before[-1]]
            if above.cell_type == "markdown" and types[before[-1]] == "subslide" and len(above.source) <= CAPTION:
                types[-1] = "fragment"
    return types


def assign(nb: NotebookNode, *, again: bool = False) -> int:
    """Fill in what is missing (or everything); the number of cells that changed."""
    chosen = [kind for cells in sections(nb) for kind in section_types(cells)]
    changed = 0
    for cell, kind in zip(nb.cells, chosen, strict=True):
        old = cell.metadata.get("slideshow", {}).get("slide_type")
        if old != kind and (again or old not in TYPES):
            cell.metadata["slideshow"] = {"slide_type": kind}
            changed += 1
    return changed


def main() -> int:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Give every cell of a notebook its place in the slides.")
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks (default: all in notebooks/)")
    parser.add_argument("--again", action="store_true", help="also replace what was chosen before")
    options = parser.parse_args()
    for path in options.paths or sorted((ROOT / "notebooks").glob("*.ipynb")):
        nb = nbformat.read(path, as_version=4)
        changed = assign(nb, again=options.again)
        if changed:
            write(nb, path)
        print(f"{path.name}: {changed} of {len(nb.cells)} cells")
    return 0


if __name__ == "__main__":
    sys.exit(main())
