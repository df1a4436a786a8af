"""A clone has the bytes that were committed, also where git is told to convert line ends; there it reads and builds."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ssl_explain.results import read_table, write_table

ROOT = Path(__file__).resolve().parents[2]
READ = """
from ssl_explain.results import DATA, read_table
print(DATA)
print(len([read_table(path) for path in DATA.glob("*.csv")]))
"""


def git(*arguments, folder=ROOT):
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def tracked():
    return [name for name in git("ls-files", "-z").split("\0") if name]


@pytest.fixture(scope="module")
def repository():
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("NO CLONE WAS MADE: this is not a git checkout, or there is no git")
    return ROOT


@pytest.fixture(scope="module")
def clone(repository, tmp_path_factory):
    """What is committed, cloned as on Windows."""
    folder = tmp_path_factory.mktemp("clone") / "course"
    git("clone", "--quiet", "-c", "core.autocrlf=true", str(repository), str(folder))
    return folder


def run(*command, folder):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GIT_"))}
    environment |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_every_file_has_a_rule_that_fixes_its_bytes(repository):
    """A new kind of binary file needs a line in .gitattributes: a guess of git's is not enough for it."""
    lines = git("check-attr", "text", "eol", "--", *tracked()).splitlines()
    attributes = {}
    for line in lines:
        name, attribute, value = line.rsplit(": ", 2)
        attributes.setdefault(name, {})[attribute] = value
    for name, found in attributes.items():
        content = ROOT.joinpath(name).read_bytes() if ROOT.joinpath(name).is_file() else b""
        assert b"\r" not in content or found["text"] == "unset", name
        binary = b"\0" in content
        assert found["text"] == ("unset" if binary else "auto"), name
        assert binary or found["eol"] == "lf", name


def test_a_clone_that_converts_line_ends_has_the_bytes_that_were_committed_and_reads_its_tables(clone):
    changed = [name for name in git("diff", "--name-only", "HEAD", folder=clone).split() if name]
    assert changed == []
    for line in git("ls-files", "--eol", folder=clone).splitlines():
        kept, there = line.split()[:2]
        assert kept.removeprefix("i/") == there.removeprefix("w/"), line
    done = run(sys.executable, "-c", READ, folder=clone)
    assert done.stdout.split() == [str(clone / "data"), str(len(list((ROOT / "data").glob("*.csv"))))], done.stderr


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_a_clone_that_converts_line_ends_runs_its_scripts(clone):
    done = run("sh", "tools/check_python.sh", sys.executable, folder=clone)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for script in (".ci/run", "tools/check_python.sh"):
        done = run("bash", "-n", script, folder=clone)
        assert (done.returncode, done.stderr) == (0, ""), script
    assert "make lab" in run("make", "help", folder=clone).stdout


def test_a_table_whose_line_ends_alone_differ_is_told_so(tmp_path):
    path = tmp_path / "table.csv"
    write_table(path, {"x": [1, 2]}, command="c", seeds="s")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    said = r"got other line ends, CRLF for LF: git \(core.autocrlf\) or an editor has converted them; restore it"
    with pytest.raises(ValueError, match=said):
        read_table(path)


def test_what_a_tool_writes_for_others_has_the_same_line_ends_everywhere():
    """Python on Windows converts what it writes as text: notebooks and pages say that it must not."""
    for path in sorted((ROOT / "tools").glob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        for call in calls:
            if getattr(call.func, "attr", "") == "write_text" and path.name != "setup_env.py":  # what stays in .venv
                assert "newline" in {keyword.arg for keyword in call.keywords}, f"{path.name}: {ast.unparse(call)}"
