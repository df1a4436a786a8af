"""The covariance operator OP_l = V_x[K̄_l(x)]: which directions of weight space grow, and how fast.

``definitions.py`` has the same objects straight from their definitions, ``_fast.py`` the products in blocks.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.operators import _fast
from ssl_explain.operators.connection import LARGEST, check
from ssl_explain.records import ForwardPass, record

DENSE = 600  # below this many weights a dense eigensolver is faster than an iterative one


@torch.no_grad()
def mean_connection(forward: ForwardPass, layer: int) -> Float[Tensor, "n d_top d_weights"]:
    """K̄_l(x)ᵀ = E_{x'|x}[K_l(x')]ᵀ: the connection of layer l, averaged over the views of each point.

    ``forward`` comes from views of shape (n, a, d); weights stand in the order of ``weight.flatten()``.
    No gradient flows through it.

    Raises:
        ValueError: a layer that the network does not have, inputs without a view axis, non-finite weights, more points
            than there is room for.
        TypeError: no forward pass, one in half precision, a layer that is not an integer.
    """
    check(forward, layer)
    f, gates = forward.layer_inputs[layer - 1], forward.gates[layer - 1]
    require.precise("forward", f)
    if f.ndim != 4:
        got = f"{f.ndim - 2} axes in front of the input's own"
        require.fail("forward", "come from views of shape (n, a, d)", got, "pass net.forward_pass(views.x)")
    entries = len(f) * forward.gates[-1].shape[-2:].numel() * gates.shape[-2:].numel() * f.shape[-1]
    require.room("forward", entries, "take fewer points or a smaller layer", most=LARGEST)
    return _fast.mean_over_views(forward, layer)


@record
class CovarianceOperator:
    """OP = Fᵀ M F with F the rows of K̄ᵀ and M acting on points only; only :meth:`as_matrix` forms the D × D matrix.

    ``factor`` is K̄ᵀ minus its mean over points, since OP depends on differences between points only.
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
        """M u: u / n, or the sum of the weighted differences to all other points."""
        n = u.shape[0]
        if self.pair_weights is None:
            return u / n
        return 2 / n**2 * (self.pair_weights.sum(1, keepdim=True) * u - self.pair_weights @ u)

    def matvec(self, v: Float[Tensor, "d_weights"]) -> Float[Tensor, "d_weights"]:
        """OP v = Fᵀ M F v, by two matrix-vector products.

        Raises:
            ValueError: a vector of another length.
            TypeError: arguments that are not floating-point tensors, or of another type than the operator.
        """
        require.tensor("v", v, "d_weights", "one number per weight: weight.flatten()")
        require.last_axis("v", v, self.size, "one number per weight: weight.flatten()")
        require.dtype("v", v, self.factor.dtype, "the entries of the operator")
        # From weights to outputs: u(x) = (K̄(x) - E K̄)ᵀ v is the change of f̄(x) along v, relative to the mean change.
        u = (self._rows @ v).view(self.factor.shape[:2])
        # Between points: the average, or the weighted differences.
        u = self._mix(u)
        # Back to weights: Σ_x (K̄(x) - E K̄) u(x).
        return self._rows.mT @ u.flatten()

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
        require.integer("k", k, 1, f"the operator has {self.size} eigenvalues", high=self.size)
        # A small layer: form the matrix.
        if self.size <= DENSE or 2 * k >= self.size:
            values, vectors = torch.linalg.eigh(self.as_matrix())
            return values.flip(0)[:k], vectors.flip(1)[:, :k]
        # A large layer: iterate with products OP v, from a random combination of the rows of K̄ᵀ.
        g = torch.Generator().manual_seed(_fast.START)
        start = self._rows.mT @ torch.randn(len(self._rows), generator=g, dtype=torch.float32).to(self.factor)
        varies = self.factor if self.pair_weights is None else self.matvec(start)
        if not varies.any():  # OP = 0, from which the iteration could not start: every vector is an eigenvector
            return self.factor.new_zeros(k), torch.eye(self.size, k).to(self.factor)
        columns = _fast.largest(self._numpy_matvec, start.cpu().numpy(), k)
        v = torch.from_numpy(columns).to(self.factor)
        # Rayleigh quotients λ = vᵀ OP v / vᵀv: an error of ε in the eigenvector is one of ε² in the eigenvalue.
        u = (self._rows @ v).view(len(self.factor), -1)
        values = (u * self._mix(u)).view(-1, v.shape[1]).sum(0) / v.square().sum(0)
        order = values.argsort(descending=True)
        return values[order], v[:, order]

    def _numpy_matvec(self, v: np.ndarray) -> np.ndarray:
        """OP v; with pair weights all outputs are needed before mixing, so there is no product in blocks."""
        if self.pair_weights is not None:
            return self.matvec(torch.from_numpy(v).to(self.factor)).cpu().numpy()
        return _fast.gram_product(self._rows.cpu().numpy(), v) / len(self.factor)


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
        TypeError: no forward pass, one in half precision, a layer that is not an integer, pair weights of another type
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
    require.that(n >= 2, "forward", "hold at least two points", n, "one point has no variance between points")
    require.finite("forward", factor)
    if pair_weights is not None:
        require.tensor("pair_weights", pair_weights, "n n", "one weight per pair of points")
        require.dtype("pair_weights", pair_weights, factor.dtype, "the weights of the network")
        require.finite("pair_weights", pair_weights)
        if pair_weights.shape != (n, n) or not torch.allclose(pair_weights, pair_weights.mT):
            expected, got = f"be a symmetric ({n}, {n}) matrix", f"shape {tuple(pair_weights.shape)}"
            remedy = "an asymmetric weight adds a term that is not a covariance: symmetrise it"
            require.fail("pair_weights", expected, got, remedy)
    return CovarianceOperator(factor, pair_weights)
