"""Measure the covariance operator: 256 points, 64 views, widths 100-100-10, layer 1 (10,000 weights), one thread.

Times are ratios to the one batched matrix product that building K̄ needs. Both are timed in the same run, alternating;
the fastest of several rounds counts, since other load only adds time.
"""

from collections.abc import Callable, Iterator

import torch
from measure import Row, fastest, in_a_fresh_process, peak_memory, seconds
from threadpoolctl import threadpool_limits
from torch.func import functional_call, jacrev, vmap

from ssl_explain import ReLUNet
from ssl_explain.operators.covariance import CovarianceOperator, covariance_operator, mean_connection
from ssl_explain.records import ForwardPass
from ssl_explain.worlds.clouds import Clouds

POINTS, VIEWS, WIDTHS = 256, 64, (100, 100, 10)


def network(points: int = POINTS, views: int = VIEWS, hidden: int = WIDTHS[1]) -> tuple[ReLUNet, torch.Tensor]:
    """The network and the views of all measurements here."""
    generator = torch.Generator().manual_seed(0)
    net = ReLUNet((WIDTHS[0], hidden, WIDTHS[2]), generator=generator, normalise=False)
    world = Clouds(between=torch.ones(WIDTHS[0]), within=0.5 * torch.ones(WIDTHS[0]))
    return net, world.draw(points, views=views, generator=generator).x


def jacobians(net: ReLUNet, x: torch.Tensor) -> torch.Tensor:
    """K̄ᵀ by per-sample Jacobians of torch.func, a point at a time: all at once would take 6.5 GB."""
    rest = {name: weight.detach() for name, weight in net.named_parameters()}

    def f(first: torch.Tensor, view: torch.Tensor) -> torch.Tensor:
        return functional_call(net, rest | {"weights.0": first}, (view,))

    every = vmap(jacrev(f), (None, 0))
    return torch.stack([every(rest["weights.0"], point).mean(0).flatten(1) for point in x])


def largest_error(operator: CovarianceOperator, values: torch.Tensor) -> float:
    """The largest relative error, against the dense Gram matrix in float64."""
    rows = operator.factor.flatten(0, 1).double()
    exact = torch.linalg.eigvalsh(rows @ rows.mT / len(operator.factor)).flip(0)[: len(values)]
    return float((values.double() / exact - 1).abs().max())


def peak() -> float:
    """Peak memory of a process that builds the operator and uses it, in MB."""
    net, x = network()
    operator = covariance_operator(net.forward_pass(x), layer=1)
    operator.eigh(10), operator.trace(), operator.matvec(torch.ones(operator.size))
    return peak_memory()


def product_of(forward: ForwardPass, out: torch.Tensor | None = None) -> Callable[[], torch.Tensor]:
    """The one batched matrix product (256 × (1000 × 64) @ (64 × 100)), on operands that exist already.

    Without ``out`` it allocates the 100 MB of its result each time, which is nearly half of its time.
    """
    right = forward.layer_inputs[0].squeeze(2).contiguous()
    rows = forward.gates[0].shape[-1] * forward.gates[-1].shape[-1]
    left = torch.randn(len(right), rows, right.shape[1], generator=torch.Generator().manual_seed(1))
    return lambda: torch.bmm(left, right, out=out)


def operators(repeat: int = 9) -> Iterator[Row]:
    """Every figure of the operator."""
    net, x = network()
    with threadpool_limits(1, "blas"), torch.no_grad():
        forward = net.forward_pass(x)
        operator = covariance_operator(forward, layer=1)
        actions = {
            "product": product_of(forward),
            "bare": product_of(forward, out=torch.empty(POINTS, WIDTHS[1] * WIDTHS[2], WIDTHS[0])),
            "build": lambda: mean_connection(forward, layer=1),
            "eigh": lambda: operator.eigh(10),
        }
        taken = fastest(actions, repeat)
        error = largest_error(operator, operator.eigh(10)[0])
        by_samples = seconds(lambda: jacobians(net, x))
        difference = float((jacobians(net, x[:4]) - mean_connection(forward, layer=1)[:4]).abs().max())
    whole, before = in_a_fresh_process("bench_operators", "peak()"), in_a_fresh_process("measure", "peak_memory()")
    yield from [
        Row("operator: the one batched product, alone", 1000 * taken["product"], "ms"),
        Row("operator: the same into memory that lies ready", 1000 * taken["bare"], "ms"),
        Row("operator: building K̄", taken["build"] / taken["product"], "products", high=1.5),
        Row("operator: eigh(10)", taken["eigh"] / taken["product"], "products", high=5),
        Row("operator: eigh(10), largest relative error", error, "", high=1e-6),
        Row("operator: per-sample Jacobians by torch.func", by_samples / taken["build"], "builds", low=20),
        Row("operator: largest difference to those Jacobians", difference, "", high=1e-5),
        Row("operator: peak memory of the whole process", whole, "MB", high=1000),
        Row("operator: of which without Python and its libraries", whole - before, "MB"),
    ]
