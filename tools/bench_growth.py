"""Growth of the hot paths with depth, neurons, points, views and seeds: fitted exponents against the expected order.

The exponent is the slope of log time on log size, each time the fastest of several rounds on one thread. Sizes are so
large that calls do not dominate; the order is that of the number of operations.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from bench_limits import Path, building, exact_step, sampling, tree_step
from measure import Row, fastest
from threadpoolctl import threadpool_limits

SLACK = 0.25
"""Largest excess of a slope over the order; caches overflow between the smallest and the largest size."""


@dataclass(frozen=True)
class Growth:
    """One path over several sizes; ``of`` maps a size to the quantity that the order counts (a depth to leaves)."""

    name: str
    make: Callable[[int], Path]
    sizes: Sequence[int]
    order: float
    of: Callable[[int], float] = float


def growths() -> Iterator[Growth]:
    """Every path with every quantity that it grows with."""
    leaves = partial(math.pow, 2)
    yield Growth("drawing, points", sampling, (2048, 8192, 32768), 1)
    yield Growth("drawing, leaves (depth 5 to 9)", lambda d: sampling(2048, depth=d), (5, 7, 9), 1, leaves)
    yield Growth("drawing, views", lambda a: sampling(2048, views=a), (4, 16, 64), 1)
    yield Growth("drawing, seeds", lambda r: sampling(1024, runs=r), (4, 16, 64), 1)
    yield Growth("training step, points", tree_step, (1024, 4096, 16384), 1)
    yield Growth("training step, leaves (depth 5 to 9)", lambda d: tree_step(512, depth=d), (5, 7, 9), 1, leaves)
    yield Growth("training step, neurons per node", lambda m: tree_step(512, neurons=m), (80, 160, 320), 2)
    yield Growth("training step, seeds", lambda r: tree_step(runs=r), (8, 32, 128), 1)
    yield Growth("exact step, patterns (8 and 9 leaves)", _exact, (8, 9), 2, leaves)
    yield Growth("building K̄, points", lambda n: building(n, 64), (128, 256, 512), 1)
    yield Growth("building K̄, views", lambda a: building(64, a), (128, 256, 512), 1)
    yield Growth("building K̄, neurons", lambda m: building(64, 64, m), (100, 200, 400), 1)


def _exact(leaves: int) -> Path:
    return exact_step(3) if leaves == 8 else exact_step(2, 3)


def slope(growth: Growth, repeat: int) -> float:
    """The exponent of time over size."""
    taken = [fastest({"path": growth.make(size).path}, repeat)["path"] for size in growth.sizes]
    return float(np.polyfit(np.log([growth.of(size) for size in growth.sizes]), np.log(taken), 1)[0])


def growth(repeat: int = 5) -> Iterator[Row]:
    """The exponent of every growth, against the order of its operations."""
    with threadpool_limits(1, "blas"):
        for growth in growths():
            name = f"growth: {growth.name}, order {growth.order:g}"
            yield Row(name, slope(growth, repeat), "slope", high=growth.order + SLACK)
