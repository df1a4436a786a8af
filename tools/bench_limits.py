"""Time of the hot paths as a multiple of a lower bound on this machine.

The bound is the necessary work on operands that exist already: random numbers, bare matrix products, reads of memory.
Path and bound alternate on one thread, the fastest round of each counts, and their ratio is reported. With small
batches most of the time goes into calls, not into work. So the smallest call of PyTorch is timed as well, and the path
is compared a second time, with a bound that includes as many of those calls as the path makes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from bench_operators import network, product_of
from measure import Row, fastest
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ssl_explain import LatentTree, TreeNet, contrastive, info_nce
from ssl_explain.dynamics.training import Training
from ssl_explain.lessons.latent_variables_emerge.exact import exact_run
from ssl_explain.lessons.latent_variables_emerge.expected import expected_info_nce, expected_simple
from ssl_explain.operators.covariance import CovarianceOperator, covariance_operator, mean_connection

Action = Callable[[], object]
MOST = 3.0
"""Largest ratio of a path to its bound."""
UNMEASURED: dict[str, Any] = {"measure": lambda net: torch.zeros(1), "measure_every": 10**9}
DEPTH, NEURONS, BATCH, VIEWS = 5, 10, 128, 2


@dataclass(frozen=True)
class Path:
    """A hot path and its bound, as calls without arguments; ``what`` describes the work of the bound."""

    name: str
    path: Action
    bound: Action
    what: str


def seeded(seed: int = 1) -> torch.Generator:
    """A new generator."""
    return torch.Generator().manual_seed(seed)


def tree_and_net(depth: int = DEPTH, neurons: int = NEURONS, runs: int | None = None) -> tuple[LatentTree, TreeNet]:
    """The tree and the network of the course."""
    g = seeded()
    tree = LatentTree.random(depth, generator=g, runs=runs)
    return tree, TreeNet(tree.topology, neurons, generator=g, runs=runs)


def numbers(tree: LatentTree, n: int, views: int = VIEWS) -> Action:
    """Random numbers of a batch: one per edge of every point, two per edge of every view, one coin per root."""
    edges, g = sum(tree.topology.widths[:-1]), seeded()
    runs = tree.runs[0] if tree.runs else 1
    point, view = torch.empty(runs * n * edges), torch.empty(2, runs * n * views * edges)
    return lambda: (point.uniform_(generator=g), view.uniform_(generator=g), torch.randint(2, (n,), generator=g))


def sampling(n: int, depth: int = DEPTH, views: int = VIEWS, runs: int | None = None) -> Path:
    """Drawing a batch of views of the tree."""
    tree, g = LatentTree.random(depth, generator=seeded(), runs=runs), seeded()
    draw = partial(tree.draw, n, views=views, strength=0.5, generator=g)
    return Path(f"drawing {views} views of {n:,} points", draw, numbers(tree, n, views), "its random numbers")


def products(weights: list[Tensor], columns: int) -> list[Action]:
    """Matrix products per layer: forward, gradient of weights, and, above the first layer, gradient of inputs."""
    actions: list[Action] = []
    for level, weight in enumerate(weights):
        w = weight.detach().flatten(0, -3)
        f, j = (torch.rand(len(w), size, columns) for size in (w.shape[-1], w.shape[-2]))
        outs = [torch.bmm(w, f), torch.bmm(j, f.mT), torch.bmm(w.mT, j)]
        actions += [partial(torch.bmm, w, f, out=outs[0]), partial(torch.bmm, j, f.mT, out=outs[1])]
        if level:
            actions.append(partial(torch.bmm, w.mT, j, out=outs[2]))
    return actions


def all_of(actions: list[Action]) -> Action:
    """Run all actions in order."""
    return lambda: [action() for action in actions]


def tree_step(batch: int = BATCH, depth: int = DEPTH, neurons: int = NEURONS, runs: int | None = None) -> Path:
    """One step of training on the tree, with InfoNCE and one negative."""
    tree, net = tree_and_net(depth, neurons, runs)
    loss = contrastive(info_nce, negatives=1)
    run = Training(net, tree, loss, learning_rate=0.01, generator=seeded(), batch=batch, **UNMEASURED)
    bound = [numbers(tree, batch), *products(list(net.weights), VIEWS * batch)]
    seeds = f", {runs} seeds" if runs else ""
    words = "random numbers and matrix products"
    return Path(f"a training step, batch {batch}{seeds}", run.advance, all_of(bound), words)


def exact_step(depth: int = 3, branching: int = 2, *, info: bool = True) -> Path:
    """One training step without sampling, on the joint law of two views."""
    tree = LatentTree.random(depth, branching, generator=seeded())
    net = TreeNet(tree.topology, NEURONS, generator=seeded())
    loss = expected_info_nce if info else expected_simple
    run = exact_run(tree, net, strength=1.0, learning_rate=0.01, loss=loss, **UNMEASURED)
    n = 2**tree.dimension
    pairs, f = torch.rand(n, n), torch.rand(n, NEURONS)
    mix = partial(torch.mm, pairs, f, out=torch.empty(n, NEURONS))
    bound: list[Action] = [*products(list(net.weights), n), mix]
    if info:  # energies of all pairs, their exponentials, and the gradient back to both factors
        bound += [mix, partial(torch.mm, f, f.mT, out=torch.empty(n, n)), partial(torch.exp, pairs, out=pairs + 0)]
    words = "matrix products, and an exponential per pair" if info else "matrix products"
    return Path(f"an exact step, {'InfoNCE' if info else 'L_simp'}, {n} patterns", run.advance, all_of(bound), words)


def building(points: int = 256, views: int = 64, width: int = 100) -> Path:
    """Building K̄ of the first layer, against one batched matrix product."""
    net, x = network(points, views, width)
    forward = net.forward_pass(x)
    out = torch.empty(points, width * net.weights[-1].shape[-2], net.input_dimension)
    name = f"building K̄: {points} points, {views} views, {width} neurons"
    return Path(name, partial(mean_connection, forward, layer=1), product_of(forward, out), "the batched product")


class Counted(CovarianceOperator):
    """An operator that counts how often it is applied."""

    applied = 0

    def _numpy_matvec(self, v: np.ndarray) -> np.ndarray:
        Counted.applied += 1
        return super()._numpy_matvec(v)


def spectrum(k: int = 10) -> Path:
    """The largest eigenvalues, against one read of K̄ per step of the iteration."""
    net, x = network()
    operator = Counted(covariance_operator(net.forward_pass(x), layer=1).factor)
    operator.eigh(k)
    rows, count = operator.factor.flatten(0, 1), Counted.applied
    v, out = torch.rand(operator.size), torch.empty(len(rows))
    bound = all_of([partial(torch.mv, rows, v, out=out)] * count)
    return Path(f"eigh({k}) of 10,000 weights", partial(operator.eigh, k), bound, f"{count} readings of K̄")


class Calls(TorchDispatchMode):
    """Count the operators that PyTorch executes, those of the backward pass included."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count one operator and run it."""
        self.count += 1
        return func(*args, **(kwargs or {}))


