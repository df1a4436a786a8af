"""The notation sheet: every link leads to a section, every name in code exists, and a letter means one thing."""

import ast
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
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SYMBOLS = {symbol.strip(): row for row in ROWS for symbol in row[0].split(",")}
MATHS = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.DOTALL)
GREEK = {
    **dict(zip("αβγεζηθικλμνξοπρςστυφχψω", (
        *("alpha", "beta", "gamma", "varepsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi"),
        *("omicron", "pi", "rho", "sigma", "sigma", "tau", "upsilon", "varphi", "chi", "psi", "omega"),
    ), strict=True)),
    **{"Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi"},
}  # fmt: skip


def sources(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]


TEXTS = {path.name: "\n\n".join(sources(path)) for path in NOTEBOOKS}


def sections(name):
    """Text under every heading of a notebook, by the address that JupyterLab gives the heading."""
    text = "\n".join(cell.source for cell in nbformat.read(ROOT / "notebooks" / name, as_version=4).cells)
    parts = re.split(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {heading.strip().replace(" ", "-"): body for heading, body in zip(parts[1::2], parts[2::2], strict=True)}


def link(row):
    """The notebook and the section that introduce the symbols of a row."""
    return re.fullmatch(r"\[.+\]\((\w+\.ipynb)#(.+)\)", row[4]).groups()


def used(letter, text):
    """Whether a text uses a letter: Greek ones anywhere, Latin ones in formulas, where P( and E[ are operators."""
    if letter in GREEK:
        return bool(re.search(rf"{letter}|\\{GREEK[letter]}(?![A-Za-z])", text))
    words = r"\\(?:text|mathrm|operatorname|mathbb)\s*\{[^{}]*\}|\\[A-Za-z]+"
    maths = re.sub(words, " ", " ".join(MATHS.findall(text)))
    return bool(re.search(rf"(?<![A-Za-z^_]){letter}(?![A-Za-z_^([{{]|\\)", maths))


def test_rows_are_whole():
    assert len(ROWS) > 25
    assert {len(row) for row in ROWS} == {5}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_symbol_leads_to_its_section_and_a_name_that_exists(row):
    name, anchor = link(row)
    assert anchor in sections(name), f"{name} has no section {anchor}"
    names = [name for quoted in re.findall(r"`([^`]+)`", row[2]) for name in re.findall(r"[A-Za-z_]{3,}", quoted)]
    assert names
    assert [name for name in names if not re.search(rf"\b{name}\b", CODE)] == []


def test_a_symbol_stands_in_the_sheet_once():
    symbols = [symbol.strip() for row in ROWS for symbol in row[0].split(",")]
    assert sorted({symbol for symbol in symbols if symbols.count(symbol) > 1}) == []


LETTERS = sorted(symbol for symbol in SYMBOLS if len(symbol) == 1 and symbol not in "xeEk")
"""Single letters, but for x, a point and its view, e, also Euler's number, E, also the mean, and k, which counts."""


@pytest.mark.parametrize("letter", LETTERS)
def test_a_letter_is_used_where_it_is_introduced_and_in_no_notebook_before(letter):
    """So a letter cannot mean something else first; what follows may use it, in its meaning."""
    home, anchor = link(SYMBOLS[letter])
    section = sections(home)[anchor]
    assert used(letter, section) or re.search(rf"(?<![A-Za-z]){letter}(?![A-Za-z])", section), home
    assert [name for name in TEXTS if name < home and used(letter, TEXTS[name])] == []


WHERE = {
    "b": "01 03 06 10 12 13", "m": "07 14", "p": "10 11", "s": "05", "w": "02 03 05 06 11", "C": "12", "M": "12",
    "K": "02 04 05 10", "P": "10 11 13", "S": "13", "β": "10 11", "γ": "11", "ε": "09 12", "η": "11", "π": "14",
    "σ": "01 04 10 11 12 13", "τ": "01 04 05 06 08 09 13", "φ": "14", "ω": "11",
}  # fmt: skip
"""The notebooks in whose formulas a letter stands that once meant two things; Greek ones anywhere in their text.

Who adds a notebook to a letter, or a letter to a notebook, has seen that it means what the sheet says.
"""


@pytest.mark.parametrize("letter", WHERE)
def test_a_letter_that_once_meant_two_things_stands_where_it_means_one(letter):
    assert " ".join(name[:2] for name in TEXTS if used(letter, TEXTS[name])) == WHERE[letter]


NAMES = {
    "z": "00 07 08 14", "A": "14", "D": "02", "E": "11", "F": "14", "M": "12", "P": "10 11", "S": "13", "T": "06",
    "alpha": "11", "beta": "11", "eta": "11", "gamma": "11", "phi": "14", "Pi": "14", "pi": "07 14", "rho": "07 08 14",
    "sigma": "01", "tau": "01 04 05 06 08 09", "xi": "04", "C": "", "G": "", "H": "", "R": "", "X": "", "omega": "",
}  # fmt: skip
"""The notebooks whose code cells give a value to a name that shows a letter: the same thing as in the formulas."""


def given(path):
    """The names to which the code cells of a notebook give a value, arguments of functions too."""
    code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    nodes = [node for source in code for node in ast.walk(ast.parse(source))]
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored | {node.arg for node in nodes if isinstance(node, ast.arg)}


def test_a_name_that_shows_a_letter_is_what_the_letter_is():
    found = {path.name[:2]: given(path) for path in NOTEBOOKS}
    assert {name: " ".join(n for n, names in found.items() if name in names) for name in NAMES} == NAMES


def test_the_strength_of_an_augmentation_is_q():
    named = re.compile(r"\b[Ss]trength(?: of the augmentation)?,? \$?([A-Za-zα-ω])\$?(?= |,|\.|$)")
    assert {letter for text in TEXTS.values() for letter in named.findall(text)} == {"q"}


def test_a_letter_is_found_in_a_formula():
    texts = "η = 0.1", "$\\eta$", "$\\sqrt{p}\\,f$", "$\\beta = 1$", "$P(x)$ and $\\pi(x)$ by p"
    assert [[used(letter, text) for text in texts] for letter in "ηpP"] == [
        [True, True, False, False, False],
        [False, False, True, False, False],
        [False, False, False, False, False],
    ]
