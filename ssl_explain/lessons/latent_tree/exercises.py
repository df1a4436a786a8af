"""Predictions and exercises of notebook 07."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ssl_explain.kit.exercise import NOT_ATTEMPTED, RIGHT, draws, exercise, guided, unattempted
from ssl_explain.kit.prediction import question

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

more_leaves = question("""
    Networks that read all eight leaves passed the ceiling of a cause whose own leaves are four. Which causes gain most?

    [low] the lowest; the root gains nothing
        A low cause has few leaves of its own and many relatives, and their leaves speak of its parent. All eight leaves
        lie below the root: there both readers see the same.
    [all] all alike: everything is connected to everything
        It is, but only what is not seen yet can add anything, and that differs from cause to cause.
    [top] the highest: most edges lead there
        That assumes that the new leaves lie elsewhere. They lie below: the root's first reader sees all eight already.
""")

RHO = (torch.tensor([0.9, -0.6, 0.7, 0.8]).double(), torch.tensor([0.9, -0.8]).double())


def _world(n: int, generator: torch.Generator) -> list[Tensor]:
    """Points of a tree with four leaves, level by level from the leaves, in ±1 coding."""
    z = [2.0 * torch.randint(0, 2, (n, 1), generator=generator).double() - 1]
    for rho in reversed(RHO):
        z.append(_redrawn(z[-1], rho, generator))
    return z[::-1]


def _redrawn(parents: Tensor, rho: Tensor, generator: torch.Generator) -> Tensor:
    copied = parents.repeat_interleave(2, -1)
    agree = torch.rand(copied.shape, generator=generator, dtype=torch.float64) < (1 + rho) / 2
    return torch.where(agree, copied, -copied)


def _judge_view(attempt: Callable[..., Any]) -> str:
    n, q = 40_000, 0.4
    g, *own = draws(3)
    z = _world(n, g)
    view = attempt([level.clone() for level in z], list(RHO), q, own[0])
    if unattempted(view):
        return NOT_ATTEMPTED
    if not isinstance(view, Tensor) or view.shape != z[0].shape:
        shape = tuple(view.shape) if isinstance(view, Tensor) else type(view).__name__
        return f"Return a tensor of shape {tuple(z[0].shape)}; yours is {shape}."
    if not bool((view.abs() == 1).all()):
        return "A leaf is -1 or 1; yours has other values."
    parents = z[1].repeat_interleave(2, -1)
    still, alike = (view * z[0]).double().mean(0), (view * parents).double().mean(0)
    if bool((alike - (1 - q) * RHO[0]).abs().max() < 0.03):
        return "A redrawn leaf must listen to its parent: it agrees with it with probability (1 + ρ) / 2."
    if bool((still - (1 - 2 * q)).abs().max() < 0.03):
        return "A leaf is to be drawn anew with probability q, not turned round: a new draw may well be the old value."
    if bool((alike - RHO[0]).abs().max() > 0.03):
        return "A view must have the law of the data: a leaf agrees with its parent with probability (1 + ρ) / 2."
    if bool((still - (q + (1 - q) * RHO[0] ** 2)).abs().max() < 0.03):
        return f"With q = {q} a leaf should be kept with probability 1 - q; yours is kept with probability q."
    if bool((still - ((1 - q) + q * RHO[0] ** 2)).abs().max() > 0.03):
        return f"With q = {q} each leaf should be kept with probability {1 - q:g}; yours is kept more often or less."
    together = (view * z[0])[:, [1, 2]].double().prod(-1).mean() - still[1] * still[2]
    if float(together.abs()) > 0.03:
        return "Your leaves are redrawn together. Each leaf has its own draw: keep has the shape of the leaves."
    return RIGHT


@exercise("Another augmentation, leaf by leaf", "medium", 8)
@guided(
    "The parents of the leaves are z[1]; repeat_interleave(2, -1) gives one for every leaf.",
    "A fresh leaf copies its parent where torch.rand(...) < (1 + rho[0]) / 2, and is minus its parent elsewhere.",
    "Keep the old leaf where another torch.rand(...) is at least q: torch.where(keep, z[0], fresh).",
    judge=_judge_view,
)
def leaf_view(z: list[Tensor], rho: list[Tensor], q: float, generator: torch.Generator) -> Tensor:
    """The leaves (n, leaf) of one view: each leaf on its own is drawn anew, given its parent, with probability q."""
    parents = z[1].repeat_interleave(2, -1)
    copies = torch.rand(parents.shape, generator=generator, dtype=torch.float64) < (1 + rho[0]) / 2
    fresh = torch.where(copies, parents, -parents)
    keep = torch.rand(parents.shape, generator=generator, dtype=torch.float64) >= q
    return torch.where(keep, z[0], fresh)


@exercise("How alike are two leaves?", "easy", 4)
@guided(
    "Write one leaf as a chain of copies from the ancestor that both have in common, and the other one likewise.",
    "Along both chains polarities multiply, and the ancestor's square is 1. Node k has the parent k // 2.",
    given=lambda _: ([torch.tensor([0.9, -0.8, 0.7, 0.6]).double(), torch.tensor([0.5, -0.9]).double()], 0, 1),
    mistakes=lambda right, rho, i, j: {
        "You went on to the root. Two leaves of one parent meet there, and what lies above counts for neither.": (
            right * rho[1][0] ** 2
        ),
        "That is one edge alone. Both leaves may differ from what they have in common.": rho[0][i],
        "The sign is lost: if one of the two edges flips, the leaves disagree more often than not.": right.abs(),
    },
)
def leaf_correlation(rho: list[Tensor], i: int, j: int) -> Tensor:
    """The correlation of leaves i and j; rho[l] holds the polarities from level l + 1 down to level l."""
    product = torch.ones((), dtype=torch.float64)
    for level in rho:
        if i == j:
            break
        product = product * level[i] * level[j]
        i, j = i // 2, j // 2
    return product


@exercise("A cause that is no fair coin", "medium", 4)
@guided(
    "In odds: the leaves say (1 + m) : (1 - m), and what was known before says (1 + m₀) : (1 - m₀).",
    "Odds multiply. The mean is (for - against) / (for + against).",
    given=lambda _: (torch.tensor([-0.9, 0.0, 0.5, 0.8]).double(), -0.6),
    mistakes=lambda right, m, m_0: {
        "A sum may leave [-1, 1]. Divide by 1 + m m₀.": m + m_0,
        "That is the mean of two opinions. Two sources that agree make you surer than each alone.": (m + m_0) / 2,
        "The sign of m₀: what was known before speaks for z = 1 if it is positive.": (m - m_0) / (1 - m * m_0),
    },
)
def with_prior(m: Tensor, m_0: float) -> Tensor:
    """Posterior mean (n,) of a cause with mean m₀ before any leaf is seen; m (n,) is that of a fair cause."""
    return (m + m_0) / (1 + m * m_0)


exercises = {"view": leaf_view, "leaves": leaf_correlation, "prior": with_prior}
