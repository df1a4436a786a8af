"""Two measures of how many directions there are, each under its own name, and the angles between spaces."""

import ast
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles

from ssl_explain.lessons.collapse_and_grassmannian.exercises import exercises as grassmann
from ssl_explain.lessons.covariance_operator.exercises import exercises as covariance
from ssl_explain.lessons.one_family.experiment import angle
from ssl_explain.subspaces import effective_rank, participation_ratio, principal_angles

ROOT = Path(__file__).resolve().parents[2]
MEASURES = (participation_ratio, effective_rank)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_equal_variances_count_one_each_at_every_scale(measure, scale):
    spectra = scale * torch.tensor([[1.0, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]])
    torch.testing.assert_close(measure(spectra), torch.tensor([3.0, 1, 4, 0]))


def test_the_two_measures_are_their_formulas_and_differ(g):
    x = torch.rand(7, 5, generator=g, dtype=torch.float64)
    p = x / x.sum(-1, keepdim=True)
    torch.testing.assert_close(participation_ratio(x), x.sum(-1) ** 2 / (x**2).sum(-1))
    torch.testing.assert_close(effective_rank(x), torch.exp(-(p * p.log()).sum(-1)))
    assert (effective_rank(x) > participation_ratio(x) + 0.1).any()


@pytest.mark.parametrize("sizes", [(2, 2), (2, 4), (5, 3), (1, 6)])
def test_angles_between_spaces_of_any_size_are_those_of_scipy(sizes, g):
    a, b = (torch.linalg.qr(torch.randn(7, k, generator=g, dtype=torch.float64)).Q for k in sizes)
    found = principal_angles(a, b)
    np.testing.assert_allclose(found, subspace_angles(a.numpy(), b.numpy())[::-1], atol=1e-9)
    torch.testing.assert_close(found, principal_angles(b, a))


def test_the_angle_between_row_spaces_is_exact_where_it_is_small():
    first = torch.eye(4)[:2].double()
    for tilt in (1e-9, 1e-6, 1e-3, 1.0):
        second = torch.tensor([[1.0, 0, 0, 0], [0, np.cos(tilt), np.sin(tilt), 0], [2, 0, 0, 0]], dtype=torch.float64)
        assert float(angle(first, second).deg2rad()) == pytest.approx(tilt, rel=1e-6)


def test_exercises_teach_the_measure_that_bears_their_name(g):
    theta = torch.randn(6, 3, generator=g, dtype=torch.float64)
    values = torch.linalg.svdvals(theta).square()
    assert covariance["directions"].solution(values) == pytest.approx(float(participation_ratio(values)))
    assert grassmann["merged"].solution(theta) == pytest.approx(float(participation_ratio(values)))
    for exercise in (covariance["directions"], grassmann["merged"]):
        assert "articipation ratio" in exercise.solution.__doc__


def test_each_measure_is_written_once():
    """A square of a sum over a sum of squares, or the exponential of an entropy; exercises show theirs as solutions."""
    found = []
    for path in (ROOT / "ssl_explain").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = ast.unparse(node) if isinstance(node, ast.BinOp | ast.Call) else ""
            entropy = "xlogy" in text and text.endswith(".exp()")
            ratio = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and ".sum(" in text
            ratio = ratio and any(square in ast.unparse(node.left) for square in (".sum(-1).square()", ".sum() ** 2"))
            if (entropy or ratio) and not path.stem.endswith("exercises"):
                found.append(path.name)
    assert found == ["subspaces.py"] * 2


def test_no_notebook_calls_one_measure_by_the_name_of_the_other():
    texts = {path.name[:2]: nbformat.read(path, 4).cells for path in (ROOT / "notebooks").glob("*.ipynb")}
    said = {number: " ".join(cell.source for cell in cells).lower() for number, cells in texts.items()}
    assert {number for number, text in said.items() if "effective rank" in text or "effective_rank" in text} == {
        "09",
        "10",
    }
    assert {number for number, text in said.items() if "participation ratio" in text} >= {"03", "12"}
