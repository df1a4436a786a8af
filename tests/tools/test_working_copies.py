"""A reader's work lies apart from the course: nothing of it is lost, and the checkout stays as git knows it."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
import working_copies
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A course of two files, and the place for the copies."""
    course, mine = tmp_path / "notebooks", tmp_path / "my_notebooks"
    course.mkdir()
    put(course / "a.ipynb", "x = 1")
    (course / "README.md").write_text("# The course\n")
    (course / ".a.ipynb.new").write_text("of another program")
    monkeypatch.setattr(working_copies, "COURSE", course)
    monkeypatch.setattr(working_copies, "MINE", mine)
    return course, mine


def put(path, *sources, output=""):
    nb = new_notebook(cells=[new_code_cell(source, id=f"c{k}") for k, source in enumerate(sources)])
    nb.cells[0].outputs = [new_output("stream", text=output)]
    nbformat.write(nb, path)


def first_line(path):
    return nbformat.read(path, as_version=4).cells[0].source


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_copies_are_the_course_and_a_second_start_changes_nothing(folders):
    course, mine = folders
    assert working_copies.renew(course, mine) == ([], [])
    assert {name for name in files(mine) if not name.startswith(".")} == {"a.ipynb", "README.md"}
    assert files(mine)["a.ipynb"] == files(course)["a.ipynb"]
    once = files(mine)
    assert working_copies.renew(course, mine) == ([], [])
    assert files(mine) == once


def test_a_run_is_no_work_and_an_answer_is(folders):
    """JupyterLab saves what has only been run: such a copy is renewed all the same."""
    course, mine = folders
    working_copies.renew(course, mine)
    put(mine / "a.ipynb", "x = 1", output="of my run")
    ran = files(mine)
    assert working_copies.renew(course, mine) == ([], [])
    assert files(mine) == ran, "the course has not changed"
    put(course / "a.ipynb", "x = 2")
    assert working_copies.renew(course, mine) == (["a.ipynb"], [])
    assert first_line(mine / "a.ipynb") == "x = 2"


@pytest.mark.parametrize("work", ["x = 'mine'", "x = 2  # more"])
def test_work_is_never_overwritten(folders, work, capsys):
    course, mine = folders
    working_copies.renew(course, mine)
    put(mine / "a.ipynb", work)
    assert working_copies.renew(course, mine) == ([], [])
    put(course / "a.ipynb", "x = 2")
    (course / "README.md").write_text("# The course, again\n")
    for renewed in (["README.md"], []):
        assert working_copies.renew(course, mine) == (renewed, ["a.ipynb"])
        assert first_line(mine / "a.ipynb") == work
    working_copies.main()
    assert "a.ipynb: the course has a newer one, yours stays" in capsys.readouterr().out
    (mine / "a.ipynb").rename(mine / "a_mine.ipynb")
    assert working_copies.renew(course, mine) == ([], [])
    assert (first_line(mine / "a.ipynb"), first_line(mine / "a_mine.ipynb")) == ("x = 2", work)


@pytest.mark.parametrize(
    "note", [None, b"", b"{", b"[]", b'{"a.ipynb": null}', b'{"a.ipynb": 3}', b'{"a.ipynb": {}}', b'{"a.ipynb": " "}']
)
def test_without_its_note_every_change_counts_as_work(folders, note):
    course, mine = folders
    working_copies.renew(course, mine)
    put(mine / "a.ipynb", "x = 3")
    path = mine / working_copies.NOTE
    path.unlink() if note is None else path.write_bytes(note)
    _, kept = working_copies.renew(course, mine)
    assert (kept, first_line(mine / "a.ipynb")) == (["a.ipynb"], "x = 3")
    assert json.loads(path.read_bytes())["README.md"]


@pytest.mark.parametrize("garbled", [b"", b"{", b"\xff", b"[]", b'{"cells": 3}', b'{"cells": [{}]}'])
def test_a_copy_that_is_no_notebook_is_left_alone(folders, garbled):
    course, mine = folders
    working_copies.renew(course, mine)
    (mine / "a.ipynb").write_bytes(garbled)
    put(course / "a.ipynb", "x = 2")
    assert working_copies.renew(course, mine) == ([], ["a.ipynb"])
    assert (mine / "a.ipynb").read_bytes() == garbled


def test_a_place_that_cannot_be_written_is_named(folders, capsys):
    folders[1].write_text("a file where the folder should be")
    assert working_copies.main() == 1
    said = capsys.readouterr().err
    assert "my_notebooks/, so it must be writable" in said
    assert len(said.splitlines()) == 1


def test_links_and_tables_are_found_from_the_copies(tmp_path):
    """Every relative link that works in notebooks/ works beside it."""
    mine = tmp_path / "my_notebooks"
    working_copies.renew(ROOT / "notebooks", mine)
    for path in mine.iterdir():
        text = path.read_text(encoding="utf-8")
        for link in re.findall(r"\]\((?!https?:|#)([\w./-]+\.(?:ipynb|md|csv|png))", text):
            assert (mine / link).exists() or (ROOT / "my_notebooks" / link).resolve().exists(), (path.name, link)


def test_after_a_day_of_work_git_can_pull(tmp_path):
    """The copies, their checkpoints and their note are nothing to git; a change of the course arrives."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("NOBODY PULLED: this is not a git checkout, or there is no git")
    told = ["git", "-c", "user.name=n", "-c", "user.email=e@example.com"]
    upstream, reader = tmp_path / "upstream", tmp_path / "reader"
    (upstream / "notebooks").mkdir(parents=True)
    shutil.copy(ROOT / ".gitignore", upstream)
    put(upstream / "notebooks" / "a.ipynb", "x = 1")

    def git(folder, *arguments):
        return subprocess.run([*told, *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout

    git(upstream, "init", "-q")
    for round in range(2):
        put(upstream / "notebooks" / "a.ipynb", f"x = {round}")
        git(upstream, "add", "-A")
        git(upstream, "commit", "-qm", f"round {round}")
        if round == 0:
            git(tmp_path, "clone", "-q", str(upstream), str(reader))
            working_copies.renew(reader / "notebooks", reader / "my_notebooks")
            put(reader / "my_notebooks" / "a.ipynb", "x = 0", output="of a run")
            assert git(reader, "status", "--porcelain") == ""
    git(reader, "pull", "-q")
    assert working_copies.renew(reader / "notebooks", reader / "my_notebooks") == (["a.ipynb"], [])
    assert first_line(reader / "my_notebooks" / "a.ipynb") == "x = 1"
