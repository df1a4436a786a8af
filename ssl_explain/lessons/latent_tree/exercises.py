"""Predictions and exercises of notebook 07."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ssl_explain.kit.exercise import NOT_ATTEMPTED, RIGHT, draws, exercise, guided, unattempted
from ssl_explain.kit.prediction import question

what_arrives = question("""
    Every edge has ρ = 0.8. Five edges below the root, which share of a node's variance does the root still cause?

    [most] about 80 %: each step is 80 % faithful
        Each step is, but that assumes that only one step counts. What the first edge loses, the second cannot bring
        back.
    [third] about a third: 0.8⁵
        0.8⁵ = 0.33 is the correlation with the root. A share of variance is the square of a correlation.
    [tenth] about a tenth: 0.8¹⁰
        Polarities multiply along the path, so the correlation is 0.8⁵ = 0.33, and its square is 0.11.
""")

any_activation = question("""
    Replace the ReLU of the neurons by a staircase. What becomes of V = ρ² a aᵀ?

    [breaks] it fails: the theory is about ReLU networks
        The theory of gradients is. This formula is not: it only asks for the means of f given a cause, and every
        function has such means.
    [approximate] it becomes an approximation
        That assumes that something was approximated on the way. Nothing was: given its own cause, a neuron does not
        care about the root.
    [exact] it stays exact; only the numbers in a change
        Given its own cause, what a neuron sees does not depend on the root. All that counts is its selectivity.
""")

ceilings_upwards = question("""
    The higher a cause, the further it is from the leaves. Can a cause have a higher ceiling than both its children?

    [never] no: information is lost on every edge
        On every edge, yes. But that assumes a single way down. A cause has several children, and together they may say
        more of it than the leaves say of one of them.
    [sometimes] yes, in some trees
        Several faithful children are several witnesses, and together they may know their parent better than the leaves
        know any one of them. Averaged over trees the ceiling falls all the same.
    [always] yes, always: it has more leaves below it
        That assumes that every leaf says equally much. The new ones are further away: averaged over trees, the ceiling
        falls from level to level.
