"""The covariance operator OP_l = V_x[K̄_l(x)]: which directions of weight space grow, and how fast."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.operators.connection import LARGEST, check, sweep
from ssl_explain.records import ForwardPass, record
from ssl_explain.threads import as_torch

CHUNK = 2**18  # entries at a time: they stay in the cache until they have been used for the last time
ROWS = 160_000  # entries at a time when rows are only read: with the vectors beside them they fit into 1 MB
DENSE = 600  # below this many weights a dense eigensolver is faster than an iterative one
START = 0  # the seed of a direction that an iteration begins with
TOLERANCE = 1e-3  # of an eigenvector; the eigenvalue is far better, see _rayleigh


@torch.no_grad()
def mean_connection(forward: ForwardPass, layer: int) -> Float[Tensor, "n d_top d_weights"]:
    """K̄_l(x)ᵀ = E_{x'|x}[K_l(x')]ᵀ: the connection of layer l, averaged over the views of each point.

    ``forward`` comes from views of shape (n, a, d); weights stand in the order of ``weight.flatten()``.
    No gradient flows through it.

    Raises:
        ValueError: a layer that the network does not have, inputs without a view axis, non-finite weights, more points
            than there is room for.
        TypeError: no forward pass, one in half precision, a layer that is no whole number.
    """
    check(forward, layer)
    f = forward.layer_inputs[layer - 1]
    require.precise("forward", f)
    if f.ndim != 4:
        raise ValueError(
            f"`forward` must come from views of shape (n, a, d), got {f.ndim - 2} axes in front of the input's own; "
            "pass net.forward_pass(views.x)."
        )
    n, a, node, d_in = f.shape
    d_top, d_out = forward.gates[-1].shape[-2:].numel(), forward.gates[layer - 1].shape[-1]
    require.room("forward", n * d_top * node * d_out * d_in, "take fewer points or a smaller layer", most=LARGEST)
    result = _large_pages(f, n, d_top, node, d_out, d_in)
    size = max(1, CHUNK // (a * d_top * node * d_out))
    for start in range(0, n, size):
        _fill(result[start : start + size], _slice(forward, slice(start, start + size)), layer)
    return result.flatten(2)


def _large_pages(like: Tensor, *shape: int) -> Tensor:
    """Empty memory; on the CPU from NumPy, which asks the system for large pages: less time to fill and to read."""
    if like.device.type != "cpu":
        return like.new_empty(shape)
    return torch.from_numpy(np.empty(shape, dtype=like.new_empty(0).numpy().dtype))


def _slice(forward: ForwardPass, part: slice) -> ForwardPass:
    """Some of the points, copied together: elementwise products over scattered entries take ten times as long."""
    inputs, gates = ([tensor[part].contiguous() for tensor in group] for group in (forward.layer_inputs, forward.gates))
    return ForwardPass(tuple(inputs), tuple(gates), forward.weights, forward.output[part])


def _fill(result: Float[Tensor, "n d_top node d_out d_in"], forward: ForwardPass, layer: int) -> None:
    """One product over the view axis: K̄[t, (o, i)] = Σ_a J_a[t, o] f_a[i] / a, written where it belongs."""
    j, f = sweep(forward, layer), forward.layer_inputs[layer - 1]
    f = f / f.shape[1]
    if j.shape[-2] == 1:
        torch.bmm(j.flatten(2).mT, f.squeeze(2), out=result.view(len(f), -1, f.shape[-1]))
    else:
        result.copy_(torch.einsum("natko,naki->ntkoi", j, f))


@record
class CovarianceOperator:
    """OP = Fᵀ M F with F the rows of K̄ᵀ and M acting on points only; D × D, but never formed unless asked for.

    ``factor`` is K̄ᵀ minus its mean over points: only differences between points count.
    Without pair weights M = 1/n, and OP = V_x[K̄]. With symmetric weights ξ
    OP = E_{x,x'}[ξ (K̄(x) - K̄(x'))(K̄(x) - K̄(x'))ᵀ], and M is a graph Laplacian.
    """

    factor: Float[Tensor, "n d_top d_weights"]
    pair_weights: Float[Tensor, "n n"] | None = None

    @property
    def size(self) -> int:
        """D, the number of weights of the layer."""
        return self.factor.shape[-1]

    @property
    def _rows(self) -> Float[Tensor, "rows d_weights"]:
        return self.factor.flatten(0, 1)

    def _mix(self, u: Float[Tensor, "n columns"]) -> Float[Tensor, "n columns"]:
        """Apply M: divide by n, or sum over the weighted differences to all other points."""
        n = u.shape[0]
        if self.pair_weights is None:
            return u / n
        return 2 / n**2 * (self.pair_weights.sum(1, keepdim=True) * u - self.pair_weights @ u)

    def matvec(self, v: Float[Tensor, "d_weights"]) -> Float[Tensor, "d_weights"]:
        """OP v, by two matrix-vector products: out along the rows of K̄ᵀ, mix the points, and back.

        Raises:
            ValueError: a vector of another length.
            TypeError: what is no floating-point tensor, or of another type than the operator.
        """
        require.tensor("v", v, "d_weights", "one number per weight: weight.flatten()")
        require.last_axis("v", v, self.size, "one number per weight: weight.flatten()")
        require.dtype("v", v, self.factor.dtype, "the entries of the operator")
        u = (self._rows @ v).view(self.factor.shape[:2])
        return self._rows.mT @ self._mix(u).flatten()

    def as_matrix(self) -> Float[Tensor, "d_weights d_weights"]:
        """The whole D × D matrix.

        Raises:
            ValueError: more weights than there is room for.
        """
        require.room("as_matrix", self.size**2, "use matvec or eigh")
        mixed = self._mix(self.factor.flatten(1)).view(self.factor.shape)
        return mixed.flatten(0, 1).mT @ self._rows

    def trace(self) -> float:
        """The sum of all eigenvalues, which is the total variance of K̄ (or its weighted spread)."""
        return float(sum(self._mix(block).mul_(block).sum() for block in self.factor.flatten(1).split(self.size, 1)))

    def eigh(self, k: int) -> tuple[Float[Tensor, "k"], Float[Tensor, "d_weights k"]]:
        """The ``k`` largest eigenvalues, largest first, and their eigenvectors (relative accuracy about 1e-6).

        Raises:
            ValueError: k below 1 or above D.
        """
        from scipy.sparse.linalg import LinearOperator, eigsh  # half a second that most notebooks never need

        require.integer("k", k, 1, f"the operator has {self.size} eigenvalues", high=self.size)
        if self.size <= DENSE or 2 * k >= self.size:
            values, vectors = torch.linalg.eigh(self.as_matrix())
            return values.flip(0)[:k], vectors.flip(1)[:, :k]
        g = torch.Generator().manual_seed(START)
        start = self._rows.mT @ torch.randn(len(self._rows), generator=g, dtype=torch.float32).to(self.factor)
        varies = self.factor if self.pair_weights is None else self.matvec(start)
        if not varies.any():  # any directions will do, but the iteration could not start
            return self.factor.new_zeros(k), torch.eye(self.size, k).to(self.factor)
        operator = LinearOperator((self.size, self.size), matvec=self._numpy_matvec, dtype=start.cpu().numpy().dtype)
        with as_torch():  # thousands of small products: threads would only wait for each other
            _, columns = eigsh(operator, k=k, which="LA", v0=start.cpu().numpy(), tol=TOLERANCE)
        return self._rayleigh(torch.from_numpy(columns).to(self.factor))

    def _rayleigh(self, v: Float[Tensor, "d_weights k"]) -> tuple[Float[Tensor, "k"], Float[Tensor, "d_weights k"]]:
        """λ = vᵀ OP v of each unit eigenvector: an error of ε in the vector is one of ε² in the eigenvalue."""
        u = (self._rows @ v).view(len(self.factor), -1)
        values = (u * self._mix(u)).view(-1, v.shape[1]).sum(0) / v.square().sum(0)
        order = values.argsort(descending=True)
        return values[order], v[:, order]

    def _numpy_matvec(self, v: np.ndarray) -> np.ndarray:
        """OP v, reading K̄ once instead of twice: a few rows go out, and back while they are still in the cache."""
        if self.pair_weights is not None:  # all points must be out before the first can be mixed
            return self.matvec(torch.from_numpy(v).to(self.factor)).cpu().numpy()
        rows, total, few = self._rows.cpu().numpy(), np.zeros_like(v), max(1, ROWS // self.size)
        for start in range(0, len(rows), few):
            some = rows[start : start + few]
            total += (some @ v) @ some
        return total / len(self.factor)


def covariance_operator(
    forward: ForwardPass, layer: int, pair_weights: Float[Tensor, "n n"] | None = None
) -> CovarianceOperator:
    """The covariance operator of a layer from views of shape (n, a, d); points are equally likely.

    Gradient flow of L_simp through both towers is vec(Ẇ_l) = 2·OP_l·vec(W_l); through one tower the factor is 1.
    One view per point is allowed: then all variance counts as variance between points.

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578.

    Raises:
        ValueError: a single point, a layer that does not exist, non-finite inputs or weights, pair weights that
            are not symmetric or not of shape (n, n), more points than there is room for.
        TypeError: no forward pass, one in half precision, a layer that is no whole number, pair weights of another type
            than the network.

    Example:
        >>> from ssl_explain.networks.relu import ReLUNet
        >>> g = torch.Generator().manual_seed(0)
        >>> net = ReLUNet((3, 4, 2), generator=g, normalise=False)
        >>> op = covariance_operator(net.forward_pass(torch.randn(20, 5, 3, generator=g)), layer=1)
        >>> op.as_matrix().shape, op.eigh(2)[0].shape
        (torch.Size([12, 12]), torch.Size([2]))
    """
    factor = mean_connection(forward, layer)
    factor -= factor.mean(0)
    n = factor.shape[0]
    if n < 2:
        raise ValueError(f"`forward` must hold at least two points, got {n}; one point has no variance between points.")
    require.finite("forward", factor)
    if pair_weights is not None:
        require.tensor("pair_weights", pair_weights, "n n", "one weight per pair of points")
        require.dtype("pair_weights", pair_weights, factor.dtype, "the weights of the network")
        require.finite("pair_weights", pair_weights)
        if pair_weights.shape != (n, n) or not torch.allclose(pair_weights, pair_weights.mT):
            raise ValueError(
                f"`pair_weights` must be a symmetric ({n}, {n}) matrix, got shape {tuple(pair_weights.shape)}; "
                "an asymmetric weight leaves a term inside that is no covariance: symmetrise it."
            )
    return CovarianceOperator(factor, pair_weights)
