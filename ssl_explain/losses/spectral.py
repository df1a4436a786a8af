"""Losses of two embedding matrices from statistics of the batch, without explicit negatives.

Row i of ``z1`` and row i of ``z2`` are two views of point i. Every loss returns its terms by name; the loss is their
weighted sum, ``terms.total``. n is the number of points, d the number of outputs. Where an embedding is not
finite, neither is the loss.
"""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_explain import require
from ssl_explain.losses.contrastive import Objective, outputs
from ssl_explain.records import Terms, Views

Embeddings = Float[Tensor, "_ _"]  # (n, d); `_check` compares the shapes, with an error that says more
PairedLoss = Callable[[Tensor, Tensor], Terms]


def vicreg(
    z1: Embeddings,
    z2: Embeddings,
    *,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
    margin: float = 1.0,
    epsilon: float = 1e-4,
) -> Terms:
    """Invariance of the views, variance of every output, decorrelation of the outputs: L = λ s + μ v + ν c.

    s = 1/n Σ_i ‖z1_i - z2_i‖², a sum over outputs; v = v(z1) + v(z2), v(z) = 1/d Σ_j max(0, γ - √(C_jj + ε));
    c = c(z1) + c(z2), c(z) = 1/d Σ_{i≠j} C_ij², with C the covariance over the batch, divided by n - 1.
    λ is ``invariance``, μ ``variance``, ν ``covariance``, γ ``margin``.
    These are the formulas of the paper. Its published code averages s over outputs as well and halves v: the same
    25, 25, 1 there are 25/d, 25/2, 1 here.

    Source: Bardes, Ponce, LeCun (2021), arXiv 2105.04906.

    Raises:
        ValueError: fewer than two points, no outputs, unequal shapes, a negative weight, ε not positive.
        TypeError: embeddings that are not floating-point tensors.

    Example:
        >>> same = torch.ones(4, 2)  # collapsed: views are equal, but all outputs are constant
        >>> {name: round(value.item(), 2) for name, value in vicreg(same, same).values.items()}
        {'invariance': 0.0, 'variance': 1.98, 'covariance': 0.0}
    """
    _check(z1, z2)
    weights = _weights(invariance=invariance, variance=variance, covariance=covariance)
    gamma = require.single("margin", margin, "1 asks for a standard deviation of one")
    eps = require.single("epsilon", epsilon, "it keeps the square root differentiable; try 1e-4", open_low=True)
    d, covariances = z1.shape[1], [_covariance(z, z, len(z) - 1) for z in (z1, z2)]
    stds = [(c.diagonal() + eps).sqrt() for c in covariances]
    values = {
        "invariance": (z1 - z2).square().sum(1).mean(),
        "variance": torch.stack([(gamma - s).clamp_min(0).mean() for s in stds]).sum(),
        "covariance": torch.stack([off_diagonal(c).square().sum() / d for c in covariances]).sum(),
    }
    return Terms(values, weights)


def barlow_twins(z1: Embeddings, z2: Embeddings, *, redundancy: float = 5e-3, epsilon: float = 1e-5) -> Terms:
    """Correlate each output with itself on the other view and no other one: L = Σ_i (1 - R_ii)² + λ Σ_{i≠j} R_ij².

    R_ij = 1/n Σ_b ẑ1_bi ẑ2_bj is the cross-correlation of the two views. Outputs are standardised over the batch,
    ẑ = (z - mean) / √(var + ε), and the variance divides by n, not n - 1. λ is ``redundancy``.

    Source: Zbontar, Jing, Misra, LeCun, Deny (2021), arXiv 2103.03230.

    Raises:
        ValueError: fewer than two points, no outputs, unequal shapes, a negative weight, ε not positive.
        TypeError: embeddings that are not floating-point tensors.

    Example:
        >>> z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])  # white, and views are equal
        >>> round(barlow_twins(z, z).total.item(), 6)
        0.0
    """
    _check(z1, z2)
    weights = {"on-diagonal": 1.0, **_weights(**{"off-diagonal": redundancy})}
    eps = require.single("epsilon", epsilon, "it keeps constant outputs finite; try 1e-5", open_low=True)
    first, second = ((z.var(0, correction=0) + eps).sqrt() for z in (z1, z2))
    correlation = _covariance(z1, z2, len(z1)) / (first.unsqueeze(1) * second)
    values = {
        "on-diagonal": (1 - correlation.diagonal()).square().sum(),
        "off-diagonal": off_diagonal(correlation).square().sum(),
    }
    return Terms(values, weights)


