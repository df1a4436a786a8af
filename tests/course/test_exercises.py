"""Exercises: the solution passes, a stub is no failure, and a likely mistake is told apart from any other."""

import ast
import dataclasses
import html
import inspect
import re

import numpy as np
import pytest
import registry
import torch

from ssl_explain.kit.exercise import NOT_ATTEMPTED, RIGHT, compare


def collect():
    """Every exercise of every module, by module and name."""
    found = {}
    for module in registry.EXERCISES:
        inside = vars(module).get("exercises", {"exercise": vars(module).get("exercise")})
        found |= {f"{registry.room(module)}.{key}": item for key, item in inside.items()}
    return found


EXERCISES = collect()


def kept(z, q, generator):
    return torch.rand(z[0].shape, generator=generator) >= q


def centred(x):
    return x - x.mean()


def covariance(k):
    return torch.einsum("ndt,net->de", k, k) / len(k)


def shares(positive, negatives, tau):
    return torch.softmax(-torch.cat([positive[:, None], negatives], 1) / tau, 1)


def solution(name):
    return EXERCISES[name].solution


def ceiling(square=False):
    def attempt(a, b):
        patterns = [((1 + s * a) * (1 + t * b) / 4, (1 - s * a) * (1 - t * b) / 4) for s in (-1, 1) for t in (-1, 1)]
        expected = sum((p + m) / 2 * ((p - m) / (p + m)) ** 2 for p, m in patterns)
        return expected if square else expected**0.5

    return attempt


def noise(tree, q, *, weighed=True, both=True, apart=False):
    """The pair law of noisy leaves, leaf by leaf, right or wrong."""
    x, given = tree.enumerate()
    p = given.double().mean(-1) if weighed else torch.full((len(x),), 1 / len(x)).double()
    flipped = (1 - q / 2) ** (x[:, None] == x).sum(-1) * (q / 2) ** (x[:, None] != x).sum(-1)
    if apart:
        return torch.outer(p @ flipped.double(), p @ flipped.double())
    once = p[:, None] * flipped.double()
    return flipped.double().mT @ once if both else once


def redraw(keep_if_below=None, coin=False, follow=True):
    def attempt(parent, child, rho, q, generator):
        draw = torch.rand(child.shape, generator=generator)
        keep = draw < q if keep_if_below else draw >= q
        flip = torch.rand(child.shape, generator=generator) < (0.5 if coin else (1 - rho) / 2)
        return torch.where(keep, child, torch.where(flip, 1 - parent, parent) if follow else parent)

    return attempt


