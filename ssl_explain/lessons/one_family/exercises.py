"""Predictions and exercises of notebook 13."""

import torch
from torch import Tensor

from ssl_explain.kit.exercise import exercise, guided
from ssl_explain.kit.prediction import question

loud_or_steady = question("""
    Three outputs, trained with InfoNCE at q = 1. B and C are loud and steady. Who gets the third place: A, the loudest
    of all but shaky, or E, quiet but the steadiest?

    [loud] A: it varies most between points
        That is what L_simp would do. InfoNCE stops growing a direction once it is large enough, and then the price
        counts: A drags in more variance within points than between them.
    [steady] E: it varies least within points, compared with between
        Once outputs can grow no further, what counts is how much of a direction's variance lies between points, not how
        much there is of it. W simply reads a quiet direction louder.
    [both] they share it, an output in between
        That happens on the way there. A mixture is never the best of both: turning it towards E always helps.
""")

how_alike = question("""
    Seven losses, the same start, this one world, trained to the end. How far apart are the subspaces they learn?

    [same] nearly all learn the same subspace
        Pairs, statistics or a predictor: each prefers directions whose variance lies between points. (In other worlds
        the weights of VICReg, Barlow Twins and BYOL may leave one of the three out.)
    [kinds] three groups: those with negatives, those with statistics, the one with a predictor
        That assumes that how a loss prevents collapse decides what is learned. Here it decides how, not what.
    [different] each learns a subspace of its own
        Their formulas differ, but each can only weigh the same two variances of a direction against each other.
""")

copies = question("""
    VICReg has a term against outputs that resemble each other. In this world, at q = 1 and with its formula's weights
    25, 25, 1, how many different directions do its three outputs fill?

    [three] three: that is what the covariance term is for
        A term is a price, not a rule: it has weight 1, and scatter within points 25. Being alike may be cheaper.
        (Weighed as in the published code, scatter is cheaper, and three it is.)
    [two] two: the three outputs crowd into the two steadiest
        All three read mostly E, and some C. To read B costs more in scatter than likeness costs in covariance.
    [one] one: all three become copies
        That is what happens without the covariance term. With it, one further direction is worth its price.
""")


def _views(g: torch.Generator) -> tuple[Tensor, Tensor]:
    first = 0.6 * torch.randn(6, 3, generator=g).double() * torch.tensor([0.3, 1.0, 2.5])
    return first, first + 0.2 * torch.randn(6, 3, generator=g).double()


def _mistakes_variance(right: Tensor, f1: Tensor, f2: Tensor) -> dict[str, Tensor]:
    variances = torch.stack([f1.var(0), f2.var(0)])
    return {
        "That is the hinge of the variance. It asks for the standard deviation: take the root first.": (
            (1 - variances).clamp_min(0).mean(1).sum()
        ),
        "Half of it: some code averages over the two views, the paper adds them.": right / 2,
        "You divide the variance by n. Here it is n - 1.": (
            (1 - (variances * (len(f1) - 1) / len(f1) + 1e-4).sqrt()).clamp_min(0).mean(1).sum()
        ),
        "The hinge is missing: an output that varies enough must not count, not even with a minus.": (
            (1 - (variances + 1e-4).sqrt()).mean(1).sum()
        ),
    }


@exercise("VICReg's variance term", "easy", 4)
@guided(
    "f.var(0) is the variance of each output over the batch, divided by n - 1.",
    "max(0, x) is x.clamp_min(0); average over outputs, add the two views.",
    given=_views,
    mistakes=_mistakes_variance,
)
def variance_term(f1: Tensor, f2: Tensor) -> Tensor:
    """VICReg's v(f1) + v(f2), v(f) = 1/k Σ_j max(0, 1 - √(S_jj + 1e-4)), S_jj divided by n - 1; f (n, k)."""
    return torch.stack([(1 - (f.var(0) + 1e-4).sqrt()).clamp_min(0).mean() for f in (f1, f2)]).sum()