def spectral_contrastive(z1: Embeddings, z2: Embeddings) -> Terms:
    """Align views of a point, make views of two points orthogonal: L = -2 E[z·z+] + E[(z·z-)²].

    pull = -1/n Σ_i z1_i · z2_i, with weight 2; push = mean over i ≠ j of (z1_i · z2_j)². Nothing is centred.

    Source: HaoChen, Wei, Gaidon, Ma (2021), arXiv 2106.04156.

    Raises:
        ValueError: fewer than two points, no outputs, unequal shapes.
        TypeError: embeddings that are not floating-point tensors.

    Example:
        >>> spectral_contrastive(torch.eye(3), torch.eye(3)).total.item()  # equal views, orthogonal points
        -2.0
    """
    _check(z1, z2, axis=0)
    products = z1 @ z2.mT
    n = len(z1)
    values = {"pull": -products.diagonal().mean(), "push": off_diagonal(products).square().sum() / (n * (n - 1))}
    return Terms(values, {"pull": 2.0, "push": 1.0})


def paired(loss: PairedLoss) -> Objective:
    """Make a training objective of a loss of two embeddings: it reads the first two views of every point.

    Raises:
        ValueError: fewer than two views, or whatever the loss rejects.
        TypeError: a loss that is not a function; the objective: no network, no views.

    Example:
        >>> points = torch.eye(3).unsqueeze(1).expand(3, 2, 3)  # three points, two equal views
        >>> paired(spectral_contrastive)(nn.Identity(), Views(points)).item()
        -2.0
    """
    require.function("loss", loss, "pass the function itself, such as vicreg")
    return partial(_pair, loss)


def _pair(loss: PairedLoss, net: nn.Module, views: Views) -> Tensor:
    """The loss of the first two views of a batch."""
    a = require.instance("views", views, Views, "draw them from a world").x.shape[-2]
    require.that(a >= 2, "views", "hold two views of each point", a, "draw with views=2")
    f = outputs(net, views)
    return loss(f[..., 0, :], f[..., 1, :]).total


def off_diagonal(matrix: Float[Tensor, "*batch d d"]) -> Float[Tensor, "*batch d d"]:
    """The matrix with zeros on its diagonal.

    Example:
        >>> off_diagonal(torch.ones(2, 2)).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """
    return matrix - torch.diag_embed(matrix.diagonal(dim1=-2, dim2=-1))


def _covariance(z1: Embeddings, z2: Embeddings, divisor: int) -> Float[Tensor, "d d"]:
    return (z1 - z1.mean(0)).mT @ (z2 - z2.mean(0)) / divisor


def _weights(**weights: float) -> dict[str, float]:
    return {name: require.single(name, w, "0 drops the term") for name, w in weights.items()}


def _check(z1: Tensor, z2: Tensor, axis: int = 1) -> None:
    """Check that both are views of the same points, and that a square matrix over ``axis`` fits into memory."""
    for name, z in (("z1", z1), ("z2", z2)):
        require.tensor(name, z, "n d", "one row per point, one column per output")
    require.dtype("z2", z2, z1.dtype, "the entries of z1")
    if z1.shape != z2.shape:
        expected = f"have the shape of z1, {tuple(z1.shape)}"
        require.fail("z2", expected, tuple(z2.shape), "row i of both is a view of point i")
    require.that(len(z1) >= 2, "z1", "hold at least two points", len(z1), "one point has no variance")
    require.integer("number of outputs", z1.shape[1], 1, "widen the top of the network")
    require.room("z1", z1.shape[axis] ** 2, "take a smaller batch or fewer outputs")
