"""Terminals: characters that their encoding lacks, and pipes that were closed."""

import codecs
import os
import sys
import unicodedata

PLAIN = {"≥": ">=", "≤": "<=", "·": "*", "×": "x", "…": "...", "→": "->", "−": "-", "–": "-", "‖": "|"}
GREEK = "GREEK SMALL LETTER "


def spelled(error: UnicodeError) -> tuple[str, int]:
    """Spell characters that an encoding lacks in ASCII: ≥ as >=, τ as tau, é as e, all others as ?."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(letter: str) -> str:
    name = unicodedata.name(letter, "")
    bare = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return PLAIN.get(letter) or bare or (name.removeprefix(GREEK).lower() if name.startswith(GREEK) else "?")


def write_plainly() -> None:
    """Make stdout and stderr spell characters that their encoding lacks."""
    codecs.register_error("spelled", spelled)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="spelled")


def leave_quietly() -> int:
    """After a closed pipe: discard the rest of the output, and return the exit status of shells, 128 + SIGPIPE."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    return 141
