"""One family: what each loss does to a linear network in a Gaussian world, as two small matrices.

Points have covariance C_b, the views of a point scatter around it with C_w, and f = W x. The law of the outputs of two
views is Gaussian, so that a loss can depend on W only through S_b = W C_b Wᵀ and S_w = W C_w Wᵀ, L = ℓ(S_b, S_w). Hence

    -∂L/∂W = A_b W C_b + A_w W C_w,    A_b = -2 ∂ℓ/∂S_b,    A_w = -2 ∂ℓ/∂S_w,

k × k each for k outputs. Below, S = S_b + S_w is the covariance of one view. Exact for every member (the triplet up to
quadrature); negatives are views of independent points, and InfoNCE is taken in the limit of many of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.losses.spectral import off_diagonal
from ssl_explain.records import Terms

Small = Float[Tensor, "*runs k k"]
Pair = tuple[Tensor, Tensor]
TEMPERATURE = 0.5


@dataclass(frozen=True)
class Member:
    """A loss of the family: its value ``law``, its two matrices ``forces``, and how to train with it.

    Both are functions of (S_b, S_w, P); P is the linear predictor, which only BYOL reads. ``step`` is the longest step
    of its training, ``decay`` the weight decay η, ``predictor`` the learning speed α of P. An ``orthonormal``
    member grows without bound: its rows are made orthonormal after each step; as A_b = 2I, the row space is the same.
    """

    name: str
    law: Callable[[Tensor, Tensor, Tensor], Terms]
    forces: Callable[[Tensor, Tensor, Tensor], Pair]
    step: float
    decay: float = 0.0
    predictor: float = 0.0
    orthonormal: bool = False


def moments(
    w: Float[Tensor, "*runs k d"], between: Float[Tensor, "*#runs d"], within: Float[Tensor, "*#runs d"]
) -> Pair:
    """S_b = W C_b Wᵀ and S_w = W C_w Wᵀ for diagonal covariances.

    Example:
        >>> m, n = moments(torch.ones(1, 2), torch.tensor([2.0, 1.0]), torch.tensor([0.0, 1.0]))
        >>> m.item(), n.item()
        (3.0, 1.0)
    """
    return (w * between.unsqueeze(-2)) @ w.mT, (w * within.unsqueeze(-2)) @ w.mT


def simple_member() -> Member:
    """L_simp = E r+ - E r- = -tr S_b: A_b = 2I, A_w = 0. Whatever varies between points grows."""

    def law(m: Tensor, n: Tensor, p: Tensor) -> Terms:
        return Terms({"pull": trace(n), "push": -trace(m + n)}, {"pull": 1.0, "push": 1.0})

    return Member("L_simp", law, lambda m, n, p: (2 * eye(m), 0 * eye(m)), step=0.03, orthonormal=True)


def info_nce_member(temperature: float = TEMPERATURE) -> Member:
    """InfoNCE in the limit of many negatives: A_b = U + U², A_w = U + U² - 2I, with U = (I + S/τ)⁻¹.

    L = tr S_w - τ/2 [log det(I + S/τ) + tr(I - U)], up to the constant τ log H. For small outputs it is L_simp.
    """

    def resolvent(s: Tensor) -> Tensor:
        return torch.linalg.inv_ex(eye(s) + s / temperature).inverse  # it exists: S has no negative eigenvalue

    def law(m: Tensor, n: Tensor, p: Tensor) -> Terms:
        s = m + n
        push = torch.logdet(eye(s) + s / temperature) + trace(eye(s) - resolvent(s))
        return Terms({"pull": trace(n), "push": -temperature / 2 * push}, {"pull": 1.0, "push": 1.0})

    def forces(m: Tensor, n: Tensor, p: Tensor) -> Pair:
        u = resolvent(m + n)
        both = u + u @ u
        return both, both - 2 * eye(u)

    return Member("InfoNCE", law, forces, step=0.1)


def triplet_member(temperature: float = TEMPERATURE) -> Member:
    """The soft triplet without margin, L = τ E log(1 + e^y), y = (r+ - r-)/τ: also InfoNCE with a single negative.

    E log(1 + e^y) = E[y]/2 + log 2 + ∫₀^∞ (1 - Re φ(t)) / (t sinh πt) dt with φ(t) = E e^{ity} = Π_j (1 - itλ_j/τ)^-½;
    λ_j are the eigenvalues of ΣJ, Σ = [[2S_w, S_w], [S_w, 2S]], J = diag(I, -I): real, for with Σ = LLᵀ those of LᵀJL.
    """
    t, rule = _nodes()

    def split(m: Tensor, n: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """J, J L times the eigenvectors, tλ/τ, |φ| and its angle."""
        j = torch.cat([torch.ones_like(m[..., 0]), -torch.ones_like(m[..., 0])], -1)
        sigma = torch.cat([torch.cat([2 * n, n], -1), torch.cat([n, 2 * (m + n)], -1)], -2)
        room = 1e-14 * trace(sigma) + 1e-300  # a singular Σ has a root as well
        root = torch.linalg.cholesky_ex(sigma + room[..., None, None] * eye(sigma)).L
        turned = j.unsqueeze(-1) * root
        values, vectors = torch.linalg.eigh(root.mT @ turned)
        x = t.unsqueeze(-1) * values.unsqueeze(-2) / temperature
        return j, turned @ vectors, x, (-0.25 * x.square().log1p().sum(-1)).exp(), 0.5 * x.atan().sum(-1)

    def law(m: Tensor, n: Tensor, p: Tensor) -> Terms:
        *_, height, angle = split(m, n)
        inside = temperature * (math.log(2) + (rule * (1 - height * angle.cos())).sum(-1))
        return Terms({"balanced": -trace(m) / 2, "near pairs": inside}, {"balanced": 1.0, "near pairs": 1.0})

    def forces(m: Tensor, n: Tensor, p: Tensor) -> Pair:
        (j, turned, x, height, angle), k = split(m, n), m.shape[-1]
        real, imaginary = (rule * t * height * part for part in (angle.cos(), angle.sin()))
        alone = imaginary.sum(-1) / 2 + 0.25
        each = t.unsqueeze(-1) * (real.unsqueeze(-1) - x * imaginary.unsqueeze(-1)) / (1 + x.square())
        each = each.sum(-2) / (2 * temperature)  # of every eigenvalue
        slope = torch.diag_embed(j * alone.unsqueeze(-1)) + (turned * each.unsqueeze(-2)) @ turned.mT
        second = slope[..., k:, k:]
        on_n = slope[..., :k, :k] + (slope[..., :k, k:] + slope[..., k:, :k]) / 2 + second
        return -4 * second, -4 * on_n

    return Member("triplet", law, forces, step=0.2)


def spectral_member() -> Member:
    """Spectral contrastive, L = -2 tr S_b + tr S²: A_b = 4I - 4S, A_w = -4S."""

    def law(m: Tensor, n: Tensor, p: Tensor) -> Terms:
        return Terms({"pull": -trace(m), "push": (m + n).square().sum((-2, -1))}, {"pull": 2.0, "push": 1.0})

    return Member("spectral", law, lambda m, n, p: (4 * eye(m) - 4 * (m + n), -4 * (m + n)), step=0.015)


def vicreg_member(
    invariance: float = 25.0, variance: float = 25.0, covariance: float = 1.0, margin: float = 1.0,
    epsilon: float = 1e-4,
) -> Member:  # fmt: skip
    """VICReg: A_b = 2 variance/k diag(1[d < margin]/d) - 8 covariance/k offdiag(S), A_w = A_b - 4 invariance."""
    weights = {"invariance": invariance, "variance": variance, "covariance": covariance}

    def law(m: Tensor, n: Tensor, p: Tensor) -> Terms:
        s, k = m + n, m.shape[-1]
        short = (margin - (diagonal(s) + epsilon).sqrt()).clamp_min(0).sum(-1)
        squares = off_diagonal(s).square().sum((-2, -1))
        return Terms({"invariance": 2 * trace(n), "variance": 2 / k * short, "covariance": 2 / k * squares}, weights)

    def forces(m: Tensor, n: Tensor, p: Tensor) -> Pair:
        s, k = m + n, m.shape[-1]
        std = (diagonal(s) + epsilon).sqrt()
        alive = _with_diagonal(-8 * covariance / k * s, (2 * variance / k) * (std < margin).to(std) / std)
        return alive, alive - 4 * invariance * eye(s)

    return Member("VICReg", law, forces, step=2e-3)


def barlow_member(redundancy: float = 5e-3, epsilon: float = 1e-5) -> Member:
    """Barlow Twins: A_b = 2(T - Q), A_w = 2T; it rotates rows and conserves their norms.

    D = diag(S) + ε, R = D^{-½} S_b D^{-½}, G = ∂L/∂R, Q = D^{-½} G D^{-½}, T = diag(Σ_j G_ij R_ij / D_i).
    """
    weights = {"on-diagonal": 1.0, "off-diagonal": redundancy}

    def scaled(m: Tensor, n: Tensor) -> Pair:
        scale = (diagonal(m + n) + epsilon).rsqrt()
        return scale.unsqueeze(-1) * scale.unsqueeze(-2), scale

    def law(m: Tensor, n: Tensor, p: Tensor) -> Terms:
        r = m * scaled(m, n)[0]
        on, off = (1 - diagonal(r)).square().sum(-1), off_diagonal(r).square().sum((-2, -1))
        return Terms({"on-diagonal": on, "off-diagonal": off}, weights)

    def forces(m: Tensor, n: Tensor, p: Tensor) -> Pair:
        grid, scale = scaled(m, n)
        r = m * grid
        g = _with_diagonal(2 * redundancy * r, 2 * diagonal(r) - 2)
        turn = torch.diag_embed((g * r).sum(-1) * scale.square())
        return 2 * (turn - g * grid), 2 * turn

    return Member("Barlow", law, forces, step=1.0)


def byol_member(decay: float = 0.05, speed: float = 1.0) -> Member:
    """BYOL with a linear predictor and a copy as target: A_b = Pᵀ - PᵀP, A_w = -PᵀP; no gradient through the target.

    The predictor is trained as well, Ṗ = α (S_b - P S) - ηP, and both W and P decay.
    """

    def law(m: Tensor, n: Tensor, p: Tensor) -> Terms:
        s = m + n
        return Terms({"prediction error": 0.5 * trace(p @ s @ p.mT - 2 * p @ m + s)}, {"prediction error": 1.0})

    return Member("BYOL", law, lambda m, n, p: (p.mT - p.mT @ p, -p.mT @ p), step=0.1, decay=decay, predictor=speed)


def members(redundancy: float = 1.0) -> tuple[Member, ...]:
    """All seven, each with the constants of its paper; τ = 0.5 for the two that have one.

    ``redundancy`` multiplies the weights of VICReg's covariance and of Barlow's off-diagonal term.

    Example:
        >>> [member.name for member in members()]
        ['L_simp', 'InfoNCE', 'triplet', 'spectral', 'VICReg', 'Barlow', 'BYOL']
    """
    return (
        simple_member(), info_nce_member(), triplet_member(), spectral_member(), vicreg_member(covariance=redundancy),
        barlow_member(redundancy=0.005 * redundancy), byol_member(),
    )  # fmt: skip


def update(
    member: Member, w: Float[Tensor, "*runs k d"], between: Tensor, within: Tensor, predictor: Tensor
) -> Float[Tensor, "*runs k d"]:
    """-∂L/∂W = A_b W C_b + A_w W C_w, weight decay left out."""
    on_between, on_within = member.forces(*moments(w, between, within), predictor)
    return on_between @ (w * between.unsqueeze(-2)) + on_within @ (w * within.unsqueeze(-2))


def eye(like: Small) -> Small:
    """The unit matrix of each run."""
    return torch.eye(like.shape[-1], dtype=like.dtype, device=like.device).expand(like.shape)


def trace(matrix: Small) -> Float[Tensor, "*runs"]:
    """tr, run by run."""
    return diagonal(matrix).sum(-1)


def diagonal(matrix: Small) -> Float[Tensor, "*runs k"]:
    """The diagonal, run by run."""
    return matrix.diagonal(dim1=-2, dim2=-1)


def _with_diagonal(matrix: Small, values: Float[Tensor, "*runs k"]) -> Small:
    return torch.diagonal_scatter(matrix, values, dim1=-2, dim2=-1)


def _nodes() -> Pair:
    """A double-exponential rule, t = e^{s - e^{-s}}: nodes, and weights that hold 1/(t sinh πt) already.

    Good to 1e-8 while energies are of the order of τ, to 1e-5 of the value when they are a hundred times as large.
    """
    h = 0.12
    s = torch.arange(-3.2, 2.0, h, dtype=torch.float64)
    t = (s - (-s).exp()).exp()
    return t, h * (1 + (-s).exp()) / (math.pi * t).sinh()
