"""Predictions and exercises of notebook 14."""

import torch
from torch import Tensor

from ssl_explain.kit.exercise import exercise, guided
from ssl_explain.kit.prediction import question
from ssl_explain.worlds.latent_tree import LatentTree

leading = question("""
    Augment very little: q = 0.05. Which latent does the leading eigenfunction follow, the first that is not constant?

    [bottom] one of the lowest level: hardly anything is redrawn, and these latents are seen best
        They are seen best, but each by two leaves alone. What many leaves agree on survives a redrawn subtree better.
    [root] the root
        It is the only latent that is never redrawn, and all eight leaves speak of it.
    [none] none: hardly anything is redrawn, so that all functions survive alike
        At q = 0 that is so. At q = 0.05 the eigenvalues are close to each other, but no longer equal, and then the
        order decides.
""")

where_best = question("""
    As q grows, two views share less and less information. Where does a network with normalised outputs learn the root
    best?

    [small] at small q: there the views share most information
        Most of it is about details. At small q all functions survive nearly alike, and the root is one of very many.
    [middle] in between: too little and too much augmentation both hurt
        Often so in practice, where strong augmentation destroys the object. Here the root is never redrawn.
    [large] at large q: there the views share least information
        What they still share is the root. Everything else has an eigenvalue near zero.
""")


def _flips(tree: LatentTree, q: float) -> Tensor:
    """P(seen pattern | leaf pattern) if every leaf is replaced by a fair coin with probability q."""
    one, whole = torch.tensor([[1 - q / 2, q / 2], [q / 2, 1 - q / 2]]).double(), torch.ones(1, 1).double()
    for _ in range(tree.dimension):
        whole = torch.kron(whole, one)
    return whole


def _probabilities(tree: LatentTree) -> Tensor:
    return tree.enumerate()[1].double().mean(-1)


@exercise("Noise on the leaves", "medium", 10)
@guided(
    "One leaf stays as it is with probability 1 - q/2, since a fair coin shows the same value in half of the cases.",
    "Eight leaves: the Kronecker product (torch.kron) of eight such 2 × 2 matrices, in the order of tree.enumerate().",
    "Both views come from one pattern: Π(a, b) = Σ_x π(x) T(x, a) T(x, b), with π = tree.enumerate()[1].mean(-1).",
    given=lambda g: (LatentTree.random(2, polarity=(0.6, 0.9), generator=g), 0.3),
    mistakes=lambda right, tree, q: {
        "All leaf patterns count alike there. Weigh every pattern by its probability π(x).": (
            _flips(tree, q).mT @ _flips(tree, q) / 2**tree.dimension
        ),
        "One of your views is the clean pattern. Both views are noisy.": (
            _probabilities(tree).unsqueeze(-1) * _flips(tree, q)
        ),
        "You flip a leaf with probability q. A fair coin flips it in half of the cases only.": (
            _flips(tree, 2 * q).mT @ torch.diag(_probabilities(tree)) @ _flips(tree, 2 * q)
        ),
        "Your two views are independent. They are noisy copies of the same pattern.": (
            torch.outer(_probabilities(tree) @ _flips(tree, q), _probabilities(tree) @ _flips(tree, q))
        ),
    },
)
def noisy_leaves(tree: LatentTree, q: float) -> Tensor:
    """The pair law if every leaf of either view is replaced by a fair coin with probability q."""
    pi = tree.enumerate()[1].double().mean(-1)
    one = torch.tensor([[1 - q / 2, q / 2], [q / 2, 1 - q / 2]]).double()
    T = torch.ones(1, 1).double()
    for _ in range(tree.dimension):
        T = torch.kron(T, one)
    return T.mT @ torch.diag(pi) @ T


@exercise("How far is a mode?", "easy", 5)
@guided(
    "It is logistic growth: look at how the logarithm of λ̂/(λ - λ̂) moves.",
    "λ̂/(λ - λ̂) grows like e^(8λt).",
    given=lambda _: (0.8, 0.001, torch.tensor([0.0, 0.5, 1.0, 3.0]).double()),
    mistakes=lambda right, lam, start, t: {
        "That is the early growth alone: it goes on for ever. Near λ it must saturate.": start * torch.exp(8 * lam * t),
        "The rate is 8λ.": lam / (1 + (lam - start) / start * torch.exp(-lam * t)),
        "It tends to 1. It should end at λ.": right / lam,
    },
)
def learned_at(lam: float, start: float, t: Tensor) -> Tensor:
    """The solution λ̂(t) of dλ̂/dt = 8 λ̂ (λ - λ̂) from a start."""
    return lam / (1 + (lam - start) / start * torch.exp(-8 * lam * t))


def _patterns(g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    up, down = (torch.rand(8, generator=g, dtype=torch.float64) for _ in range(2))
    up, down = up / up.sum(), down / down.sum()  # P(pattern | z = 1), P(pattern | z = 0)
    return (up + down) / 2, torch.randn(8, 3, generator=g, dtype=torch.float64).relu(), (up - down) / (up + down)


@exercise("Selectivity without sampling", "medium", 6)
@guided(
    "For a fair z = ±1, ½(E[f | z = 1] - E[f | z = -1]) is E[f·z].",
    "f depends on the pattern alone, so E[f·z] = E[f·E[z | pattern]].",
    "An expectation over patterns is a sum, weighted by π.",
    given=_patterns,
    mistakes=lambda right, pi, f, m: {
        "That counts all patterns alike. Weigh every pattern by its probability π.": (f * m.unsqueeze(-1)).mean(0),
        "Nearly: that is E[f | z = 1] - E[f | z = 0]. The selectivity is half of it.": 2 * right,
        "You took the more likely value of z on every pattern. m also says how likely it is: use m itself.": (
            pi @ (f * m.sign().unsqueeze(-1))
        ),
        "That is the mean activation. Where does the cause come in? Through its posterior mean m.": pi @ f,
    },
)
def selectivity(pi: Tensor, f: Tensor, m: Tensor) -> Tensor:
    """s_j = ½(E[f_j | z = 1] - E[f_j | z = 0]) as a sum over leaf patterns, for a fair cause z."""
    return (pi.unsqueeze(-1) * f * m.unsqueeze(-1)).sum(0)


exercises = {"law": noisy_leaves, "mode": learned_at, "selectivity": selectivity}
