"""Predictions and exercises of notebook 01."""

import torch
from torch import Tensor

from ssl_explain.kit.exercise import exercise, guided
from ssl_explain.kit.prediction import question

more_negatives = question("""
    InfoNCE with one negative, then with eight. Compare the sum of all pushes with the pull.

    [eight] the pushes add up to about eight times the pull
        That assumes that every negative pushes as hard as it did alone. But the negatives share: the loss asks how
        likely each one is to be taken for the positive, and shares add up to one at most.
    [equal] the pushes add up to the pull, with one as with eight
        The loss depends on differences of energies only. Raise r+ and every r- by the same amount and nothing changes:
        so the slopes must add up to zero.
    [less] the pull wins: the pushes of eight cancel each other
        In space, pushes in different directions may cancel. But here we add slopes, and all pushes have the same sign.
""")

without_push = question("""
    Keep the pull, leave out the push: L = r+. Each point has its own views. Where do the outputs go?

    [clusters] the views of a point meet, different points stay apart
        That assumes that a network can move the views of one point without moving other points. It has one set of
        weights for all of them: what shrinks the one difference shrinks the other.
    [collapse] all outputs meet in one spot
        The cheapest way to bring two views together is to shrink the weights, and nothing in the loss holds different
        points apart.
    [stay] hardly anything moves
        That assumes that a pull needs a push to work against. It has a slope of one of its own, wherever the outputs
        are, and stops only when views coincide.
""")


def _energies(g: torch.Generator) -> tuple[Tensor, Tensor, float]:
    return torch.rand(4, generator=g).double(), torch.rand(4, 3, generator=g).double(), 0.5


def _one_negative(g: torch.Generator) -> tuple[Tensor, Tensor, float, float]:
    r_pos, r_neg, tau = _energies(g)
    return r_pos, r_neg[:, 0], tau, 0.3


@exercise("A triplet loss with a hinge", "medium", 6)
@guided(
    "r_pos has one number per point, r_neg one more axis: r_pos.unsqueeze(-1) - r_neg pairs them.",
    "clamp(min=0) is max(0, ·), for each negative; then take the mean over them.",
    given=lambda _: (torch.tensor([0.2, 0.9]), torch.tensor([[0.3, 1.9, 2.0], [0.8, 0.4, 1.5]])),
    mistakes=lambda right, r_pos, r_neg: {
        "Without the maximum a negative that is far enough is pushed on: that is L_simp, plus a constant.": (
            r_pos - r_neg.mean(-1) + 0.3
        ),
        "Every negative has a hinge of its own: take the maximum first, then the mean.": (
            (r_pos - r_neg.mean(-1) + 0.3).clamp(min=0)
        ),
        "The sign of the margin: a negative has to lie farther away than the positive, by 0.3.": (
            (r_pos.unsqueeze(-1) - r_neg - 0.3).clamp(min=0).mean(-1)
        ),
        "You sum over the negatives. Take their mean, or more of them would push harder.": right * r_neg.shape[-1],
    },
)
def hinge(r_pos: Tensor, r_neg: Tensor) -> Tensor:
    """The triplet loss max(0, r+ - r_k + 0.3), averaged over the negatives; r_pos (…, n), r_neg (…, n, h)."""
    return (r_pos.unsqueeze(-1) - r_neg + 0.3).clamp(min=0).mean(-1)


@exercise("The pull of InfoNCE, by hand", "medium", 8)
@guided(
    "Write L = r+ + τ log(e^(-r+/τ) + Σ e^(-r-/τ)) and differentiate with respect to r+.",
    "The derivative of the second term is minus the share of the positive in the denominator.",
    "One minus the share of the positive is the share of the negatives.",
    given=_energies,
    mistakes=lambda right, r_pos, r_neg, tau: {
        "This is the share of the positive. The pull is what is missing to one: the share of the negatives.": 1 - right,
        "Nearly: the factor τ in front of the loss cancels the 1/τ of the exponent.": right / tau,
        "The sign: the loss rises with r+, so the slope is positive.": -right,
    },
)
def pull_of_info_nce(r_pos: Tensor, r_neg: Tensor, tau: float) -> Tensor:
    """∂L/∂r+ of InfoNCE: the share of Σ e^{-r/τ} that belongs to the negatives, one number per point."""
    positive, negatives = torch.exp(-r_pos / tau), torch.exp(-r_neg / tau).sum(-1)
    return negatives / (positive + negatives)


@exercise("Who is pushed how hard?", "medium", 6)
@guided(
    "Differentiate the same L with respect to one r_k-.",
    "Only the logarithm depends on it. The result is minus the share of that negative.",
    "The denominator holds the positive and all negatives: keepdim=True keeps the shapes right.",
    given=_energies,
    mistakes=lambda right, r_pos, r_neg, tau: {
        "The sign: the loss falls when a negative moves away, so the slope is negative.": -right,
        "Your pushes add up to -1 whatever r+ is. The positive belongs in the denominator too.": (
            -torch.softmax(-r_neg / tau, dim=-1)
        ),
        "You divided the push evenly. The nearest negative takes the largest share.": (
            right.mean(-1, keepdim=True).expand_as(right)
        ),
    },
)
def pushes_of_info_nce(r_pos: Tensor, r_neg: Tensor, tau: float) -> Tensor:
    """∂L/∂r_k- of InfoNCE, (n, h): minus the share of each negative in a sum that contains the positive."""
    positive, negatives = torch.exp(-r_pos / tau), torch.exp(-r_neg / tau)
    return -negatives / (positive.unsqueeze(-1) + negatives.sum(-1, keepdim=True))


@exercise("The switch in the soft triplet", "medium", 5)
@guided(
    "L = τ log(1 + e^u) with u = (r+ - r- + r0)/τ.",
    "The derivative of log(1 + e^u) is the sigmoid of u; the chain rule brings a 1/τ.",
    given=_one_negative,
    mistakes=lambda right, r_pos, r_neg, tau, margin: {
        "The sign of the margin: it asks for more, so it keeps the switch open longer.": (
            torch.sigmoid((r_pos - r_neg - margin) / tau)
        ),
        "Your switch opens where it should close: r- far above r+ is what the loss wants, so the slope vanishes.": (
            1 - right
        ),
        "Nearly: the factor τ in front of the loss cancels the 1/τ inside.": right / tau,
    },
)
def pull_of_triplet(r_pos: Tensor, r_neg: Tensor, tau: float, margin: float) -> Tensor:
    """∂L/∂r+ of the soft triplet with one negative, r_pos and r_neg (n,): a switch that closes at r- = r+ + r0."""
    return torch.sigmoid((r_pos - r_neg + margin) / tau)


exercises = {"hinge": hinge, "pull": pull_of_info_nce, "pushes": pushes_of_info_nce, "triplet": pull_of_triplet}
