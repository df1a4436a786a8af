"""The notation sheet: every link leads to a section, every name in code exists."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
SHEET = (ROOT / "notebooks" / "NOTATION.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in SHEET.splitlines()
    if line.startswith("| ") and "introduced" not in line
]
CODE = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "ssl_explain").rglob("*.py"))


def sections(name):
    """Text under every heading of a notebook, by the address that JupyterLab gives the heading."""
    text = "\n".join(cell.source for cell in nbformat.read(ROOT / "notebooks" / name, as_version=4).cells)
    parts = re.split(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {heading.strip().replace(" ", "-"): body for heading, body in zip(parts[1::2], parts[2::2], strict=True)}


def test_rows_are_whole():
    assert len(ROWS) > 25
    assert {len(row) for row in ROWS} == {5}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_symbol_leads_to_its_section_and_a_name_that_exists(row):
    name, anchor = re.fullmatch(r"\[.+\]\((\w+\.ipynb)#(.+)\)", row[4]).groups()
    assert anchor in sections(name), f"{name} has no section {anchor}"
    names = [name for quoted in re.findall(r"`([^`]+)`", row[2]) for name in re.findall(r"[A-Za-z_]{3,}", quoted)]
    assert names
    assert [name for name in names if not re.search(rf"\b{name}\b", CODE)] == []


SHARED = {"s", "β", "M", "w", "m", "p", "C"}
"""Letters that still mean more than one thing. Each notebook says which; this set may only get smaller."""


def test_a_letter_means_one_thing_but_for_those_that_are_listed():
    letters = [symbol.strip() for row in ROWS for symbol in row[0].split(",") if re.fullmatch(r"\s*\S+\s*", symbol)]
    twice = {letter for letter in letters if letters.count(letter) > 1 and "(" not in letter and ")" not in letter}
    assert twice == SHARED
