"""One folder per notebook, with everything that this lesson alone needs."""

import ast
import sys
from importlib import import_module
from inspect import getsource
from types import ModuleType
from typing import Any


class _Lazy(ModuleType):
    """A lesson that imports a name when it is first used."""

    _places: dict[str, str]

    def __getattr__(self, name: str) -> Any:
        if name not in self._places:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        place = self._places[name]
        value = import_module(f"{place}.{name}") if place == self.__name__ else getattr(import_module(place), name)
        vars(self)[name] = value
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        # Python sets every file that it has loaded: race_explorer stays the function of race_explorer.py.
        hides = isinstance(value, ModuleType) and value.__name__ == self._places.get(name)
        super().__setattr__(name, getattr(value, name) if hides else value)


def lazy(lesson: str) -> None:
    """Delay the imports that a lesson's ``__init__`` has below ``if TYPE_CHECKING`` until their names are used.

    So importing a lesson loads neither its explorers nor the libraries that draw them.
    """
    module = sys.modules[lesson]
    delayed = [node for node in ast.walk(ast.parse(getsource(module))) if isinstance(node, ast.ImportFrom)]
    own = [node for node in delayed if str(node.module).startswith(lesson)]
    places = {alias.name: str(node.module) for node in own for alias in node.names}
    vars(module).update(_places=places, __all__=sorted(places))
    module.__class__ = _Lazy
