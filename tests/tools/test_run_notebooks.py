"""Executed notebooks: complete or untouched, and the same bytes from every run."""

import ast

import nbformat
import pytest
import run_notebooks as tool
from nbconvert.exporters import HTMLExporter, ScriptExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output


def notebook(*sources):
    return new_notebook(cells=[new_markdown_cell("# Title"), *map(new_code_cell, sources)])


def test_the_hash_sees_code_and_its_order_and_nothing_else_and_is_stale_after_an_edit():
    nb = notebook("a = 1", "b = 2")
    before = tool.code_hash(nb)
    nb.cells[0].source = "# Another title"
    nb.cells[1].outputs = [new_output("stream", text="1")]
    assert tool.code_hash(nb) == before
    assert tool.code_hash(notebook("b = 2", "a = 1")) != before
    assert tool.code_hash(notebook("a = 1\nb = 2")) != before
    nb = notebook("a = 1")
    assert tool.is_stale(nb)
    tool.tidy(nb)
    assert not tool.is_stale(nb)
    nb.cells[1].source = "a = 2"
    assert tool.is_stale(nb)


def test_what_differs_from_run_to_run_is_not_kept():
    nb = notebook("1")
    nb.metadata["widgets"] = {"state": {}}
    nb.metadata["language_info"] = {"name": "python", "version": "3.11.0", "codemirror_mode": {"version": 3}}
    nb.cells[1].metadata["execution"] = {"iopub.execute_input": "now"}
    view = {tool.WIDGET_VIEW: {"model_id": "1"}, "text/plain": "VBox()"}
    nb.cells[1].outputs = [
        new_output("stream", text="\x1b[31m<f at 0x7f12>\x1b[0m"),
        new_output("display_data", data=dict(view)),
        new_output("display_data", data={**view, "image/png": "x"}),
    ]
    tool.tidy(nb)
    assert "widgets" not in nb.metadata
    assert nb.metadata["language_info"] == tool.LANGUAGE
    assert not any("version" in name for name in tool.LANGUAGE)
    assert nb.cells[1].metadata == {}
    assert nb.cells[1].outputs[0].text == "<f at 0x…>"
    assert [set(output.get("data", ())) for output in nb.cells[1].outputs] == [set(), {"text/plain", "image/png"}]


def test_a_kept_notebook_is_exported_as_the_python_that_it_is():
    """Name and ending of the exported file, its comments and its colours come from the metadata alone."""
    nb = notebook("print('a')")
    tool.tidy(nb)
    source, told = ScriptExporter().from_notebook_node(nb)
    assert told["output_extension"] == ".py"
    assert "# # Title" in source
    assert ast.parse(source).body
    page, _ = HTMLExporter().from_notebook_node(nb)
    assert 'class="highlight hl-ipython3"' in page


def test_ids_follow_the_cells_and_chosen_ids_stay():
    first, second = notebook("a", "b", "a"), notebook("a", "b", "a")
    for nb in (first, second):
        nb.cells[2].id = "the-check"
        tool.tidy(nb)
    ids = [cell.id for cell in first.cells]
    assert ids == [cell.id for cell in second.cells]
    assert len(set(ids)) == 4
    assert ids[2] == "the-check"
    tool.tidy(first)
    assert [cell.id for cell in first.cells] == ids


def test_a_run_repeats_to_the_byte_and_a_failure_leaves_the_file_alone(tmp_path, capsys):
    path = tmp_path / "good.ipynb"
    nbformat.write(notebook("print('a')\nprint(object())", "1 + 1"), path)
    assert tool.run([path]) == 0
    once = path.read_bytes()
    assert tool.check([path]) == 0
    assert tool.run([path]) == 0
    assert path.read_bytes() == once

    nb = nbformat.read(path, as_version=4)
    nb.cells[2].source = "1 / 0"
    nbformat.write(nb, path)
    broken = path.read_bytes()
    capsys.readouterr()
    assert tool.run([path]) == 1
    assert "cell 3 of 3" in (said := capsys.readouterr().out)
    assert "ZeroDivisionError" in said
    assert path.read_bytes() == broken
    assert tool.check([path]) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["good.ipynb"]


def test_no_notebook_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["run_notebooks.py", str(tmp_path / "none.ipynb")])
    assert tool.main() == 2
    assert "none.ipynb" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError):
        tool.check([tmp_path / "none.ipynb"])
