"""Run All where it will be pressed: twice, in another folder, without a network, on a read-only disc, on all cores.

nbval compares the check cells with the committed ones, as in the gate; a notebook stands there with its cells twice
where they are to run twice in one kernel.
"""

import contextlib
import copy
import os
import shutil
import subprocess
import sys
import typing
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from registry import FACTORIES

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SHORTEST = ROOT / "notebooks" / "02_gradient_as_connection.ipynb"
NBVAL = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env"]
NBVAL += ["--nbval-cell-timeout=120", "--nbval-sanitize-with", str(ROOT / "tests/helpers/sanitize.cfg")]

# A network of its own with nothing but loopback; the whole project, data/ included, cannot be written.
ALONE = 'ip link set lo up && mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
FENCE = ["unshare", "--map-root-user", "--net", "--mount", "sh", "-c", ALONE, "alone", str(ROOT)]

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def fence():
    """The command that goes before another to shut it in."""
    missing = [program for program in ("unshare", "ip", "mount") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"NOTEBOOKS NOT TRIED WITHOUT A NETWORK: {', '.join(missing)} (util-linux, iproute2) not found")
    tried = subprocess.run([*FENCE, "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"NOTEBOOKS NOT TRIED WITHOUT A NETWORK: no namespaces allowed here: {tried.stderr.strip()}")
    return FENCE


def again(nb):
    """The same cells once more behind themselves."""
    second = copy.deepcopy(nb.cells)
    for cell in second:
        cell.id += "-again"
    nb.cells += second


def put(path, folder, *, rounds=1, name=None):
    """A copy of the notebook in a folder that holds nothing else."""
    nb = nbformat.read(path, as_version=4)
    if rounds == 2:
        again(nb)
    folder.mkdir(exist_ok=True)
    nbformat.write(nb, folder / (name or path.name))
    return folder


def run_all(folder, *, before=(), threads="1"):
    """Validate all that lies in a folder, which is the kernel's folder too; nothing may be left behind there."""
    there = sorted(folder.iterdir())
    environment = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "OMP_NUM_THREADS")}
    environment |= {"OMP_NUM_THREADS": threads} if threads else {}
    done = subprocess.run([*before, *NBVAL, "."], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert sorted(folder.iterdir()) == there


def inside(fence, source):
    done = subprocess.run([*fence, sys.executable, "-c", source], capture_output=True, text=True)
    return done.stdout + done.stderr


def test_the_fence_lets_nothing_out_and_nothing_in(fence):
    assert inside(fence, "import socket; print(socket.if_nameindex())") == "[(1, 'lo')]\n"
    assert "Network is unreachable" in inside(fence, "import socket; socket.create_connection(('192.0.2.1', 80))")
    echo = "import socket as s; a = s.create_server(('127.0.0.1', 0)); s.create_connection(a.getsockname())"
    assert inside(fence, echo) == ""
    assert "Read-only file system" in inside(fence, f"open({str(ROOT / 'data' / 'new')!r}, 'w')")


PLANTED = {
    "nothing": ("print(1)", ""),
    "another number in the second round": ("n = globals().get('n', 0) + 1; print(n)", "mismatch"),
    "a file left behind": ("open('left', 'w'); print(1)", "left"),
    "a file beside the tables": (f"open({str(ROOT / 'data' / 'new')!r}, 'w'); print(1)", "Read-only"),
    "a table from beside the notebook": ("open('../data/kernel_drift.csv'); print(1)", "No such file"),
    "a download": ("import socket; socket.create_connection(('192.0.2.1', 80)); print(1)", "unreachable"),
}


@pytest.mark.stress
@pytest.mark.parametrize(("source", "reason"), PLANTED.values(), ids=PLANTED)
def test_a_planted_fault_is_found(fence, tmp_path, source, reason):
    cell = new_code_cell(source, metadata={"tags": ["nbval-check-output"]}, execution_count=1)
    cell.outputs = [new_output("stream", text="1\n")]
    nbformat.write(new_notebook(cells=[cell]), tmp_path / "planted.ipynb")
    folder = put(tmp_path / "planted.ipynb", tmp_path / "elsewhere", rounds=2)
    with pytest.raises(AssertionError, match=reason) if reason else contextlib.nullcontext():
        run_all(folder, before=fence)


@pytest.mark.stress
def test_a_short_one_twice_in_one_kernel_alone_and_elsewhere(fence, tmp_path):
    run_all(put(SHORTEST, tmp_path / "elsewhere", rounds=2), before=fence, threads=None)


@pytest.mark.stress
@each
def test_twice_in_one_kernel_elsewhere_on_all_cores(path, tmp_path):
    run_all(put(path, tmp_path / "elsewhere", rounds=2), threads=None)


@pytest.mark.stress
@each
def test_without_a_network_on_a_read_only_disc_on_one_thread(fence, path, tmp_path):
    run_all(put(path, tmp_path / "elsewhere"), before=fence)


def has_threads(path):
    """Whether one of its explorers plays in a thread of its own."""
    source = path.read_text(encoding="utf-8")
    makers = [maker for name, maker in FACTORIES.items() if f"{name}(" in source]
    return any(hasattr(typing.get_type_hints(maker)["return"], "play") for maker in makers)


def test_notebooks_with_threads_are_found():
    found = [path.stem[:2] for path in NOTEBOOKS if has_threads(path)]
    assert found == ["00", "01", "05", "06", "08", "09", "10", "12", "13", "14"]


@pytest.mark.stress
@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if has_threads(path)], ids=lambda path: path.stem)
def test_ten_times_in_a_row(path, tmp_path):
    for time in range(10):
        folder = put(path, tmp_path / "elsewhere", name=f"{time}_{path.name}")
    run_all(folder)
