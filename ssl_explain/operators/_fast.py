"""The products of ``covariance.py`` in blocks that fit the cache, and its iterative eigensolver."""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float
from threadpoolctl import ThreadpoolController
from torch import Tensor

from ssl_explain.operators.connection import unchecked_jacobian
from ssl_explain.records import ForwardPass

CHUNK = 2**18  # entries per block of the Jacobian: they stay in the cache until they are used for the last time
ROWS = 160_000  # entries per block of rows that are only read: with the vectors beside them they fit into 1 MB
START = 0  # the seed of the start vector of an iteration
TOLERANCE = 1e-3  # of an eigenvector; the error of the eigenvalue is of second order, see `CovarianceOperator.eigh`
_LOCK = threading.RLock()


def mean_over_views(forward: ForwardPass, layer: int) -> Float[Tensor, "n d_top d_weights"]:
    """K̄ᵀ[t, (o, i)] = Σ_a J_a[t, o] f_a[i] / a, some points at a time: one product over the views of each point."""
    f, outputs = forward.layer_inputs[layer - 1], forward.gates[layer - 1].shape[-1]
    n, a, node, d_in = f.shape
    d_top = forward.gates[-1].shape[-2:].numel()
    result = _large_pages(f, n, d_top, node, outputs, d_in)
    size = max(1, CHUNK // (a * d_top * node * outputs))
    for start in range(0, n, size):
        # Copied to be contiguous, since elementwise products with strides take ten times as long.
        points = forward.map(lambda tensor: tensor[start : start + size].contiguous())  # noqa: B023 (used at once)
        _fill(result[start : start + size], points, layer)
    return result.flatten(2)


def _large_pages(like: Tensor, *shape: int) -> Tensor:
    """Uninitialised memory; on the CPU from NumPy, which asks for large pages: these are faster to fill and to read."""
    if like.device.type != "cpu":
        return like.new_empty(shape)
    return torch.from_numpy(np.empty(shape, dtype=like.new_empty(0).numpy().dtype))


def _fill(result: Float[Tensor, "n d_top node d_out d_in"], forward: ForwardPass, layer: int) -> None:
    """Write the product over the view axis into ``result``."""
    j, f = unchecked_jacobian(forward, layer), forward.layer_inputs[layer - 1]
    f = f / f.shape[1]
    if j.shape[-2] == 1:
        torch.bmm(j.flatten(2).mT, f.squeeze(2), out=result.view(len(f), -1, f.shape[-1]))
    else:
        result.copy_(torch.einsum("natko,naki->ntkoi", j, f))


def gram_product(rows: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Σ_r row_r ⟨row_r, v⟩, which reads a block of rows once for both products."""
    total, few = np.zeros_like(v), max(1, ROWS // rows.shape[1])
    for start in range(0, len(rows), few):
        block = rows[start : start + few]
        total += (block @ v) @ block
    return total


def largest(matvec: Callable[[np.ndarray], np.ndarray], start: np.ndarray, k: int) -> np.ndarray:
    """The ``k`` leading eigenvectors of a symmetric matrix-free operator, as columns, by Lanczos iteration."""
    from scipy.sparse.linalg import LinearOperator, eigsh  # it takes half a second to import

    operator = LinearOperator((len(start), len(start)), matvec=matvec, dtype=start.dtype)
    with blas_threads_as_torch():  # these are thousands of small products: with more threads they would wait for them
        return eigsh(operator, k=k, which="LA", v0=start, tol=TOLERANCE)[1]


@functools.cache
def libraries() -> ThreadpoolController:
    """The BLAS libraries that numpy and scipy have loaded; to find them takes milliseconds."""
    import scipy.linalg  # noqa: F401 (it loads a BLAS of its own)

    return ThreadpoolController().select(user_api="blas")


@contextmanager
def blas_threads_as_torch() -> Iterator[None]:
    """Within it BLAS uses no more threads than torch, which notebooks set to one.

    The number is a setting of the process, so the lock lets one thread in at a time: it finds the number of before,
    and restores it itself.
    """
    with _LOCK:
        few = min([torch.get_num_threads(), *(library["num_threads"] for library in libraries().info())])
        with libraries().limit(limits=few):
            yield
