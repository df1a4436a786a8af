"""Checks that can fail: each listed mistake, made in a copy of the package, turns one named check red.

A mistake counts as caught only by a comparison that fails: not by code that stops, and not by nothing being run.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
from mutations import LOSSES, OPERATORS, WORLDS, Mutation
from mutations_of_runs import FLOWS, MEASUREMENTS, NETWORKS

ROOT = Path(__file__).resolve().parents[2]
MUTATIONS = [*OPERATORS, *LOSSES, *WORLDS, *NETWORKS, *FLOWS, *MEASUREMENTS]
PLACES = sorted({place for mutation in MUTATIONS for place in mutation.caught.split()})
COMPARED = re.compile(r"AssertionError|assert |Failed: DID NOT RAISE|.*Cell outputs differ", re.DOTALL)
NBVAL = ("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120")


class Outcome(NamedTuple):
    """What pytest said: its exit code, how many tests ran, failed, broke, and the first reason."""

    code: int
    ran: int
    failed: int
    broken: int
    why: str

    @property
    def caught(self) -> bool:
        return self.code == 1 and self.failed == 1 and self.broken == 0 and bool(COMPARED.match(self.why))


def workshop(folder: Path) -> Path:
    """A copy of all that tests and notebooks need."""
    for part in ("ssl_explain", "tests", "tools", "notebooks", "data"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def mistaken(mutation: Mutation) -> str:
    """The source with the mistake in it."""
    source = (ROOT / "ssl_explain" / mutation.file).read_text(encoding="utf-8")
    return source.replace(mutation.old, mutation.new)


def try_out(folder: Path, places: list[str]) -> Outcome:
    """Run the named tests, or the notebooks, against the copy, until one fails."""
    notebooks = places[0].endswith(".ipynb")
    paths = [f"{'notebooks' if notebooks else 'tests'}/{place}" for place in places]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "MPLBACKEND"))}
    environment |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    if not notebooks:
        environment["MPLBACKEND"] = "Agg"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-o",
        "addopts=",
        "-q",
        "-x",
        "--strict-markers",
        "-p",
        "no:cacheprovider",
    ]
    command += [
        *(NBVAL if notebooks else ("-m", "not stress", "--hypothesis-profile=unshrunk")),
        "--junitxml=report.xml",
        *paths,
    ]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    suite = next(ElementTree.parse(folder / "report.xml").iter("testsuite"))
    failure = next(suite.iter("failure"), None)
    why = "" if failure is None else failure.get("message", "")
    ran, failed, broken = (int(suite.get(name, 0)) for name in ("tests", "failures", "errors"))
    return Outcome(done.returncode, ran, failed, broken, why or done.stdout[-2000:])


def told(mutation: Mutation) -> str:
    return f"{mutation.file.removesuffix('.py')}: {mutation.mistake}"


# --- the list itself: this much is cheap enough for the gate ------------------------------------------------------


def test_the_list_has_mistakes_of_every_kind():
    rooms = {mutation.file.split("/")[0] for mutation in MUTATIONS if "/" in mutation.file}
    assert rooms == {"operators", "losses", "worlds", "networks", "dynamics", "lessons"}
    assert len(MUTATIONS) >= 24
    assert len({told(mutation) for mutation in MUTATIONS}) == len(MUTATIONS)
    assert sum(place.endswith(".ipynb") for place in PLACES) >= 3


@pytest.mark.parametrize("mutation", MUTATIONS, ids=told)
def test_a_listed_mistake_can_still_be_made(mutation):
    source = (ROOT / "ssl_explain" / mutation.file).read_text(encoding="utf-8")
    assert source.count(mutation.old) == 1, "the list is stale: write down how the source reads now"
    assert ast.dump(ast.parse(source)) != ast.dump(ast.parse(mistaken(mutation)))


@pytest.mark.parametrize("place", PLACES)
def test_what_must_fail_is_there(place):
    file, _, name = place.partition("::")
    path = ROOT / ("tests" if name else "notebooks") / file
    assert path.is_file()
    assert f"\ndef {name}(" in path.read_text(encoding="utf-8") or not name


# --- the mistakes ---------------------------------------------------------------------------------------------------


@pytest.mark.stress
@pytest.mark.parametrize("mutation", MUTATIONS, ids=told)
def test_a_mistake_is_caught(mutation, tmp_path):
    (workshop(tmp_path) / "ssl_explain" / mutation.file).write_text(mistaken(mutation), encoding="utf-8")
    outcome = try_out(tmp_path, mutation.caught.split())
    assert outcome.caught, outcome


@pytest.mark.stress
def test_without_a_mistake_all_that_is_named_is_green(tmp_path):
    workshop(tmp_path)
    tests = [place for place in PLACES if "::" in place]
    for places in (tests, *([place] for place in PLACES if "::" not in place)):
        outcome = try_out(tmp_path, places)
        assert (outcome.code, outcome.failed, outcome.broken) == (0, 0, 0), outcome
        assert outcome.ran >= len(places)


@pytest.mark.stress
@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("j  # the same", 0),
        ("j if undefined else 0", 1),
        ("(j", 4),
    ],
    ids=["nothing changed", "a name is missing", "it cannot be read"],
)
def test_code_that_stops_or_does_the_same_is_no_catch(new, code, tmp_path):
    path = workshop(tmp_path) / "ssl_explain" / "operators" / "connection.py"
    source = path.read_text(encoding="utf-8")
    path.write_text(source.replace("    return j\n", f"    return {new}\n"), encoding="utf-8")
    outcome = try_out(tmp_path, ["test_flow.py::test_one_step_is_the_predicted_update"])
    assert (outcome.code, outcome.caught) == (code, False), outcome
