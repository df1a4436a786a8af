"""The same flow for features in the span of the data, Θ = Σ_i φ(x_i) a_i: only the kernel is needed."""

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.dynamics.steppers import euler, solve
from ssl_explain.lessons.collapse_and_grassmannian.experiment import span_flow


def rbf_kernel(x: Float[Tensor, "n d"], scale: float = 1.0) -> Float[Tensor, "n n"]:
    """The Gaussian kernel exp(-‖x - x'‖² / (2·scale²)).

    Raises:
        ValueError: a scale that is not positive.
    """
    require.number("scale", scale, 0, float("inf"), "about the distance of neighbours", open_low=True)
    return (-(x.unsqueeze(1) - x.unsqueeze(0)).square().sum(-1) / (2 * scale**2)).exp()


def between_weights(points: int, views: int) -> Float[Tensor, "n n"]:
    """The B with C = Φᵀ B Φ for L_simp, where the rows of Φ are the views of each point, one point after the other.

    B = (2/n)·PᵀHP: P averages over the views of a point, H subtracts the mean over points.

    Example:
        >>> between_weights(2, 1)
        tensor([[ 0.5000, -0.5000],
                [-0.5000,  0.5000]], dtype=torch.float64)
    """
    average = torch.eye(points, dtype=torch.float64).repeat_interleave(views, 1) / views
    centred = average - average.mean(0)
    return 2 * centred.mT @ centred / points


def root_of(gram: Float[Tensor, "n n"]) -> tuple[Float[Tensor, "n r"], Float[Tensor, "r n"]]:
    """Coordinates R of the data in their own span, R Rᵀ = G, and the pseudo-inverse that leads back.

    Directions with eigenvalues below 1e-10 of the largest are left out: the data do not span them.

    Raises:
        ValueError: a kernel matrix that is not square, symmetric, finite and positive semi-definite.
    """
    require.finite("gram", gram)
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1] or not torch.allclose(gram, gram.mT):
        raise ValueError(f"`gram` must be square and symmetric, got {tuple(gram.shape)}; entry ij is k(x_i, x_j).")
    values, vectors = torch.linalg.eigh(gram)
    if values[0] < -1e-8 * values[-1]:
        raise ValueError(f"`gram` must have no negative eigenvalue, got {float(values[0]):.3g}; check the kernel.")
    keep = values > 1e-10 * values[-1]
    scale, own = values[keep].sqrt(), vectors[:, keep]
    return own * scale, (own / scale).mT


def kernel_flow(
    gram: Float[Tensor, "n n"], b: Float[Tensor, "n n"], a: Float[Tensor, "n k"], times: Float[Tensor, " t"]
) -> Float[Tensor, "t n k"]:
    """Coefficients of the flow of -½ tr(ΘᵀCΘ), C = Φᵀ B Φ, under ΘᵀΘ = aᵀGa = I, up to a rotation of the columns.

    ȧ = BGa - a(aᵀGBGa). In coordinates q = Rᵀa of the span, q̇ = (I - qqᵀ)(RᵀBR)q: the flow of linear features.

    Raises:
        ValueError: a start with aᵀGa ≠ I, a kernel matrix or weights that are none.
    """
    root, back = root_of(gram)
    return back.mT @ span_flow(root.mT @ b @ root, root.mT @ a, times)


def kernel_steps(
    gram: Float[Tensor, "n n"], b: Float[Tensor, "n n"], a: Float[Tensor, "n k"], *, step_size: float, steps: int
) -> Float[Tensor, "n k"]:
    """Steps in coefficients, from the kernel alone: a ← a + η(BGa - a aᵀGBGa), then aᵀGa = I again.

    Raises:
        ValueError: a step size that is not positive, a negative number of steps, a start with aᵀGa ≠ I.
    """
    if (a.mT @ gram @ a - torch.eye(a.shape[1], dtype=a.dtype)).abs().max() > 1e-6:
        raise ValueError("`a` must fulfil aᵀGa = I, got another; divide by the Cholesky factor of aᵀGa.")

    def velocity(a: Tensor) -> Tensor:
        free = b @ (gram @ a)
        return free - a @ (a.mT @ gram @ free)

    def step(a: Tensor, h: float) -> Tensor:
        a = euler(velocity, a, h)
        lower = torch.linalg.cholesky(a.mT @ gram @ a)
        return torch.linalg.solve_triangular(lower, a.mT, upper=False).mT

    return solve(step, a, step_size=step_size, steps=steps)[-1]
