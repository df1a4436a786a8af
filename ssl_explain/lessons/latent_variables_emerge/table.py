"""Does it help to have more neurons than latents? Many seeds side by side, start and end of training."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ssl_explain import require
from ssl_explain.dynamics.partial_results import Cell
from ssl_explain.dynamics.sweep import sweep
from ssl_explain.lessons.start_here.experiment import emergence_run

NEURONS = (2, 5, 10, 20)
POLARITIES = ((0.7, 1.0), (0.8, 1.0), (0.9, 1.0))
TOPS = ("gated", "linear")
RUNS, STEPS, SEED = 30, 2500, 1

COLUMNS = ("neurons", "polarity_low", "polarity_high", "top", "run", "level", "start", "end", "ceiling")


def block(
    neurons: int, polarity: tuple[float, float], top: str, *, runs: int, steps: int, seed: int, device: str = "cpu"
) -> Iterator[dict[str, Cell]]:
    """Train ``runs`` networks on ``runs`` trees side by side; one row per run and level, averaged over its latents.

    The ``top`` is "gated" (a ReLU, as in the layers below) or "linear".
    ``start``, ``end`` are best |correlations| and ``ceiling`` their Bayes ceiling, rounded to four digits.

    Raises:
        ValueError: no neurons, a polarity range outside [0, 1], another top, no runs, no steps, a device that is not
            there.
    """
    require.integer("steps", steps, 1, "take at least one step")
    require.that(top in TOPS, "top", f"be one of {TOPS}", repr(top), "the course has both")
    low, high = polarity
    run = emergence_run(
        neurons=neurons, polarity=(low, high), strength=1.0, seed=seed, runs=runs, points=2000,
        measure_every=steps, device=device, linear_top=top == "linear",
    )  # fmt: skip
    run.training.advance(steps)
    record = run.record(steps)
    values, ceilings = record.by_level(record.trace.values), record.by_level(record.ceilings)
    for k in range(runs):
        for level in range(values.shape[-1]):
            measured = (round(float(x[k, level]), 4) for x in (values[0], values[-1], ceilings))
            yield dict(zip(COLUMNS, (neurons, low, high, top, k, level + 1, *measured), strict=True))


def overparameterisation(
    path: Path,
    neurons: Sequence[int] = NEURONS,
    polarities: Sequence[tuple[float, float]] = POLARITIES,
    tops: Sequence[str] = TOPS,
    *,
    runs: int = RUNS,
    steps: int = STEPS,
    seed: int = SEED,
    device: str = "cpu",
    **work: Any,
) -> dict[str, list[Cell]]:
    """The whole table, neurons × polarity ranges × tops, written to ``path``: one list per column of :data:`COLUMNS`.

    ``work`` says who works on it, see :func:`ssl_explain.dynamics.sweep.sweep`.

    Raises:
        ValueError: whatever :func:`block` or a sweep rejects.
    """
    ranges = [f"{low}:{high}" for low, high in polarities]
    words = ["python -m ssl_explain sweep", "--neurons", *map(str, neurons), "--polarity", *ranges, "--top", *tops]
    words += [f"--runs {runs} --steps {steps} --seed {seed}"] + [f"--device {device}"] * (device != "cpu")
    return sweep(
        block,
        {"neurons": list(neurons), "polarity": list(polarities), "top": list(tops)},
        path,
        fixed={"runs": runs, "steps": steps, "seed": seed, "device": device},
        command=" ".join(words),
        seeds=f"{runs} runs side by side from seed {seed}",
        **work,
    )
