"""Predictions and exercises of notebook 08."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ssl_explain.kit.exercise import NOT_ATTEMPTED, RIGHT, draws, exercise, guided, unattempted
from ssl_explain.kit.prediction import question

first_to_move = question("""
    Which level comes closest to its ceiling first, counted from where it starts?

    [bottom] the bottom, then upwards: a level can only build on the one below
        That assumes that the lower level must be finished before the next can begin. But random neurons below already
        carry a good part of the signal, enough for the top to start at once.
    [together] all levels at the same pace
        That assumes that all levels profit alike. But a small gain in each layer adds up on the way to the top.
    [root] the root, then downwards
        Random features below carry enough of the root's signal, and each layer makes them a little better at what views
        share: these gains add up on the way to the top. Lower levels start nearer to their ceilings, and follow.
""")

two_neurons = question("""
    One cause per node, so two neurons per node should do. Trained that way, how does the root end?

    [as_good] about as well as with ten neurons: two are enough to represent one cause
        That assumes that training finds whatever two neurons can represent. It starts from random neurons, and none of
        two may have started near the cause; silent ones never move.
    [worse] clearly worse
        Training amplifies what random neurons happen to select, and two are few draws. Besides, two ReLU outputs of
        length one have only a quarter of the circle, and silent ones never move: a linear top ends higher.
    [better] better: fewer neurons overfit less
        Overfitting needs a finite data set. Here every batch is new, so extra neurons cost nothing and bring more lucky
        starts.
""")

wiring = question("""
    A dense network does not know which leaves belong together. Does its top still find the root?

    [no] no: the wiring of the tree was a hidden label
        The wiring does say which leaves share a cause. But the views say so too: what they keep in common can only come
        from shared causes.
    [yes] yes, it finds the root too
        The augmentation carries the information: only what comes from the kept causes survives in both views. The
        wiring helps the lowest levels most.
""")


@exercise("The ceiling of a cause with two leaves", "medium", 8)
@guided(
    "There are four leaf patterns; list them in ±1 coding.",
    "P(leaf = a | z) is (1 + ρ·a·z) / 2. The cause itself is a fair coin.",
    "The posterior mean of a pattern is (P(pattern | +) - P(pattern | -)) / (P(pattern | +) + P(pattern | -)).",
    given=lambda _: (0.8, -0.6),
    mistakes=lambda right, rho_1, rho_2: {
        "That is the better leaf alone. Two leaves together know more: use both in the posterior.": (
            max(abs(rho_1), abs(rho_2))
        ),
        "This is E[m²]: the ceiling is its square root.": right**2,
        "The leaves add information, but never beyond certainty: a sum of polarities is no correlation.": rho_1 + rho_2,
    },
)
def ceiling_of_two(rho_1: float, rho_2: float) -> float:
    """Bayes ceiling of a cause with two leaves: √E[m²], m its posterior mean given the leaves, in ±1 coding."""
    expected_square = 0.0
    for a in (-1, 1):
        for b in (-1, 1):
            for_plus = (1 + rho_1 * a) / 2 * (1 + rho_2 * b) / 2
            for_minus = (1 - rho_1 * a) / 2 * (1 - rho_2 * b) / 2
            p = (for_plus + for_minus) / 2
            m = (for_plus - for_minus) / (for_plus + for_minus)
            expected_square += p * m**2
    return expected_square**0.5


def _judge_redraw(attempt: Callable[..., Any]) -> str:
    n, rho, q = 40_000, 0.6, 0.2
    g, own = draws(2)
    parent = torch.randint(0, 2, (n,), generator=g)
    child = torch.where(torch.rand(n, generator=g) < (1 - rho) / 2, 1 - parent, parent)
    view = attempt(parent.clone(), child.clone(), rho, q, own)
    if unattempted(view):
        return NOT_ATTEMPTED
    if not isinstance(view, Tensor) or view.shape != child.shape:
        return f"Return a tensor of shape {(n,)}; yours is {getattr(view, 'shape', type(view).__name__)}."
    unchanged, copied = (view == child).double().mean().item(), (view == parent).double().mean().item()
    same_if_redrawn = ((1 + rho) / 2) ** 2 + ((1 - rho) / 2) ** 2
    if abs(copied - (1 + rho) / 2) > 0.02:
        return (
            f"A redrawn child must follow its parent as often as any child does, {(1 + rho) / 2:.2f} of the time; "
            f"yours agrees {copied:.2f} of the time. Redraw from the model given the parent, not from a fair coin."
        )
    if abs(unchanged - (q + (1 - q) * same_if_redrawn)) < 0.02:
        return "You keep a child with probability q; the strength q is the probability of redrawing it."
    if abs(unchanged - (1 - q + q * same_if_redrawn)) > 0.02:
        return f"{unchanged:.2f} of the children are unchanged, expected {1 - q + q * same_if_redrawn:.2f}."
    return RIGHT


@exercise("One level of augmentation", "medium", 6)
@guided(
    "Draw for every child whether it is kept: probability 1 - q.",
    "A child that is not kept copies its parent with probability (1 + ρ) / 2.",
    "torch.where(keep, child, fresh) puts both together.",
    judge=_judge_redraw,
)
def redraw(parent: Tensor, child: Tensor, rho: float, q: float, generator: torch.Generator) -> Tensor:
    """Augment the children (n,) of kept parents (n,): keep each with probability 1 - q, else redraw it."""
    keep = torch.rand(child.shape, generator=generator) >= q
    flip = torch.rand(child.shape, generator=generator) < (1 - rho) / 2
    return torch.where(keep, child, torch.where(flip, 1 - parent, parent))


@exercise("How many neurons are silent?", "easy", 4)
@guided(
    "A neuron is one (node, neuron) pair of the last two axes; the first axis runs over points.",
    "Reduce over points with all, then take the mean.",
    given=lambda g: (torch.randn(30, 4, 5, generator=g).relu() * (torch.arange(5) > 0),),
    mistakes=lambda right, f: {
        "That is the share of zero activations. A silent neuron is zero on all points, not on some.": (
            (f == 0).double().mean()
        ),
        "That is the share of neurons that are silent on some point. Ask for all points.": (
            (f == 0).any(0).double().mean()
        ),
        "That is a number of neurons. Divide by how many there are.": (f == 0).all(0).double().sum(),
    },
)
def silent(f: Tensor) -> Tensor:
    """Share of neurons that are zero on every point, f of shape (n, node, neuron)."""
    return (f == 0).all(0).double().mean()


exercises = {"ceiling": ceiling_of_two, "redraw": redraw, "silent": silent}