@exercise("The matrix behind Barlow Twins", "medium", 5)
@guided(
    "Standardise each output of each view over the batch: mean 0, standard deviation 1, divided by n.",
    "Then R is a product of two matrices, divided by n.",
    given=_views,
    mistakes=lambda right, f1, f2: {
        "Transposed: rows belong to the first view.": right.T,
        "That is a covariance. Divide each output by its standard deviation over the batch.": (
            (f1 - f1.mean(0)).T @ (f2 - f2.mean(0)) / len(f1)
        ),
        "You divide by n once and by n - 1 once. Use n for both, or the diagonal cannot reach 1.": (
            right * (len(f1) - 1) / len(f1)
        ),
        "Subtract the mean over the batch first.": (
            (f1 / f1.std(0, correction=0)).T @ (f2 / f2.std(0, correction=0)) / len(f1)
        ),
    },
)
def cross_correlation(f1: Tensor, f2: Tensor) -> Tensor:
    """R (k, k), R_ij the correlation of output i on the first view with output j on the second; f (n, k)."""
    first, second = ((f - f.mean(0)) / f.std(0, correction=0) for f in (f1, f2))
    return first.T @ second / len(f1)


@exercise("Would a new direction grow?", "medium", 5)
@guided(
    "Its column c obeys ċ = (b A_b + σ² A_w) c.",
    "The fastest column of a symmetric matrix is the eigenvector of its largest eigenvalue.",
    given=lambda _: (
        torch.tensor([[2.0, 0.5], [0.5, 1.0]]).double(),
        torch.tensor([[-1.0, 0.2], [0.2, -6.0]]).double(),
        1.5,
        0.8,
    ),
    mistakes=lambda right, a, c, b, sigma2: {
        "That is the slowest column. The question is whether any column grows: take the largest.": (
            torch.linalg.eigvalsh(b * a + sigma2 * c)[0]
        ),
        "That is the sum over all eigenvalues: a shrinking column does not hold back a growing one.": (
            (b * a + sigma2 * c).trace()
        ),
        "You exchanged the variances: A_b is weighed by what varies between points.": (
            torch.linalg.eigvalsh(sigma2 * a + b * c)[-1]
        ),
        "Eigenvalues of a sum are not the sum of eigenvalues: add the matrices first.": (
            b * torch.linalg.eigvalsh(a)[-1] + sigma2 * torch.linalg.eigvalsh(c)[-1]
        ),
    },
)
def growth_rate(on_between: Tensor, on_within: Tensor, b: float, sigma2: float) -> Tensor:
    """The largest rate at which an empty direction of variances b and σ² grows under symmetric A_b, A_w (k, k)."""
    return torch.linalg.eigvalsh(b * on_between + sigma2 * on_within)[-1]


@exercise("Who survives?", "medium", 4)
@guided(
    "The share of variance between points is b / (b + σ²).",
    "topk gives indices in falling order of the value; the answer wants them sorted.",
    given=lambda _: (
        torch.tensor([5.0, 3.0, 2.0, 0.9, 0.5, 0.1]).double(),
        torch.tensor([9.0, 1.0, 0.5, 2.0, 0.05, 0.001]).double(),
        3,
    ),
    mistakes=lambda right, b, sigma2, k: {
        "Those are the loudest. The losses with a border ask for the share, not for the amount.": (
            b.topk(k).indices.sort().values
        ),
        "Those have the largest difference. W can read a quiet direction louder: only the ratio counts.": (
            (b - sigma2).topk(k).indices.sort().values
        ),
        "The right directions, in another order: sort the indices.": (b / (b + sigma2)).topk(k).indices,
        "Those are the shakiest: you sorted the wrong way round.": (b / (b + sigma2)).topk(k, largest=False).indices,
    },
)
def survivors(between: Tensor, within: Tensor, k: int) -> Tensor:
    """The indices of the k directions with the largest share of variance between points, in rising order."""
    share = between / (between + within)
    return share.topk(k).indices.sort().values


exercises = {"variance": variance_term, "correlation": cross_correlation, "rate": growth_rate, "survivors": survivors}
