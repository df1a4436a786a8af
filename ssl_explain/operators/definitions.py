"""The operators straight from their definitions: slow, and the reference for the fast ones."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def connection(f: Callable[[Tensor], Tensor], weight: Float[Tensor, "*shape"]) -> Float[Tensor, "d_weights d_top"]:
    """K = ∂f_L/∂vec(W), one backward pass per output; ``f`` maps the weight to the output of one input.

    Example:
        >>> connection(lambda w: w @ torch.tensor([1.0, 2.0]), torch.zeros(1, 2)).tolist()
        [[1.0], [2.0]]
    """
    k = torch.autograd.functional.jacobian(f, weight)
    return k.reshape(k.shape[0], -1).mT


def mean_connection(connections: Float[Tensor, "n a d_weights d_top"]) -> Float[Tensor, "n d_weights d_top"]:
    """K̄(x) = E_{x'|x}[K(x')]."""
    return connections.mean(1)


def covariance_operator(connections: Float[Tensor, "n a d_weights d_top"]) -> Float[Tensor, "d_weights d_weights"]:
    """OP = V_x[K̄(x)] = E_x[(K̄ - E K̄)(K̄ - E K̄)ᵀ], point by point."""
    centred = mean_connection(connections) - mean_connection(connections).mean(0)
    return torch.stack([k @ k.mT for k in centred]).mean(0)


def within_operator(connections: Float[Tensor, "n a d_weights d_top"]) -> Float[Tensor, "d_weights d_weights"]:
    """E_x V_{x'|x}[K]: the variance over the views of one point, averaged over points."""
    centred = connections - connections.mean(1, keepdim=True)
    return torch.stack([torch.stack([k @ k.mT for k in views]).mean(0) for views in centred]).mean(0)


def weighted_operator(
    connections: Float[Tensor, "n a d_weights d_top"], pair_weights: Float[Tensor, "n n"]
) -> Float[Tensor, "d_weights d_weights"]:
    """E_{x,x'}[ξ (K̄(x) - K̄(x'))(K̄(x) - K̄(x'))ᵀ], pair by pair."""
    k = mean_connection(connections)
    total = torch.zeros(k.shape[1], k.shape[1], dtype=k.dtype)
    for i in range(len(k)):
        for j in range(len(k)):
            total += pair_weights[i, j] * (k[i] - k[j]) @ (k[i] - k[j]).mT
    return total / len(k) ** 2
