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
from hypothesis import note, settings
from hypothesis import strategies as st
from torch import nn
from weights import seeded

from ssl_explain import ReLUNet, Tree, Views, require
from ssl_explain.dynamics.partial_results import _checksum

SENTENCE = re.compile(r"^`.+?` must .+, got .+; .+\.$", re.DOTALL)
REFUSED = object()  # in place of a result: the documented error
PATIENCE = 120  # seconds until a call that hangs ends the process: a net, no measurement
ROOM = 6 * 2**30  # bytes that a test may take on top of what the process has: a net under calls that ask for more
OFTEN = settings().max_examples  # of the profile: 50 in the gate, 200 in `make stress`
SOME = settings(max_examples=OFTEN // 2 if OFTEN <= 50 else 2 * OFTEN)
ONCE = settings(max_examples=1)


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
FEW = [0, 1, -1, True, 0.5, -0.0, 1e308, 5e-324, float("nan"), float("inf"), -float("inf"), 1j]
SIZES = [10**5, 10**9, 2**31, 2**63, -(2**63), 10**30, 10**400]
THINGS = [
    None, "", "batch", "own", b"x", (), [], {}, (2,), (3, 4), [1.0, 2.0], ("a", "b"), (0.2, 0.9), {"x": 1}, object(),
    int, len, lambda *_: 1, torch.float32, np.ones(3), np.float32(2), np.int64(3), seeded(), Tree(2), nn.Identity(),
    ReLUNet((3, 2), generator=seeded()), Views(torch.ones(4, 2, 3)), torch.ones(3), torch.ones(3, 2, dtype=torch.int64),
]  # fmt: skip
NUMBERS = st.one_of(st.sampled_from(FEW), st.integers(-3, 9), st.floats(-2, 2))
SHORT = st.one_of(NUMBERS, STRANGE, st.sampled_from(THINGS))  # for steps, which a user may ask for by the billion
JUNK = st.one_of(SHORT, st.sampled_from(SIZES))
FUNCTIONS = {"loss", "measure", "objective", "until", "after_step", "predictor"}  # the wrong one fails by itself
FLAGS = {"symmetric", "biases", "normalise", "linear_top", "online", "target", "through", "scaled", "standardise"}
FLAGS |= {"fixed_norm", "progress", "affine", "crop", "erase", "blur", "colour"}  # whatever is true or false will do
TENSORS = (torch.Tensor, np.ndarray)


def fits(name: str, value: object) -> bool:
    """Whether a value may be passed as junk: not as a function, which would fail by itself, nor as no truth."""
    return not (callable(value) if name in FUNCTIONS else name in FLAGS and isinstance(value, TENSORS))


def junk(name: str, steps: bool):
    """What is passed in place of the argument of this name."""
    return (SHORT if steps else JUNK).filter(lambda value: fits(name, value))


DEEP = b"[" * 100_000
CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
JSON = st.recursive(CELLS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner))
NOISE = st.binary(max_size=300) | st.builds(lambda x: json.dumps(x).encode(), JSON)


def bomb(path):
    """Bytes that would write a file when unpickled; a reader that leaves it unwritten has not unpickled them."""
    return b"cbuiltins\nexec\n(Vopen(%r, 'w')\ntR." % str(path)


def forged(body):
    """Partial results of a sweep whose checksum is right, whatever they hold."""
    return json.dumps({"format": 1, "sha256": _checksum(body), "body": body}).encode()


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


NEAR = {
    "a NaN": lambda x: torch.where(torch.arange(x.numel()).view(x.shape) == x.numel() // 2, float("nan"), x),
    "infinite": lambda x: torch.full_like(x, float("inf")),
    "double": lambda x: x.double(),
    "whole numbers": lambda x: x.nan_to_num().clamp(-9, 9).long(),
    "an axis less": lambda x: x[..., 0],
    "an axis more": lambda x: x.unsqueeze(0),
    "one row": lambda x: x[:1],
    "no row": lambda x: x[:0],
    "one column": lambda x: x[..., :1],
    "no column": lambda x: x[..., :0],
    "a row more": lambda x: torch.cat([x, x[:1]]),
    "a list": lambda x: x.tolist(),
}


def near(value) -> list:
    """What is nearly right: a good tensor with something wrong."""
    whole = isinstance(value, torch.Tensor) and value.is_floating_point() and value.numel() and value.ndim
    return [change(value) for change in NEAR.values()] if whole else []


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
    spoil: tuple[str, ...] | None = None  # only these; None: all of them


def outcome(call):
    """The result, or REFUSED after a documented error in the form of the house; any other exception passes through."""
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    try:
        return call()
    except (ValueError, TypeError) as error:
        if not SENTENCE.match(str(error)):
            raise
        return REFUSED
    finally:
        faulthandler.cancel_dump_traceback_later()


def attempt(target: Target, arguments: dict, spoiled) -> None:
    """Call: the documented result, or the documented error where something is spoiled."""
    result = outcome(lambda: target.call(**arguments))
    if result is REFUSED:
        assert spoiled or target.may_fail
    else:
        target.check(result, **arguments)


def names_of(target: Target) -> tuple[str, ...]:
    return tuple(target.good) if target.spoil is None else target.spoil


def good(target: Target, data) -> dict:
    return {name: data.draw(strategy, label=name) for name, strategy in target.good.items()}


def fuzz(target: Target, data) -> None:
    """Draw good arguments, spoil two of them at most, call."""
    arguments = good(target, data)
    names = names_of(target)
    spoiled = data.draw(st.lists(st.sampled_from(names), max_size=2, unique=True) if names else st.just([]))
    for name in spoiled:
        misses = near(arguments[name])
        wrong = junk(name, name in target.steps)
        arguments[name] = data.draw(st.one_of(st.sampled_from(misses), wrong) if misses else wrong, label=name)
    attempt(target, arguments, spoiled)


def one_by_one(target: Target, data) -> None:
    """Draw good arguments, then spoil each of them in every way there is a list of."""
    arguments = good(target, data)
    attempt(target, arguments, ())
    for name in names_of(target):
        sizes = [] if name in target.steps else SIZES
        for wrong in [*near(arguments[name]), *filter(lambda value: fits(name, value), [*FEW, *THINGS, *sizes])]:
            note(f"{name} = {wrong if isinstance(wrong, torch.Tensor) else require.shown(wrong)}")
            attempt(target, arguments | {name: wrong}, name)


@contextmanager
def as_a_user():
    """Without shape checks, and with a net below: a call that eats the memory ends loudly, and not the machine."""
    own = Path("/proc/self/statm")
    before = resource.getrlimit(resource.RLIMIT_AS)
    if own.exists():  # elsewhere the limit does not bind
        pages = int(own.read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, before[1]))
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
        resource.setrlimit(resource.RLIMIT_AS, before)
