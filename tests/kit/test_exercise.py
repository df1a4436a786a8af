"""The decorators that make an exercise: what they keep, when they compute, what they refuse."""

import pytest
import torch

from ssl_explain.kit.exercise import NOT_ATTEMPTED, RIGHT, Exercise, exercise, guided

HINTS = ("Count.", "Twice.")
TOLD = {
    "given": lambda g: (torch.rand(2, generator=g), 3.0),
    "mistakes": lambda right, x, k: {"Half of it.": right / 2},
}


@exercise("Twice", "easy", 2)
@guided(*HINTS, **TOLD)
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
    judged = guided(*HINTS, given=lambda _: (2.0,), mistakes=lambda right, x: {"Minus.": -x})
    number, pair = (exercise("n", "easy", 1)(judged(solution)) for solution in (lambda x: x, lambda x: (x, x + 1)))
    assert number.judge(lambda x: x) == RIGHT
    assert number.judge(lambda x: -x) == "Minus."
    assert pair.judge(lambda x: [2, 3]) == pair.judge(lambda x: torch.tensor([2.0, 3.0])) == RIGHT
    assert number.judge(lambda x: [2.0]) == "Return a tensor; yours is of type list."


def test_a_judge_computes_nothing_before_it_judges():
    def given(g):
        raise ArithmeticError("too early")

    late = exercise("late", "easy", 1)(guided(*HINTS, given=given, mistakes=given)(twice.solution))
    with pytest.raises(ArithmeticError):
        late.judge(twice)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"difficulty": "heavy"}, ValueError, "`difficulty` must hold some of easy, medium, hard"),
        ({"minutes": 0}, ValueError, "`minutes` must"),
        ({"minutes": "4"}, TypeError, "`minutes` must"),
    ],
)
def test_a_heading_that_cannot_work_says_why(unshaped, change, error, words):
    with pytest.raises(error, match=words):
        exercise(**{"title": "t", "difficulty": "easy", "minutes": 1, **change})


@pytest.mark.parametrize(
    ("hints", "change", "words"),
    [
        ((1, 2), {}, "`hint` must be a str"),
        ((["one."],), {}, "`hint` must be a str"),
        (HINTS, {"given": (1.0, 2.0)}, "`given` must be a function"),
        (HINTS, {"mistakes": {}}, "`mistakes` must be a function"),
        (HINTS, {"given": None}, "`given` must be a function, got None"),
        (HINTS, {"mistakes": None}, "`mistakes` must be a function, got None"),
        (HINTS, {"judge": lambda attempt: RIGHT}, "`judge` must stand alone"),
    ],
)
def test_guidance_that_cannot_work_says_why(unshaped, hints, change, words):
    with pytest.raises(TypeError, match=words):
        guided(*hints, **TOLD | change)
