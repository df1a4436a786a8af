"""Small mistakes in the core, one at a time: does a test fail? `python tests/helpers/mutants.py` asks 150 times.

No mistake is made in words, annotations, `raise` statements, or in what only decides about speed and memory.
"""

import argparse
import ast
import copy
import functools
import importlib
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENOUGH = 0.9  # share of the mutants that must be noticed

FUZZED = "core/test_fuzz_calls.py"  # only the calls of what the file defines
OPERATOR = ("core/test_operators.py", "core/test_byol_operators.py", "core/test_flow.py")
LOSS = ("core/test_contrastive.py", "core/test_weights.py", "core/test_require.py")
HALF = "core/test_small_print.py::test_half_precision_works_or_is_named"
ORACLES = {
    "operators/_fast.py": OPERATOR,
    "operators/byol.py": ("core/test_byol_operators.py",),
    "operators/connection.py": OPERATOR,
    "operators/covariance.py": (*OPERATOR, HALF),
    "operators/definitions.py": OPERATOR,
    "losses/contrastive.py": LOSS,
    "losses/predictive.py": ("core/test_dual.py", "core/test_require.py"),
    "losses/spectral.py": ("core/test_spectral_losses.py",),
    "losses/weights.py": LOSS,
    "worlds/belief.py": ("core/test_belief.py", "core/test_theorems.py", "core/test_require.py"),
    "dynamics/correlation.py": ("core/test_correlation.py",),
}
"""The files in which mistakes are made, and the tests that should notice them."""

ONLY_SPEED = {"CHUNK", "ROWS", "DENSE", "START", "TOLERANCE", "LARGEST", "room", "device", "contiguous"}
OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.Mod: ast.Mult, ast.FloorDiv: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
METHODS = {"sum": "mean", "mean": "sum", "amax": "amin", "clamp_min": "clamp_max", "max": "min", "all": "any"}
METHODS |= {"any": "all", "prod": "sum", "zeros_like": "ones_like"}
FUNCTIONS = {"max": "min", "any": "all", "all": "any", "reversed": "list"}
LEFT_OUT = {"abs", "sqrt", "rsqrt", "square", "detach", "flip", "clamp"}
AXES = {"0": "1", "1": "0", "-1": "-2", "-2": "-1", "-3": "-2"}


class Mutant(NamedTuple):
    """One mistake: the file, where it is, what it is, and the whole file with it."""

    file: str
    line: int
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.before}  →  {self.after}"


def changed(node: ast.AST, **fields: object) -> ast.AST:
    """A copy of a node with other fields."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def replacements(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in place of a node."""
    match node:
        case ast.BinOp(left, ast.MatMult(), right):
            yield changed(node, left=right, right=left)
        case ast.BinOp(op=op) if type(op) in OPERATORS:
            yield changed(node, op=OPERATORS[type(op)]())
        case ast.AugAssign(op=op):
            yield changed(node, op=OPERATORS[type(op)]())
            yield ast.Pass()
        case ast.UnaryOp(ast.USub() | ast.Not(), operand):
            yield operand
        case ast.Compare(ops=[op]):
            yield changed(node, ops=[OPERATORS[type(op)]()])
        case ast.BoolOp(op, [*first, last]):
            yield changed(node, op=OPERATORS[type(op)]())
            yield from (first[0], last) if len(first) == 1 else [changed(node, values=first)]
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(float() as value):
            yield ast.Constant(2 * value or 1.0)
        case ast.IfExp(body=body, orelse=orelse):
            yield changed(node, body=orelse, orelse=body)
        case ast.Attribute(value, "mT" | "T"):
            yield value
        case ast.Call(ast.Attribute(value, name)) if name in LEFT_OUT:
            yield value
        case ast.Call(ast.Attribute(_, name) as function, arguments) if name in METHODS:
            yield changed(node, func=changed(function, attr=METHODS[name]))
            if arguments and (axis := ast.unparse(arguments[0])) in AXES:
                yield changed(node, args=[ast.parse(AXES[axis], mode="eval").body, *arguments[1:]])
        case ast.Call(ast.Name(name) as function) if name in FUNCTIONS:
            yield changed(node, func=changed(function, id=FUNCTIONS[name]))
        case ast.If(body=[*_, last]) if refuses(last):
            yield changed(node, test=ast.Constant(False))
        case ast.Expr(ast.Call()):
            yield ast.Pass()


def refuses(node: ast.AST) -> bool:
    """Whether a statement raises an error."""
    return isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and "require.fail(" in ast.unparse(node))


