"""Measure training on real pictures: how long the digits take to their plateau, and what is gained there.

Times are the fastest of several rounds: a busy machine only ever adds.
"""

from collections.abc import Iterator
from functools import partial

from measure import Row, seconds

from ssl_explain import digits
from ssl_explain.lessons.real_images.experiment import STEPS, Evaluation, Kind, picture_run

KINDS: tuple[Kind, ...] = ("mlp", "conv")


def rows(repeat: int = 3) -> Iterator[Row]:
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
