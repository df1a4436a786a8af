"""What is said in several places is said in the same way: versions, commands, addresses."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distributions, metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNTIME = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = [Requirement(line) for lines in PROJECT.get("optional-dependencies", {}).values() for line in lines]
EXTRAS = [requirement for requirement in EXTRAS if requirement.name != PROJECT["name"]]  # one group inside another
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base", "seaborn": "seaborn-base"}
ONLY_FOR_CONDA = {"python", "pip"}


def name_of(requirement):
    return canonicalize_name(requirement.name)


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def installed_pins():
    """The pins that this environment holds in exactly that version (on torch: whatever its build)."""
    held = {canonicalize_name(d.name): d.version.split("+")[0] for d in distributions()}
    return [(name, version) for name, version in pins().items() if held.get(canonicalize_name(name)) == version]


def conda_lines():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    return {line.split()[0]: line for line in yaml.safe_load(text)["dependencies"]}


@pytest.mark.parametrize("requirement", RUNTIME + EXTRAS, ids=name_of)
def test_a_range_is_closed_on_both_sides_and_holds_the_pinned_version(requirement):
    assert {spec.operator for spec in requirement.specifier} == {">=", "<"}, f"{requirement}: write >=a,<b"
    versions = {canonicalize_name(name): version for name, version in pins().items()}
    assert name_of(requirement) in versions, "add it to constraints.txt"
    assert requirement.specifier.contains(versions[name_of(requirement)])


def test_constraints_are_plain_pins_in_order_that_run_on_the_oldest_python():
    assert all(re.fullmatch(r"[\w.-]+==[\w.!]+", f"{name}=={version}") for name, version in pins().items())
    assert list(pins()) == sorted(pins(), key=str.lower)
    assert pins()["torch"] == "2.13.0"
    oldest = PROJECT["requires-python"].removeprefix(">=") + ".0"
    wanted = {name: SpecifierSet(metadata(name).get("Requires-Python") or "") for name, _ in installed_pins()}
    assert wanted
    assert [f"{name} {spec}" for name, spec in wanted.items() if not spec.contains(oldest)] == []


@pytest.mark.parametrize("requirement", RUNTIME, ids=name_of)
def test_conda_users_get_the_same_range(requirement):
    name = CONDA_NAMES.get(requirement.name, requirement.name)
    assert name in conda_lines(), "add it to environment.yml"
    assert SpecifierSet(conda_lines()[name].removeprefix(name)) == requirement.specifier


def test_conda_asks_for_nothing_else_and_says_who_needs_each_line():
    wanted = {CONDA_NAMES.get(requirement.name, requirement.name) for requirement in RUNTIME}
    assert set(conda_lines()) - ONLY_FOR_CONDA == wanted
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    lines = text.split("dependencies:")[1].strip().splitlines()
    assert all(re.search(r"\S +# \S", line) for line in lines)


def test_one_oldest_python_everywhere():
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert f">={oldest}," in conda_lines()["python"]
    for file in ("README.md", "tools/check_python.sh"):
        assert f"Python {oldest} or newer" in (ROOT / file).read_text(encoding="utf-8")


def test_the_gate_is_make_test_and_nothing_weaker():
    gate = ROOT / ".ci" / "run"
    assert os.access(gate, os.X_OK)
    lines = gate.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if re.match(r"\s*(exec )?make\b", line)] == ["exec make test </dev/null"]
    assert lines[-1] == "exec make test </dev/null"


def stub(folder, script, name="python-stub"):
    """A program that claims to be a Python interpreter, or what ``name`` says."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


TOO_OLD = "echo 3.9"
NO_VENV = 'case "$2" in *ensurepip*) exit 1;; *) echo 3.12;; esac'
ON_WINDOWS = pytest.mark.skipif(os.name == "nt", reason="make lab needs a POSIX shell")


def refusal(python):
    done = subprocess.run(["sh", "tools/check_python.sh", python], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


@ON_WINDOWS
def test_an_unusable_interpreter_gets_one_clear_sentence(tmp_path):
    assert re.search(r"3\.11 or newer is needed, but .* is Python 3\.9; .*PYTHON=", refusal(stub(tmp_path, TOO_OLD)))
    assert re.search(r"newer is needed, but .* is Python 2\.7; .*PYTHON=", refusal(stub(tmp_path, "echo 2.7")))
    assert re.search(r"lacks the venv module; .*python3\.12-venv", refusal(stub(tmp_path, NO_VENV)))
    assert re.search(r"there is no Python interpreter .*PYTHON=", refusal(str(tmp_path / "nowhere")))
    assert re.search(r"does not run as a Python", refusal(stub(tmp_path, "exit 3")))


@ON_WINDOWS
def test_this_interpreter_is_accepted_in_silence():
    done = subprocess.run(["sh", "tools/check_python.sh", sys.executable], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@ON_WINDOWS
@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize("target", ["lab", "env-test", "demo"])
def test_make_hands_the_interpreter_on(tmp_path, target):
    harmless = ["LAB_ARGS=--version", "DEMO_ARGS=--help"]  # should the refusal fail to come
    command = ["make", target, f"PYTHON={stub(tmp_path, TOO_OLD)}", *harmless]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "is Python 3.9" in done.stderr


@ON_WINDOWS
@pytest.mark.parametrize("user", ["0", "1000"])
def test_without_a_browser_the_gate_warns_and_still_runs(tmp_path, user):
    for program in ("bash", "dirname"):
        (tmp_path / program).symlink_to(shutil.which(program))
    for name, script in {"id": f"echo {user}", "apt-get": "echo apt-get $*; exit 1", "make": "echo make $*"}.items():
        stub(tmp_path, script, name)
    done = subprocess.run(
        [tmp_path / "bash", ROOT / ".ci" / "run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "make test"
    assert ("apt-get update" in done.stdout) == (user == "0")
    assert "BROWSER TESTS WILL BE SKIPPED" in done.stderr


REGISTRIES = [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("debian", "org"), ("anaconda", "org")]
FORBIDDEN = {
    "a package registry": "|".join(rf"\b{name}\.{end}\b" for name, end in [*REGISTRIES, ("download", "pytorch")]),
    "a path of one machine": r"(?<![\w.~-])/(?:" + "|".join(["root", "home", "Users", "work"]) + r")/\w",
    "a temporary path": "/tmp/" + "ipykernel",
}


def tracked_files():
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout: nothing says which files are tracked")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = [ROOT / name for name in listed.decode().split("\0") if name]
    assert files
    return files


def test_no_file_is_named_like_a_module_of_the_standard_library():
    assert [file for file in tracked_files() if file.suffix == ".py" and file.stem in sys.stdlib_module_names] == []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_names(what):
    files = tracked_files()
    texts = {file: file.read_bytes().decode("utf-8", errors="replace") for file in files if file.is_file()}
    found = [
        f"{file.relative_to(ROOT)}: {hit[0]}"
        for file, text in texts.items()
        if (hit := re.search(FORBIDDEN[what], text))
    ]
    assert found == []
