"""Under each displayed equation stands the line that computes it, and few names are behind an import."""

import ast
import re
import tomllib
from importlib import import_module
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

HERE = Path(__file__).parent
NOTEBOOKS = {path.name[:2]: path for path in sorted((HERE.parents[1] / "notebooks").glob("*.ipynb"))}
LISTED = tomllib.loads((HERE / "formulas.toml").read_text(encoding="utf-8"))
TO_COME: set[str] = set()
EQUATION = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
each = pytest.mark.parametrize("number", LISTED)


def cells(number, kind):
    nb = nbformat.read(NOTEBOOKS[number], as_version=4)
    return [cell for cell in nb.cells if cell.cell_type == kind]


def ordinary(number):
    """The sources of the code cells that are neither exercises nor imports."""
    tags = [set(cell.metadata.get("tags", [])) for cell in cells(number, "code")]
    return [
        cell.source
        for cell, own in zip(cells(number, "code"), tags, strict=True)
        if not own & {"exercise", "hints", "setup"}
    ]


def test_every_notebook_is_listed_or_to_come():
    assert set(LISTED) | TO_COME == set(NOTEBOOKS)
    assert not set(LISTED) & TO_COME


@each
def test_every_displayed_equation_is_listed_in_order(number):
    shown = [found for cell in cells(number, "markdown") for found in EQUATION.findall(cell.source)]
    listed = [formula for formula, *_ in LISTED[number]["formulas"]]
    assert len(shown) == len(listed)
    assert [formula for formula, equation in zip(listed, shown, strict=True) if formula not in equation] == []


@each
def test_the_line_stands_in_a_cell(number):
    for formula, line, *why in LISTED[number]["formulas"]:
        assert bool(line) != bool(why), f"a line, or a reason for none: {formula}"
        assert not line or any(line in source for source in ordinary(number)), formula


def test_three_quarters_of_the_formulas_are_computed_in_a_cell():
    lines = [line for own in LISTED.values() for _, line, *_ in own["formulas"]]
    assert sum(map(bool, lines)) >= 0.75 * len(lines)


def reached(source):
    """The distinct names that some code reaches through imports of the package; of a module, its attributes."""
    tree = ast.parse(source)
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module.startswith("ssl_explain")]
    local = {(name.asname or name.name): (node.module, name.name) for node in imports for name in node.names}
    modules = {name for name, (module, own) in local.items() if is_module(module, own)}
    used = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
    }
    return used | (set(local) - modules)


def is_module(module, name):
    """Whether what a module has under a name is a module: the function of cloud_explorer.py hides its file."""
    found = getattr(import_module(module), name, None)
    return isinstance(found, ModuleType) or found is None  # a file that is not imported yet


@each
def test_no_notebook_reaches_more_names_than_listed(number):
    names = reached("\n\n".join(cell.source for cell in cells(number, "code")))
    assert len(names) == LISTED[number]["names"], sorted(names)


def test_attributes_of_a_module_are_counted_and_a_module_is_not():
    code = "from ssl_explain.kit import checks\nfrom ssl_explain.kit.checks import check\nchecks.check(checks.torch)"
    assert reached(code) == {"checks.check", "checks.torch", "check"}
