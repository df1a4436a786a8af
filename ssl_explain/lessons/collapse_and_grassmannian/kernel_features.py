"""The same flow for features in the span of the data, Θ = Σ_i ψ(x_i) y_i: only the kernel is needed."""

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
    """The B with C = Ψᵀ B Ψ for L_simp, where the rows of Ψ are the views of each point, one point after the other.

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
        raise ValueError(f"`gram` must be square and symmetric, got {tuple(gram.shape)}; entry ij is κ(x_i, x_j).")
    values, vectors = torch.linalg.eigh(gram)
    if values[0] < -1e-8 * values[-1]:
        raise ValueError(f"`gram` must have no negative eigenvalue, got {float(values[0]):.3g}; check the kernel.")
    keep = values > 1e-10 * values[-1]
    scale, own = values[keep].sqrt(), vectors[:, keep]
    return own * scale, (own / scale).mT


def kernel_flow(
    gram: Float[Tensor, "n n"], b: Float[Tensor, "n n"], y: Float[Tensor, "n k"], times: Float[Tensor, " t"]
) -> Float[Tensor, "t n k"]:
    """Coefficients of the flow of -½ tr(ΘᵀCΘ), C = Ψᵀ B Ψ, under ΘᵀΘ = yᵀGy = I, up to a rotation of the columns.

    ẏ = BGy - y(yᵀGBGy). In coordinates v = Rᵀy of the span, v̇ = (I - vvᵀ)(RᵀBR)v: the flow of linear features.

    Raises:
        ValueError: a start with yᵀGy ≠ I, a kernel matrix or weights that are none.
    """
    root, back = root_of(gram)
    return back.mT @ span_flow(root.mT @ b @ root, root.mT @ y, times)


def kernel_steps(
    gram: Float[Tensor, "n n"], b: Float[Tensor, "n n"], y: Float[Tensor, "n k"], *, step_size: float, steps: int
) -> Float[Tensor, "n k"]:
    """Steps in coefficients, from the kernel alone: y ← y + dt(BGy - y yᵀGBGy), then yᵀGy = I again.

    Raises:
        ValueError: a step size that is not positive, a negative number of steps, a start with yᵀGy ≠ I.
    """
    if (y.mT @ gram @ y - torch.eye(y.shape[1], dtype=y.dtype)).abs().max() > 1e-6:
        raise ValueError("`y` must fulfil yᵀGy = I, got another; divide by the Cholesky factor of yᵀGy.")

    def velocity(y: Tensor) -> Tensor:
        free = b @ (gram @ y)
        return free - y @ (y.mT @ gram @ free)

    def step(y: Tensor, h: float) -> Tensor:
        y = euler(velocity, y, h)
        lower = torch.linalg.cholesky(y.mT @ gram @ y)
        return torch.linalg.solve_triangular(lower, y.mT, upper=False).mT

    return solve(step, y, step_size=step_size, steps=steps)[-1]