""")


@exercise("What arrives at the end of a path?", "easy", 3)
@guided(
    "In ±1 coding the mean of a child is ρ times its parent.",
    "Apply that once per edge.",
    given=lambda _: (torch.tensor([0.9, -0.8, 0.7]).double(),),
    mistakes=lambda right, rhos: {
        "That is a sum. Two flips make a copy, so polarities must multiply.": rhos.sum(),
        "That is the weakest edge alone. Every edge adds its own errors.": rhos[rhos.abs().argmin()],
        "The sign is lost: a path with one flip turns the root round.": right.abs(),
    },
)
def path_polarity(rhos: Tensor) -> Tensor:
    """ρ_{0μ} from the polarities (k,) along the path from the root to μ."""
    return rhos.prod()


def _judge_child(attempt: Callable[..., Any]) -> str:
    n, rho = 40_000, -0.4
    g, own = draws(2)
    parent = torch.randint(0, 2, (n,), generator=g)
    child = attempt(parent.clone(), rho, own)
    if unattempted(child):
        return NOT_ATTEMPTED
    if not isinstance(child, Tensor) or child.shape != parent.shape:
        return f"Return a tensor of shape {(n,)}; yours is {getattr(child, 'shape', type(child).__name__)}."
    agree = (child == parent).double().mean().item()
    if abs(agree - (1 + rho) / 2) < 0.02:
        return RIGHT
    if abs(agree - (1 - rho) / 2) < 0.02:
        return f"With ρ = {rho} a child should flip more often than not; yours flips with probability (1 + ρ) / 2."
    if agree < 0.02:
        return "ρ is no probability: it may be negative. The chance to agree is (1 + ρ) / 2."
    return f"With ρ = {rho}, {(1 + rho) / 2:.2f} of the children should agree with their parent; yours: {agree:.2f}."


@exercise("Draw the children", "easy", 4)
@guided(
    "A child flips with probability (1 - ρ) / 2.",
    "torch.where(flip, 1 - parent, parent) does the rest.",
    judge=_judge_child,
)
def draw_child(parent: Tensor, rho: float, generator: torch.Generator) -> Tensor:
    """Children (n,) of parents (n,), all 0 or 1."""
    flip = torch.rand(parent.shape, generator=generator) < (1 - rho) / 2
    return torch.where(flip, 1 - parent, parent)


@exercise("What two leaves say of their cause", "medium", 8)
@guided(
    "P(leaf = x | z) is (1 + ρ·x·z) / 2, with z = -1 or 1.",
    "Given the cause, the leaves are independent: multiply.",
    "The mean is (for plus - for minus) / (for plus + for minus).",
    given=lambda _: (
        torch.tensor([-1.0, -1.0, 1.0, 1.0]).double(),
        torch.tensor([-1.0, 1.0, -1.0, 1.0]).double(),
        0.8,
        -0.6,
    ),
    mistakes=lambda right, x_1, x_2, rho_1, rho_2: {
        "That sum leaves [-1, 1]. Multiply the chances of both leaves, then normalise.": rho_1 * x_1 + rho_2 * x_2,
        "That is the mean of two opinions. Two witnesses who agree should make you surer than each alone.": (
            (rho_1 * x_1 + rho_2 * x_2) / 2
        ),
        "That is a probability, P(z = 1). In ±1 coding the mean is twice that, minus one.": (1 + right) / 2,
    },
)
def posterior(x_1: Tensor, x_2: Tensor, rho_1: float, rho_2: float) -> Tensor:
    """Posterior mean, in ±1 coding, of a fair cause given its two leaves x_1, x_2 (n,), each -1 or 1."""
    for_plus = (1 + rho_1 * x_1) * (1 + rho_2 * x_2)
    for_minus = (1 - rho_1 * x_1) * (1 - rho_2 * x_2)
    return (for_plus - for_minus) / (for_plus + for_minus)


@exercise("The variance that the root causes", "medium", 5)
@guided(
    "First a, one number per neuron.",
    "torch.outer(a, a) is the matrix of all products.",
    given=lambda _: (-0.6, torch.tensor([0.9, -0.8, 0.7]).double(), torch.tensor([0.5, 0.2, -0.4]).double()),
    mistakes=lambda right, rho_path, rhos, s: {
        "ρ stands squared in a variance; yours has it once.": right / rho_path,
        "Without the polarity of the last edge: a = ρ s, not s.": rho_path**2 * torch.outer(s, s),
        "These are the variances alone. The matrix has covariances too.": right.diagonal(),
    },
)
def root_variance(rho_path: float, rhos: Tensor, s: Tensor) -> Tensor:
    """V (k, k) of k neurons: ρ_{0μ}, the polarities (k,) from μ to the neurons' causes, their selectivities (k,)."""
    a = rhos * s
    return rho_path**2 * torch.outer(a, a)


@exercise("The best of n draws", "hard", 8)
@guided(
    "All n draws are among the i smallest values with probability (i / N)^n.",
    "So the maximum is the i-th smallest value with probability (i / N)^n - ((i - 1) / N)^n.",
    "Sort the values, then take the weighted sum.",
    given=lambda _: (torch.tensor([0.3, 0.9, 0.1, 0.6]).double(), 3),
    mistakes=lambda right, x, n: {
        "That is the best of all values. With n draws you may miss it.": x.max(),
        "That is the mean of one draw. The best of n draws is higher.": x.mean(),
        "You weigh with P(maximum ≤ x_i). You need P(maximum = x_i): subtract the one before.": (
            x.sort().values @ (torch.arange(1, len(x) + 1, dtype=torch.float64) / len(x)) ** n
        ),
        "The weights are right, but the values must be sorted first.": (
            x @ ((torch.arange(len(x) + 1, dtype=torch.float64) / len(x)) ** n).diff()
        ),
    },
)
def expected_best(x: Tensor, n: int) -> Tensor:
    """Expected maximum of n independent draws, with replacement, from the values x (N,)."""
    edges = (torch.arange(len(x) + 1, dtype=torch.float64) / len(x)) ** n
    return x.sort().values.double() @ edges.diff()


exercises = {
    "path": path_polarity,
    "child": draw_child,
    "posterior": posterior,
    "variance": root_variance,
    "best": expected_best,
}
