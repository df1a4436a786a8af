"""Two linear layers, both kept orthonormal: their product follows an equation without the width."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.dynamics.kept import measured
from ssl_explain.dynamics.steppers import rk4, solve
from ssl_explain.lessons.collapse_and_grassmannian.experiment import orthonormalise, project

Projection = Callable[[Tensor, Tensor], Tensor]
"""(columns, gradient) -> projected gradient."""


def stiefel(q: Float[Tensor, "d k"], gradient: Float[Tensor, "d k"]) -> Float[Tensor, "d k"]:
    """Project a gradient onto the tangent space of orthonormal columns: gradient - q·sym(qᵀ·gradient).

    The Grassmann projection :func:`~.experiment.project` removes rotations within the span as well.
    """
    inner = q.mT @ gradient
    return gradient - q @ (inner + inner.mT) / 2


def layers_with_product(
    m: Float[Tensor, "k d"], width: int, *, generator: torch.Generator
) -> tuple[Float[Tensor, "n d"], Float[Tensor, "k n"]]:
    """Random layers of any width with W_2 W_1 = M: the columns of W_1 and the rows of W_2 are orthonormal.

    Raises:
        ValueError: M has a singular value above 1, or the width is below d + k.

    Example:
        >>> g = torch.Generator().manual_seed(0)
        >>> bottom, top = layers_with_product(torch.tensor([[0.6, 0.0]]), 5, generator=g)
        >>> (top @ bottom).round(decimals=6).abs()
        tensor([[0.6000, 0.0000]])
    """
    k, d = m.shape
    require.finite("m", m)
    require.integer("width", width, d + k, f"{k} outputs and {d} inputs need so many dimensions")
    largest = float(torch.linalg.matrix_norm(m, 2))
    if largest > 1 + 1e-9:
        raise ValueError(f"`m` must have singular values up to 1, got {largest:.3g}; orthonormal layers only shrink.")
    left, s, _ = torch.linalg.svd(m.double())
    rest = torch.zeros(k, k, dtype=torch.float64)
    rest[range(len(s)), range(len(s))] = (1 - s.clamp(max=1).square()).sqrt()
    rest[range(len(s), k), range(len(s), k)] = 1.0
    flat = torch.cat([m.double(), left @ rest, torch.zeros(k, width - d - k, dtype=torch.float64)], 1)
    turn = orthonormalise(torch.randn(width, width, generator=generator, dtype=torch.float64))
    return turn[:, :d].to(m.dtype), (flat @ turn.mT).to(m.dtype)


def layer_speeds(
    c: Float[Tensor, "d d"], bottom: Float[Tensor, "n d"], top: Float[Tensor, "k n"], projection: Projection
) -> tuple[Float[Tensor, "n d"], Float[Tensor, "k n"]]:
    """Ẇ_1 and Ẇ_2 of gradient flow on -½ tr(MCMᵀ), M = W_2 W_1, projected layer by layer.

    The gradients are W_2ᵀMC and MCW_1ᵀ; the projection acts on the columns of W_1 and on the rows of W_2.
    """
    mc = top @ bottom @ c
    return projection(bottom, top.mT @ mc), projection(top.mT, bottom @ mc.mT).mT


def product_speed(c: Float[Tensor, "d d"], m: Float[Tensor, "k d"]) -> Float[Tensor, "k d"]:
    """Ṁ of both layers under the Grassmann projection: 2MC - MCMᵀM - MMᵀMC. It does not depend on the width.

    Source: Esser, Mukherjee, Ghoshdastidar (2023), arXiv 2309.02011.
    """
    mc = m @ c
    return 2 * mc - mc @ m.mT @ m - m @ m.mT @ mc


def stiefel_product_speed(c: Float[Tensor, "d d"], m: Float[Tensor, "k d"]) -> Float[Tensor, "k d"]:
    """Ṁ of both layers under the Stiefel projection: 2MC - (3/2)·MCMᵀM - ½·MMᵀMC. No width either."""
    mc = m @ c
    return 2 * mc - 1.5 * mc @ m.mT @ m - 0.5 * m @ m.mT @ mc


@torch.no_grad()
def follow_layers(
    c: Float[Tensor, "d d"],
    bottom: Float[Tensor, "n d"],
    top: Float[Tensor, "k n"],
    *,
    projection: Projection = project,
    steps: int,
    step_size: float,
) -> tuple[Float[Tensor, "t n d"], Float[Tensor, "t k n"]]:
    """Both layers over time, in Runge–Kutta steps of fourth order; t counts the start too.

    Raises:
        ValueError: layers that do not fit each other or C, a step size that is not positive, no steps, a projection
            that returns another shape.
    """
    _fit(c, bottom, top)
    require.integer("steps", steps, 1, "take at least one step")

    def speed(layers: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        down, up = layer_speeds(c, *layers, projection)
        return measured("projection", down, layers[0]), measured("projection", up, layers[1])

    return solve(partial(rk4, speed), (bottom, top), step_size=step_size, steps=steps)


@torch.no_grad()
def follow_product(
    c: Float[Tensor, "d d"],
    m: Float[Tensor, "k d"],
    *,
    speed: Callable[[Tensor, Tensor], Tensor] = product_speed,
    steps: int,
    step_size: float,
) -> Float[Tensor, "t k d"]:
    """The product M alone, from its own equation.

    Raises:
        ValueError: a step size that is not positive, no steps, a speed of another shape than M.
    """
    require.integer("steps", steps, 1, "take at least one step")
    return solve(partial(rk4, lambda m: measured("speed", speed(c, m), m)), m, step_size=step_size, steps=steps)


def _fit(c: Tensor, bottom: Tensor, top: Tensor) -> None:
    d, n = c.shape[0], bottom.shape[0]
    if c.shape != (d, d) or bottom.shape != (n, d) or top.ndim != 2 or top.shape[1] != n:
        shapes = ", ".join(str(tuple(x.shape)) for x in (c, bottom, top))
        raise ValueError(f"`c`, `bottom`, `top` must have shapes (d, d), (n, d), (k, n), got {shapes}; transpose one.")
    for name, value in (("c", c), ("bottom", bottom), ("top", top)):
        require.finite(name, value)
