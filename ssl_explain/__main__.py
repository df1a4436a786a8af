"""The command line: ``python -m ssl_explain`` shows the main result in a terminal."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from ssl_explain import _require
from ssl_explain.dynamics import picture_tables
from ssl_explain.dynamics.emergence import emergence_run
from ssl_explain.dynamics.images import WORLDS, ImageSettings, train_on_images
from ssl_explain.dynamics.overparameterisation import NEURONS, POLARITIES, RUNS, SEED, STEPS, overparameterisation
from ssl_explain.dynamics.pictures import STEPS as STEPS_ON_PICTURES


def demo(arguments: argparse.Namespace) -> None:
    """Train the tree of notebook 00 with and without augmentation; print what its neurons know of the hidden causes."""
    _require.integer("steps", arguments.steps, 1, "take at least one step")
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
    try:
        columns = overparameterisation(path, neurons, options.pop("polarity"), **options)
    except KeyboardInterrupt:
        print(f"Stopped. What is finished lies in {path.with_suffix('.parts')}: the same command goes on from there.")
        raise
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
    try:
        columns = picture_tables.picture_table(about, folder, **options)
    except KeyboardInterrupt:
        print(f"Stopped. What is finished lies in {path.with_suffix('.parts')}: the same command goes on from there.")
        raise
    print(f"{path}: {len(columns['seed'])} rows")


def magnitudes(word: str) -> tuple[float, float]:
    """Read a range such as 0.8:1."""
    try:
        low, high = (float(part) for part in word.split(":"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"write a range as LOW:HIGH, such as 0.8:1.0, not {word!r}") from error
    if not 0 <= low <= high <= 1:
        raise argparse.ArgumentTypeError(f"magnitudes lie in 0 <= LOW <= HIGH <= 1, not {word!r}")
    return low, high


DEFAULTS: dict[Callable[[argparse.Namespace], None], dict[str, Any]] = {
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
}


CHOICES = {"dataset": list(WORLDS), "net": ["mlp", "conv"], "loss": ["simple", "triplet", "nce", "frozen"]}


def parser() -> argparse.ArgumentParser:
    """Every command and option. What is not given is not set: so an option counts before the command, and after it."""
    quiet = argparse.SUPPRESS
    top = argparse.ArgumentParser(prog="python -m ssl_explain", description=__doc__, argument_default=quiet)
    commands = top.add_subparsers(title="commands", metavar="{demo,sweep,images,image-sweep}")
    sub = commands.add_parser("demo", help=demo.__doc__, description=demo.__doc__, argument_default=quiet)
    for place in (top, sub):
        place.add_argument("--seed", type=int, help="another tree and another network (default: 2)")
        place.add_argument("--steps", type=int, help="training steps (default: 1500)")
        place.add_argument("--depth", type=int, help="levels of hidden causes (default: 5)")
        place.add_argument("--neurons", type=int, help="neurons per node (default: 10)")
    top.set_defaults(run=demo)
    sub = commands.add_parser("sweep", help=sweep.__doc__, description=sweep.__doc__, argument_default=quiet)
    widths = " ".join(map(str, NEURONS))
    sub.add_argument("--neurons", type=int, nargs="+", help=f"neurons per node, one or more (default: {widths})")
    ranges = " ".join(f"{low:g}:{high:g}" for low, high in POLARITIES)
    tip = f"ranges of |polarity|, one or more (default: {ranges})"
    sub.add_argument("--polarity", type=magnitudes, nargs="+", metavar="LOW:HIGH", help=tip)
    sub.add_argument("--runs", type=int, help=f"seeds: trees and networks side by side (default: {RUNS})")
    sub.add_argument("--steps", type=int, help=f"training steps (default: {STEPS})")
    sub.add_argument("--seed", type=int, help=f"seed of all draws (default: {SEED})")
    sub.add_argument("--workers", type=int, help="processes on this machine (default: 2)")
    sub.add_argument("--cluster", metavar="ADDRESS", help="a Dask scheduler instead, such as tcp://192.168.0.2:8786")
    sub.add_argument("--device", help='"cuda" trains on a GPU, whose draws are others (default: cpu)')
    sub.add_argument("--out", type=Path, help="folder to write to (default: data)")
    sub.add_argument("--replace", action="store_true", help="replace a table that another command made")
    sub.set_defaults(run=sweep)
    _add_images(commands.add_parser("images", help=images.__doc__, description=images.__doc__, argument_default=quiet))
    text = image_sweep.__doc__
    _add_image_sweep(commands.add_parser("image-sweep", help=text, description=text, argument_default=quiet))
    return top


def _add_images(sub: argparse.ArgumentParser) -> None:
    """The options of ``images``."""
    own = DEFAULTS[images]
    for name, kind, tip in (
        ("dataset", str, "cifar10 and stl10: from their archives, see --data"),
        ("net", str, "mlp has one hidden layer, conv two convolutions"),
        ("loss", str, "frozen: the stop-gradient surrogate of InfoNCE"),
        ("strength", float, "of the augmentation; 0: none, 5: the shape of a digit is lost"),
        ("temperature", float, "of the loss, in units of the energy"),
        ("beta", float, "extra pull of the loss frozen"),
        ("epochs", int, "an epoch shows as many pictures as there are"),
        ("batch", int, "pictures per step: each is the negative of all others"),
        ("learning-rate", float, "of plain gradient descent"),
        ("seed", int, "of the student and of all draws"),
        ("device", str, '"cuda" trains on a GPU, whose draws are others'),
    ):
        default = own[name.replace("-", "_")]
        sub.add_argument(f"--{name}", type=kind, choices=CHOICES.get(name), help=f"{tip} (default: {default})")
    sub.add_argument("--first", type=int, metavar="N", help="take the first N pictures only (default: all)")
    sub.add_argument("--data", dest="folder", type=Path, help="folder of the archives (default: $SSL_EXPLAIN_DATA)")
    sub.add_argument("--out", type=Path, help="folder for a checkpoint per epoch (default: none is kept)")
    sub.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    sub.set_defaults(run=images)


def _add_image_sweep(sub: argparse.ArgumentParser) -> None:
    """The options of ``image-sweep``."""
    own = DEFAULTS[image_sweep]
    sub.add_argument("about", choices=("strength", "losses"), help="which table")
    tip = f"students, for the table of strengths (default: {' '.join(own['kinds'])})"
    sub.add_argument("--kinds", nargs="+", choices=CHOICES["net"], help=tip)
    for name, tip in (
        ("seeds", "students per setting"),
        ("steps", "training steps"),
        ("seed", "the first seed"),
        ("workers", "processes on this machine"),
    ):
        sub.add_argument(f"--{name}", type=int, help=f"{tip} (default: {own[name]})")
    sub.add_argument("--cluster", metavar="ADDRESS", help="a Dask scheduler instead, such as tcp://192.168.0.2:8786")
    sub.add_argument("--out", type=Path, help="folder to write to (default: data)")
    sub.add_argument("--replace", action="store_true", help="replace a table that another command made")
    sub.set_defaults(run=image_sweep)


def read(words: Sequence[str] | None) -> tuple[Callable[[argparse.Namespace], None], argparse.Namespace]:
    """The command and its options; an option of the other command ends with the usage."""
    top = parser()
    given = vars(top.parse_args(words))
    run = given.pop("run")
    if strange := given.keys() - DEFAULTS[run].keys():
        top.error(
            f"{run.__name__.replace('_', '-')} has no option " + ", ".join(f"--{name}" for name in sorted(strange))
        )
    return run, argparse.Namespace(**DEFAULTS[run] | given)


def main(words: Sequence[str] | None = None) -> None:
    """Parse the command line and run the command; bad values end with one sentence, Ctrl-C with none: no traceback."""
    run, arguments = read(words)
    torch.set_num_threads(1)
    try:
        _require.integer("seed", arguments.seed, 0, "any whole number below 2^63 will do", high=2**63 - 1)
        run(arguments)
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise SystemExit(f"ssl_explain: {error}") from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # as shells say it: 128 + the number of the signal


if __name__ == "__main__":
    main()
