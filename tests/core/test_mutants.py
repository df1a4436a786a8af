"""The tool that makes small mistakes in the core: which it makes, and which it leaves out."""

import ast

import mutants
import pytest


def made(source):
    """What the tool would write instead of a piece of code."""
    tree = ast.parse(source)
    return [ast.unparse(new) for *_, node in mutants.parts(tree) for new in mutants.replacements(node)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f():\n    return a - b", {"a + b"}),
        ("def f():\n    return a @ b.mT", {"b.mT @ a", "b"}),
        ("def f():\n    return -a if a <= 2 else a", {"a if a <= 2 else -a", "a", "a < 2", "3"}),
        ("def f():\n    return x.abs().mean(-1)", {"x.abs().sum(-1)", "x.abs().mean(-2)", "x"}),
        ("def f(x=0.5, y=True):\n    return max(x, y)", {"1.0", "False", "min(x, y)"}),
        ("def f():\n    return a and not b", {"a or not b", "a", "not b", "b"}),
        ("def f():\n    check(x)", {"pass"}),
        ("def f():\n    x += 1", {"pass", "x -= 1", "2"}),
        ("def f():\n    if x:\n        raise ValueError(1 + 1)", {"if False:\n    raise ValueError(1 + 1)"}),
        ("def f():\n    if x:\n        require.fail(1 + 1)", {"if False:\n    require.fail(1 + 1)"}),
        ("def f():\n    require.that(a < b, 'a', 'x', b + 1)", {"a <= b", "pass"}),
    ],
)
def test_mistakes_of_every_kind_are_made(source, expected):
    assert set(made(source)) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""Words - and 2."""',
        "CHUNK = 2**18",
        "def f(x: Float[Tensor, 'n'] = None) -> Literal[1]:\n    return f'{1 + 1}'",
        "def f():\n    return x.flatten(0, 1)[2]",
        "def f():\n    size = max(1, CHUNK // 2)",
        "def f():\n    require.room('x', 2 * n, 'fewer')",
        "@given(1 + 1)\ndef f():\n    return zip(a, b, strict=True)",
    ],
)
def test_no_mistake_is_made_in_words_types_axes_and_what_is_about_speed(source):
    assert made(source) == []


def test_every_file_of_operators_and_losses_has_its_tests():
    package = mutants.ROOT / "ssl_explain"
    files = [*package.glob("operators/*.py"), *package.glob("losses/*.py")]
    assert {path.relative_to(package).as_posix() for path in files if path.stem != "__init__"} <= set(mutants.ORACLES)
    tests = {name.split("::")[0] for names in mutants.ORACLES.values() for name in names}
    assert all((mutants.ROOT / "tests" / name).is_file() for name in tests)


def test_there_are_enough_of_them_and_a_seed_chooses():
    every = [mutant for file in mutants.ORACLES for mutant in mutants.mutants(file)]
    assert len({(mutant.file, mutant.source) for mutant in every}) > 400
    assert mutants.sample(150, 1) == mutants.sample(150, 1) != mutants.sample(150, 2)
    assert len(mutants.sample(150, 1)) == 150
    assert {mutant.file for mutant in mutants.sample(150, 1)} == set(mutants.ORACLES)
    for mutant in every:
        compile(mutant.source, mutant.file, "exec")
