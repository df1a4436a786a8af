"""Does it help to have more neurons than causes? Many seeds side by side, start and end of training."""

from collections.abc import Iterator, Sequence

from tqdm.auto import tqdm

from ssl_explain.dynamics.emergence import emergence_run

NEURONS = (2, 5, 10, 20)
POLARITIES = ((0.7, 1.0), (0.8, 1.0), (0.9, 1.0))

Row = tuple[int, float, float, int, int, float, float, float]
COLUMNS = ("neurons", "polarity_low", "polarity_high", "run", "level", "start", "end", "ceiling")


def block(neurons: int, polarity: tuple[float, float], *, runs: int, steps: int, seed: int) -> Iterator[Row]:
    """Train ``runs`` trees and students side by side; one row per run and level, averaged over its latents.

    ``start``, ``end`` are best |correlations| and ``ceiling`` their Bayes ceiling, rounded to four digits.
    """
    run = emergence_run(
        neurons=neurons, polarity=polarity, strength=1.0, seed=seed, runs=runs, points=2000, measure_every=steps
    )
    run.training.advance(steps)
    record = run.record(steps)
    values, ceilings = record.by_level(record.trace.values), record.by_level(record.ceilings)
    for k in range(runs):
        for level in range(values.shape[-1]):
            start, end, ceiling = (round(float(x[k, level]), 4) for x in (values[0], values[-1], ceilings))
            yield neurons, *polarity, k, level + 1, start, end, ceiling


def overparameterisation(
    neurons: Sequence[int] = NEURONS,
    polarities: Sequence[tuple[float, float]] = POLARITIES,
    *,
    runs: int = 16,
    steps: int = 1500,
    seed: int = 1,
    progress: bool = False,
) -> dict[str, list[object]]:
    """The whole table, neurons × polarity ranges: one list per column of :data:`COLUMNS`.

    Raises:
        ValueError: no neurons, a polarity range outside [0, 1], no runs.
    """
    settings = [(m, polarity) for m in neurons for polarity in polarities]
    rows: list[Row] = []
    for m, polarity in tqdm(settings, disable=not progress, unit="setting"):
        rows += block(m, polarity, runs=runs, steps=steps, seed=seed)
    return {name: list(column) for name, column in zip(COLUMNS, zip(*rows, strict=True), strict=True)}
