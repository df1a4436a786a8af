"""Every command: what it does, its options and their defaults."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ssl_explain.lessons.byol_hidden_contrast import table as byol_table
from ssl_explain.lessons.collapse_and_grassmannian import kernel_drift
from ssl_explain.lessons.latent_variables_emerge import command as seeds_command
from ssl_explain.lessons.real_images import command as images_command
from ssl_explain.lessons.real_images import table as picture_tables
from ssl_explain.lessons.real_images.command import images
from ssl_explain.lessons.start_here import command as demo_command
from ssl_explain.lessons.start_here.command import demo

Command = Callable[[argparse.Namespace], None]
Make = Callable[..., Mapping[str, Sequence[object]]]

TABLES: dict[str, tuple[Make, str, int]] = {
    "byol": (byol_table.byol_table, "byol_ablation.csv", byol_table.SEEDS),
    "kernel-drift": (kernel_drift.kernel_drift_table, "kernel_drift.csv", kernel_drift.SEEDS),
}  # the function that makes a table, its file, its default number of seeds


def sweep(arguments: argparse.Namespace) -> None:
    """Recompute data/overparameterisation.csv: some minutes. Stopped or killed, the same command goes on from there."""
    _recompute(seeds_command.sweep_table, "overparameterisation.csv", **vars(arguments))


def image_sweep(arguments: argparse.Namespace) -> None:
    """Recompute data/pictures_strength.csv or data/pictures_losses.csv: some minutes. Resumes as sweep does."""
    options = vars(arguments).copy()
    about = options.pop("about")
    _recompute(partial(picture_tables.picture_table, about), f"pictures_{about}.csv", **options)


def table(arguments: argparse.Namespace) -> None:
    """Recompute data/byol_ablation.csv (20 minutes) or data/kernel_drift.csv (some). Resumes as sweep does."""
    options = vars(arguments).copy()
    make, name, usual = TABLES[options.pop("about")]
    seeds = options.pop("seeds")
    _recompute(make, name, seeds=usual if seeds is None else seeds, **options)


def _recompute(make: Make, name: str, *, out: Path, **options: Any) -> None:
    """Write a table; if it is interrupted, print where the partial results are.

    Raises:
        KeyboardInterrupt: The command was interrupted; the message has been printed.
    """
    path = out / name
    try:
        columns = make(out, **options)
    except KeyboardInterrupt:
        print(f"Stopped. What is finished lies in {path.with_suffix('.parts')}: the same command goes on from there.")
        raise
    print(f"{path}: {len(next(iter(columns.values())))} rows")


def _table_options(sub: argparse.ArgumentParser) -> None:
    """The options of ``table`` alone."""
    sub.add_argument("about", choices=tuple(TABLES), help="which table")
    usual = ", ".join(f"{name} {seeds}" for name, (_, _, seeds) in TABLES.items())
    sub.add_argument("--seeds", type=int, help=f"networks per setting (default: {usual})")
    sub.add_argument("--seed", type=int, help=f"the first seed (default: {byol_table.SEED})")


def where(sub: argparse.ArgumentParser) -> None:
    """The options of every command that writes a table: processes and folder."""
    sub.add_argument("--workers", type=int, help=f"processes on this machine (default: {WHERE['workers']})")
    sub.add_argument("--cluster", metavar="ADDRESS", help="a Dask scheduler instead, such as tcp://192.168.0.2:8786")
    sub.add_argument("--out", type=Path, help=f"folder to write to (default: {WHERE['out']})")
    sub.add_argument("--replace", action="store_true", help="replace a table that another command made")


WHERE: dict[str, Any] = {"workers": 2, "cluster": None, "out": Path("data"), "replace": False}
DEFAULTS: dict[Command, dict[str, Any]] = {
    demo: demo_command.DEFAULTS,
    sweep: seeds_command.DEFAULTS | WHERE,
    images: images_command.DEFAULTS,
    image_sweep: picture_tables.DEFAULTS | WHERE,
    table: {"about": None, "seeds": None, "seed": byol_table.SEED} | WHERE,
}
OPTIONS: dict[Command, Callable[[argparse.ArgumentParser], None]] = {
    demo: demo_command.options,
    sweep: seeds_command.options,
    images: images_command.options,
    image_sweep: picture_tables.options,
    table: _table_options,
}
