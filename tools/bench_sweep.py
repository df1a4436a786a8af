"""Measure sweeps: two worker processes against one, and whether memory stays flat in the number of steps.

Times are the fastest of several rounds each, taking turns: a busy machine only ever adds.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import Row, in_a_fresh_process, peak_memory, seconds

from ssl_explain.lessons.latent_variables_emerge.table import overparameterisation
from ssl_explain.lessons.start_here.experiment import emergence_run

POLARITIES = [(0.7 + 0.05 * k, 1.0) for k in range(6)]


def small_sweep(workers: int) -> None:
    """Six settings alike: 16 seeds side by side, 100 steps each."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        overparameterisation(path, (10,), POLARITIES, runs=16, steps=100, workers=workers, progress=False)


def peak(steps: int) -> float:
    """The most memory, in MB, of the process, having trained 30 seeds (on a small tree: its ceilings hide nothing)."""
    run = emergence_run(depth=3, neurons=10, runs=30, points=500, measure_every=steps)
    run.training.advance(steps)
    run.record(steps)
    return peak_memory()


def rows(repeat: int = 9) -> Iterator[Row]:
    """Every figure of the sweep."""
    small_sweep(2)  # starts the worker processes, which stay for the next sweep
    taken = [[seconds(partial(small_sweep, workers)) for workers in (1, 2)] for _ in range(repeat)]
    one, two = (min(times) for times in zip(*taken, strict=True))
    yield Row("sweep: two worker processes, times as fast as one", one / two, "x", low=1.7)
    few, many = (in_a_fresh_process("bench_sweep", f"peak({steps})") for steps in (500, 2500))
    yield Row("sweep: peak memory, 30 seeds, 500 steps", few, "MB")
    yield Row("sweep: peak memory after 2,500 steps, share of that", 100 * many / few, "%", high=102)
