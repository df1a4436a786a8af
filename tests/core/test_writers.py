"""Files that somebody depends on are replaced in one step: a full disk or SIGKILL leaves the old one or the new one."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and limits")

# Everything that writes a file, in the package by function, in the tools by file; and why that will do.
WRITERS = {
    "ssl_explain/results.py: temporary_file": "beside the old one; moved by `write_whole` and `write_table`",
    "tools/working_copies.py": "a finished file beside the old one, then moved; it starts before PyTorch is read",
    "tools/setup_env.py": "its note beside the old one, then moved; settings of .venv and build/ come before it",
    "tools/lecture.py": "a temporary page for the browser",
}
OPENS, WRITES, SAVES = (
    {"open", "fdopen"},
    {"write_text", "write_bytes", "to_csv", "tofile", "savetxt"},
    {"save", "savefig"},
)
MODES = {"w", "wb", "a", "ab", "x", "xb", "w+", "r+", "r+b"}


def writes(call):
    """Whether a call writes a file by its name (into a buffer is into memory)."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    modes = {node.value for node in [*call.args, *(k.value for k in call.keywords)] if isinstance(node, ast.Constant)}
    saved = name in SAVES and call.args and ast.unparse(call.args[0]) not in {"buffer", "tensors"}
    return name in WRITES or bool(name in OPENS and modes & MODES) or bool(saved)


def writers(place, source):
    """Every place of a file that writes one."""
    for function in ast.walk(ast.parse(source)):
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        if isinstance(function, ast.FunctionDef) and any(map(writes, calls)):
            yield place if place.startswith("tools/") else f"{place}: {function.name}"


def test_nobody_else_writes_a_file():
    found = set()
    for folder in ("ssl_explain", "tools"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            found.update(writers(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
    assert found == set(WRITERS)


@pytest.mark.parametrize(
    "planted", ["p.write_text('x')", "open(p, 'w')", "p.open(mode='ab')", "figure.savefig(path)", "image.save(OUT)"]
)
def test_a_planted_writer_is_found(planted):
    assert list(writers("ssl_explain/x.py", f"def f():\n    {planted}")) == ["ssl_explain/x.py: f"]


WRITE = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:4]
import torch
torch.set_num_threads(1)
import course_map, nbformat, run_notebooks
from nbformat.v4 import new_code_cell, new_notebook
from ssl_explain import ReLUNet, Ring, Training, contrastive
from ssl_explain.dynamics.partial_results import PartialResults
from ssl_explain.lessons.real_images.checkpoint import save_checkpoint
from ssl_explain.results import write_table, write_whole

def table(path, generation):
    write_table(path, {"x": [generation] * 99}, command="c", seeds="s")

def checkpoint(path, generation):
    g = torch.Generator().manual_seed(generation)
    net = ReLUNet((8, 2), generator=g)
    options = {"learning_rate": 0.1, "generator": g, "measure": lambda net: torch.zeros(1)}
    save_checkpoint(path, Training(net, Ring(8), contrastive(), **options), {"seed": generation})

def executed(path, generation):
    nb = new_notebook(cells=[new_code_cell(f"x = {generation}")])
    run_notebooks.tidy(nb)
    run_notebooks.write(nb, path)

def listing(path, generation):
    path.exists() or write_whole(path, b"old")
    course_map.PAGES = {path: lambda text: f"{generation}" * 99}
    course_map.main()

def part(path, generation):
    results = PartialResults(path.with_suffix(".csv"), {}, [{}], command="c", seeds="s")
    results.add(0, [{"x": generation}] * 99)

def whole(path, generation):
    write_whole(path, b"%d" % generation * 99)

WRITERS = {"t.csv": table, "e.safetensors": checkpoint, "n.ipynb": executed, "README.md": listing, "p.parts": part,
           "explorer.gif": whole}
place, step = Path(sys.argv[1]), int(sys.argv[4])
"""
KILLED = """
import json, signal
from killing import survives

def content(path):
    return {file.name: file.read_bytes() for file in (path, path.with_suffix(".json")) if file.exists()}

moments = {}
for name, write in WRITERS.items():
    path, other = place / name, place / ("new." + name)
    write(other, 1); write(other, 2)
    new = {file.replace("new.", "", 1): data for file, data in content(other).items()}
    if name == "t.csv":  # a manifest names its table
        new["t.json"] = new["t.json"].replace(b"new.t.csv", b"t.csv")
    write(path, 1)
    old, moment = content(path), 1 - step
    while True:
        moment += step
        ended = survives(moment, lambda: write(path, 2))
        found = content(path)
        assert found.keys() == old.keys() == new.keys(), (name, moment)
        assert all(found[file] in (old[file], new[file]) for file in found), (name, moment)
        if ended:
            break
        write(path, 1)
    assert content(path) == new != old, name
    moments[name] = moment - 1
print(json.dumps(moments))
"""
FULL = """
import resource
place, full = place / "full", {}
place.mkdir()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for name, write in WRITERS.items():
    path, said = place / name, "written"
    write(path, 1)
    before = {file.name: file.read_bytes() for file in place.iterdir()}
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, resource.RLIM_INFINITY))
    try:
        write(path, 2)
    except OSError as error:
        said = error.strerror
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    full[name] = said, {file.name: file.read_bytes() for file in place.iterdir()} == before
print(json.dumps(full))
"""


@pytest.fixture(scope="module", params=[2, pytest.param(1, marks=pytest.mark.stress)], ids=["every second", "all"])
def said(tmp_path_factory, request):
    """What happened to every file, by both; in a process of its own, which may be killed and limited."""
    place = tmp_path_factory.mktemp("writers")
    command = [
        sys.executable,
        "-B",
        "-c",
        WRITE + KILLED + FULL,
        str(place),
        str(ROOT / "tools"),
        str(ROOT / "tests" / "helpers"),
        str(request.param),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@POSIX
def test_killed_at_any_touch_of_the_file_system_the_old_file_or_the_new_one_is_there(said):
    moments = said[0]
    assert len(moments) == 6
    assert min(moments.values()) >= 3, moments


@POSIX
def test_a_full_disk_leaves_the_old_file_and_nothing_else(said):
    assert said[1] == {name: ["File too large", True] for name in said[0]}
