"""Predictions and exercises of notebook 09."""

import torch
from torch import Tensor

from ssl_explain.kit.exercise import exercise, guided
from ssl_explain.kit.prediction import question

no_augmentation = question("""
    Train with q = 0: both views are the picture itself. How does the probe of the output end, beside the untrained
    student?

    [above] above it: pushing different pictures apart is worth something by itself
        That assumes that whatever tells pictures apart tells digits apart. Without augmentation every difference
        between two pictures counts, the slant and the ink as much as the digit.
    [alike] about the same: without two different views there is nothing to learn
        The pull is zero, but the push is not: pictures are still driven apart, and the weights move.
    [below] below it
        Only the push is left. It grows whatever differs between two pictures, mostly what has nothing to do with the
        digit, and that buries what the random features already carried.
""")

patterns = question("""
    Views become more violent. What becomes of the strongest eigenvectors of OP in layer 1, seen as pictures?

    [same] they stay: the pictures are the same, only their share shrinks
        That would be so if the augmentation touched all patterns alike. A shift by a pixel moves a thin stroke off
        itself, and leaves a broad blob nearly where it was.
    [finer] finer: only small details survive
        That assumes that views change what is large. They change what is small first: a shift by one pixel turns a
        detail into another, and the average over views removes it.
    [coarser] coarser: strokes turn into blobs
        OP averages over the views of a picture before it compares pictures. Thin strokes are averaged away by turns and
        shifts; broad blobs survive them.
""")

after_training = question("""
    InfoNCE, weights frozen, mild views (q = 0.5), outputs read without scaling. Before training the prediction is
    almost perfect. After 200 steps, with outputs as large as they are then, what is its cosine with the true step?

    [better] as large: training brings the views of a digit together, so freezing costs nothing
        Views come together relative to the distance between digits. But what counts is their spread beside τ, and the
        outputs have grown by far more than τ allows.
    [less] a little less, about 0.9
        That assumes that outputs grow a little. They grow much more: the spread is soon several times τ, and pair
        weights decided on mean outputs say nothing about single views.
    [lost] near zero
        Unscaled outputs have grown, so the spread of the views is several times τ: single views then have quite
        other weights than their means. Brought to equal size, the trained network is predicted as well as before.
""")


def _labelled(g: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    y_train, y_test = (torch.arange(n) % 3 for n in (30, 12))
    train, test = (
        3 * torch.nn.functional.one_hot(y, 4).double() + 1.4 * torch.randn(len(y), 4, generator=g).double()
        for y in (y_train, y_test)
    )
    return train, y_train, test, y_test


def _mistakes_standardise(right: Tensor, x: Tensor) -> dict[str, Tensor]:
    own = x - x.mean(-1, keepdim=True)
    return {
        "You took the mean over pictures. Each picture is brought to mean 0 by itself, over its own pixels.": (
            (x - x.mean(0)) / x.std(0, correction=0)
        ),
        "The mean is gone, the variance is not 1 yet: divide by the standard deviation of each picture.": own,
        "Divide by the standard deviation, not by the variance, or contrast would be turned around.": (
            own / own.square().mean(-1, keepdim=True)
        ),
    }


@exercise("What a network without biases should read", "easy", 4)
@guided(
    "Take mean and variance over the last axis.",
    "keepdim=True keeps the axis, so that shapes fit.",
    given=lambda g: (torch.rand(5, 8, generator=g).double() + torch.arange(5).unsqueeze(-1),),
    mistakes=_mistakes_standardise,
)
def standardise(x: Tensor) -> Tensor:
    """Pictures (n, d), each brought to mean 0 and variance 1 over its own pixels."""
    x = x - x.mean(-1, keepdim=True)
    return x / x.std(-1, keepdim=True, correction=0)


@exercise("The nearest neighbour, by hand", "easy", 5)
@guided(
    "torch.cdist(test, train) holds all distances, a row for each test point.",
    "argmin(1) names the nearest training point; y_train[...] its label.",
    "The mean of (label == y_test) is the share.",
    given=_labelled,
    mistakes=lambda right, train, y_train, test, y_test: {
        "That looks up the farthest point. The nearest one has the smallest distance: argmin.": (
            (y_train[torch.cdist(test, train).argmax(1)] == y_test).double().mean()
        ),
        "That is the share that is not recognised.": 1 - right,
        "You looked up test points among themselves: each is nearest to itself.": 1.0,
        "That counts them. Divide by the number of test points.": right * len(y_test),
    },
)
def recognised(train: Tensor, y_train: Tensor, test: Tensor, y_test: Tensor) -> Tensor:
    """The share of test points (m, d) whose nearest training point (n, d) has their label."""
    nearest = torch.cdist(test, train).argmin(1)
    return (y_train[nearest] == y_test).double().mean()


def _mistakes_negative_weights(right: Tensor, r: Tensor, tau: float) -> dict[str, Tensor]:
    e = torch.exp(-r / tau)
    return {
        "The positive is missing from the denominator: at r+ = 0 it adds e⁰ = 1.": e / e.sum(-1, keepdim=True),
        "Each negative competes with all others, not with the positive alone: sum over k below.": e / (1 + e),
        "The sign: a near negative, with a small energy, must weigh most.": negative_weights(-r, tau),
        "That is the weight of the positive. Asked is one weight for each negative.": (
            (1 / (1 + e.sum(-1, keepdim=True))).expand(-1, 3)
        ),
    }


@exercise("The weights that are frozen", "medium", 6)
@guided(
    "Differentiate L = -τ log[e^{-r₊/τ} / (e^{-r₊/τ} + Σ e^{-r_k/τ})] by r_k.",
    "-∂L/∂r_k = e^{-r_k/τ} / (e^{-r₊/τ} + Σ e^{-r_j/τ}).",
    "Put r₊ = 0.",
    given=lambda g: (torch.rand(4, 3, generator=g).double(), 0.5),
    mistakes=_mistakes_negative_weights,
)
def negative_weights(r_neg: Tensor, tau: float) -> Tensor:
    """ξ_k of the frozen InfoNCE: r_neg (n, h) gives (n, h); the positive is taken at r+ = 0."""
    e = torch.exp(-r_neg / tau)
    return e / (1 + e.sum(-1, keepdim=True))


@exercise("How alike are two sets of directions?", "medium", 6)
@guided(
    "The cosines of the principal angles are the singular values of aᵀb.",
    "The sum of their squares is the sum of all squared entries of aᵀb.",
    given=lambda g: tuple(torch.linalg.qr(torch.randn(8, 3, generator=g).double())[0] for _ in range(2)),
    mistakes=lambda right, a, b: {
        "That compares first with first, second with second. Spaces have no order: use all pairs.": (
            (a.T @ b).diagonal().square().mean()
        ),
        "The squares are missing: signs of eigenvectors are arbitrary, and must not cancel.": (a.T @ b).sum() / 3,
        "There are k principal angles: divide by k, not by k².": right / 3,
        "Divide by k, so that equal spaces give 1.": right * 3,
    },
)
def overlap(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared cosine of the principal angles between two spaces, given by orthonormal columns (d, k)."""
    return (a.T @ b).square().sum() / a.shape[1]


exercises = {
    "standardise": standardise,
    "recognised": recognised,
    "negative_weights": negative_weights,
    "overlap": overlap,
}
