"""The command line: without a command it shows the main result in a terminal."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from ssl_explain import require
from ssl_explain.jobs import console
from ssl_explain.jobs.commands import DEFAULTS, TABLES, Command, demo, image_sweep, images, sweep, table
from ssl_explain.lessons.latent_variables_emerge.table import NEURONS, POLARITIES, RUNS, SEED, STEPS
from ssl_explain.lessons.real_images.command import WORLDS


def magnitudes(word: str) -> tuple[float, float]:
    """Read a range such as 0.8:1."""
    try:
        low, high = (float(part) for part in word.split(":"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"write a range as LOW:HIGH, such as 0.8:1.0, not {word!r}") from error
    if not 0 <= low <= high <= 1:
        raise argparse.ArgumentTypeError(f"magnitudes lie in 0 <= LOW <= HIGH <= 1, not {word!r}")
    return low, high


CHOICES = {"dataset": list(WORLDS), "net": ["mlp", "conv"], "loss": ["simple", "triplet", "nce", "frozen"]}


def parser() -> argparse.ArgumentParser:
    """Every command and option. What is not given is not set: so an option counts before the command, and after it."""
    quiet = argparse.SUPPRESS
    top = argparse.ArgumentParser(prog="python -m ssl_explain", description=__doc__, argument_default=quiet)
    commands = top.add_subparsers(title="commands", metavar="{demo,sweep,images,image-sweep,table}")
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
    _add_table(commands.add_parser("table", help=table.__doc__, description=table.__doc__, argument_default=quiet))
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
    sub.add_argument("--seeds", type=int, help=f"students per setting (default: {own['seeds']})")
    sub.add_argument("--steps", type=int, help=f"training steps (default: {own['steps']})")
    _add_where(sub, image_sweep)


def _add_table(sub: argparse.ArgumentParser) -> None:
    """The options of ``table``."""
    sub.add_argument("about", choices=tuple(TABLES), help="which table")
    usual = ", ".join(f"{name} {seeds}" for name, (_, _, seeds) in TABLES.items())
    sub.add_argument("--seeds", type=int, help=f"networks per setting (default: {usual})")
    _add_where(sub, table)


def _add_where(sub: argparse.ArgumentParser, run: Command) -> None:
    """First seed, who works on a table, and where it goes."""
    sub.add_argument("--seed", type=int, help=f"the first seed (default: {DEFAULTS[run]['seed']})")
    sub.add_argument("--workers", type=int, help=f"processes on this machine (default: {DEFAULTS[run]['workers']})")
    sub.add_argument("--cluster", metavar="ADDRESS", help="a Dask scheduler instead, such as tcp://192.168.0.2:8786")
    sub.add_argument("--out", type=Path, help="folder to write to (default: data)")
    sub.add_argument("--replace", action="store_true", help="replace a table that another command made")
    sub.set_defaults(run=run)


def read(words: Sequence[str] | None) -> tuple[Command, argparse.Namespace]:
    """The command and its options; an option of the other command ends with the usage."""
    top = parser()
    given = vars(top.parse_args(words))
    run = given.pop("run")
    if strange := given.keys() - DEFAULTS[run].keys():
        top.error(
            f"{run.__name__.replace('_', '-')} has no option " + ", ".join(f"--{name}" for name in sorted(strange))
        )
    return run, argparse.Namespace(**DEFAULTS[run] | given)


def in_words(error: Exception, out: Path | None) -> str:
    """What an error says; of a file in the folder to write to, which option names that folder."""
    if not isinstance(error, OSError) or out is None or not str(error.filename).startswith(str(out)):
        return str(error)
    return f"`--out` must name a folder to write to, got {out} ({error.filename}: {error.strerror}); name another."


def main(words: Sequence[str] | None = None) -> None:
    """Parse the command line and run the command; bad values end with one sentence, Ctrl-C with none: no traceback.

    So does a reader that has left (`| head`). What a terminal cannot write is spelled out.
    """
    console.write_plainly()
    run, arguments = read(words)
    torch.set_num_threads(1)
    try:
        require.integer("seed", arguments.seed, 0, "any whole number below 2^63 will do", high=2**63 - 1)
        run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        raise SystemExit(console.leave_quietly()) from None
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise SystemExit(f"ssl_explain: {in_words(error, getattr(arguments, 'out', None))}") from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # as shells say it: 128 + the number of the signal


if __name__ == "__main__":
    main()