# Plausible wrong answers, each with a word of the sentence it must hear.
MISTAKES = {
    "start_here.exercise": {
        "absolute value": lambda f, z: centred(f) @ centred(z) / (centred(f).norm() * centred(z).norm()),
        "Subtract their means": lambda f, z: (f @ z).abs() / (f.norm() * z.norm()),
        "covariance": lambda f, z: (centred(f) @ centred(z)).abs(),
        "the value is not": lambda f, z: torch.tensor(1.0),
    },
    "latent_variables_emerge.ceiling": {
        "better leaf alone": lambda a, b: max(abs(a), abs(b)),
        "square root": ceiling(square=True),
        "sum of polarities": lambda a, b: a + b,
        "the value is not": lambda a, b: (a + b) / 2,
    },
    "latent_variables_emerge.redraw": {
        "keep a child with probability q": redraw(keep_if_below=True),
        "fair coin": redraw(coin=True),
        "1.00 of the children are unchanged": lambda parent, child, rho, q, generator: child,
        "follow its parent": redraw(follow=False),
        "Return a tensor of shape (40000,); yours is torch.Size([1])": lambda *_: torch.zeros(1),
        "yours is int": lambda *_: 3,
    },
    "latent_variables_emerge.silent": {
        "zero activations": lambda f: (f == 0).double().mean(),
        "some point": lambda f: (f == 0).any(0).double().mean(),
        "number of neurons": lambda f: (f == 0).all(0).double().sum(),
        "the value is not": lambda f: torch.tensor(0.0),
    },
    "gradient_as_connection.gates": {
        "These are the activations": lambda w, f: (w @ f).relu(),
        "These are signs": lambda w, f: (w @ f).sign(),
    },
    "gradient_as_connection.jacobian": {
        "The gates are missing": lambda x, a, b: b,
        "You scale by the activations": lambda x, a, b: b * (a @ x).relu(),
    },
    "gradient_as_connection.connection": {
        "top output comes last": lambda f, j: torch.einsum("i,to->toi", f, j),
        "Own input before top output": lambda f, j: torch.einsum("i,to->oti", f, j),
        "Own output before own input": lambda f, j: torch.einsum("i,to->iot", f, j),
        "do not sum over t": lambda f, j: torch.einsum("i,to->oi", f, j).unsqueeze(-1).expand(-1, -1, 3),
    },
    "gradient_as_connection.pair": {
        "first tower alone": lambda a, b, w: a @ torch.einsum("oit,oi->t", a - b, w),
        "summed over the own input": lambda a, b, w: torch.einsum("oit,pit,pi->oi", a - b, a - b, w),
    },
    "latent_tree.view": {
        "must listen to its parent": lambda z, rho, q, g: torch.where(kept(z, q, g), z[0], kept(z, 0.5, g) * 2.0 - 1),
        "not turned round": lambda z, rho, q, g: torch.where(kept(z, q, g), z[0], -z[0]),
        "the law of the data": lambda z, rho, q, g: solution("latent_tree.view")(z, [-r for r in rho], q, g),
        "kept with probability q": lambda z, rho, q, g: solution("latent_tree.view")(z, rho, 1 - q, g),
        "more often or less": lambda z, rho, q, g: z[0],
        "redrawn together": lambda z, rho, q, g: torch.where(
            kept(z, q, g)[:, :1], z[0], solution("latent_tree.view")(z, rho, 1.0, g)
        ),
        "other values": lambda z, rho, q, g: z[0] / 2,
        "yours is int": lambda *_: 3,
    },
    "why_the_root.law": {
        "All leaf patterns count alike": lambda tree, q: noise(tree, q, weighed=False),
        "Both views are noisy": lambda tree, q: noise(tree, q, both=False),
        "flip a leaf with probability q": lambda tree, q: noise(tree, 2 * q),
        "independent": lambda tree, q: noise(tree, q, apart=True),
        "the value is not": lambda tree, q: tree.pair_probabilities(q),
        "shape should be (16, 16)": lambda tree, q: noise(tree, q).sum(0),
    },
    "why_the_root.mode": {
        "early growth alone": lambda lam, s0, t: s0 * torch.exp(8 * lam * t),
        "rate is 8λ": lambda lam, s0, t: lam / (1 + (lam / s0 - 1) * torch.exp(-lam * t)),
        "should end at λ": lambda lam, s0, t: 1 / (1 + (lam / s0 - 1) * torch.exp(-8 * lam * t)),
        "the value is not": lambda lam, s0, t: lam * t,
    },
    "why_the_root.selectivity": {
        "counts all patterns alike": lambda p, f, m: torch.einsum("nj,n->j", f, m) / len(f),
        "half of it": lambda p, f, m: 2 * torch.einsum("n,nj,n->j", p, f, m),
        "more likely value": lambda p, f, m: torch.einsum("n,nj,n->j", p, f, m.sign()),
        "mean activation": lambda p, f, m: p @ f,
        "the value is not": lambda p, f, m: torch.zeros(3),
    },
    "covariance_operator.covariance": {
        "over all views": lambda k: covariance(k.flatten(0, 1) - k.mean((0, 1))),
        "pull alone": lambda k: covariance((k - k.mean(1, keepdim=True)).flatten(0, 1)),
        "second moment": lambda k: covariance(k.mean(1)),
    },
    "covariance_operator.directions": {
        "counts eigenvalues": lambda v: (v > 0).sum().double(),
        "square in the numerator": lambda v: v.sum() / (v**2).sum(),
    },
    "covariance_operator.doubling": {
        "one tower": lambda values: np.log(2) / values,
        "grown by e": lambda values: 1 / (2 * values),
        "square has doubled": lambda values: np.log(2) / (4 * values),
        "a rate, not a time": lambda values: 2 * values / np.log(2),
    },
    "losses_reweigh_pairs.weight": {
        "forgets the positive": lambda r, tau: torch.exp(-r / tau),
        "weight of the positive": lambda r, tau: torch.sigmoid(r / tau),
    },
    "losses_reweigh_pairs.triplet": {
        "margin is missing": lambda r, tau, margin: torch.sigmoid(-r / tau),
        "wrong sign": lambda r, tau, margin: torch.sigmoid(-(r + margin) / tau),
    },
    "losses_reweigh_pairs.update": {
        "not in it": lambda k, f, xi: solution("losses_reweigh_pairs.update")(k, f, torch.ones_like(xi)),
        "sum over pairs": lambda k, f, xi: solution("losses_reweigh_pairs.update")(k, f, xi) * len(k) ** 2,
    },
    "losses_reweigh_pairs.spread": {
        "all variance": lambda f, tau: (f - f.mean((0, 1))).square().sum(-1).mean() / tau,
        "per output": lambda f, tau: (f - f.mean(1, keepdim=True)).square().mean() / tau,
    },
    "two_views_one_network.hinge": {
        "L_simp, plus a constant": lambda p, n: (p[:, None] - n + 0.3).mean(-1),
        "a hinge of its own": lambda p, n: torch.relu(p - n.mean(-1) + 0.3),
        "The sign of the margin": lambda p, n: torch.relu(p[:, None] - n - 0.3).mean(-1),
        "You sum over": lambda p, n: torch.relu(p[:, None] - n + 0.3).sum(-1),
    },
    "two_views_one_network.pull": {
        "share of the positive": lambda p, n, tau: shares(p, n, tau)[:, 0],
        "the factor τ in front": lambda p, n, tau: (1 - shares(p, n, tau)[:, 0]) / tau,
    },
    "two_views_one_network.pushes": {
        "The sign": lambda p, n, tau: shares(p, n, tau)[:, 1:],
        "Your pushes add up to -1": lambda p, n, tau: -torch.softmax(-n / tau, 1),
    },
    "two_views_one_network.triplet": {
        "The sign of the margin": lambda p, n, tau, r0: torch.sigmoid((p - n - r0) / tau),
        "the factor τ in front": lambda p, n, tau, r0: torch.sigmoid((p - n + r0) / tau) / tau,
    },
}
EVERY = pytest.mark.parametrize("name", EXERCISES)


