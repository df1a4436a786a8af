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


def _mistakes_variance(right: Tensor, z1: Tensor, z2: Tensor) -> dict[str, Tensor]:
    variances = torch.stack([z1.var(0), z2.var(0)])
    return {
        "That is the hinge of the variance. It asks for the standard deviation: take the root first.": (
            (1 - variances).clamp_min(0).mean(1).sum()
        ),
        "Half of it: some code averages over the two views, the paper adds them.": right / 2,
        "You divide the variance by n. Here it is n - 1.": (
            (1 - (variances * (len(z1) - 1) / len(z1) + 1e-4).sqrt()).clamp_min(0).mean(1).sum()
        ),
        "The hinge is missing: an output that varies enough must not count, not even with a minus.": (
            (1 - (variances + 1e-4).sqrt()).mean(1).sum()
        ),
    }


@exercise("VICReg's variance term", "easy", 4)
@guided(
    "z.var(0) is the variance of each output over the batch, divided by n - 1.",
    "max(0, x) is x.clamp_min(0); average over outputs, add the two views.",
    given=_views,
    mistakes=_mistakes_variance,
)
def variance_term(z1: Tensor, z2: Tensor) -> Tensor:
    """VICReg's v(z1) + v(z2), v(z) = 1/k Σ_j max(0, 1 - √(S_jj + 1e-4)), S_jj divided by n - 1; z (n, k)."""
    return torch.stack([(1 - (z.var(0) + 1e-4).sqrt()).clamp_min(0).mean() for z in (z1, z2)]).sum()


@exercise("The matrix behind Barlow Twins", "medium", 5)
@guided(
    "Standardise each output of each view over the batch: mean 0, standard deviation 1, divided by n.",
    "Then R is a product of two matrices, divided by n.",
    given=_views,
    mistakes=lambda right, z1, z2: {
        "Transposed: rows belong to the first view.": right.T,
        "That is a covariance. Divide each output by its standard deviation over the batch.": (
            (z1 - z1.mean(0)).T @ (z2 - z2.mean(0)) / len(z1)
        ),
        "You divide by n once and by n - 1 once. Use n for both, or the diagonal cannot reach 1.": (
            right * (len(z1) - 1) / len(z1)
        ),
        "Subtract the mean over the batch first.": (
            (z1 / z1.std(0, correction=0)).T @ (z2 / z2.std(0, correction=0)) / len(z1)
        ),
    },
)
def cross_correlation(z1: Tensor, z2: Tensor) -> Tensor:
    """R (k, k), R_ij the correlation of output i on the first view with output j on the second; z (n, k)."""
    first, second = ((z - z.mean(0)) / z.std(0, correction=0) for z in (z1, z2))
    return first.T @ second / len(z1)


@exercise("Would a new direction grow?", "medium", 5)
@guided(
    "Its column c obeys ċ = (b A_b + w A_w) c.",
    "The fastest column of a symmetric matrix is the eigenvector of its largest eigenvalue.",
    given=lambda _: (
        torch.tensor([[2.0, 0.5], [0.5, 1.0]]).double(),
        torch.tensor([[-1.0, 0.2], [0.2, -6.0]]).double(),
        1.5,
        0.8,
    ),
    mistakes=lambda right, a, c, b, w: {
        "That is the slowest column. The question is whether any column grows: take the largest.": (
            torch.linalg.eigvalsh(b * a + w * c)[0]
        ),
        "That is the sum over all eigenvalues: a shrinking column does not hold back a growing one.": (
            (b * a + w * c).trace()
        ),
        "You exchanged the variances: A_b is weighed by what varies between points.": (
            torch.linalg.eigvalsh(w * a + b * c)[-1]
        ),
        "Eigenvalues of a sum are not the sum of eigenvalues: add the matrices first.": (
            b * torch.linalg.eigvalsh(a)[-1] + w * torch.linalg.eigvalsh(c)[-1]
        ),
    },
)
def growth_rate(on_between: Tensor, on_within: Tensor, b: float, w: float) -> Tensor:
    """The largest rate at which an empty direction of variances b and w grows under symmetric A_b, A_w (k, k)."""
    return torch.linalg.eigvalsh(b * on_between + w * on_within)[-1]


@exercise("Who survives?", "medium", 4)
@guided(
    "The share of variance between points is b / (b + w).",
    "topk gives indices in falling order of the value; the answer wants them sorted.",
    given=lambda _: (
        torch.tensor([5.0, 3.0, 2.0, 0.9, 0.5, 0.1]).double(),
        torch.tensor([9.0, 1.0, 0.5, 2.0, 0.05, 0.001]).double(),
        3,
    ),
    mistakes=lambda right, b, w, k: {
        "Those are the loudest. The losses with a border ask for the share, not for the amount.": (
            b.topk(k).indices.sort().values
        ),
        "Those have the largest difference. W can read a quiet direction louder: only the ratio counts.": (
            (b - w).topk(k).indices.sort().values
        ),
        "The right directions, in another order: sort the indices.": (b / (b + w)).topk(k).indices,
        "Those are the shakiest: you sorted the wrong way round.": (b / (b + w)).topk(k, largest=False).indices,
    },
)
def survivors(between: Tensor, within: Tensor, k: int) -> Tensor:
    """The indices of the k directions with the largest share of variance between points, in rising order."""
    share = between / (between + within)
    return share.topk(k).indices.sort().values


exercises = {"variance": variance_term, "correlation": cross_correlation, "rate": growth_rate, "survivors": survivors}
