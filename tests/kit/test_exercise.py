"""The decorator that makes an exercise: what it keeps, when it computes, what it refuses."""

import pytest
import torch

from ssl_explain.kit.exercise import NOT_ATTEMPTED, RIGHT, Exercise, exercise

WORDS = {"hints": ("Count.", "Twice.")}
TOLD = {
    "given": lambda g: (torch.rand(2, generator=g), 3.0),
    "mistakes": lambda right, x, k: {"Half of it.": right / 2},
}


@exercise("Twice", "easy", 2, **WORDS, **TOLD)
def twice(x, k):
    """Twice k times x."""
    return 2 * k * x


def test_an_exercise_is_its_solution_with_a_judge():
    assert isinstance(twice, Exercise)
    assert twice(torch.ones(1), 4) == twice.solution(torch.ones(1), 4) == 8
    assert twice.judge(twice) == RIGHT
    assert twice.judge(lambda x, k: None) == NOT_ATTEMPTED
    assert twice.judge(lambda x, k: k * x) == "Half of it."
    page = twice._repr_html_()
    assert "<pre>def twice(x, k):" in page
    assert page.endswith("return 2 * k * x\n</pre></details>")


def test_numbers_and_pairs_are_compared_like_tensors():
    number = exercise("n", "easy", 1, **WORDS, given=lambda _: (2.0,), mistakes=lambda right, x: {"Minus.": -x})
    assert number(lambda x: x).judge(lambda x: x) == RIGHT
    assert number(lambda x: x).judge(lambda x: -x) == "Minus."
    pair = number(lambda x: (x, x + 1)).judge
    assert pair(lambda x: [2, 3]) == pair(lambda x: torch.tensor([2.0, 3.0])) == RIGHT
    assert number(lambda x: x).judge(lambda x: [2.0]) == "Return a tensor; yours is of type list."


def test_a_judge_computes_nothing_before_it_judges():
    def given(g):
        raise ArithmeticError("too early")

    late = exercise("late", "easy", 1, **WORDS, given=given, mistakes=given)(twice.solution)
    with pytest.raises(ArithmeticError):
        late.judge(twice)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"difficulty": "heavy"}, ValueError, "`difficulty` must hold some of easy, medium, hard"),
        ({"minutes": 0}, ValueError, "`minutes` must"),
        ({"minutes": "4"}, TypeError, "`minutes` must"),
        ({"hints": "one."}, TypeError, "`hints` must be a tuple"),
        ({"hints": (1, 2)}, TypeError, "`hint` must be a str"),
        ({"given": (1.0, 2.0)}, TypeError, "`given` must be a function"),
        ({"mistakes": {}}, TypeError, "`mistakes` must be a function"),
        ({"given": None}, TypeError, "`given` must be a function, got None"),
        ({"mistakes": None}, TypeError, "`mistakes` must be a function, got None"),
        ({"judge": lambda attempt: RIGHT}, TypeError, "`judge` must stand alone"),
    ],
)
def test_a_definition_that_cannot_work_says_why(unshaped, change, error, words):
    with pytest.raises(error, match=words):
        exercise(**{"title": "t", "difficulty": "easy", "minutes": 1, **WORDS, **TOLD, **change})
