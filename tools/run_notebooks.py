"""Execute the notebooks in place and keep their outputs.

``python tools/run_notebooks.py [paths...]`` runs every notebook (or those named) in its own folder and writes
it back only if all its cells succeeded. ``--check`` runs nothing: it lists the notebooks whose code cells have
changed since their outputs were made. Times, widget state, addresses and random cell ids differ
between runs and are removed, so a second run changes nothing.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from course import notebooks
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbformat import NotebookNode
from working_copies import replace_file

TIMEOUT = 300  # seconds for a cell
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
LANGUAGE = {  # needed by exports; without the version of Python, which differs between machines
    "name": "python",
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
BARE_WIDGET = re.compile(r"$|[A-Z]\w*\(")
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
MACHINE_MADE_ID = re.compile(r"[0-9a-f]{8}(-[0-9]+|(-[0-9a-f]{4}){3}-[0-9a-f]{12})?")


def code_hash(nb: NotebookNode) -> str:
    """The sha256 over the sources of all code cells, in order."""
    sources = [cell.source for cell in nb.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def is_stale(nb: NotebookNode) -> bool:
    """Whether the code cells have changed since the outputs were made."""
    return nb.metadata.get("ssl_explain", {}).get("code_sha256") != code_hash(nb)


def clean_text(text: str) -> str:
    """Drop colour codes and replace memory addresses, which are new in every run."""
    return ADDRESS.sub("at 0x…", COLOUR.sub("", text))


def clean_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Remove from the outputs what differs between runs.

    The view of a widget refers to a kernel that is gone. Its representations for readers without a kernel
    (a picture, a page, its own words) stay; a bare ``repr`` is removed as well.
    """
    kept = []
    for output in outputs:
        data = output.get("data", {})
        was_widget = data.pop(WIDGET_VIEW, None) is not None
        if was_widget and set(data) <= {"text/plain"} and BARE_WIDGET.match(data.get("text/plain", "")):
            continue
        for holder, names in ((data, ("text/plain", "text/html", "text/markdown")), (output, ("text",))):
            holder.update({name: clean_text(holder[name]) for name in names if name in holder})
        if "traceback" in output:
            output.traceback = [clean_text(line) for line in output.traceback]
        kept.append(output)
    return kept


def give_stable_ids(nb: NotebookNode) -> None:
    """Replace machine-made cell ids by digests of the cell; ids chosen by a person stay."""
    chosen = {cell.id for cell in nb.cells if "id" in cell and not MACHINE_MADE_ID.fullmatch(cell.id)}
    taken = set(chosen)
    for cell in nb.cells:
        if cell.get("id") in chosen:
            continue
        stem = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        candidates = [stem, *(f"{stem}-{copy}" for copy in range(2, len(nb.cells) + 2))]
        cell.id = next(name for name in candidates if name not in taken)
        taken.add(cell.id)


def tidy(nb: NotebookNode) -> None:
    """Remove what differs between runs, and record which code made the outputs."""
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = clean_outputs(cell.outputs)
    give_stable_ids(nb)
    nb.nbformat, nb.nbformat_minor = 4, max(5, nb.nbformat_minor)
    nb.metadata.pop("widgets", None)
    nb.metadata["kernelspec"] = dict(KERNEL)
    nb.metadata["language_info"] = dict(LANGUAGE)
    nb.metadata["ssl_explain"] = {**nb.metadata.get("ssl_explain", {}), "code_sha256": code_hash(nb)}


def write(nb: NotebookNode, path: Path) -> None:
    """Replace the file in one step."""
    replace_file(path, (nbformat.writes(nb).rstrip("\n") + "\n").encode())


def execute(path: Path) -> str | None:
    """Run one notebook in place; return None, or a message if it failed, and then leave the file unchanged."""
    nb = nbformat.read(path, as_version=4)
    at: dict[str, int] = {"cell": 0}
    client = NotebookClient(
        nb,
        timeout=TIMEOUT,
        kernel_name=KERNEL["name"],
        resources={"metadata": {"path": str(path.parent)}},
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
        on_cell_execute=lambda cell, cell_index: at.update(cell=cell_index),
    )
    try:
        client.execute()
    except (CellControlSignal, DeadKernelError) as error:
        return f"cell {at['cell'] + 1} of {len(nb.cells)} failed:\n{clean_text(str(error))}"
    tidy(nb)
    nbformat.validate(nb)
    write(nb, path)
    return None


def check(paths: list[Path]) -> int:
    """List the stale notebooks; 1 if there are any."""
    stale = [path for path in paths if is_stale(nbformat.read(path, as_version=4))]
    for path in stale:
        print(f"{os.path.relpath(path)}: its outputs are older than its code; run `make notebooks`")
    return 1 if stale else 0


def run(paths: list[Path]) -> int:
    """Execute each notebook, one line per notebook; 1 if one of them failed."""
    failed = 0
    for path in paths:
        begin = time.monotonic()
        problem = execute(path)
        word = "ok" if problem is None else "FAILED, left as it was"
        print(f"{os.path.relpath(path)}: {word} ({time.monotonic() - begin:.1f} s)", flush=True)
        if problem is not None:
            print(problem, flush=True)
            failed += 1
    return 1 if failed else 0


def main() -> int:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Execute the notebooks in place and keep what they show.")
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks (default: all in notebooks/)")
    parser.add_argument("--check", action="store_true", help="execute nothing, list the notebooks with stale outputs")
    options = parser.parse_args()
    paths = options.paths or notebooks()
    missing = [str(path) for path in paths if not path.is_file()]
    if missing or not paths:
        print(f"no such notebook: {', '.join(missing) or 'notebooks/*.ipynb'}", file=sys.stderr)
        return 2
    return check(paths) if options.check else run(paths)


if __name__ == "__main__":
    sys.exit(main())
