"""Predictions and exercises of notebook 04."""

import torch
from torch import Tensor

from ssl_explain.kit.exercise import exercise, guided
from ssl_explain.kit.prediction import question

which_pairs = question("""
    InfoNCE with temperature τ = 0.5. Which pairs of points does it work on hardest?

    [far] pairs that are far apart: there the energy r- is largest
        That assumes that a loss works where the energy is large. But a large r- is what it wants: such a pair is done,
        e^(-r-/τ) is next to nothing, and so is its push.
    [alike] all pairs equally
        That assumes a constant slope, as L_simp has it. InfoNCE puts the energies through an exponential.
    [near] pairs that are close together
        The weight is e^(-r-/τ) / (1 + e^(-r-/τ)): largest at r- = 0. What is far apart already needs no push.
""")

while_training = question("""
    Training pulls the views of a point together and points apart. Outputs are free to grow. Does the prediction with
    frozen pair weights become better?

    [better] better: the views of a point come closer to each other
        That assumes that what counts is the spread relative to the distance between points. That one does shrink. But
        the outputs grow, and what counts is their spread against τ, which does not grow with them.
    [same] it stays as good as it was
        That assumes that spread / τ stands still. Outputs grow while τ stays, so their ratio moves.
    [worse] worse: spread / τ grows
        Outputs grow, the spread of the views grows with them, and τ stays. The pair weights then differ from view to
        view, and one frozen number per pair of points misses that.
""")


def _pairs(g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    k, f = torch.randn(4, 5, 3, generator=g).double(), torch.randn(4, 3, generator=g).double()
    xi = torch.rand(4, 4, generator=g).double()
    return k, f, (xi + xi.T) / 2


@exercise("The weight of a pair", "easy", 5)
@guided(
    "With r+ = 0 the loss is τ log(1 + e^(-r/τ)).",
    "Differentiate with respect to r and change the sign.",
    given=lambda _: (torch.tensor([0.0, 0.3, 1.0, 4.0]).double(), 0.5),
    mistakes=lambda right, r, tau: {
        "That falls with distance, but forgets the positive in the denominator: at r = 0 the two share, ½ each.": (
            torch.exp(-r / tau)
        ),
        "That is the weight of the positive. The negative gets the rest.": 1 - right,
        "The prefactor τ of the loss cancels the 1/τ of the exponent: no factor is left.": right / tau,
        "The sign: -∂L/∂r- is positive, since the loss falls when the negative moves away.": -right,
    },
)
def weight_of_pair(r: Tensor, tau: float) -> Tensor:
    """InfoNCE pair weight ξ = -∂L/∂r- at r+ = 0, one negative: e^(-r/τ) / (1 + e^(-r/τ))."""
    return torch.exp(-r / tau) / (1 + torch.exp(-r / tau))


@exercise("What the margin does", "easy", 4)
@guided(
    "At r+ = 0 the loss is τ log(1 + e^((r0 - r)/τ)).",
    "Its derivative is a sigmoid.",
    given=lambda _: (torch.tensor([0.0, 0.3, 1.0, 4.0]).double(), 0.5, 1.0),
    mistakes=lambda right, r, tau, margin: {
        "The margin is missing: with it the weight is ½ at r = r0, not at r = 0.": torch.sigmoid(-r / tau),
        "The margin has the wrong sign: it makes a pair look nearer, r - r0, not farther.": (
            torch.sigmoid((-margin - r) / tau)
        ),
        "That is a hard margin: 1 inside, 0 outside. The soft triplet rounds the edge over a width τ.": (
            (r < margin).double()
        ),
    },
)
def triplet_weight(r: Tensor, tau: float, margin: float) -> Tensor:
    """Soft-triplet pair weight at r+ = 0: that of InfoNCE with the distance shortened by the margin."""
    return torch.sigmoid((margin - r) / tau)


@exercise("The predicted update, pair by pair", "medium", 8)
@guided(
    "All differences at once: k.unsqueeze(1) - k has shape (n, n, D, t).",
    "Sum over the top output t, weigh every pair by ξ, average over n² pairs.",
    given=_pairs,
    mistakes=lambda right, k, f, xi: {
        "The weights ξ are not in it: this treats all pairs equally, as L_simp does.": (
            torch.einsum("ijdt,ijt->d", k.unsqueeze(1) - k, f.unsqueeze(1) - f) / 16
        ),
        "That is the sum over pairs. An expectation over x and x' divides by n².": right * 16,
        "Divide by n², not by n(n - 1): x' may be the same point again.": right * 16 / 12,
        "You multiply with f̄(x), not with the difference of the outputs of the pair.": (
            torch.einsum("ij,ijdt,it->d", xi, k.unsqueeze(1) - k, f) / 16
        ),
    },
)
def weighted_update(k: Tensor, f: Tensor, xi: Tensor) -> Tensor:
    """E_{x,x'}[ξ (K̄(x) - K̄(x'))(f̄(x) - f̄(x'))] from mean connections k (n, D, t), mean outputs f (n, t), ξ (n, n)."""
    dk, df = k.unsqueeze(1) - k, f.unsqueeze(1) - f
    return torch.einsum("ij,ijdt,ijt->d", xi, dk, df) / len(k) ** 2


@exercise("The axis of trust", "easy", 4)
@guided(
    "Centre the views of each point at their own mean.",
    "Square, sum over outputs, average over points and views.",
    given=lambda g: (torch.randn(5, 3, 4, generator=g).double(), 0.2),
    mistakes=lambda right, f, tau: {
        "That is all variance. Subtract from each view the mean of its own point, not the mean of all.": (
            (f - f.mean((0, 1))).square().sum(-1).mean() / tau
        ),
        "That is the variance per output. The trace sums over the outputs.": right / f.shape[-1],
        "Divide by a, not by a - 1: the views listed are all there are.": right * 3 / 2,
        "That is a standard deviation. τ is an energy, so compare it with a variance.": (right * tau).sqrt() / tau,
    },
)
def spread_over_tau(f: Tensor, tau: float) -> Tensor:
    """E_x tr V_{x'|x}[f] / τ of outputs f (n, a, d)."""
    return (f - f.mean(1, keepdim=True)).square().sum(-1).mean() / tau


exercises = {"weight": weight_of_pair, "triplet": triplet_weight, "update": weighted_update, "spread": spread_over_tau}
