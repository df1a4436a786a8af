"""A lecture server as `make lecture` starts it, for tests with and without a browser."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "lecture.py"


@contextlib.contextmanager
def lecture() -> Iterator[str]:
    """A lecture server; the address that it prints."""
    command = [sys.executable, str(TOOL), "--no-browser", "--preheat", "none"]
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip().partition(": ")[2]
        finally:
            server.terminate()
