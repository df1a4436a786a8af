"""Every notebook keeps the skeleton: each part is there, executed, readable without a kernel, and clean."""

import copy
import itertools
import re
import statistics
from pathlib import Path

import nbformat
import pytest
import run_notebooks as tool
from course import ONLY_IN_LAB
from nbformat.v4 import new_output

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
START, LINEAR = FOLDER / "00_start_here.ipynb", FOLDER / "11_byol_solved.ipynb"
NETWORK = re.compile(r"https?:|urllib|requests|urlopen|aiohttp|socket|wget|curl|download|[!%]\s*pip\b|pip install")
MACHINE = re.compile(r"/(home|work|tmp|root|Users)/|file://|\b[A-Z]:\\+\w", re.ASCII)
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
VERDICT = re.compile(r"\b(True|False)\b")
WHERE = re.compile(
    r"(?![#>|*-])[^.:?]*\b(left|right|middle|(end|panel|table|corner|edge|line|curve|dot|mark|circle|square|diamond|ring|bar"
    r"|row|column|arrow|slope|path|dash|colour)s?|blue|orange|green|pink|grey|dark)\b[^\n]*[.:]",
    re.IGNORECASE,
)
LATER = re.compile(r"\b(?:after|step|time) (\d[\d.]*)\b", re.IGNORECASE)
FOLDED = re.compile(r"<details><summary>[^<]*</summary><b>Measured:</b> .*</details>$", re.DOTALL)
VIEW = "application/vnd.jupyter.widget-view+json"
FIRST_LINE = (
    "In JupyterLab, first choose *Run → Run All Cells*: the pictures saved in this file are stills, and get their "
    "sliders and buttons when their cells have run."
)
WHAT_TO_INSTALL = (
    '# "No module named …" below? This notebook is part of a project: install all of it, as its README.md says.'
)


def tagged(nb, tag):
    return [cell for cell in nb.cells if tag in cell.metadata.get("tags", [])]


def code(nb):
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def words(cell):
    """Everything in a cell that a reader or a screen reader meets as text."""
    parts = [cell.source]
    for output in cell.get("outputs", []):
        data, alt = output.get("data", {}), output.get("metadata", {})
        parts += [output.get("text", ""), *output.get("traceback", []), str(alt)]
        parts += [str(value) for kind, value in data.items() if kind.startswith("text/") or kind == "image/svg+xml"]
    return "\n".join(parts)


def minutes(nb):
    found = re.search(r"\*\*Time:?\*\*:? (\d+) minutes", nb.cells[0].source)
    return int(found[1]) if found else 0


def valid(nb, name):
    nbformat.validate(nb)
    return nb.metadata.get("kernelspec", {}).get("name") == "python3" and nb.nbformat == 4


def first_screen(nb, name):
    first, number = nb.cells[0], name[:2]
    last = first.source.rstrip().splitlines()[-1]
    parts = re.fullmatch(r"previous: (.+) \| \[contents\]\(README\.md\) \| next: (.+)", last)
    neighbours = [Path(target).name[:2] for part in parts.groups() for target in LINK.findall(part)] if parts else []
    linked = number == "00" or any(other < number for other in neighbours)
    needed = ("**Question", "**Time", "CPU only", "**Afterwards", "**You need")
    marked = first.cell_type == "markdown" and first in tagged(nb, "first-screen") and first.source.startswith("# ")
    return marked and all(word in first.source for word in needed) and minutes(nb) > 0 and bool(parts) and linked


def links(nb, name):
    targets = [t for cell in nb.cells if cell.cell_type == "markdown" for t in LINK.findall(cell.source)]
    return [t for t in targets if not t.startswith(("http", "#")) and not (FOLDER / t.partition("#")[0]).exists()] == []


def setup(nb, name):
    second = nb.cells[1]
    return second.cell_type == "code" and tagged(nb, "setup") == [second] and "seed" in second.source


def what_to_do_first(nb, name):
    """A reader who opens the file anywhere learns below its title what its pictures are, and how they come alive."""
    return nb.cells[0].source.split("\n\n")[1] == FIRST_LINE and ONLY_IN_LAB.fullmatch(f"{FIRST_LINE}\n\n")


def what_to_install(nb, name):
    """Where the package is missing, the first line of the cell that fails says what to do."""
    return nb.cells[1].source.splitlines()[0] == WHAT_TO_INSTALL and "import" in nb.cells[1].source.splitlines()[1]


def language(nb, name):
    return nb.metadata.get("language_info") == tool.LANGUAGE


