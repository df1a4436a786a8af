"""What each command does, and the values it takes where none is given."""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from ssl_explain import require
from ssl_explain.lessons.byol_hidden_contrast import table as byol_table
from ssl_explain.lessons.collapse_and_grassmannian import kernel_drift
from ssl_explain.lessons.latent_variables_emerge.table import (
    NEURONS,
    POLARITIES,
    RUNS,
    SEED,
    STEPS,
    overparameterisation,
)
from ssl_explain.lessons.real_images import table as picture_tables
from ssl_explain.lessons.real_images.command import ImageSettings, train_on_images
from ssl_explain.lessons.real_images.experiment import STEPS as STEPS_ON_PICTURES
from ssl_explain.lessons.start_here.experiment import emergence_run

Command = Callable[[argparse.Namespace], None]


def demo(arguments: argparse.Namespace) -> None:
    """Train the tree of notebook 00 with and without augmentation; print what its neurons know of the hidden causes."""
    require.integer("steps", arguments.steps, 1, "take at least one step")
    require.integer("depth", arguments.depth, 1, "a tree has twice the leaves with every level", high=12)
    require.integer("neurons", arguments.neurons, 1, "some ten are enough to see it", high=1000)
    print("A network sees the leaves of a tree of hidden causes. Does it find the causes?")
    print("Figures: best |correlation| of a neuron with a cause, mean over each level. No label was ever shown.")
    for strength, title in ((0.5, "with augmentation (q = 0.5)"), (0.0, "without augmentation (q = 0)")):
        run = emergence_run(  # as the tree explorer does it
            depth=arguments.depth, neurons=arguments.neurons, seed=arguments.seed, strength=strength,
            learning_rate=0.01, measure_every=10,
        )  # fmt: skip
        for _ in tqdm(range(arguments.steps), desc=title, unit="step"):
            run.training.advance()
        record = run.record(arguments.steps)
        means, ceilings = record.by_level(record.trace.values), record.by_level(record.ceilings)
        print(f"\n{title}\n{'level':>8}{'start':>8}{'end':>8}{'ceiling':>9}")
        for level in range(means.shape[-1]):
            name = "root" if level == means.shape[-1] - 1 else str(level + 1)
            print(f"{name:>8}{means[0, level]:8.2f}{means[-1, level]:8.2f}{ceilings[level]:9.2f}")
        if record.trace.stopped:
            print(record.trace.stopped)
        print()


def sweep(arguments: argparse.Namespace) -> None:
    """Recompute data/overparameterisation.csv: some minutes. Stopped or killed, the same command goes on from there."""
    options = vars(arguments).copy()
    path = options.pop("out") / "overparameterisation.csv"
    widths = options.pop("neurons")
    neurons = widths if isinstance(widths, list) else [widths]  # given before the command, it is one number
    with _kept(path):
        columns = overparameterisation(path, neurons, options.pop("polarity"), **options)
    print(f"{path}: {len(columns['run'])} rows")


def images(arguments: argparse.Namespace) -> None:
    """Train a student on real pictures; print what it is worth, beside raw pixels and the untrained student."""
    options = vars(arguments).copy()
    own = {name: options.pop(name) for name in ("epochs", "out", "resume", "folder")}
    settings = ImageSettings(**options)
    try:
        result = train_on_images(settings, **own)
    except KeyboardInterrupt:
        if own["out"]:
            print(
                f"Stopped. The finished epochs lie in {own['out']}: the same command with --resume goes on from there."
            )
        raise
    print(
        f"{settings.dataset}, {result.steps} steps at strength {settings.strength:g}: share of test pictures recognised"
    )
    print(result.table())
    if result.stopped:
        print(result.stopped)


def image_sweep(arguments: argparse.Namespace) -> None:
    """Recompute data/pictures_strength.csv or data/pictures_losses.csv: some minutes. Resumes as sweep does."""
    options = vars(arguments).copy()
    about, folder = options.pop("about"), options.pop("out")
    path = folder / f"pictures_{about}.csv"
    with _kept(path):
        columns = picture_tables.picture_table(about, folder, **options)
    print(f"{path}: {len(columns['seed'])} rows")


def table(arguments: argparse.Namespace) -> None:
    """Recompute data/byol_ablation.csv (20 minutes) or data/kernel_drift.csv (some). Resumes as sweep does."""
    options = vars(arguments).copy()
    make, name, usual = TABLES[options.pop("about")]
    folder, seeds = options.pop("out"), options.pop("seeds")
    with _kept(folder / name):
        columns = make(folder, seeds=usual if seeds is None else seeds, **options)
    print(f"{folder / name}: {len(columns['seed'])} rows")


@contextmanager
def _kept(path: Path) -> Iterator[None]:
    """Say where the finished part of a table lies, if it is stopped."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"Stopped. What is finished lies in {path.with_suffix('.parts')}: the same command goes on from there.")
        raise


TABLES: dict[str, tuple[Callable[..., Mapping[str, Sequence[object]]], str, int]] = {
    "byol": (byol_table.byol_table, "byol_ablation.csv", byol_table.SEEDS),
    "kernel-drift": (kernel_drift.kernel_drift_table, "kernel_drift.csv", kernel_drift.SEEDS),
}  # how it is made, its file, seeds

DEFAULTS: dict[Command, dict[str, Any]] = {
    demo: {"seed": 2, "steps": 1500, "depth": 5, "neurons": 10},
    sweep: {
        "neurons": list(NEURONS),
        "polarity": list(POLARITIES),
        "runs": RUNS,
        "steps": STEPS,
        "seed": SEED,
        "workers": 2,
        "cluster": None,
        "device": "cpu",
        "out": Path("data"),
        "replace": False,
    },
    images: asdict(ImageSettings()) | {"epochs": 100, "out": None, "resume": False, "folder": None},
    image_sweep: {
        "about": None,
        "kinds": ["mlp", "conv"],
        "seeds": picture_tables.SEEDS,
        "steps": STEPS_ON_PICTURES,
        "seed": picture_tables.SEED,
        "workers": 2,
        "cluster": None,
        "out": Path("data"),
        "replace": False,
    },
    table: {
        "about": None,
        "seeds": None,
        "seed": byol_table.SEED,
        "workers": 2,
        "cluster": None,
        "out": Path("data"),
        "replace": False,
    },
}