def source(function):
    """The text of a function, read by the parser and without its decorators."""
    text = inspect.getsource(inspect.getmodule(function))
    (found,) = (n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == function.__name__)
    return ast.get_source_segment(text, found) + "\n"


def verdict(exercise, attempt, capsys):
    assert exercise.check(attempt) is None
    printed, trouble = capsys.readouterr()
    assert trouble == ""
    title, _, words = printed.partition(": ")
    assert title == exercise.title
    return words.rstrip("\n")


@EVERY
def test_the_solution_passes(name, capsys):
    assert verdict(EXERCISES[name], EXERCISES[name].solution, capsys).startswith(RIGHT)


@EVERY
def test_every_sentence_of_the_judge_can_be_heard(name, capsys, monkeypatch):
    """The answer beside a sentence in the judge gets that sentence, and each exercise knows two mistakes."""
    exercise, known = EXERCISES[name], {}

    def spy(got, expected, mistakes):
        known.update(mistakes)
        return compare(got, expected, mistakes)

    monkeypatch.setattr("ssl_explain.kit.exercise.compare", spy)
    exercise.judge(exercise.solution)
    said = {word: verdict(exercise, lambda *_, value=value: value, capsys) for word, value in list(known.items())}
    assert {word: words for word, words in said.items() if not words.endswith(word)} == {}
    assert len(known) >= 2 or len(MISTAKES[name]) >= 2


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_hears_its_own_message(name, capsys):
    said = {word: verdict(EXERCISES[name], attempt, capsys) for word, attempt in MISTAKES[name].items()}
    assert {word: words for word, words in said.items() if word not in words} == {}
    assert len(set(said.values())) == len(said)
    assert not any(words.startswith((RIGHT, NOT_ATTEMPTED)) for words in said.values())


def raising(error):
    def attempt(*_):
        raise error

    return attempt


