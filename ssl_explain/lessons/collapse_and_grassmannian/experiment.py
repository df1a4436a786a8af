"""Linear features f = Θᵀx that follow a quadratic loss: free columns merge, orthonormal ones cannot.

The loss is ``-½ tr(ΘᵀCΘ)`` with a symmetric C, here always built from views of points.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.dynamics.steppers import euler, integrate, solve
from ssl_explain.records import Views

SPREAD = 8.0  # columns whose sizes differ by e^±8 or less keep 12 digits
TOLERANCE = 1e-6


def simple_matrix(views: Views) -> Float[Tensor, "d d"]:
    """The C of L_simp: twice the covariance between points, of means over their views.

    C = 2·V_x[E_{x'|x} x'], positive semi-definite. Exact if every point is listed with all of its views.

    Source: Esser, Mukherjee, Ghoshdastidar (2023), arXiv 2309.02011.
    """
    means = views.x.mean(1)
    centred = means - means.mean(0)
    return 2 * centred.mT @ centred / len(means)


def pull_matrix(views: Views) -> Float[Tensor, "d d"]:
    """The C of r₊ alone: minus twice the covariance within points.

    C = -2·E_x V_{x'|x}[x'], negative semi-definite.

    Source: Esser, Mukherjee, Ghoshdastidar (2023), arXiv 2309.02011.
    """
    centred = (views.x - views.x.mean(1, keepdim=True)).flatten(0, 1)
    return -2 * centred.mT @ centred / len(centred)


def free_flow(
    c: Float[Tensor, "d d"], theta: Float[Tensor, "d k"], times: Float[Tensor, " t"]
) -> Float[Tensor, "t d k"]:
    """Solve Θ̇ = CΘ exactly: Θ(t) = e^{Ct} Θ_0.

    Every column turns to the eigenvector of the largest eigenvalue, if that is simple, and grows like e^{λt}.

    Raises:
        ValueError: C that is not square, symmetric and finite; features of another dimension, or not finite.

    Example:
        >>> c = torch.diag(torch.tensor([1.0, 0.0]))
        >>> free_flow(c, torch.ones(2, 1), torch.tensor([0.0, 1.0])).squeeze(-1)
        tensor([[1.0000, 1.0000],
                [2.7183, 1.0000]])
    """
    _check(c, theta)
    values, vectors = torch.linalg.eigh(c)
    growth = (values * times.unsqueeze(-1)).exp().unsqueeze(-1)
    return vectors @ (growth * (vectors.mT @ theta))


def span_flow(
    c: Float[Tensor, "d d"], theta: Float[Tensor, "d k"], times: Float[Tensor, " t"]
) -> Float[Tensor, "t d k"]:
    """Solve Θ̇ = (I - ΘΘᵀ)CΘ exactly, up to a rotation of the columns: span Θ(t) = span(e^{Ct} Θ_0).

    The basis is made orthonormal on the way, so that late times are as exact as early ones.

    Source: Esser, Mukherjee, Ghoshdastidar (2023), arXiv 2309.02011.

    Raises:
        ValueError: as :func:`free_flow`; a start that is not orthonormal, times that do not rise from 0 or later.
    """
    _check(c, theta, orthonormal=True)
    _rising(times)
    values, vectors = torch.linalg.eigh(c)
    q, now, found = vectors.mT @ theta, 0.0, list[Tensor]()
    for time in times.tolist():
        parts = max(1, math.ceil(float(values[-1] - values[0]) * (time - now) / SPREAD))
        growth = ((values - values[-1]) * ((time - now) / parts)).exp().unsqueeze(-1)
        for _ in range(parts):
            q = orthonormalise(growth * q)
        now = time
        found.append(vectors @ q)
    return torch.stack(found)


def ode_flow(
    c: Float[Tensor, "d d"], theta: Float[Tensor, "d k"], times: Float[Tensor, " t"]
) -> Float[Tensor, "t d k"]:
    """Integrate Θ̇ = (I - ΘΘᵀ)CΘ with SciPy, a slow and independent check of the closed form.

    Raises:
        ValueError: as :func:`span_flow`.
    """
    _check(c, theta, orthonormal=True)
    _rising(times)
    matrix = c.double().numpy()
    early = times[:0] if times[0] == 0 else times.new_zeros(1)
    found = integrate(lambda q: matrix @ q - q @ (q.T @ matrix @ q), theta, torch.cat([early, times]))
    return found[len(early) :]


def take_steps(
    c: Float[Tensor, "d d"],
    theta: Float[Tensor, "d k"],
    *,
    step_size: float,
    steps: int,
    orthonormal: bool = True,
    every: int = 1,
) -> Float[Tensor, "t d k"]:
    """Gradient steps, as an optimiser takes them: Θ ← Θ + dt CΘ, or (project, step, make orthonormal again).

    The features after every ``every`` steps, the start included.

    Raises:
        ValueError: as :func:`free_flow`; a start that must be orthonormal and is not, a step size that is not
            positive, a negative number of steps.
    """
    _check(c, theta, orthonormal=orthonormal)

    def step(theta: Tensor, h: float) -> Tensor:
        if not orthonormal:
            return euler(lambda theta: c @ theta, theta, h)
        return orthonormalise(euler(lambda theta: project(theta, c @ theta), theta, h))

    return solve(step, theta, step_size=step_size, steps=steps, every=every)


def project(q: Float[Tensor, "*#runs d k"], gradient: Float[Tensor, "*runs d k"]) -> Float[Tensor, "*runs d k"]:
    """Project a gradient onto the complement of the span of q, on the Grassmannian: (I - qqᵀ)·gradient."""
    return gradient - q @ (q.mT @ gradient)


def orthonormalise(theta: Float[Tensor, "*runs d k"]) -> Float[Tensor, "*runs d k"]:
    """Orthonormal columns with the same span, by QR; orthonormal columns stay as they are."""
    q, r = torch.linalg.qr(theta)
    signs = torch.diagonal(r, dim1=-2, dim2=-1).sign()
    return q * torch.where(signs == 0, 1, signs).unsqueeze(-2)


def convergence_order(step_sizes: Sequence[float], errors: Sequence[float]) -> float:
    """The p in error ≈ c·dtᵖ: the least-squares slope of log error on log step size.

    Example:
        >>> round(convergence_order([0.1, 0.01], [3e-2, 3e-3]), 9)
        1.0
    """
    x, y = (torch.tensor(values, dtype=torch.float64).log() for values in (step_sizes, errors))
    x = x - x.mean()
    return float((x * y).sum() / x.square().sum())


def _rising(times: Tensor) -> None:
    if times.ndim != 1 or not len(times) or times[0] < 0 or (times.diff() <= 0).any():
        raise ValueError(f"`times` must rise, from 0 or later, got {times.tolist()}; try torch.linspace(0, 5, 11).")


def _check(c: Tensor, theta: Tensor, *, orthonormal: bool = False) -> None:
    """Check the matrix and the start of a flow."""
    if c.ndim != 2 or c.shape[0] != c.shape[1]:
        raise ValueError(f"`c` must be a square matrix, got shape {tuple(c.shape)}; build it with simple_matrix.")
    for name, value in (("c", c), ("theta", theta)):
        require.finite(name, value)
    if (c - c.mT).abs().max() > TOLERANCE * c.abs().max():
        raise ValueError("`c` must be symmetric, got one that is not; only (C + Cᵀ)/2 counts in the objective.")
    d = len(c)
    if theta.ndim != 2 or len(theta) != d:
        raise ValueError(f"`theta` must have shape ({d}, k), got {tuple(theta.shape)}; each column is a feature.")
    if theta.shape[1] > d:
        raise ValueError(f"`theta` must have at most {d} columns, got {theta.shape[1]}; more cannot be independent.")
    gram = theta.mT @ theta
    if orthonormal and (gram - torch.eye(len(gram), dtype=gram.dtype)).abs().max() > TOLERANCE:
        raise ValueError("`theta` must have orthonormal columns, got others; call orthonormalise(theta) first.")
