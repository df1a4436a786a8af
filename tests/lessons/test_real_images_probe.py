"""Probe and neighbours: against literal oracles, indifferent to what they should be, and one sentence for bad input."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from ssl_explain.lessons.real_images.experiment import Evaluation, features, picture_student
from ssl_explain.lessons.real_images.probe import neighbours, probe, spectrum
from ssl_explain.worlds.pictures import PictureWorld, digits


@pytest.fixture
def blobs(g):
    """Three overlapping clouds in four dimensions: train and test."""

    def draw(n):
        y = torch.arange(n) % 3
        centres = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
        return centres[y] + 0.7 * torch.randn(n, 4, generator=g), y

    return *draw(90), *draw(60)


def test_the_probe_is_logistic_regression_on_standardised_features(blobs):
    """Minimise the written-out objective with another optimiser: the same share of right answers."""
    a, ya, b, yb = blobs
    mean, spread = a.mean(0), a.std(0, correction=0)
    x, z, y = ((a - mean) / spread).double().numpy(), ((b - mean) / spread).double().numpy(), ya.numpy()

    def objective(flat):
        w, bias = flat[:12].reshape(4, 3), flat[12:]
        logits = x @ w + bias
        top = logits.max(1, keepdims=True)
        crowd = np.log(np.exp(logits - top).sum(1)) + top[:, 0]
        return 0.5 * (w**2).sum() + (crowd - logits[np.arange(len(y)), y]).sum()

    best = minimize(objective, np.zeros(15), method="BFGS").x
    expected = ((z @ best[:12].reshape(4, 3) + best[12:]).argmax(1) == yb.numpy()).mean()
    assert 0.5 < expected < 1
    assert probe(a, ya, b, yb) == pytest.approx(expected)


def test_units_and_features_that_never_change_do_not_count(blobs):
    a, ya, b, yb = blobs
    scale, shift = torch.tensor([1e-3, 1.0, 50.0, 1e4]), torch.tensor([5.0, 0.0, -3.0, 1e4])
    assert probe(a * scale + shift, ya, b * scale + shift, yb) == pytest.approx(probe(a, ya, b, yb), abs=0.02)
    a, ya, b, yb = blobs
    wide = [torch.cat([x, torch.full((len(x), 2), 0.3)], dim=1) for x in (a, b)]
    assert probe(wide[0], ya, wide[1], yb) == probe(a, ya, b, yb)


def test_without_anything_to_see_the_probe_guesses_the_commonest_class():
    flat, y = torch.zeros(10, 3), torch.tensor([0] * 6 + [1] * 4)
    assert probe(flat, y, flat, y) == pytest.approx(0.6)


@pytest.mark.parametrize("k", [1, 5])
def test_neighbours_by_hand(blobs, k):
    a, ya, b, yb = blobs
    right = 0
    for point, label in zip(b.double(), yb, strict=True):
        nearest = ya[(a.double() - point).square().sum(1).argsort()[:k]]
        right += int(nearest.bincount(minlength=3).argmax() == label)  # the smallest of equals, as scikit-learn
    assert neighbours(a, ya, b, yb, k=k) == pytest.approx(right / len(b))


def test_labels_that_mean_nothing_are_not_found(blobs, g):
    a, ya, b, yb = blobs
    mixed = ya[torch.randperm(len(ya), generator=g)]
    assert probe(a, mixed, b, yb) < 0.6 < probe(a, ya, b, yb)


@pytest.mark.parametrize("score", [probe, neighbours])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"y_train": torch.zeros(90, dtype=torch.long)}, "`classes` must be an integer ≥ 2"),
        ({"train": torch.full((90, 4), float("nan"))}, "`train` must hold finite numbers"),
        ({"test": torch.full((60, 4), float("inf"))}, "`test` must hold finite numbers"),
        ({"y_test": torch.zeros(59, dtype=torch.long)}, "`test` must have one label .* got 60 points and 59 labels"),
        ({"train": torch.zeros(0, 4)}, "`train` must have one label"),
        ({"test": torch.zeros(60, 3)}, "`test` must have 4 entries on its last axis"),
    ],
)
def test_what_cannot_be_scored_is_named(blobs, score, change, sentence):
    arguments = dict(zip(("train", "y_train", "test", "y_test"), blobs, strict=True)) | change
    with pytest.raises(ValueError, match=sentence):
        score(**arguments)


@pytest.mark.parametrize("k", [0, 91])
def test_too_few_or_too_many_neighbours(blobs, k):
    with pytest.raises(ValueError, match="`k` must be an integer from 1 to 90"):
        neighbours(*blobs, k=k)


def test_the_spectrum_is_that_of_the_covariance(g):
    x = torch.randn(50, 4, generator=g, dtype=torch.float64) * torch.tensor([3.0, 2.0, 1.0, 0.5])
    expected = np.sort(np.linalg.eigvalsh(np.cov(x.numpy().T)))[::-1]
    np.testing.assert_allclose(spectrum(x).numpy(), expected / expected.sum(), rtol=1e-10)
    with pytest.raises(ValueError, match="`features` must differ"):
        spectrum(torch.ones(5, 3))


def test_an_evaluation_is_its_probes(g):
    train, test = digits("train"), digits("test")
    net, evaluate = picture_student(train, generator=g), Evaluation(train, test)
    scores = evaluate(net)
    for row, layer in zip(scores, (-2, -1), strict=True):
        sets = (features(net, train.inputs(), layer), train.labels, features(net, test.inputs(), layer), test.labels)
        assert row.tolist() == pytest.approx([probe(*sets), neighbours(*sets)])
    pixels = (train.inputs(), train.labels, test.inputs(), test.labels)
    assert evaluate.raw.tolist() == pytest.approx([probe(*pixels), neighbours(*pixels)])


def test_an_evaluation_needs_labels_and_one_shape(g):
    unknown = PictureWorld(torch.rand(9, 1, 8, 8, generator=g))
    other = PictureWorld(torch.rand(9, 1, 9, 9, generator=g), torch.arange(9).to(torch.uint8))
    with pytest.raises(ValueError, match="must have labels"):
        Evaluation(digits(), unknown)
    with pytest.raises(ValueError, match=r"`test` must hold pictures of shape \(1, 8, 8\)"):
        Evaluation(digits(), other)
