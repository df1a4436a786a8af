"""Fuzzing the public face as a user meets it: without the shape checks of the test run, which would speak first.

A target is a call, what a user should pass to it, and what must hold of its result. Then some arguments are spoiled.
"""

import faulthandler
import json
import re
import resource
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import jaxtyping
import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import nn

from ssl_explain import ReLUNet, Tree, Views

SENTENCE = re.compile(r"^`.+?` must .+, got .+; .+\.$", re.DOTALL)
REFUSED = object()  # in place of a result: the documented error
PATIENCE = 300  # seconds until a hang ends the process: a net, no measurement
ROOM = 6 * 2**30  # bytes that a test may take on top of what the process has: a net under calls that ask for more
FEWER = settings(max_examples=settings().max_examples // 4)  # of the profile: 25 in the gate
MANY = settings(max_examples=10 * settings().max_examples)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


FILLS = {
    "random": lambda x: torch.randn(x.shape, generator=seeded(x.numel())).to(x),
    "zero": lambda x: x,
    "one": lambda x: x + 1,
    "nan": lambda x: x + float("nan"),
    "inf": lambda x: x + float("inf"),
    "-inf": lambda x: x - float("inf"),
    "a nan": lambda x: torch.where(torch.arange(x.numel()).view(x.shape) == x.numel() // 2, float("nan"), x + 1),
    "huge": lambda x: x + torch.finfo(x.dtype).max,
    "tiny": lambda x: x + torch.finfo(x.dtype).tiny,
}
SOUND = ("random", "zero", "one")
FLOATS = (torch.float32, torch.float64)


def tensor(shape, fill="random", dtype=torch.float32):
    return FILLS[fill](torch.zeros(shape, dtype=dtype))


def tensors(*shapes, fills=tuple(FILLS), dtypes=(torch.float32,)):
    """Tensors of one of these shapes."""
    return st.builds(tensor, st.sampled_from(shapes), st.sampled_from(fills), st.sampled_from(dtypes))


SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)
STRANGE = st.one_of(
    st.builds(tensor, SHAPES, st.sampled_from(list(FILLS)), st.sampled_from((*FLOATS, torch.float16))),
    st.builds(lambda shape, dtype: torch.ones(shape, dtype=dtype), SHAPES,
              st.sampled_from([torch.int64, torch.uint8, torch.bool, torch.complex64])),
)  # fmt: skip
NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, True, 0.5, -0.0, 1e308, 5e-324, float("nan"), float("inf"), -float("inf"), 1j]),
    st.integers(-3, 9), st.floats(-2, 2),
)  # fmt: skip
SIZES = st.sampled_from([10**5, 10**9, 2**31, 2**63, -(2**63), 10**30, 10**400])
THINGS = st.sampled_from(
    [None, "", "batch", "own", b"x", (), [], {}, (2,), (3, 4), [1.0, 2.0], ("a", "b"), (0.2, 0.9), {"x": 1}, object(),
     int, len, lambda *_: 1, torch.float32, np.ones(3), np.float32(2), np.int64(3), seeded(), Tree(2), nn.Linear(3, 2),
     ReLUNet((3, 2), generator=seeded()), Views(torch.ones(4, 2, 3))]
)  # fmt: skip
SHORT = st.one_of(NUMBERS, STRANGE, THINGS)  # for numbers of steps, which a user may ask for by the billion
JUNK = st.one_of(SHORT, SIZES)
FUNCTIONS = {"loss", "measure", "objective", "until", "after_step", "predictor"}  # the wrong one fails by itself
FLAGS = {
    "symmetric",
    "biases",
    "normalise",
    "linear_top",
    "online",
    "target",
    "through",
    "standardise",
    "fixed_norm",
    "progress",
    "affine",
    "crop",
    "erase",
    "blur",
    "colour",
}  # whatever is true or false will do
TENSORS = (torch.Tensor, np.ndarray)


def junk(name: str, steps: bool):
    """What is passed in place of the argument of this name."""
    every = SHORT if steps else JUNK
    if name in FUNCTIONS:
        return every.filter(lambda x: not callable(x))
    return every.filter(lambda x: not isinstance(x, TENSORS)) if name in FLAGS else every


DEEP = b"[" * 100_000
CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
JSON = st.recursive(CELLS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner))
NOISE = st.binary(max_size=300) | st.builds(lambda x: json.dumps(x).encode(), JSON)


@st.composite
def damaged(draw, content):
    """The content, cut, flipped somewhere, with bytes put in or taken out, or something else altogether."""
    if draw(st.integers(0, 5)) == 0:
        return draw(NOISE)
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["cut", "flip", "insert", "remove"]))
        if kind == "cut":
            del data[at:]
        elif kind == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=9))
        else:
            del data[at : at + draw(st.integers(1, 9))]
    return bytes(data)


@dataclass(frozen=True)
class Target:
    """``call(**arguments)``; ``good`` draws each of them; ``check(result, **arguments)`` asserts what is documented.

    ``steps`` names arguments that are a number of steps, ``may_fail`` says that good arguments may be refused together.
    """

    call: Callable
    good: dict[str, st.SearchStrategy]
    check: Callable
    steps: tuple[str, ...] = ()
    may_fail: bool = False
    errors: tuple[type[Exception], ...] = (ValueError, TypeError)
    spoil: tuple[str, ...] | None = None  # only these; None: all of them


def outcome(call, errors=(ValueError, TypeError)):
    """The result, or REFUSED after a documented error in the form of the house; any other exception passes through."""
    try:
        return call()
    except errors as error:
        if not SENTENCE.match(str(error)):
            raise
        return REFUSED


def fuzz(target: Target, data) -> None:
    """Draw good arguments, spoil two of them at most, call: the documented result, or the documented error."""
    names = tuple(target.good) if target.spoil is None else target.spoil
    arguments = {name: data.draw(strategy, label=name) for name, strategy in target.good.items()}
    some = st.lists(st.sampled_from(names), max_size=2, unique=True) if names else st.just([])
    spoiled = data.draw(some, label="spoiled")
    for name in spoiled:
        arguments[name] = data.draw(junk(name, name in target.steps), label=name)
    result = outcome(lambda: target.call(**arguments), target.errors)
    if result is REFUSED:
        assert spoiled or target.may_fail
    else:
        target.check(result, **arguments)


@contextmanager
def as_a_user():
    """Without shape checks, and with nets below: a hang or a call that eats the memory ends loudly, not the machine."""
    own = Path("/proc/self/statm")
    before = resource.getrlimit(resource.RLIMIT_AS)
    if own.exists():  # elsewhere the limit does not bind
        pages = int(own.read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, before[1]))
    jaxtyping.config.update("jaxtyping_disable", True)
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        jaxtyping.config.update("jaxtyping_disable", False)
        resource.setrlimit(resource.RLIMIT_AS, before)