ERRORS = [ZeroDivisionError("by zero"), NotImplementedError(), KeyError("q"), AssertionError()]
ANSWERED = [(lambda *_: ..., re.escape(NOT_ATTEMPTED)), (lambda *_: None, re.escape(NOT_ATTEMPTED))]
ANSWERED += [(raising(e), re.escape(f"Your code stopped with {type(e).__name__}: {e}")) for e in ERRORS]
ANSWERED += [(lambda: 1, "Your code stopped with TypeError.*")]
ANSWERED += [
    (lambda *_, answer=answer: answer, "(Return a tensor|The shape should be).*yours is.*")
    for answer in ("0.9", [1.0], np.ones(3), {})
]
ANSWERED += [(lambda *_: float("nan"), f"(?!{re.escape(RIGHT)}|{re.escape(NOT_ATTEMPTED)}).*")]


@pytest.mark.gate(50)
@EVERY
@pytest.mark.parametrize(("attempt", "words"), ANSWERED)
def test_what_is_no_answer_is_told_so(name, attempt, words, capsys):
    """A stub, an error, wrong arguments, another type, not a number."""
    assert re.fullmatch(words, verdict(EXERCISES[name], attempt, capsys), flags=re.DOTALL)


@pytest.mark.gate(12)
@EVERY
def test_an_attempt_that_writes_into_its_arguments_is_judged_by_its_answer(name, capsys):
    exercise, written = EXERCISES[name], []

    def careless(*data):
        answer = exercise.solution(*data)
        for values in data:
            if isinstance(values, torch.Tensor):
                written.append(values.fill_(7))
        return answer

    assert verdict(exercise, careless, capsys).startswith(RIGHT)
    held = [
        value for module in registry.EXERCISES for value in vars(module).values() if isinstance(value, torch.Tensor)
    ]
    assert not any(values.data_ptr() == value.data_ptr() for values in written for value in held)


@EVERY
def test_hints_open_one_by_one_and_the_solution_is_the_one_copy(name):
    exercise = EXERCISES[name]
    page = exercise._repr_html_()
    depth, opened = 0, []
    for mark in re.findall(r"<details|</details>|<summary>.*?</summary>", page):
        if mark.startswith("<summary>"):
            opened.append((re.sub("<.*?>", "", mark), depth))
        depth += {"<details": 1, "</details>": -1}.get(mark, 0)
    assert depth == 0
    hints = [(f"hint {k}", k) for k in range(1, len(exercise.hints) + 1)]
    assert opened == [*hints, ("solution", 1)]
    assert [html.unescape(page).index(hint) for hint in exercise.hints] == sorted(
        html.unescape(page).index(hint) for hint in exercise.hints
    )
    assert page.endswith(f"<pre>{html.escape(source(exercise.solution))}</pre></details>")
    assert html.escape(exercise.title) in page
    assert str(exercise.minutes) in repr(exercise)
    assert "def " not in repr(exercise)


@EVERY
def test_exercises_say_how_hard_and_how_long(name):
    exercise = EXERCISES[name]
    assert exercise.difficulty in {"easy", "medium", "hard"}
    assert 1 <= exercise.minutes <= 20
    assert 2 <= len(exercise.hints) == len(set(exercise.hints))
    assert all(hint.endswith(".") for hint in exercise.hints)


def test_comparison_goes_from_type_to_shape_to_value_to_mistake():
    expected = torch.tensor([1.0, 2.0, 3.0, 4.0])
    mistakes = {"doubled": 2 * expected, "summed": expected.sum()}
    assert compare(expected.double(), expected, mistakes) == RIGHT
    assert compare(2 * expected, expected, mistakes) == "doubled"
    assert compare(expected.mean(), expected, mistakes) == "The shape should be (4,), yours is ()."
    assert compare(expected.sum(), expected, mistakes) == "The shape should be (4,), yours is (). summed"
    assert compare(expected + 1, expected, mistakes) == (
        "The shape is right, the value is not: expected 1.000, 2.000, 3.000, …, yours is 2.000, 3.000, 4.000, …."
    )
    assert compare(2, torch.tensor(2.0), {}) == RIGHT
    assert compare(np.float64(2), torch.tensor(2.0), {}) == RIGHT


def test_exercises_cannot_be_changed_by_accident():
    with pytest.raises(dataclasses.FrozenInstanceError):
        next(iter(EXERCISES.values())).title = "easier"