def short_cells(nb, name):
    imports, *lengths = [len(cell.source.splitlines()) for cell in code(nb)]
    return statistics.median(lengths) <= 5 and max(lengths) <= 25 and imports <= 45


def parts(nb, name):
    start = name.startswith("00")
    count = {tag: len(tagged(nb, tag)) for tag in ("explorer", "figure", "check", "breaks", "exercise", "hints")}
    exercises = 1 <= count["exercise"] <= 1 if start else 3 <= count["exercise"] <= 5
    there = all(count[tag] >= 1 for tag in ("explorer", "figure", "check", "breaks"))
    return there and exercises and count["hints"] == count["exercise"] and bool(tagged(nb, "summary"))


def predictions(nb, name):
    asked, shown = ([nb.cells.index(cell) for cell in tagged(nb, tag)] for tag in ("predict", "reveal"))
    paired = len(asked) == len(shown) and all(a < b for a, b in zip(asked, shown, strict=True))
    return paired and len(asked) >= (1 if name.startswith("00") else 2)


def kept_safe(nb, name):
    """Between a question and its reveal stand start states only; then the answer is folded, and a picture follows."""
    asked, shown = ([nb.cells.index(cell) for cell in tagged(nb, tag)] for tag in ("predict", "reveal"))
    for first, last, end in zip(asked, shown, [*asked[1:], len(nb.cells)], strict=False):
        between = [cell for cell in nb.cells[first:last] if pictured(cell)]
        opening = [*tagged(nb, "explorer"), *tagged(nb, "predict")]
        starts = all(cell in opening and not set(LATER.findall(alt(cell))) - {"0"} for cell in between)
        folded = all("text/html" in out.data and FOLDED.match(out.data["text/html"]) for out in nb.cells[last].outputs)
        if not (starts and folded and any(pictured(cell) for cell in nb.cells[last:end])):
            return False
    return True


def pictured(cell):
    return any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


def captioned(nb, name):
    """Under every picture stands a cell of text, and its first sentence says where to look."""
    followed = zip(nb.cells, [*nb.cells[1:], nb.cells[0]], strict=True)
    return all(
        after.cell_type == "markdown" and WHERE.match(after.source) for cell, after in followed if pictured(cell)
    )


def alt(cell):
    return " ".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def few_checks(nb, name):
    """At most five, each a call of the kit's check, which raises; nothing prints True or False."""
    calls = sum(len(re.findall(r"^ *check\(", cell.source, re.MULTILINE)) for cell in code(nb))
    verdicts = [line for cell in tagged(nb, "check") for line in printed(cell).splitlines() if VERDICT.search(line)]
    helped = all(re.search(r"^ *check\(", cell.source, re.MULTILINE) for cell in tagged(nb, "check"))
    return calls <= 5 and not verdicts and helped


def executed(nb, name):
    counts = [cell.execution_count for cell in code(nb)]
    failed = [output for cell in code(nb) for output in cell.outputs if output.output_type == "error"]
    return counts == list(range(1, len(counts) + 1)) and failed == []


def compared(nb, name):
    """A cell without a count or a text is never compared: the check would be none."""
    checks = [*tagged(nb, "check"), *tagged(nb, "exercise")]
    return all(
        "nbval-check-output" in cell.metadata.tags and cell.execution_count is not None and printed(cell).strip()
        for cell in checks
    )


def exercises(nb, name):
    return all("not attempted yet" in printed(c) and ".check(" in c.source for c in tagged(nb, "exercise"))


def headings(nb, name):
    lines = [line for cell in nb.cells if cell.cell_type == "markdown" for line in cell.source.splitlines()]
    levels = [len(found[1]) for line in lines if (found := re.match(r"(#+) ", line))]
    steps = itertools.pairwise(levels)
    return levels[:1] == [1] and levels.count(1) == 1 and all(b <= a + 1 for a, b in steps)


def images(nb, name):
    pictured = [*tagged(nb, "explorer"), *tagged(nb, "figure")]
    for cell in code(nb):
        for output in cell.outputs:
            for kind in [kind for kind in output.get("data", {}) if kind.startswith("image/")]:
                alt = output.metadata.get(kind, {}).get("alt", "")
                if len(alt) < 20 or len(output.data.get("text/plain", "")) < 20:
                    return False
    return all(any("image/png" in output.get("data", {}) for output in cell.outputs) for cell in pictured)


def no_widget_state(nb, name):
    views = [output for cell in code(nb) for output in cell.outputs if VIEW in output.get("data", {})]
    return "widgets" not in nb.metadata and views == []


def no_network(nb, name):
    return not any(NETWORK.search(cell.source) for cell in code(nb))


