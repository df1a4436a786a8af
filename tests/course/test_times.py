"""The minutes on the first screens are counted, not wished."""

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
WORDS, PICTURE, EXPLORER, EXERCISE = 180, 1, 2, 5  # words a minute; minutes each, an exercise if it does not say


def minutes(notebook):
    """Reading, looking, playing, predicting, and what the exercises ask for."""
    text = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    words = len(re.findall(r"[A-Za-z]{2,}", re.sub(r"\$[^$]*\$", "", text)))
    tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]
    said = [int(number) for number in re.findall(r"\((?:easy|medium|hard)[^)]*?(\d+) min", text)]
    silent = tags.count("exercise") - len(said)
    looking = PICTURE * tags.count("figure") + EXPLORER * (tags.count("explorer") + tags.count("predict"))
    return words / WORDS + looking + sum(said) + EXERCISE * silent


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_time_holds(path):
    notebook = nbformat.read(path, as_version=4)
    promised = int(re.search(r"\*\*Time:\*\* (\d+) minutes", notebook.cells[0].source)[1])
    assert promised == pytest.approx(minutes(notebook), rel=0.2)
