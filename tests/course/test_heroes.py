"""The picture of the notebook's experiment is drawn from the lines above it: change a line, and the picture changes."""

import ast
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = {path.name[:2]: path for path in sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))}
HEROES = {
    "01": ("after 300 steps of InfoNCE", "weight -= step_size * gradient", "weight -= 2 * step_size * gradient"),
    "03": ("figure_split(", "f = before_2.relu() @ W3.T", "f = before_2 @ W3.T"),
    "05": ("selectivity s: above 0", "return 0.5 * delta * (", "return -0.5 * delta * ("),
}
"""A piece of the cell that draws it, a line of the experiment, and another one."""
NEEDLESS = {"explorer", "check"}


def drawn(number, old, new, end):
    """What the cell with ``end`` shows after the cells above it, without explorers and checks."""
    names: dict = {}
    cells = nbformat.read(NOTEBOOKS[number], as_version=4).cells
    assert sum(cell.source.count(old) for cell in cells) == 1
    for cell in cells:
        last = end in cell.source
        if cell.cell_type == "code" and (last or not NEEDLESS & set(cell.metadata.get("tags", []))):
            body = ast.parse(cell.source.replace(old, new)).body
            exec(compile(ast.Module(body[:-1], []), "<cell>", "exec"), names)
            tail = ast.unparse(body[-1])
            if last:
                return eval(tail, names)._repr_mimebundle_()[0]["image/png"]
            exec(tail, names)
    raise AssertionError(f"no cell of {number} holds {end}")


@pytest.mark.parametrize("number", HEROES)
def test_the_picture_is_drawn_from_the_lines_above_it(number):
    end, old, new = HEROES[number]
    assert drawn(number, old, old, end) != drawn(number, old, new, end)
