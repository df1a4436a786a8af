"""The command line under fire: any list of arguments ends well, with the usage, or with one sentence."""

import contextlib
import io
import subprocess
import sys
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from fuzz import SOME, as_a_user
from hypothesis import example, given
from hypothesis import strategies as st

from ssl_explain import __main__ as command
from ssl_explain.jobs import commands
from ssl_explain.lessons.real_images.command import ImageResult

NUMBERS = ["-1", "0", "1", "2", "3", "1e3", "0.5", "nan", "inf", "-inf", "", "x", "0x2", "١", "٣", "1_0", " 2"]
LARGE = [*NUMBERS, "9" * 30, "9" * 5000, str(2**63 - 1), str(2**63)]
WORDS = ["", "-", "--", "---", "-h", "--help", "--version", "-x", "\0", "\ud800", "ß", "a b", "=", "--=", "@file", "%s"]
OPTIONS = {
    "--seed": LARGE, "--steps": NUMBERS, "--depth": [*NUMBERS, "60", "20"], "--neurons": [*NUMBERS, "9" * 9],
    "--polarity": ["0.8:1", "1:0", "nan:nan", ":", "0:1:2", "x", "-0.1:2", "inf:inf"], "--runs": ["-1", "0", "1", "2"],
    "--workers": ["-1", "0", "1", "x"], "--cluster": ["", "nowhere", "://"], "--device": ["cpu", "", "cuda:99", "x"],
    "--dataset": ["digits", "cifar10", "faces", ""], "--net": ["mlp", "conv", "x"], "--loss": ["nce", "frozen", "x"],
    "--strength": LARGE, "--temperature": LARGE, "--extra": LARGE, "--epochs": LARGE, "--batch": LARGE,
    "--learning-rate": LARGE, "--first": LARGE, "--data": ["nowhere", "", "."],
    "--out": ["OUT", "OUT/file", "OUT/file/x", ""],
    "--resume": [], "--replace": [], "--kinds": ["mlp", "conv", "x"], "--seeds": LARGE,
}  # fmt: skip
PAIRS = st.sampled_from(list(OPTIONS)).flatmap(
    lambda name: st.one_of(
        st.just([name]),
        *(st.sampled_from([[name, v], [f"{name}={v}"], [name[:4], v], [name, v, v]]) for v in OPTIONS[name]),
    )
)
COMMANDS = st.sampled_from([["demo"], ["sweep"], ["images"], ["image-sweep", "strength"], ["image-sweep", "losses"],
                            ["table", "byol"], ["table", "kernel-drift"], ["table"], ["dance"], []])  # fmt: skip
STRAY = st.one_of(st.sampled_from(WORDS), st.text(max_size=5)).map(lambda word: [word])
LINES = st.lists(st.one_of(PAIRS, PAIRS, COMMANDS, STRAY), max_size=5).map(lambda parts: list(chain(*parts)))
TAME = st.builds(lambda run, options: [*run, *chain(*options)], COMMANDS, st.lists(PAIRS, max_size=3))


@pytest.fixture(autouse=True, scope="module")
def light():
    """Commands of a second, not of minutes: small grids, no training on pictures, no second process."""
    score, scores = torch.zeros(2), torch.zeros(2, 2)
    few = {"neurons": [2], "polarity": [(0.8, 1.0)], "runs": 1, "steps": 1, "workers": 1}
    with as_a_user(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "ssl_explain.lessons.real_images.command.train_on_images",
            lambda *_, **__: ImageResult(score, scores, scores, 1, None),
        )
        patch.setattr(commands.picture_tables, "picture_table", lambda about, folder, **options: {"seed": [1]})
        for about, (_, name, seeds) in commands.TABLES.items():
            patch.setitem(commands.TABLES, about, (lambda folder, **_: {"seed": [1]}, name, seeds))
        patch.setitem(commands.DEFAULTS, commands.demo, commands.DEFAULTS[commands.demo] | {"steps": 1, "depth": 2})
        patch.setitem(commands.DEFAULTS, commands.sweep, commands.DEFAULTS[commands.sweep] | few)
        yield


def ends_well(words):
    """Run it in a folder of its own: no traceback, no word of Python, and the exit code says which it was."""
    out, trouble = io.StringIO(), io.StringIO()
    with TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(out):
        Path("file").write_text("in the way")
        with contextlib.redirect_stderr(trouble):
            try:
                command.main([word.replace("OUT", folder) for word in words])
                code = 0
            except SystemExit as end:
                code = end.code
    if code == 2:
        assert trouble.getvalue().startswith("usage:")
    elif isinstance(code, str):
        assert code.startswith("ssl_explain: ")
        assert "\n" not in code
    else:
        assert code in (0, None)
        assert out.getvalue()


@SOME
@given(LINES, TAME)
@example(["--seed", "9" * 30], ["demo", "--depth", "60"])
@example(["sweep", "--neurons", "9" * 9], ["sweep", "--device", "meta"])
def test_any_list_of_arguments_ends_well(words, tame):
    ends_well(words)
    ends_well(tame)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--depth", "60"], 1, "ssl_explain: `depth` must be an integer from 1 to 12, got 60"),
        pytest.param(["--steps", "\udcff"], 2, "usage: python -m ssl_explain", marks=pytest.mark.stress),
    ],
)
def test_as_a_process_too_there_is_no_traceback(words, code, said):
    done = subprocess.run([sys.executable, "-m", "ssl_explain", *words], capture_output=True, timeout=100)
    assert done.returncode == code
    assert said.encode() in done.stderr
    assert b"Traceback" not in done.stderr
