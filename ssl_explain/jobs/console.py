"""What a terminal cannot write, and a reader that has left."""

import codecs
import os
import sys
import unicodedata

PLAIN = {"≥": ">=", "≤": "<=", "·": "*", "×": "x", "…": "...", "→": "->", "−": "-", "–": "-", "‖": "|"}
GREEK = "GREEK SMALL LETTER "


def spelled(error: UnicodeError) -> tuple[str, int]:
    """The letters that an encoding lacks in plain ones: ≥ as >=, τ as tau, an accent left out, anything else as ?."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(letter: str) -> str:
    name = unicodedata.name(letter, "")
    bare = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return PLAIN.get(letter) or bare or (name.removeprefix(GREEK).lower() if name.startswith(GREEK) else "?")


def write_plainly() -> None:
    """Let both streams spell what their encoding does not have."""
    codecs.register_error("spelled", spelled)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="spelled")


def leave_quietly() -> int:
    """Nobody reads on: send the rest nowhere, and return what shells return for it, 128 + the number of the signal."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    return 141
