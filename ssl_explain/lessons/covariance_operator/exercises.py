"""Predictions and exercises of notebook 03."""

import math

import torch
from torch import Tensor

from ssl_explain.kit.exercise import exercise, guided
from ssl_explain.kit.prediction import question

more_augmentation = question("""
    Augmentation is turned up from nothing to shifts of up to five cells, either way. What becomes of the spectrum of
    OP in layer 1?

    [grows] it grows: more views, more variance
        The views do vary more. But OP averages over the views of a point first, so that what varies between them is
        taken out, not added.
    [shrinks_evenly] all eigenvalues shrink by about the same factor
        That would be so if augmentation touched all directions alike. A shift mixes places, so directions that tell
        places apart die; those that tell shapes apart lose less.
    [thins] it thins: a few directions survive, most die
        Averaging over the views removes every direction along which the views of one point differ. What tells the
        points apart in spite of the shifts remains.
""")

stop_gradient = question("""
    The gradient is stopped in one of the two towers. What happens to the expected update of L_simp?

    [same] nothing: both towers share their weights, so one is enough
        They share the weights, but each contributes its own gradient. The two contributions are equal, and only one is
        left.
    [half] it halves, and keeps its direction
        Both towers contribute the same expected update, since the two views of a pair are exchangeable.
    [zero] it vanishes: pull and push cancel
        Their strengths cancel, ∂L/∂r+ + ∂L/∂r- = 0, but they act on different pairs. What is left is the variance
        between points.
""")


def _connections(g: torch.Generator) -> Tensor:
    return torch.randn(4, 1, 5, 2, generator=g).double() + torch.randn(4, 3, 5, 2, generator=g).double() + 1


def _variance(k: Tensor) -> Tensor:
    """The variance of all rows of k (m, D, t), summed over outputs."""
    centred = k - k.mean(0)
    return torch.einsum("mdt,met->de", centred, centred) / len(k)


def _mistakes_covariance(right: Tensor, k: Tensor) -> dict[str, Tensor]:
    means, all_variance = k.mean(1), _variance(k.flatten(0, 1))
    return {
        "That is the variance over all views, the push alone. Subtract the pull: the variance within points.": (
            all_variance
        ),
        "That is the variance within points, the pull alone. Subtract it from that of all views.": all_variance - right,
        "The sign: push minus pull. The variance of all views is the larger one.": -right,
        "That is the second moment E[K̄ K̄ᵀ]. Subtract the mean over points before you multiply.": (
            torch.einsum("ndt,net->de", means, means) / len(k)
        ),
        "Nearly: a variance here is a mean, so divide by the number of views, not by one less.": (
            right * len(k) / (len(k) - 1)
        ),
        "You summed over the weights and kept the outputs. Sum over the last axis, the top output.": (
            torch.einsum("ndt,nds->ts", means - means.mean(0), means - means.mean(0)) / len(k)
        ),
    }


@exercise("The covariance operator as push minus pull", "medium", 8)
@guided(
    "Push: the variance of all views together, k.flatten(0, 1), around the mean of all.",
    "Pull: the same for the views of each point around its own mean k.mean(1, keepdim=True), averaged over points.",
    "Sum each product over the top output, torch.einsum('mdt,met->de', ...), divide by the number of views; subtract.",
    given=lambda g: (_connections(g),),
    mistakes=_mistakes_covariance,
)
def covariance(k: Tensor) -> Tensor:
    """OP (D, D) from the connections k (n, a, D, t) of n points with a views each."""
    all_views = k.flatten(0, 1) - k.mean((0, 1))
    within = (k - k.mean(1, keepdim=True)).flatten(0, 1)
    push, pull = (torch.einsum("mdt,met->de", part, part) / len(part) for part in (all_views, within))
    return push - pull


@exercise("How many directions are alive?", "easy", 4)
@guided(
    "k equal eigenvalues should give k.",
    "Try (Σλ)² / Σλ².",
    given=lambda _: (torch.tensor([4.0, 2.0, 1.0, 0.5, 0.01]).double(),),
    mistakes=lambda right, values: {
        "That counts eigenvalues above zero. An eigenvalue of 0.01 should hardly count.": ((values > 0).double().sum()),
        "The square in the numerator is missing: with it, k equal eigenvalues give k.": (
            values.sum() / values.square().sum()
        ),
        "That is the sum over the largest: it misses how the others are spread. Use (Σλ)² / Σλ².": (
            values.sum() / values.max()
        ),
    },
)
def effective_directions(values: Tensor) -> Tensor:
    """The participation ratio (Σλ)² / Σλ²: k equal eigenvalues count as k."""
    return values.sum() ** 2 / values.square().sum()


@exercise("When has it doubled?", "easy", 4)
@guided(
    "Along an eigenvector the flow is one equation: ẇ = 2λw.",
    "Its solution grows like e^{2λt}. Set that to 2.",
    given=lambda _: (torch.tensor([2.0, 0.5, 0.1]).double(),),
    mistakes=lambda right, values: {
        "That is the gradient through one tower. Through both, the rate is 2λ.": 2 * right,
        "After this time it has grown by e = 2.72. Doubling takes ln 2 of it.": right / math.log(2),
        "By then the square has doubled. Asked is the part of the weights itself.": right / 2,
        "That is a rate, not a time: turn it over.": 1 / right,
    },
)
def doubling(values: Tensor) -> Tensor:
    """How long the part of the weights along an eigenvector takes to double, for each eigenvalue λ of OP."""
    return math.log(2) / (2 * values)


exercises = {"covariance": covariance, "directions": effective_directions, "doubling": doubling}
