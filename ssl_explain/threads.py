"""How many threads the linear algebra below numpy and scipy uses: as many as torch, which notebooks set to one."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import ThreadpoolController

_LOCK = threading.RLock()


@functools.cache
def libraries() -> ThreadpoolController:
    """BLAS as numpy and scipy have loaded it; to look for it takes milliseconds."""
    import scipy.linalg  # noqa: F401 (it loads a BLAS of its own)

    return ThreadpoolController().select(user_api="blas")


@contextmanager
def as_torch() -> Iterator[None]:
    """Within it BLAS uses no more threads than torch.

    The number belongs to the whole process, so one thread enters at a time: it finds the number as it was, and
    restores it itself.
    """
    with _LOCK:
        few = min([torch.get_num_threads(), *(library["num_threads"] for library in libraries().info())])
        with libraries().limit(limits=few):
            yield
