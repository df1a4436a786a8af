"""Measure whole runs: a sweep by one and two worker processes, its memory, and training on real pictures.

Times are the fastest of several alternating rounds, since other load only adds time.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import Row, in_a_fresh_process, peak_memory, seconds

from ssl_explain import digits
from ssl_explain.lessons.latent_variables_emerge.table import overparameterisation
from ssl_explain.lessons.real_images.experiment import STEPS, Evaluation, Kind, picture_run
from ssl_explain.lessons.start_here.experiment import emergence_run

KINDS: tuple[Kind, ...] = ("mlp", "conv")
POLARITIES = [(0.7 + 0.05 * k, 1.0) for k in range(6)]


def small_sweep(workers: int) -> None:
    """Six similar settings: 16 seeds side by side, 100 steps each."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        overparameterisation(path, (10,), POLARITIES, runs=16, steps=100, workers=workers, progress=False)


def peak(steps: int) -> float:
    """Peak memory of a process that trains 30 seeds, in MB, on a tree so small that computing ceilings needs little."""
    run = emergence_run(depth=3, neurons=10, runs=30, points=500, measure_every=steps)
    run.training.advance(steps)
    run.record(steps)
    return peak_memory()


def sweep(repeat: int = 9) -> Iterator[Row]:
    """Every figure of the sweep."""
    small_sweep(2)  # start the worker processes, which later sweeps reuse
    taken = [[seconds(partial(small_sweep, workers)) for workers in (1, 2)] for _ in range(repeat)]
    one, two = (min(times) for times in zip(*taken, strict=True))
    yield Row("sweep: two worker processes, times as fast as one", one / two, "x", low=1.7)
    few, many = (in_a_fresh_process("bench_runs", f"peak({steps})") for steps in (500, 2500))
    yield Row("sweep: peak memory, 30 seeds, 500 steps", few, "MB")
    yield Row("sweep: peak memory after 2,500 steps, share of that", 100 * many / few, "%", high=102)


def pictures(repeat: int = 3) -> Iterator[Row]:
    """Every figure of the pictures."""
    train, test = digits("train"), digits("test")
    evaluate = Evaluation(train, test)
    yield Row("digits, raw pixels: probe", 100 * float(evaluate.raw[0]), "%")
    for kind in KINDS:
        taken = []
        for _ in range(repeat):
            run = picture_run(train, kind=kind, seed=1)
            taken.append(seconds(partial(run.advance, STEPS)))
        yield Row(f"digits, {kind}: training to its plateau, {STEPS} steps", min(taken), "s", high=10)
        again = partial(evaluate, run.net)  # type: ignore[arg-type]
        scores = again()
        yield Row(f"digits, {kind}: probe of the output there, one seed", 100 * float(scores[1, 0]), "%", low=92.3)
        yield Row(f"digits, {kind}: probes and neighbours of both layers", seconds(again), "s")
