"""The house keeps its rooms apart: an import only goes down, and nothing global is touched."""

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "ssl_explain"
FILES = sorted(PACKAGE.rglob("*.py"))
COURSE = [path.stem[3:] for path in sorted((PACKAGE.parent / "notebooks").glob("*.ipynb"))]
GROUND = {"require", "topology", "records", "results", "seeds", "subspaces", "torch_modes"}
THEORY = {"worlds", "networks", "losses", "operators"}
EXPLORER = "lessons/latent_tree/explorer"
DRAWN = ("picture", "figures", "stretches")  # how the files of a lesson that draw are called
RANKS = [GROUND, THEORY, {"dynamics", "kit"}, {"lessons"}, {"jobs", "__init__"}, {"__main__"}]
RANK = {room: rank for rank, rooms in enumerate(RANKS) for room in rooms}
ARROWS = {
    "latent_variables_emerge": {"start_here"},
    "real_images": {"start_here", "losses_reweigh_pairs"},
    "byol_hidden_contrast": {"real_images"},
    "why_the_root": {"start_here", "latent_variables_emerge"},
}
MOST = 8
"""Parameters of a function, at most; more of them are a record of settings."""
PUBLIC = {("dynamics/training", "train"), ("dynamics/training", "__init__"), ("dynamics/flow", "flow")}
"""Public functions of more parameters: their keywords stay as readers call them."""
THIN, EXPLAINED = 7292, 0.2496
"""Lines outside the lessons, at most, and the share of them in docstrings, at least."""
DRAWS = {"rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson", "rand_like"}
DRAWS |= {"randn_like", "randint_like", "normal_", "uniform_", "bernoulli_", "exponential_", "random_", "Linear"}
MAKES = {f"torch.{name}" for name in ("rand", "randn", "randint", "randperm", "normal")}
GLOBAL = ("torch.manual_seed", "torch.seed", "torch.random.", "np.random.", "numpy.random.", "random.", "torch.cuda.")
FILES_BY_PICKLE = ("torch.load", "torch.save")
PICKLES = {"pickle", "cloudpickle", "dill", "joblib", "shelve"}
JOBS = {"joblib.Parallel", "joblib.delayed", "joblib.parallel_config"}  # joblib's caches and files are pickles
SWEEP = "dynamics/sweep"
ALLOWED = {(SWEEP, name) for name in JOBS}


