"""No pickle: nothing in the package, the tools, the tests or the notebooks writes it or would run what it holds."""

import ast
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("ssl_explain", "tools", "tests")
MODULES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "marshal", "shelve", "jsonpickle", "pickletools"}
JOBS = {"Parallel", "delayed", "parallel_config"}  # joblib hands jobs to processes; its files would be pickles
CALLS = {"torch.load", "torch.save", "joblib.load", "joblib.dump", "pandas.read_pickle", "pd.read_pickle"}
ARRAYS = {"np.load", "np.save", "np.savez", "np.savez_compressed", "numpy.load", "numpy.save", "numpy.savez"}


def python():
    """Every piece of Python here: (where, source)."""
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        for k, cell in enumerate(nbformat.read(path, as_version=4).cells):
            if cell.cell_type == "code" and not cell.source.lstrip().startswith(("%", "!")):
                yield f"{path.name}, cell {k}", cell.source


def pickles(source):
    """What in a piece of Python would write a pickle, or run one."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        module = node.module or "" if isinstance(node, ast.ImportFrom) else None
        for top in {(module or name).split(".")[0] for name in names}:
            if top in MODULES or (top == "joblib" and not (module == "joblib" and set(names) <= JOBS)):
                found.append(f"import {top}")
        if module in {"torch", "numpy"}:
            found += [f"from {module} import {name}" for name in names if name in {"load", "save", "savez"}]
        if isinstance(node, ast.Call):
            called, keywords = ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}
            if called in CALLS or called.endswith((".to_pickle", "read_pickle")):
                found.append(called)
            if called in ARRAYS and keywords.get("allow_pickle") != "False":
                found.append(f"{called} without allow_pickle=False")
    return found


def test_there_is_none():
    everywhere = dict(python())
    assert len(everywhere) > 200
    del everywhere["tests/core/test_small_print.py"]  # it saves what users may save, in memory
    assert {where: found for where, source in everywhere.items() if (found := pickles(source))} == {}


@pytest.mark.parametrize(
    "planted",
    [
        "import pickle",
        "import os, marshal",
        "from shelve import open",
        "import dill as d",
        "import joblib",
        "from joblib import dump, delayed",
        "from joblib.numpy_pickle import dump",
        "from torch import load",
        "def f():\n    return torch.load(path, weights_only=True)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.save(path, x)",
        "table.to_pickle(path)",
    ],
)
def test_a_planted_one_is_found(planted):
    assert pickles(planted)


@pytest.mark.parametrize(
    "allowed",
    [
        "from joblib import Parallel, delayed",
        "np.load(p, allow_pickle=False)",
        "import torch\ntorch.eye(2)",
        "f.load()",
    ],
)
def test_other_readers_pass(allowed):
    assert not pickles(allowed)
