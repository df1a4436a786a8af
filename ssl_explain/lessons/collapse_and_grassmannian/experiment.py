"""Linear features f = Θᵀx that follow a quadratic wish: left free their columns merge, kept orthonormal they cannot.

The wish is the smallest ``-½ tr(ΘᵀCΘ)`` with a symmetric C, here always built from views of points.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.records import Views

SPREAD = 8.0  # within e^±8 of each other columns are told apart to 1e-12
TOLERANCE = 1e-6


def simple_matrix(views: Views) -> Float[Tensor, "d d"]:
    """The C of L_simp: what varies between points after averaging over their views, twice.

    C = 2·V_x[E_{x'|x} x'], positive semi-definite. Exact if every point is listed with all of its views.

    Source: Esser, Mukherjee, Ghoshdastidar (2023), arXiv 2309.02011.
    """
    means = views.x.mean(1)
    centred = means - means.mean(0)
    return 2 * centred.mT @ centred / len(means)


def pull_matrix(views: Views) -> Float[Tensor, "d d"]:
    """The C of r₊ alone, which only pulls the views of a point together.

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

    The basis is made orthonormal again and again on the way, so that late times are as exact as early ones.

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
    """Integrate Θ̇ = (I - ΘΘᵀ)CΘ with SciPy, which knows nothing of its solution. Slow, and an independent witness.

    Raises:
        ValueError: as :func:`span_flow`.
        RuntimeError: the solver gave up.
    """
    from scipy.integrate import solve_ivp  # it takes a second to import

    _check(c, theta, orthonormal=True)
    _rising(times)
    matrix, shape = c.double().numpy(), tuple(theta.shape)

    def speed(_: float, flat):  # type: ignore[no-untyped-def]
        q = flat.reshape(shape)
        wish = matrix @ q
        return (wish - q @ (q.T @ wish)).ravel()

    start, end = theta.double().numpy().ravel(), float(times[-1]) or 1.0
    solved = solve_ivp(speed, (0.0, end), start, "DOP853", times.double().numpy(), rtol=1e-12, atol=1e-13)
    if not solved.success:
        raise RuntimeError(f"the solver of the flow gave up: {solved.message}")
    return torch.from_numpy(solved.y.T.copy()).unflatten(-1, shape)


def take_steps(
    c: Float[Tensor, "d d"],
    theta: Float[Tensor, "d k"],
    *,
    step_size: float,
    steps: int,
    orthonormal: bool = True,
    every: int = 1,
) -> Float[Tensor, "t d k"]:
    """Gradient steps, as an optimiser takes them: Θ ← Θ + ηCΘ, or (project, step, make orthonormal again).

    The features after every ``every`` steps, the start included.

    Raises:
        ValueError: as :func:`free_flow`; a start that must be orthonormal and is not, a step size that is not
            positive, a negative number of steps.
    """
    _check(c, theta, orthonormal=orthonormal)
    require.number("step_size", step_size, 0, math.inf, "small steps follow the flow; try 0.1", open_low=True)
    require.integer("steps", steps, 0, "0 only returns the start")
    require.integer("every", every, 1, "1 keeps every step")
    found = [theta]
    for step in range(1, steps + 1):
        wish = c @ theta
        theta = theta + step_size * (project(theta, wish) if orthonormal else wish)
        theta = orthonormalise(theta) if orthonormal else theta
        if step % every == 0:
            found.append(theta)
    return torch.stack(found)


def project(q: Float[Tensor, "*#runs d k"], gradient: Float[Tensor, "*runs d k"]) -> Float[Tensor, "*runs d k"]:
    """What is left of a gradient when the columns q may not turn within their own span: (I - qqᵀ)·gradient."""
    return gradient - q @ (q.mT @ gradient)


def orthonormalise(theta: Float[Tensor, "*runs d k"]) -> Float[Tensor, "*runs d k"]:
    """Orthonormal columns with the same span, by QR; columns that are orthonormal already stay as they are."""
    q, r = torch.linalg.qr(theta)
    signs = torch.diagonal(r, dim1=-2, dim2=-1).sign()
    return q * torch.where(signs == 0, 1, signs).unsqueeze(-2)


def convergence_order(step_sizes: Sequence[float], errors: Sequence[float]) -> float:
    """The p in error ≈ c·ηᵖ: the least-squares slope of log error on log step size.

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
    """Whatever a flow needs of its matrix and of its start."""
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
