"""What README, CONTRIBUTING and the other pages name exists: files, links, commands, and names in a file."""

import re
from collections import Counter
from pathlib import Path

import pytest

from ssl_explain.jobs.commands import DEFAULTS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "notebooks/README.md",
    *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")),
]
MADE = {"my_notebooks", "build", ".venv"}  # folders that commands make
MISSING = """
`tests/test_sweep.py`, `ssl_explain/widgets/`, `figures/style.py`, `lessons/*/painter.py`, `environment.yaml`
[gone](docs/gone.md) [no heading](README.md#gone) `make nothing`
`python -m ssl_explain vanish`
in `ssl_explain/kit/state.py`, `dial`; `Vanished` (`ssl_explain/kit/state.py`), `slider` of `ssl_explain/kit/state.py`
"""


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def lost_paths(text):
    """What stands in backticks like a file or folder of the repository, its package or a lesson's room, and is none."""
    named = [
        name
        for name in re.findall(r"`([\w.*-]*[/.][\w.*/-]*)`", text)
        if re.search(r"/|\.(py|md|ipynb|ya?ml|toml|txt|csv)$", name)
    ]
    ours = [name.replace("NN_name", "*").replace("_name.", "_*.").replace("/name/", "/*/") for name in named]
    bases = (ROOT, ROOT / "ssl_explain", *(ROOT / "ssl_explain" / "lessons").glob("[a-z]*"))
    return [name for name in ours if name.split("/")[0] not in MADE and not any(any(b.glob(name)) for b in bases)]


def lost_names(text):
    """Functions and classes that are not in their file: after it (`file`, `name`) or before it (`name` of `file`)."""
    pairs = re.findall(r"`([\w/]+\.py)`, `(\w+)`", text)
    pairs += [(file, name) for name, file in re.findall(r"`(\w+)`(?: of|[^`|]*\() ?`([\w/]+\.py)`", text)]
    assert pairs
    return [
        name for file, name in pairs if not re.search(rf"^ *(def|class) {name}\b", text_of(file), flags=re.MULTILINE)
    ]


def headings(path):
    """The anchors of a page: its headings in small letters, with hyphens."""
    return {
        re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
        for line in re.findall(r"^#+ (.*)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }


def lost_links(text, folder):
    """Relative links that lead to no file, or to no heading of it."""
    links = [link.partition("#") for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text)]
    return [
        f"{file}{mark}{anchor}"
        for file, mark, anchor in links
        if not (folder / file).exists() or (anchor and anchor not in headings(folder / file))
    ]


def lost_commands(text):
    """Targets of make, and commands of the package, that do not exist."""
    targets = set(re.findall(r"^([a-z-]+):.*## ", text_of("Makefile"), flags=re.MULTILINE))
    commands = {run.__name__.replace("_", "-") for run in DEFAULTS}
    assert targets
    assert commands
    made = {
        f"make {name}" for name in re.findall(r"(?:`|^)make ([a-z-]+)", text, flags=re.MULTILINE) if name not in targets
    }
    return sorted(made | {name for name in re.findall(r"-m ssl_explain ([a-z-]+)", text) if name not in commands})


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_exists(page):
    text = text_of(page)
    assert lost_paths(text) == []
    assert lost_links(text, (ROOT / page).parent) == []
    assert lost_commands(text) == []


def test_names_stand_where_contributing_says():
    assert lost_names(text_of("CONTRIBUTING.md")) == []


def test_what_does_not_exist_is_found():
    assert lost_names(MISSING) == ["dial", "Vanished"]
    assert len(lost_paths(MISSING)) == 5
    assert lost_links(MISSING, ROOT) == ["docs/gone.md", "README.md#gone"]
    assert lost_commands(MISSING) == ["make nothing", "vanish"]
    assert lost_modules("ssl_explain." + "widgets, ssl_explain." + "lessons.tree, ssl_explain.losses.weights") == [
        "widgets",
        "lessons.tree",
    ]


def test_contributing_names_every_room_and_every_file_of_one():
    text, package = text_of("CONTRIBUTING.md"), ROOT / "ssl_explain"
    rooms = [path.name + "/" * path.is_dir() for path in package.iterdir() if path.name != "__pycache__"]
    files = Counter(path.name for path in package.glob("lessons/*/*.py"))
    usual = [name for name, lessons in files.items() if lessons > 2]
    folders = [
        f"tests/{path.name}/" for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name[0] not in "._"
    ]
    assert len(rooms) > 10
    assert len(usual) > 5
    assert [name for name in rooms + usual + folders if f"`{name}`" not in text] == []


FILES = {"data", "json"}  # data/ in a wheel, and the note that tools/setup_env.py keeps


def lost_modules(text):
    """Dotted names below the package whose module does not exist."""
    package, found = ROOT / "ssl_explain", []
    for dotted in re.findall(r"\bssl_explain((?:\.[a-z]\w*)+)", text):
        place = package
        for part in dotted[1:].split("."):
            if not (place / part).is_dir():
                break
            place /= part
        else:
            continue
        named = re.search(rf"\b{part}\b", (place / "__init__.py").read_text(encoding="utf-8"))
        if part not in FILES and not named and not (place / f"{part}.py").exists():
            found.append(dotted[1:])
    return found


def test_every_module_that_is_named_exists():
    folders = [ROOT / part for part in ("ssl_explain", "tests", "tools", "notebooks", "docs")]
    files = [path for folder in folders for path in folder.rglob("*") if ".ipynb_checkpoints" not in path.parts]
    files = [path for path in [*files, *ROOT.glob("*")] if path.suffix in {".py", ".ipynb", ".md", ".yml", ".toml"}]
    assert len(files) > 200
    lost = {path.relative_to(ROOT).as_posix(): lost_modules(path.read_text(encoding="utf-8")) for path in files}
    assert {path: names for path, names in lost.items() if names} == {}
