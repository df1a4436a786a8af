"""Every explorer, exercise and question of the lessons, found by the names of their files."""

import importlib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import ssl_explain

PACKAGE = Path(ssl_explain.__file__).parent


def modules(*patterns: str) -> list[ModuleType]:
    """The modules of the package whose paths match, in the order of their names."""
    paths = sorted(path for pattern in patterns for path in PACKAGE.glob(pattern))
    names = [path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".") for path in paths]
    return [importlib.import_module(f"ssl_explain.{name}") for name in names if not name.endswith("__init__")]


def room(module: ModuleType) -> str:
    """The lesson that a module belongs to."""
    parts = module.__name__.split(".")
    return parts[2] if parts[1] == "lessons" else parts[-1]


EXPLORERS = modules("lessons/*/*explorer.py", "lessons/*/state.py")
EXERCISES = modules("lessons/*/*exercises.py")
NAMES = {
    name: value
    for module in EXPLORERS
    for name, value in vars(module).items()
    if getattr(value, "__module__", None) == module.__name__
}
"""What the explorers' own modules define: factories, states, classes."""
FACTORIES: dict[str, Any] = {name: NAMES[name] for name in sorted(NAMES) if name.endswith("_explorer")}
everything = SimpleNamespace(**NAMES)