def no_machine_path(nb, name):
    return not any(MACHINE.search(words(cell)) for cell in nb.cells)


def speaker_notes(nb, name):
    noted = [cell for cell in nb.cells if "speaker" in cell.metadata]
    notes = [cell.metadata["speaker"] for cell in noted]
    complete = all(set(note) >= {"minutes", "poll", "wrong"} and note["poll"] and note["wrong"] for note in notes)
    placed = all(cell.cell_type == "markdown" and cell.source.startswith("## ") for cell in noted)
    return len(notes) >= 3 and complete and placed and 0 < sum(note["minutes"] for note in notes) <= minutes(nb)


def fresh(nb, name):
    return not tool.is_stale(nb)


RULES = (
    valid, language, first_screen, what_to_do_first, links, setup, what_to_install, short_cells, parts,
    predictions, kept_safe, captioned, few_checks, executed, compared, exercises, headings, images, no_widget_state,
    no_network, no_machine_path, speaker_notes, fresh,
)  # fmt: skip


def broken_rules(nb, name):
    return [rule.__name__ for rule in RULES if not rule(nb, name)]


def test_there_are_notebooks():
    assert START in NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_the_skeleton(path):
    assert broken_rules(nbformat.read(path, as_version=4), path.name) == []


def last_line(nb, text):
    nb.cells[0].source = "\n".join([*nb.cells[0].source.splitlines()[:-1], text])


def plant(nb, rule):
    """Break one rule."""
    cell = {tag: (tagged(nb, tag) or [None])[0] for tag in ("setup", "check", "figure", "exercise", "reveal")}
    image = next(output for output in cell["figure"].outputs if "image/png" in output.data)
    note = next(c for c in nb.cells if "speaker" in c.metadata)
    {
        "valid": lambda: nb.metadata.kernelspec.update(name="python2"),
        "language": lambda: nb.metadata.language_info.update(version="3.11.0"),
        "what_to_do_first": lambda: nb.cells[0].update(source=nb.cells[0].source.replace("stills", "alive")),
        "what_to_install": lambda: cell["setup"].update(source="import torch\n\nseed = 1"),
        "first_screen": lambda: last_line(nb, "previous: none | next: none"),
        "links": lambda: last_line(nb, "previous: none | [contents](README.md) | next: [99](99_gone.ipynb)"),
        "setup": lambda: cell["setup"].metadata.update(tags=[]),
        "short_cells": lambda: [c.update(source="x = 1\n" * 6) for c in code(nb)[1:]],
        "parts": lambda: nb.cells.remove(cell["exercise"]),
        "predictions": lambda: cell["reveal"].metadata.update(tags=[]),
        "kept_safe": lambda: cell["reveal"].outputs[0].data.pop("text/html"),
        "captioned": lambda: nb.cells[nb.cells.index(cell["figure"]) + 1].update(source="The run was too short."),
        "few_checks": lambda: cell["check"].outputs[0].update(text="it holds: True"),
        "executed": lambda: cell["figure"].update(execution_count=99),
        "compared": lambda: cell["check"].update(outputs=[]),
        "exercises": lambda: cell["exercise"].update(outputs=[new_output("stream", text="Right.")]),
        "headings": lambda: nb.cells[2].update(source="#### Too deep"),
        "images": lambda: image.metadata.clear(),
        "no_widget_state": lambda: image.data.update({VIEW: {"model_id": "1"}}),
        "no_network": lambda: cell["figure"].update(source="import urllib.request"),
        "no_machine_path": lambda: image.data.update({"text/html": f"saved to /{'home'}/somebody/picture.png"}),
        "speaker_notes": lambda: note.metadata.speaker.pop("poll"),
        "fresh": lambda: cell["figure"].update(source="1"),
    }[rule]()


@pytest.mark.parametrize("rule", [rule.__name__ for rule in RULES])
def test_planted_violation_is_found(rule):
    path = LINEAR if rule in ("few_checks", "kept_safe") else START
    nb = copy.deepcopy(nbformat.read(path, as_version=4))
    plant(nb, rule)
    assert rule in broken_rules(nb, path.name)


@pytest.mark.parametrize(
    "text", ["/tmp/x", f"in /{'work'}/here", r"C:\Users", "C:\\\\Users", f"/{'root'}/.cache", "file:///x"]
)
def test_machine_paths_are_recognised(text):
    assert MACHINE.search(text)


@pytest.mark.parametrize("text", ["../data/table.csv", "P(x): $\\rho$", "and/or", "network/s", "E: \\mathbb"])
def test_other_text_is_no_machine_path(text):
    assert not MACHINE.search(text)
