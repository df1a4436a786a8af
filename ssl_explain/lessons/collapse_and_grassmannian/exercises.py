"""Predictions and exercises of notebook 12."""

import torch
from torch import Tensor

from ssl_explain.kit.exercise import draws, exercise, guided
from ssl_explain.kit.prediction import question

columns_free = question("""
    Three random features follow the same loss, L_simp, and nothing keeps them apart. What will they find?

    [three] the three strongest directions, one each
        Nothing in the loss tells one column what another has found. Each moves on its own, to the same optimum.
    [one] all three the same direction, the strongest
        Each column follows θ̇ = Cθ by itself, so that the largest eigenvalue wins in every one.
    [own] whatever each of them happened to start with
        That would need all directions to grow equally fast. The fastest outweighs the rest; the start sets the delay.
""")

pull_orthonormal = question("""
    Pulling alone kills free columns. What if the columns must stay orthonormal, and the loss still only pulls?

    [die] they die too, only later
        Orthonormal columns have length one, whatever the loss wants: they cannot shrink.
    [still] they stand still: pull and constraint cancel
        The constraint takes the shrinking away, not the turning. Some directions are pulled less than others.
    [quiet] they turn to the directions in which views differ least
        Where shrinking is forbidden, the least pulled directions win: the top eigenvectors of C ≤ 0.
""")

wider = question("""
    Two linear layers, both kept orthonormal; widths 8 and 256 start with the same product M = W₂W₁. What differs?

    [faster] the wider one learns faster: it has more weights to move
        More weights move, but each counts less in an orthonormal layer. The product obeys its own equation.
    [slower] the wider one hardly moves: wide networks are lazy
        That comes with the 1/√width of another scale. Here both layers have orthonormal columns or rows.
    [same] nothing: M moves the same way
        The equation of M has no width in it.
""")

what_moves = question("""
    Which choice keeps the tangent kernel of a wide ReLU network moving?

    [loss] a contrastive loss in place of a supervised one
        Without a target training never stops. But at any given time the drift still falls with the width at the ntk
        scale.
    [scale] orthonormal layers in place of the 1/√width scale
        Small outputs at the start leave the layers far to go, whichever loss asks them to.
    [both] it takes both
        A moving target is not needed: supervised, with orthonormal layers, the line is nearly flat as well.
""")

(_G,) = draws()
_ROOT = torch.randn(4, 4, generator=_G, dtype=torch.float64)
C = _ROOT @ _ROOT.mT / 4
THETA = torch.linalg.qr(torch.randn(4, 2, generator=_G, dtype=torch.float64)).Q
WIDTHS = torch.tensor([10.0, 20.0, 40.0], dtype=torch.float64)
DRIFTS = torch.tensor([0.3, 0.17, 0.08], dtype=torch.float64)


@exercise("The speed of orthonormal columns", "easy", 4)
@guided(
    "The free speed is CΘ.",
    "Its part within the span is Θ(ΘᵀCΘ). Take it away.",
    given=lambda _: (C, THETA),
    mistakes=lambda right, c, theta: {
        "That is the free flow CΘ. Take away its part within the span of Θ.": c @ theta,
        "You kept the part within the span of Θ; what is left outside of it moves the span.": (
            theta @ (theta.mT @ c @ theta)
        ),
        "The sign: CΘ is the negative gradient, and the columns follow it.": -right,
    },
)
def projected(c: Tensor, theta: Tensor) -> Tensor:
    """The speed of orthonormal columns theta (d, k): (I - ΘΘᵀ)CΘ."""
    free = c @ theta
    return free - theta @ (theta.mT @ free)


def _mistakes_closed_form(right: Tensor, c: Tensor, theta: Tensor, t: float) -> dict[str, Tensor]:
    moved = torch.linalg.matrix_exp(t * c) @ theta
    entrywise = torch.linalg.qr((t * c).exp() @ theta).Q
    return {
        "These columns are not orthonormal any more: make a basis by QR before you multiply.": moved @ moved.mT,
        "That is e to each entry. The exponential of a matrix is torch.linalg.matrix_exp.": entrywise @ entrywise.mT,
        "That is the start. Let e^{Ct} act on Θ₀ first.": theta @ theta.mT,
        "That is the basis. A span has many; return the projector q qᵀ.": torch.linalg.qr(moved).Q,
    }


@exercise("The closed form", "medium", 6)
@guided(
    "torch.linalg.matrix_exp(t * c) moves the columns freely.",
    "The span is what counts: torch.linalg.qr gives a basis V, and V Vᵀ does not depend on which.",
    given=lambda _: (C, THETA, 2.0),
    mistakes=_mistakes_closed_form,
)
def closed_form(c: Tensor, theta: Tensor, t: float) -> Tensor:
    """The projector (d, d) onto span(e^{Ct} Θ_0): QR gives a basis V, and the projector is V Vᵀ."""
    basis = torch.linalg.qr(torch.linalg.matrix_exp(t * c) @ theta).Q
    return basis @ basis.mT


@exercise("How many columns are left?", "medium", 5)
@guided(
    "torch.linalg.svdvals gives the singular values; λ are their squares.",
    "(Σλ)² / Σλ²: k equal values should give k, one large value among small ones 1.",
    given=lambda _: (torch.linalg.matrix_exp(C) @ THETA,),
    mistakes=lambda right, theta: {
        "You used the singular values; use their squares, the variances along each direction.": (
            torch.linalg.svdvals(theta).sum().square() / theta.square().sum()
        ),
        "That is its inverse: two orthonormal columns should give 2.": 1 / right,
        "That is the rank: it jumps. Weigh every direction by its size.": 2.0,
    },
)
def merged(theta: Tensor) -> Tensor:
    """Participation ratio (Σλ)² / Σλ² of the squared singular values λ of theta (d, k)."""
    squares = torch.linalg.svdvals(theta).square()
    return squares.sum().square() / squares.square().sum()


def _mistakes_slope(right: Tensor, widths: Tensor, drifts: Tensor) -> dict[str, Tensor]:
    x = widths - widths.mean()
    return {
        "Take the logarithm of the widths as well.": (x * drifts.log()).sum() / x.square().sum(),
        "Take logarithms first: a power law is a line only there.": (x * drifts).sum() / x.square().sum(),
        "The other way round: how does the drift fall as the width grows?": slope(drifts, widths),
        "The sign: a drift that falls has a negative slope.": -right,
    }


@exercise("A slope in the log-log plane", "easy", 5)
@guided(
    "A power law drift = c·widthᵖ is a line: log drift = log c + p·log width.",
    "Centre x = log width; then the slope is Σ x·log drift / Σ x².",
    given=lambda _: (WIDTHS, DRIFTS),
    mistakes=_mistakes_slope,
)
def slope(widths: Tensor, drifts: Tensor) -> Tensor:
    """Least-squares slope of log drift on log width."""
    x, y = widths.log(), drifts.log()
    x = x - x.mean()
    return (x * y).sum() / x.square().sum()


exercises = {"projected": projected, "closed_form": closed_form, "merged": merged, "slope": slope}
