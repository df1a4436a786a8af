"""Predictions and exercises of notebook 03."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ssl_explain.kit.exercise import Exercise, compare, draws
from ssl_explain.kit.prediction import Option, Question

more_augmentation = Question(
    "Augmentation is turned up from nothing to 'anywhere on the ring'. What becomes of the spectrum of OP?",
    {
        "grows": Option(
            "it grows: more views, more variance",
            "The views do vary more. But OP averages over the views of a point first, so that what varies between them "
            "is taken out, not added.",
        ),
        "shrinks_evenly": Option(
            "all eigenvalues shrink by about the same factor",
            "That would be so if augmentation touched all directions alike. A shift mixes places, so directions that "
            "tell places apart die; those that tell shapes apart lose less.",
        ),
        "thins": Option(
            "it thins: a few directions survive, most die",
            "Averaging over the views removes every direction along which the views of one point differ. What tells "
            "the points apart in spite of the shifts remains.",
        ),
    },
)

stop_gradient = Question(
    "The gradient is stopped in one of the two towers. What happens to the expected update of L_simp?",
    {
        "same": Option(
            "nothing: both towers share their weights, so one is enough",
            "They share the weights, but each contributes its own gradient. The two contributions are equal, and only "
            "one is left.",
        ),
        "half": Option(
            "it halves, and keeps its direction",
            "Both towers contribute the same expected update, since the two views of a pair are exchangeable.",
        ),
        "zero": Option(
            "it vanishes: pull and push cancel",
            "Their strengths cancel, ∂L/∂r+ + ∂L/∂r- = 0, but they act on different pairs. What is left is the "
            "variance between points.",
        ),
    },
)


def covariance(k: Tensor) -> Tensor:
    """OP (D, D) from the connections k (n, a, D, t) of n points with a views each."""
    means = k.mean(1)
    centred = means - means.mean(0)
    return torch.einsum("ndt,net->de", centred, centred) / len(k)


def _connections() -> Tensor:
    (g,) = draws()
    return torch.randn(4, 1, 5, 2, generator=g).double() + torch.randn(4, 3, 5, 2, generator=g).double() + 1


def _judge_covariance(attempt: Callable[..., Any]) -> str:
    k = _connections()
    means, every = k.mean(1), k.flatten(0, 1)
    swapped = torch.einsum("ndt,nds->ts", means - means.mean(0), means - means.mean(0)) / len(k)
    total = torch.einsum("ndt,net->de", every - every.mean(0), every - every.mean(0)) / len(every)
    return compare(
        attempt(k),
        covariance(k),
        {
            "That is the variance over all views. Average over the views of each point first, then the variance.": (
                total
            ),
            "That is the second moment E[K̄ K̄ᵀ]. Subtract the mean over points before you multiply.": (
                torch.einsum("ndt,net->de", means, means) / len(k)
            ),
            "Nearly: OP is a mean over points, so divide by n, not by n - 1.": covariance(k) * len(k) / (len(k) - 1),
            "You summed over the weights and kept the outputs. Sum over the last axis, the top output.": swapped,
        },
    )


def surviving_share(f: Tensor) -> Tensor:
    """Between-point variance of outputs f (n, a, d) as a share of all variance."""
    means = f.mean(1)
    between = (means - means.mean(0)).square().sum(-1).mean()
    total = (f - f.mean((0, 1))).square().sum(-1).mean()
    return between / total


def _judge_share(attempt: Callable[..., Any]) -> str:
    f = _connections()[..., 0]
    share = surviving_share(f)
    return compare(
        attempt(f),
        share,
        {
            "That is the share that lies within points. The one that survives averaging is the rest.": 1 - share,
            "That is between over within. Divide by the total, which is their sum.": share / (1 - share),
        },
    )


def effective_directions(values: Tensor) -> Tensor:
    """The participation ratio (Σλ)² / Σλ²: k equal eigenvalues count as k."""
    return values.sum() ** 2 / values.square().sum()


def _judge_directions(attempt: Callable[..., Any]) -> str:
    values = torch.tensor([4.0, 2.0, 1.0, 0.5, 0.01]).double()
    return compare(
        attempt(values),
        effective_directions(values),
        {
            "That counts eigenvalues above zero. An eigenvalue of 0.01 should hardly count.": (values > 0)
            .double()
            .sum(),
            "The square in the numerator is missing: with it, k equal eigenvalues give k.": (
                values.sum() / values.square().sum()
            ),
            "That is the sum over the largest: it misses how the others are spread. Use (Σλ)² / Σλ².": (
                values.sum() / values.max()
            ),
        },
    )


def step(op: Tensor, weight: Tensor, step_size: float) -> Tensor:
    """The weights (d_out, d_in) after one step along the flow of L_simp, gradient through both towers."""
    return weight + step_size * (2 * op @ weight.flatten()).view_as(weight)


def _judge_step(attempt: Callable[..., Any]) -> str:
    op = covariance(_connections()[:, :, :4])
    weight, step_size = torch.tensor([[1.0, -2.0], [0.5, 3.0]]).double(), 0.1
    moved = step(op, weight, step_size) - weight
    return compare(
        attempt(op, weight, step_size),
        weight + moved,
        {
            "That is half of the step: the gradient runs through both towers, so the factor is 2.": weight + moved / 2,
            "The sign: the flow goes down the loss, and L_simp falls where OP·vec(W) points.": weight - moved,
            "That is the change alone. Add it to the weights.": moved,
            "The weights are in the wrong order: flatten row by row, as weight.flatten() does.": (
                weight + step_size * (2 * op @ weight.T.flatten()).view(2, 2).T
            ),
        },
    )


exercises = {
    "covariance": Exercise(
        "The covariance operator from its definition",
        "medium",
        8,
        (
            "Average over the views (axis 1) first: that is K̄.",
            "Subtract the mean over points, so that only differences between points are left.",
            "Multiply and sum over the top output and the points: torch.einsum('ndt,net->de', ...), then divide by n.",
        ),
        covariance,
        _judge_covariance,
    ),
    "share": Exercise(
        "How much variance survives augmentation?",
        "easy",
        5,
        ("The mean over views is the part that survives.", "Total variance: every view against the mean of all views."),
        surviving_share,
        _judge_share,
    ),
    "directions": Exercise(
        "How many directions are alive?",
        "easy",
        4,
        ("k equal eigenvalues should give k.", "Try (Σλ)² / Σλ²."),
        effective_directions,
        _judge_directions,
    ),
    "step": Exercise(
        "One step by the theory",
        "easy",
        4,
        ("vec(W) is weight.flatten().", "Both towers: the factor is 2.", "Bring the result back with view_as(weight)."),
        step,
        _judge_step,
    ),
}
