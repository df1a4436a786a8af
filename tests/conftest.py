"""What every test shares: runtime shape checks, one thread, reproducible property tests, seeded generators."""

import functools
import importlib
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import jaxtyping
import pytest
import torch

# Before the package is first imported: from here on its signatures are checked (an int will do for a float).
# All but explorers and what they share, which hold no shapes and use `Self`: beartype cannot follow it into a method.
PACKAGE = Path(__file__).parent.parent / "ssl_explain"
SHAPELESS = ("explorer", "_state", "/state", "__init__", "__main__")
MODULES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if not path.with_suffix("").as_posix().endswith(SHAPELESS)
    and (path.parent.name != "kit" or path.stem in ("picture", "style", "exercise"))
]
jaxtyping.install_import_hook(sorted(MODULES), "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

torch.set_num_threads(1)

collect_ignore = ["conftest.py", "browser/conftest.py"]  # no doctests in them; two modules of one name would collide

# The gate must not flake: the same examples every time. `--hypothesis-profile=explore` looks for new ones.
hypothesis.settings.register_profile("gate", deadline=None, derandomize=True, print_blob=True, max_examples=50)
hypothesis.settings.register_profile("stress", deadline=None, derandomize=True, print_blob=True, max_examples=200)
hypothesis.settings.register_profile("explore", deadline=None, print_blob=True, max_examples=500)
# Who only wants to know whether a test fails does not wait for the smallest example (tests/helpers/mutants.py).
PHASES = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
hypothesis.settings.register_profile("unshrunk", deadline=None, derandomize=True, phases=PHASES, max_examples=50)
hypothesis.settings.load_profile("gate")


def spread(name: str, count: int, size: int) -> set[int]:
    """Cut so many cases into equal parts, as they stand, and draw one of each: neighbours are mostly of one kind."""
    size, rng = min(size, count), random.Random(name)
    return {rng.randrange(count * part // size, count * (part + 1) // size) for part in range(size)}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test marked `gate(n)` a seeded sample of n cases stays in the gate; all others are left to `make stress`."""
    cases = defaultdict(list)
    for item in items:
        if item.get_closest_marker("gate"):
            cases[item.nodeid.partition("[")[0]].append(item)
    for name, all_of_it in cases.items():
        kept = spread(name, len(all_of_it), *all_of_it[0].get_closest_marker("gate").args)
        for number, item in enumerate(all_of_it):
            if number not in kept:
                item.add_marker(pytest.mark.stress)


@pytest.fixture(scope="session")
def seeded() -> Callable[[int], torch.Generator]:
    """Make a fresh generator from a seed."""
    return lambda seed=0: torch.Generator().manual_seed(seed)


@pytest.fixture
def g(seeded: Callable[[int], torch.Generator]) -> torch.Generator:
    """A fresh generator with seed 0."""
    return seeded(0)


@pytest.fixture
def unshaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check no signature, as in a notebook: where that check would speak first, or would take most of the time."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture(params=["sample", pytest.param("whole", marks=pytest.mark.stress)])
def some(request: pytest.FixtureRequest) -> Callable[..., list]:
    """Of the settings that a test goes through: a seeded sample in the gate, all of them under `make stress`."""

    def chosen(values: Iterable, size: int = 10) -> list:
        every = list(values)
        kept = spread(request.node.originalname, len(every), len(every) if request.param == "whole" else size)
        return [every[place] for place in sorted(kept)]

    return chosen


@pytest.fixture(scope="module")
def made() -> Iterator[Callable[[str], Any]]:
    """Every explorer as a reader opens it, made once; no networks are trained for the choice of one."""
    factories = importlib.import_module("registry").FACTORIES
    module = importlib.import_module("ssl_explain.lessons.real_images.directions_explorer")
    untrained = functools.cache(lambda: dict.fromkeys(module.TRAINED, module.sweep_of("untrained")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "all_sweeps", untrained)
        yield functools.cache(lambda name: factories[name]())


@pytest.fixture
def no_thread_is_left() -> Iterator[None]:
    """No explorer that the test has made goes on in the background."""
    yield
    assert [thread for thread in threading.enumerate() if thread.name == "ssl_explain-runner"] == []