def imports(tree: ast.AST) -> list[str]:
    """Dotted names of everything imported, wherever the statement stands."""
    names = [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return names + [f"{'.' * node.level}{node.module or ''}.{a.name}" for node in froms for a in node.names]


def draws(place: str) -> bool:
    """Whether a file of a lesson, or of the kit, may use matplotlib."""
    return place.startswith("kit") or (place.startswith("lessons") and place.endswith(DRAWN))


def shows(place: str) -> bool:
    """Whether a file may use ipywidgets."""
    return place.startswith("kit") or (place.startswith("lessons") and place.endswith("explorer"))


def goes_down(place: str, target: list[str]) -> bool:
    """Whether a file may import a module of the package, both as lists of names below ``ssl_explain``."""
    room, lesson = place.split("/")[0], [*place.split("/"), ""][1]
    to = target[0] if target and target[0] in RANK else "__init__"
    if room == to == "lessons":
        return target[1] in {lesson, "lazy"} or COURSE.index(target[1]) < COURSE.index(lesson)
    if draws(place) and room == "lessons":
        return to in GROUND | {"kit"}
    return RANK[to] < RANK[room] or room == to or {room, to} <= GROUND


def why_not(place: str, name: str) -> str | None:
    """What is wrong with importing ``name`` in ``place`` (a room, or a file in it), if anything."""
    room = place.split("/")[0]
    top, *rest = name.split(".")
    if top == "ssl_explain":
        return None if goes_down(place, rest) else "an import only goes down"
    rules = {
        "relative: write the full name": not top,
        "only pictures draw": top in {"matplotlib", "seaborn"} and not draws(place),
        "pyplot keeps figures in a global register": "pyplot" in rest and room == "kit",
        "only the kit and explorers know ipywidgets": top == "ipywidgets" and not shows(place),
        "the rooms below `dynamics` do not optimise": name.startswith("torch.optim") and RANK[room] < 2,
        "no pickle, no global random numbers": top in PICKLES | {"random"} and (place, name) not in ALLOWED,
        "only a sweep talks to a cluster": top in {"dask", "distributed"} and place != SWEEP,
        "only `worlds/augment` knows kornia": top == "kornia" and place != "worlds/augment",
        "kornia's random classes use global state": top == "kornia" and "augmentation" in rest,
    }
    return next((reason for reason, broken in rules.items() if broken), None)


def streams(tree: ast.AST) -> tuple[list[str], list[tuple[str, str]]]:
    """Seeds that have no name of their own, and every (seed, stream) that is made, in order.

    ``a, _, b = generators(seed, 3)`` makes streams 0 and 2, ``generators(seed, 2)[1]`` makes stream 1, and
    ``manual_seed(seed)`` makes stream 0.
    """
    nameless, made, places = [], [], {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            names = [ast.unparse(name) for name in node.targets[0].elts]
            places[node.value] = [str(k) for k, name in enumerate(names) if name != "_"]
        if isinstance(node, ast.Subscript):
            places[node.value] = [ast.unparse(node.slice)]
    for node in ast.walk(tree):
        called = ast.unparse(node.func).rsplit(".", 1)[-1] if isinstance(node, ast.Call) else ""
        if called in {"manual_seed", "generators"}:
            seed = node.args[0]
            if not isinstance(seed, ast.Name | ast.Attribute):
                nameless.append(ast.unparse(seed))
            else:
                kept = places.get(node, ["0" if called == "manual_seed" else "all"])
                made += [(ast.unparse(seed).rsplit(".", 1)[-1], place) for place in kept]
    return nameless, made


def parameters(function: ast.FunctionDef) -> list[str]:
    """The names of the parameters of a function, without the object itself and without ``**settings``."""
    arguments = function.args
    names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def violations(source: str, place: str) -> list[str]:
    """Everything in one file that breaks a rule of the house."""
    tree, room = ast.parse(source), place.split("/")[0]
    found = [f"import {name}: {reason}" for name in imports(tree) if (reason := why_not(place, name))]
    nameless, made = streams(tree)
    found += [
        f"seed {seed}: a seed is an argument or a constant with a name; split it by `generators`" for seed in nameless
    ]
    found += [
        f"{node.name} has {len(parameters(node))} parameters: let a frozen record of settings travel"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and len(parameters(node)) > MOST and (place, node.name) not in PUBLIC
    ]
    shared = [
        one for one in made if made.count(one) > 1 or (one[1] == "all" and [seed for seed, _ in made].count(one[0]) > 1)
    ]
    found += [f"stream {one}: two generators share it, see `generators`" for one in sorted(set(shared))]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called, keywords = ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}
            last = called.rsplit(".", 1)[-1]
            drawn = last in DRAWS and "generator" not in keywords
            adrift = called in MAKES and room in {"worlds", "networks"} and keywords.get("device") != "generator.device"
            if drawn or last == "cuda" or "allow_pickle" in keywords or called in FILES_BY_PICKLE:
                found.append(f"call {called}")
            elif called.startswith(GLOBAL) and last not in {"Generator", "default_rng", "SeedSequence", "is_available"}:
                found.append(f"call {called}: global state")
            elif adrift:
                found.append(f"call {called}: what is drawn lives where the generator lives, device=generator.device")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_file_keeps_the_rules(path):
    source = path.read_text(encoding="utf-8")
    assert violations(source, path.relative_to(PACKAGE).with_suffix("").as_posix()) == []
    assert source.count("\n") <= 250, "no file is longer than 250 lines"


@pytest.mark.parametrize(
    ("room", "planted"),
    [
        ("worlds", "from ssl_explain.networks.tree import TreeNet"),
        ("worlds", "def f():\n    import ssl_explain.losses"),
        ("losses", "from ssl_explain import TreeNet"),
        ("records", "from ssl_explain.worlds.latent_tree import LatentTree"),
        ("lessons/latent_tree/picture", "from ssl_explain.dynamics import training"),
        ("lessons/latent_tree/figures", "from ssl_explain.worlds.latent_tree import LatentTree"),
        (EXPLORER, "from ssl_explain.lessons.one_family.members import members"),
        ("lessons/latent_tree/experiment", "import ipywidgets"),
        (EXPLORER, "import seaborn"),
        ("kit/exercise", "from ssl_explain.dynamics import training"),
        ("dynamics", "from ssl_explain.kit.runner import Runner"),
        ("dynamics", "from ..worlds import latent_tree"),
        ("dynamics", "import matplotlib.pyplot as plt"),
        ("kit/live", "from matplotlib import pyplot"),
        ("lessons/latent_tree/picture", "import ipywidgets"),
        ("networks", "from torch.optim import SGD"),
        ("worlds", "import pickle"),
        ("dynamics/training", "from joblib import Parallel"),
        ("dynamics/sweep", "from joblib import Memory"),
        ("dynamics/sweep", "import joblib"),
        ("dynamics/partial_results", "from joblib import dump"),
        ("dynamics/partial_results", "from distributed import Client"),
        ("worlds/pictures", "import kornia"),
        ("worlds/augment", "from kornia.augmentation import RandomAffine"),
        ("worlds", "x = torch.rand(3)"),
        ("worlds", "x = torch.rand(3, generator=g)"),
        ("networks", "x = torch.randn(3, generator=generator, device='cpu')"),
        ("worlds", "torch.manual_seed(seed)"),
        ("worlds", "np.random.seed(0)"),
        ("worlds", "def f(a, b, c, d, e, f, *, g, h, i): pass"),
        ("dynamics/training", "class Run:\n    def go(self, a, b, c, d, e, f, g, h, i): pass"),
        ("networks", "net.cuda()"),
        ("results", "torch.load(path)"),
        ("dynamics", "torch.Generator().manual_seed(0)"),
        ("dynamics", "torch.Generator().manual_seed(seed + 1)"),
        ("dynamics", "generator_on(device).manual_seed(10_000 + seed)"),
        (EXPLORER, "generators(7, 2)"),
        (EXPLORER, "g = generators(2 * state.seed, 2)[1]"),
        (EXPLORER, "generators(hash(state), 2)"),
        (EXPLORER, "a = torch.Generator().manual_seed(state.seed)\nb = torch.Generator().manual_seed(state.seed)"),
        (EXPLORER, "a = torch.Generator().manual_seed(seed)\nb, c = generators(state.seed, 2)"),
        (EXPLORER, "_, b = generators(seed, 2)\nc = generators(seed, 3)[1]"),
        (EXPLORER, "all_of_them = generators(seed, 2)\nc = generators(seed, 3)[2]"),
    ],
)
def test_planted_violation_is_found(room, planted):
    assert len(violations(planted, room)) == 1


@pytest.mark.parametrize(
    ("room", "allowed"),
    [
        ("worlds", "from ssl_explain import require\nfrom ssl_explain.worlds.belief import beliefs"),
        ("topology", "from ssl_explain import require"),
        ("lessons/latent_tree/figures", "import seaborn, matplotlib.pyplot\nfrom ssl_explain.records import Trace"),
        (EXPLORER, "import ipywidgets\nfrom ssl_explain.dynamics.training import Training"),
        ("lessons/one_family/explorer", "from ssl_explain.lessons.latent_tree.picture import WorldPicture"),
        ("lessons/one_family/__init__", "from ssl_explain.lessons import lazy"),
        ("kit/style", "from matplotlib.figure import Figure"),
        ("__main__", "from ssl_explain import train"),
        ("worlds", "class World:\n    def f(self, a, b, c, d, e, f, g, h, **settings): pass"),
        ("dynamics/training", "def train(a, b, c, d, e, f, g, h, i): pass"),
        ("dynamics", "torch.rand(3, generator=g)\nnp.random.default_rng(0)"),
        ("dynamics", "a, _ = generators(seed, 2)\n_, b = generators(seed, 2)\nc = generators(seed, 3)[2]"),
        (EXPLORER, "torch.Generator().manual_seed(state.seed)\ng = generators(SEED, 2)[1]"),
        ("worlds", "torch.rand(3, generator=generator, device=generator.device)"),
        ("dynamics/sweep", "from joblib import Parallel, delayed, parallel_config\nfrom distributed import Client"),
        ("worlds/augment", "from kornia.geometry.transform import warp_affine"),
    ],
)
def test_good_manners_pass(room, allowed):
    assert violations(allowed, room) == []


def arrows() -> dict[str, set[str]]:
    """Which other lessons each lesson imports."""
    found: dict[str, set[str]] = {}
    for path in (PACKAGE / "lessons").glob("*/*.py"):
        for name in imports(ast.parse(path.read_text(encoding="utf-8"))):
            parts = name.split(".")
            if parts[:2] == ["ssl_explain", "lessons"] and parts[2] in set(COURSE) - {path.parent.name}:
                found.setdefault(path.parent.name, set()).add(parts[2])
    return found


def test_a_lesson_is_a_room_and_lessons_hardly_know_each_other():
    assert sorted(path.name for path in (PACKAGE / "lessons").iterdir() if path.is_dir() and path.name[0] != "_") == (
        sorted(COURSE)
    )
    assert arrows() == ARROWS


def explained(source: str) -> int:
    """How many lines of a file are docstrings."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds) and ast.get_docstring(node)]
    return sum(node.body[0].end_lineno - node.body[0].lineno + 1 for node in nodes)


def test_the_core_stays_thin_and_explained():
    sources = [path.read_text(encoding="utf-8") for path in FILES if "lessons" not in path.parts]
    lines = sum(source.count("\n") for source in sources)
    assert lines <= THIN, f"{lines} lines outside lessons/, {THIN} allowed: take away elsewhere, see CONTRIBUTING.md"
    assert sum(map(explained, sources)) >= EXPLAINED * lines, "the share of docstrings has fallen"


NEVER = ("sklearn", "beartype", "kornia")
SHOWS = ("ipywidgets", "IPython", "matplotlib", "seaborn")
NAMES = "from ssl_explain.lessons.start_here import *; from ssl_explain.lessons.one_family import *"
DEMO = "from ssl_explain.__main__ import main; main(['demo', '--steps', '1', '--depth', '2'])"
HELP = "import contextlib\nwith contextlib.suppress(SystemExit): main(['images', '--help'])"
BROUGHT = "import sys; print('brought:', *({0!r} & sys.modules.keys()))"


def test_an_import_brings_no_more_than_it_needs():
    """One process goes from one to the next, so that what comes later may not have been brought before."""
    steps = {
        "import ssl_explain.worlds.pictures": {*NEVER, *SHOWS},
        "import " + ", ".join(f"ssl_explain.lessons.{lesson}" for lesson in COURSE): {*NEVER, *SHOWS, "scipy"},
        DEMO: {*NEVER, *SHOWS, "scipy"},
        HELP: {*NEVER, *SHOWS, "scipy"},
        NAMES: {*NEVER, "seaborn", "scipy", "pandas"},
    }
    code = "\n".join(f"{step}\n{BROUGHT.format(heavy)}" for step, heavy in steps.items())
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    brought = [line for line in answer.stdout.splitlines() if line.startswith("brought:")]
    assert brought == ["brought:"] * len(steps)


FIRST = "from ssl_explain.lessons.{0}.{1} import *; from ssl_explain.lessons.{0} import {1}; print(callable({1}))"


@pytest.mark.parametrize("lesson", COURSE)
def test_a_lesson_finds_its_names_when_they_are_used(lesson):
    module = import_module(f"ssl_explain.lessons.{lesson}")
    places = [name.rpartition(".") for name in imports(ast.parse(inspect.getsource(module))) if "lessons." in name]
    for place, _, name in places:
        if name in module.__all__:
            found = import_module(f"{place}.{name}") if place == module.__name__ else vars(import_module(place))[name]
            assert getattr(module, name) is found
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = module.nothing


def test_a_function_is_not_hidden_by_the_file_of_its_name():
    code = [
        FIRST.format(lesson, name) for lesson, name in (("latent_tree", "shared_explorer"), ("one_family", "members"))
    ]
    answer = subprocess.run([sys.executable, "-c", "\n".join(code)], capture_output=True, text=True)
    assert answer.stdout.split() == ["True", "True"]