def parts(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """All nodes below a node in which a mistake may be made, each with its place: parent, field, position."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params") or getattr(node, "arg", "") == "strict":
            continue
        if field == "args" and ast.unparse(node).startswith("require.that("):
            value = value[:1]  # the condition; the rest is what the error says
        for place, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr | ast.Import) or refuses(child):
                continue
            if isinstance(node, ast.Module) and isinstance(child, ast.Assign | ast.AnnAssign | ast.ImportFrom):
                continue
            simple = isinstance(child, ast.stmt) and not hasattr(child, "body")
            if is_index(node, child) or ((simple or field == "test") and words(child) & ONLY_SPEED):
                continue
            yield node, field, place, child
            yield from parts(child)


def is_index(parent: ast.AST, child: ast.AST) -> bool:
    """Whether a number counts axes or entries: most other ones would stop the program, which proves nothing."""
    number = child.operand if isinstance(child, ast.UnaryOp) else child
    if not isinstance(number, ast.Constant) or type(number.value) is not int:
        return False
    called = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and child in parent.args
    return isinstance(parent, ast.Subscript | ast.Slice | ast.Tuple) or (called and "require" not in words(parent.func))


def words(node: ast.AST) -> set[str]:
    """The names in a piece of code."""
    return {getattr(n, "id", getattr(n, "attr", "")) for n in ast.walk(node)}


@functools.cache
def mutants(file: str) -> list[Mutant]:
    """Every mutant of a file of the package."""
    tree = ast.parse((ROOT / "ssl_explain" / file).read_text(encoding="utf-8"))
    texts, found = [ast.unparse(statement) for statement in tree.body], []
    for parent, field, place, node in list(parts(tree)):
        for new in replacements(node):
            at = next(k for k, statement in enumerate(tree.body) if node.lineno <= statement.end_lineno)
            put(parent, field, place, new)
            text = ast.unparse(ast.fix_missing_locations(tree.body[at]))
            put(parent, field, place, node)
            told = (ast.unparse(one).splitlines()[0] for one in (node, new))
            found.append(Mutant(file, node.lineno, *told, "\n".join([*texts[:at], text, *texts[at + 1 :]])))
    return found


def put(parent: ast.AST, field: str, place: int | None, node: ast.AST) -> None:
    """Set a node at its place."""
    if place is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[place] = node


def sample(count: int, seed: int) -> list[Mutant]:
    """So many mutants of all files."""
    every = [mutant for file in ORACLES for mutant in mutants(file)]
    return random.Random(seed).sample(every, min(count, len(every)))


# --- trying them out --------------------------------------------------------------------------------------------------


def plant(path: str, source: str) -> None:
    """From now on, importing the file at this path gives the module of this source."""
    read, stats = SourceFileLoader.get_data, SourceFileLoader.path_stats

    def get_data(self: SourceFileLoader, name: str) -> bytes:
        return source.encode() if name == path else read(self, name)

    def path_stats(self: SourceFileLoader, name: str) -> object:
        if name == path:
            raise OSError("nothing was compiled before")
        return stats(self, name)

    SourceFileLoader.get_data, SourceFileLoader.path_stats = get_data, path_stats  # type: ignore[method-assign]


def tested(file: str, source: str | None) -> int:
    """Run the tests of a file, with another source of it, in a process of its own; the number of that process."""
    child = os.fork()
    if child:
        return child
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    path = ROOT / "ssl_explain" / file
    if source is not None:
        sys.dont_write_bytecode = True
        plant(str(path), source)
    every = ast.parse(path.read_text(encoding="utf-8")).body
    names = [node.name for node in every if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    called = "LatentTree" if "belief" in file else " or ".join(names)
    options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not stress", "--hypothesis-profile=unshrunk"]
    options += ["-k", f"not test_every_ or {called}"]
    os._exit(pytest.main([*options, *(f"tests/{name}" for name in (*ORACLES[file], FUZZED)), str(path)]))


def outcomes(jobs: list[tuple[str, str | None]], workers: int, limit: dict[str, float]) -> list[tuple[str, float]]:
    """What became of every job, and its seconds."""
    names = {0: "survived", 1: "noticed", -signal.SIGKILL: "too slow"}
    found: list[tuple[str, float]] = [("", 0.0)] * len(jobs)
    waiting, running = list(enumerate(jobs))[::-1], dict[int, tuple[int, float, float]]()
    while waiting or running:
        while waiting and len(running) < workers:
            place, (file, source) = waiting.pop()
            running[tested(file, source)] = place, time.monotonic(), limit.get(file, 600.0)
        time.sleep(0.02)
        for child, (place, begin, most) in list(running.items()):
            taken = time.monotonic() - begin
            if taken > most:
                os.kill(child, signal.SIGKILL)
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                found[place] = names.get(os.waitstatus_to_exitcode(status), "not importable"), taken
                del running[child]
    return found


def main() -> int:
    """Try a sample of mutants, list the survivors; 1 if there are too many."""
    parser = argparse.ArgumentParser(description="Make small mistakes in the core and see whether a test fails.")
    for name, value in (("--count", 150), ("--seed", 0), ("--workers", 2)):
        parser.add_argument(name, type=int, default=value)
    options = parser.parse_args()
    os.chdir(ROOT)
    os.environ |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    sys.path.insert(0, str(ROOT))
    for library in ("torch", "scipy.sparse.linalg", "hypothesis", "beartype", "jaxtyping", "nbval", "ipywidgets"):
        importlib.import_module(library)  # once here, and not in every process
    whole = dict(zip(ORACLES, outcomes([(file, None) for file in ORACLES], options.workers, {}), strict=True))
    if {outcome for outcome, _ in whole.values()} != {"survived"}:
        print("Tests fail without a mistake:", whole)
        return 1
    limit = {file: 20 + 5 * seconds for file, (_, seconds) in whole.items()}
    chosen = sample(options.count, options.seed)
    found = [outcome for outcome, _ in outcomes([(m.file, m.source) for m in chosen], options.workers, limit)]
    survivors = [str(mutant) for mutant, outcome in zip(chosen, found, strict=True) if outcome == "survived"]
    share = 1 - len(survivors) / len(found)
    print(*(f"survived: {told}" for told in sorted(survivors)), sep="\n")
    print(f"{share:.1%} of {len(found)} mutants (seed {options.seed}) were noticed: {dict(Counter(found))}")
    return 0 if share >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