def calls_of(action: Action) -> int:
    """Number of operators in one run of an action."""
    with Calls() as calls:
        action()
    return calls.count


def smallest_call() -> float:
    """Seconds per call of an operator with almost no work."""
    one, many = torch.zeros(1), 1000
    return fastest({"add": all_of([partial(one.add_, 1)] * many)}, 9)["add"] / many


def paths() -> Iterator[Path]:
    """Every hot path, at the size of the course and at a size where overhead is negligible."""
    yield sampling(BATCH)
    yield sampling(8192)
    yield tree_step()
    yield tree_step(4096)
    yield tree_step(runs=16)
    yield exact_step(info=False)
    yield exact_step()
    yield building()
    yield spectrum()


def limits(repeat: int = 9) -> Iterator[Row]:
    """Every path as a multiple of its bound."""
    with threadpool_limits(1, "blas"):
        call = smallest_call()
        yield Row("limit: the smallest call of an operator", 1e6 * call, "µs")
        for path in paths():
            taken = fastest({"path": path.path, "bound": path.bound}, repeat)
            calls = calls_of(path.path)
            yield Row(f"limit: {path.name}", taken["path"] / taken["bound"], "bounds", high=MOST)
            yield Row(f"  its bound, {path.what}", 1000 * taken["bound"], "ms")
            whole = taken["bound"] + calls * call
            yield Row(f"  as a multiple of bound and {calls} smallest calls", taken["path"] / whole, "x", high=MOST)
