"""The command line: without a command it shows the main result in a terminal."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from ssl_explain import require
from ssl_explain.jobs import console
from ssl_explain.jobs.commands import DEFAULTS, OPTIONS, WHERE, Command, where
from ssl_explain.lessons.start_here.command import demo


def parser() -> argparse.ArgumentParser:
    """Every command and option. Options have no defaults here, so they work before and after the command."""
    quiet = argparse.SUPPRESS
    top = argparse.ArgumentParser(prog="python -m ssl_explain", description=__doc__, argument_default=quiet)
    names = {run.__name__.replace("_", "-"): run for run in OPTIONS}
    commands = top.add_subparsers(title="commands", metavar=f"{{{','.join(names)}}}")
    for name, run in names.items():
        sub = commands.add_parser(name, help=run.__doc__, description=run.__doc__, argument_default=quiet)
        OPTIONS[run](sub)
        if WHERE.keys() <= DEFAULTS[run].keys():
            where(sub)
        sub.set_defaults(run=run)
    OPTIONS[demo](top)
    top.set_defaults(run=demo)
    return top


def read(words: Sequence[str] | None) -> tuple[Command, argparse.Namespace]:
    """The command and its options; an option of another command ends with the usage."""
    top = parser()
    given = vars(top.parse_args(words))
    run = given.pop("run")
    if strange := given.keys() - DEFAULTS[run].keys():
        options = ", ".join(f"--{name}" for name in sorted(strange))
        top.error(f"{run.__name__.replace('_', '-')} has no option {options}")
    return run, argparse.Namespace(**DEFAULTS[run] | given)


def in_words(error: Exception, out: Path | None) -> str:
    """The message of an error; if it is about a file below ``--out``, it names that option."""
    if not isinstance(error, OSError) or out is None or not str(error.filename).startswith(str(out)):
        return str(error)
    return f"`--out` must name a folder to write to, got {out} ({error.filename}: {error.strerror}); name another."


def main(words: Sequence[str] | None = None) -> None:
    """Parse the command line and run the command, without tracebacks: bad values end with one sentence.

    Ctrl-C and a closed pipe (`| head`) end silently. Characters that the terminal cannot write are spelled out.
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
