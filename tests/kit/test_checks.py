"""The check of the notebooks: it prints three numbers, and stops where it should."""

import re
from pathlib import Path

import pytest
import torch

from ssl_explain.kit.checks import check

RULES = Path(__file__).parents[1] / "helpers" / "sanitize.cfg"


def test_of_several_numbers_those_are_told_that_refute_the_alternative(capsys):
    found = torch.tensor([1.0, 2.0])
    check("two numbers", found, found + 1e-3, "in the other order", found.flip(0) * 2, tolerance=0.01)
    assert capsys.readouterr().out == (
        "two numbers: measured ≈ 1, predicted ≈ 1.001, to 0.01. But in the other order: ≈ 4.\n"
    )


@pytest.mark.parametrize(
    ("predicted", "alternative", "words"),
    [
        (1.2, 5.0, "measured ≈ 1, predicted ≈ 1.2, to 0.1. They do not agree"),
        (float("nan"), 5.0, "predicted ≈ nan, to 0.1. They do not agree"),
        (1.05, 1.1, "if not ≈ 1.1 agrees too: this check could not fail"),
        (1.0, float("nan"), "could not fail"),
    ],
)
def test_it_stops_where_the_claim_fails_and_where_its_alternative_does_not(predicted, alternative, words, capsys):
    with pytest.raises(AssertionError, match=words):
        check("a claim", 1.0, predicted, "if not", alternative, tolerance=0.1)
    assert not capsys.readouterr().out


def test_a_prediction_may_be_a_range(capsys):
    check("a share", [0.93, 0.95], (0.9, 1), "if untrained", [0.95, 0.2])
    assert capsys.readouterr().out == ("a share: measured ≈ 0.95, predicted from 0.9 to 1. But if untrained: ≈ 0.2.\n")
    with pytest.raises(AssertionError, match=r"measured ≈ 0\.8, predicted from 0\.9 to 1\. They do not agree"):
        check("a share", [0.93, 0.8], (0.9, 1), "if untrained", 0.2)


@pytest.mark.parametrize("predicted", [torch.ones(0), torch.ones(2)])
def test_what_cannot_be_compared_is_named(predicted):
    with pytest.raises(ValueError, match="`measured` must fit `predicted` and the alternative, got "):
        check("a claim", torch.ones(3), predicted, "if not", 2.0, tolerance=0.1)
    check("a claim", torch.ones(3), 1.0, "if not", 2.0, tolerance=0.1)


def compared(words):
    """What is left of printed words when nbval compares them."""
    for regex, replace in re.findall(
        r"^regex: (.*)$\n^replace: (.*)$", RULES.read_text(encoding="utf-8"), re.MULTILINE
    ):
        words = re.sub(regex, replace, words)
    return words


def test_nbval_compares_the_verdict_and_not_the_digits(capsys):
    """They differ between processors."""
    said = []
    for number in (0.25, -3e-14, 1e20):
        check("a claim", number, number, "if not", -number + 1, tolerance=1e-15)
        said.append(compared(capsys.readouterr().out))
    assert set(said) == {"a claim: measured ≈ x, predicted ≈ x, to 1e-15. But if not: ≈ x.\n"}


def test_nbval_takes_what_is_rounding_as_zero_and_nothing_else():
    assert {compared(f"largest gap {gap}") for gap in ("0e+00", "0.0e+00", "7e-18", "-2.1e-14")} == {"largest gap 0"}
    for other in ("largest gap 2e-13", "largest gap 1e-12", "3.48, 1.0e+00", "exact to 1e-16"):
        assert compared(other) == other
