"""The covariance operator OP_l = V_x[K̄_l(x)]: which directions of weight space grow, and how fast."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from ssl_explain import _require
from ssl_explain.operators.connection import jacobian
from ssl_explain.records import ForwardPass

CHUNK = 2**18  # Jacobian entries at a time: they stay in the cache until the product has used them
DENSE = 600  # below this many weights a dense eigensolver is faster than an iterative one


def mean_connection(forward: ForwardPass, layer: int) -> Float[Tensor, "n d_top d_weights"]:
    """K̄_l(x)ᵀ = E_{x'|x}[K_l(x')]ᵀ: the connection of layer l, averaged over the views of each point.

    ``forward`` comes from views of shape (n, a, d); weights stand in the order of ``weight.flatten()``.

    Raises:
        ValueError: a layer that the network does not have, or inputs without a view axis.
    """
    depth = len(forward.weights)
    _require.integer("layer", layer, 1, f"the bottom layer is 1, the top layer of this network is {depth}", high=depth)
    f = forward.layer_inputs[layer - 1]
    if f.ndim != 4:
        raise ValueError(
            f"`forward` must come from views of shape (n, a, d), got {f.ndim - 2} axes in front of the input's own; "
            "pass net.forward_pass(views.x)."
        )
    n, a, node, d_in = f.shape
    d_top, d_out = forward.gates[-1].shape[-2:].numel(), forward.gates[layer - 1].shape[-1]
    result = f.new_empty(n, d_top, node, d_out, d_in)
    size = max(1, CHUNK // (a * d_top * node * d_out))
    for start in range(0, n, size):
        _fill(result[start : start + size], _slice(forward, slice(start, start + size)), layer)
    return result.flatten(2)


def _slice(forward: ForwardPass, part: slice) -> ForwardPass:
    inputs, gates = ([tensor[part] for tensor in group] for group in (forward.layer_inputs, forward.gates))
    return ForwardPass(tuple(inputs), tuple(gates), forward.weights, forward.output[part])


def _fill(result: Float[Tensor, "n d_top node d_out d_in"], forward: ForwardPass, layer: int) -> None:
    """One product over the view axis: K̄[t, (o, i)] = Σ_a J_a[t, o] f_a[i] / a, written where it belongs."""
    j, f = jacobian(forward, layer), forward.layer_inputs[layer - 1]
    f = f / f.shape[1]
    if j.shape[-2] == 1:
        torch.bmm(j.flatten(2).mT, f.squeeze(2), out=result.view(len(f), -1, f.shape[-1]))
    else:
        result.copy_(torch.einsum("natko,naki->ntkoi", j, f))


@dataclass(frozen=True)
class CovarianceOperator:
    """OP = Fᵀ M F with F the rows of K̄ᵀ and M acting on points only; D × D, but never formed unless asked for.

    Without pair weights M is the centring matrix over n, and OP = V_x[K̄]. With symmetric weights ξ
    OP = E_{x,x'}[ξ (K̄(x) - K̄(x'))(K̄(x) - K̄(x'))ᵀ], a graph Laplacian in place of M.
    """

    factor: Float[Tensor, "n d_top d_weights"]
    pair_weights: Float[Tensor, "n n"] | None = None

    @property
    def size(self) -> int:
        """D, the number of weights of the layer."""
        return self.factor.shape[-1]

    def _mix(self, u: Float[Tensor, "n columns"]) -> Float[Tensor, "n columns"]:
        """Apply M: subtract the mean over points, or sum over the weighted differences to all other points."""
        n = u.shape[0]
        if self.pair_weights is None:
            return (u - u.mean(0)) / n
        return 2 / n**2 * (self.pair_weights.sum(1, keepdim=True) * u - self.pair_weights @ u)

    def matvec(self, v: Float[Tensor, "d_weights"]) -> Float[Tensor, "d_weights"]:
        """OP v, by two matrix-vector products: out along the rows of K̄ᵀ, mix the points, and back."""
        rows = self.factor.flatten(0, 1)
        u = (rows @ v).view(self.factor.shape[:2])
        return rows.mT @ self._mix(u).flatten()

    def as_matrix(self) -> Float[Tensor, "d_weights d_weights"]:
        """The whole D × D matrix."""
        mixed = self._mix(self.factor.flatten(1)).view(self.factor.shape)
        return mixed.flatten(0, 1).mT @ self.factor.flatten(0, 1)

    def trace(self) -> float:
        """The sum of all eigenvalues, which is the total variance of K̄ (or its weighted spread)."""
        return float((self._mix(self.factor.flatten(1)) * self.factor.flatten(1)).sum())

    def eigh(self, k: int) -> tuple[Float[Tensor, "k"], Float[Tensor, "d_weights k"]]:
        """The ``k`` largest eigenvalues, largest first, and their eigenvectors (relative accuracy about 1e-6).

        Raises:
            ValueError: k below 1 or above D.
        """
        _require.integer("k", k, 1, f"the operator has {self.size} eigenvalues", high=self.size)
        if self.size <= DENSE or 2 * k >= self.size:
            values, vectors = torch.linalg.eigh(self.as_matrix())
            return values.flip(0)[:k], vectors.flip(1)[:, :k]
        start = torch.randn(self.size, generator=torch.Generator().manual_seed(0), dtype=self.factor.dtype).numpy()
        operator = LinearOperator((self.size, self.size), matvec=self._numpy_matvec, dtype=self._numpy_type)
        values, vectors = eigsh(operator, k=k, v0=start, tol=1e-3)
        order = np.argsort(values)[::-1].copy()
        return torch.from_numpy(values[order]), torch.from_numpy(vectors[:, order])

    @property
    def _numpy_type(self) -> np.dtype:
        return np.dtype(str(self.factor.dtype).removeprefix("torch."))

    def _numpy_matvec(self, v: np.ndarray) -> np.ndarray:
        return self.matvec(torch.from_numpy(np.ascontiguousarray(v.ravel(), dtype=self._numpy_type))).numpy()


def covariance_operator(
    forward: ForwardPass, layer: int, pair_weights: Float[Tensor, "n n"] | None = None
) -> CovarianceOperator:
    """The covariance operator of a layer from views of shape (n, a, d); points are equally likely.

    Gradient flow of L_simp through both towers is vec(Ẇ_l) = 2·OP_l·vec(W_l); through one tower the factor is 1.
    One view per point is allowed: then all variance counts as variance between points.

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578.

    Raises:
        ValueError: a single point, a layer that does not exist, non-finite inputs or weights, pair weights that
            are not symmetric or not of shape (n, n).

    Example:
        >>> from ssl_explain.networks.relu import ReLUNet
        >>> g = torch.Generator().manual_seed(0)
        >>> net = ReLUNet((3, 4, 2), generator=g, normalise=False)
        >>> op = covariance_operator(net.forward_pass(torch.randn(20, 5, 3, generator=g)), layer=1)
        >>> op.as_matrix().shape, op.eigh(2)[0].shape
        (torch.Size([12, 12]), torch.Size([2]))
    """
    with torch.no_grad():
        factor = _require.finite("forward", mean_connection(forward, layer))
    n = factor.shape[0]
    if n < 2:
        raise ValueError("`forward` must hold at least two points, got 1; one point has no variance between points.")
    if pair_weights is not None:
        _require.finite("pair_weights", pair_weights)
        if pair_weights.shape != (n, n) or not torch.allclose(pair_weights, pair_weights.mT):
            raise ValueError(
                f"`pair_weights` must be a symmetric ({n}, {n}) matrix, got shape {tuple(pair_weights.shape)}; "
                "an asymmetric weight leaves a term inside that is no covariance: symmetrise it."
            )
    return CovarianceOperator(factor, pair_weights)
