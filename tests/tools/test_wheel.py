"""The package is whole wherever it is installed: its tables travel with it, from a wheel and from a source archive."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLES = {path.name for path in (ROOT / "data").iterdir() if path.suffix in (".csv", ".json")}
READ = """
import sys
import ssl_explain
from ssl_explain.results import DATA, read_table
print(ssl_explain.__file__, DATA, *sorted(path.name for path in DATA.glob("*.csv") if read_table(path)), sep="\\n")
"""


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """A wheel and a source archive, built by setuptools from a copy without a network."""
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    skip = shutil.ignore_patterns("__pycache__", ".*")
    for part in ("ssl_explain", "data"):
        shutil.copytree(ROOT / part, source / part, ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT.md"):
        shutil.copy(ROOT / name, source)
    build = "from setuptools import build_meta as b; print(b.build_sdist('..')); print(b.build_wheel('..'))"
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sdist, wheel = (next(folder.glob(pattern)) for pattern in ("*.tar.gz", "*.whl"))
    return sdist, wheel


def read_from(site, cwd):
    """What a process elsewhere finds that has the package from ``site`` alone."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, "-c", READ], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    module, data, *tables = done.stdout.splitlines()
    assert Path(module).is_relative_to(site), "the package of the checkout was imported instead"
    return Path(data), set(tables)


def test_every_package_is_named(archives):
    """The list in pyproject.toml is whole; data/ is one of them, under another name. Nothing else is in a wheel."""
    named = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    shipped = [path for path in (ROOT / "ssl_explain").rglob("*") if path.suffix in (".py", ".js", ".css")]
    there = {path.parent for path in shipped}
    found = {".".join(path.relative_to(ROOT).parts) for path in there}
    assert sorted(named) == sorted(found | {"ssl_explain.data"})
    with zipfile.ZipFile(archives[1]) as wheel:
        files = {name for name in wheel.namelist() if ".dist-info/" not in name}
    source = {path.relative_to(ROOT).as_posix() for path in shipped}
    assert files == source | {f"ssl_explain/data/{name}" for name in TABLES}


def test_a_wheel_reads_its_own_tables_beside_a_folder_of_a_stranger(archives, tmp_path):
    site = tmp_path / "site-packages"
    with zipfile.ZipFile(archives[1]) as wheel:
        wheel.extractall(site)
    shutil.copytree(ROOT / "data", site / "data")
    for table in (site / "data").glob("*.csv"):
        table.write_text("of a stranger\n", encoding="utf-8")
    (site / "pyproject.toml").touch()
    data, tables = read_from(site, tmp_path)
    assert data == site / "ssl_explain" / "data"
    assert tables == {name for name in TABLES if name.endswith(".csv")}


@pytest.mark.stress
def test_a_source_archive_reads_its_tables_where_it_is_unpacked(archives, tmp_path):
    with tarfile.open(archives[0]) as sdist:
        sdist.extractall(tmp_path, filter="data")
    root = next(tmp_path.iterdir())
    data, tables = read_from(root, tmp_path)
    assert data == root / "data"
    assert tables == {name for name in TABLES if name.endswith(".csv")}


@pytest.mark.stress
@pytest.mark.parametrize("which", [0, 1], ids=["source archive", "wheel"])
def test_pip_installs_it_with_its_tables(archives, tmp_path, which):
    """By pip itself, without a network, beside the libraries of this environment."""
    command = [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--no-index", "--target"]
    done = subprocess.run([*command, str(tmp_path / "site"), str(archives[which])], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    data, tables = read_from(tmp_path / "site", tmp_path)
    assert data == tmp_path / "site" / "ssl_explain" / "data"
    assert tables == {name for name in TABLES if name.endswith(".csv")}
