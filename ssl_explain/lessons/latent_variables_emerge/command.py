"""The command `sweep`: the table of many seeds, computed again."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ssl_explain.lessons.latent_variables_emerge.table import (
    NEURONS,
    POLARITIES,
    RUNS,
    SEED,
    STEPS,
    TOPS,
    overparameterisation,
)

DEFAULTS = {
    "neurons": list(NEURONS), "polarity": list(POLARITIES), "top": list(TOPS), "runs": RUNS, "steps": STEPS,
    "seed": SEED, "device": "cpu",
}  # fmt: skip


def magnitudes(word: str) -> tuple[float, float]:
    """Read a range such as 0.8:1."""
    try:
        low, high = (float(part) for part in word.split(":"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"write a range as LOW:HIGH, such as 0.8:1.0, not {word!r}") from error
    if not 0 <= low <= high <= 1:
        raise argparse.ArgumentTypeError(f"magnitudes lie in 0 <= LOW <= HIGH <= 1, not {word!r}")
    return low, high


def options(sub: argparse.ArgumentParser) -> None:
    """The options of ``sweep`` itself."""
    widths = " ".join(map(str, NEURONS))
    sub.add_argument("--neurons", type=int, nargs="+", help=f"neurons per node, one or more (default: {widths})")
    ranges = " ".join(f"{low:g}:{high:g}" for low, high in POLARITIES)
    tip = f"ranges of |polarity|, one or more (default: {ranges})"
    sub.add_argument("--polarity", type=magnitudes, nargs="+", metavar="LOW:HIGH", help=tip)
    sub.add_argument("--top", choices=TOPS, nargs="+", help="gates of the top layer (default: both)")
    sub.add_argument("--runs", type=int, help=f"seeds: trees and networks side by side (default: {RUNS})")
    sub.add_argument("--steps", type=int, help=f"training steps (default: {STEPS})")
    sub.add_argument("--seed", type=int, help=f"seed of all draws (default: {SEED})")
    sub.add_argument("--device", help='"cuda" trains on a GPU, whose draws are others (default: cpu)')


def sweep_table(
    folder: Path, *, neurons: int | list[int], polarity: Sequence[tuple[float, float]], top: list[str], **options: Any
) -> Mapping[str, Sequence[object]]:
    """The table of the command; a number of neurons that stood before the command is one number."""
    widths = neurons if isinstance(neurons, list) else [neurons]
    return overparameterisation(folder / "overparameterisation.csv", widths, polarity, top, **options)
