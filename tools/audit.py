"""Ask a vulnerability service about every version in constraints.txt: red for a known weakness, and for no answer.

The one tool of the project that is of no use without a network. It is no part of the gate.
"""

import subprocess
import sys
from pathlib import Path

from setup_env import base_interpreter

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "audit"
PACKAGE = "pip-audit>=2.9,<3"
RED = (
    "ssl_explain: the audit is red, the reason is above. Either a pinned version has a known weakness: raise its pin; "
    "or the service did not answer for every version: connect to the network and ask again."
)


def install(folder: Path) -> Path:
    """The auditor in an environment of its own, so that it changes nothing that it looks at."""
    program = folder / "bin" / "pip-audit"
    if not program.exists():
        subprocess.run([base_interpreter(), "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, PACKAGE], check=True)
    return program


def audit(program: Path, constraints: Path) -> int:
    """Ask about every line of a file of pins; 0 only if the service knows all of them and nothing against any."""
    # Without --strict a version that the service says nothing about is passed over, and the rest is green.
    options = ["--strict", "--no-deps", "--disable-pip", "--progress-spinner", "off", "--requirement", str(constraints)]
    return subprocess.run([str(program), *options]).returncode


def main() -> int:
    """Install what is needed, ask, and say in one sentence what red means."""
    try:
        code = audit(install(FOLDER), ROOT / "constraints.txt")
    except (subprocess.CalledProcessError, OSError) as problem:
        print(problem, file=sys.stderr)
        code = 1
    if code:
        print(RED, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
