"""Check every pinned version with a vulnerability service: red for a known weakness, and for a missing answer.

The only tool that needs a network. It is not part of the gate.
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
    """Install the auditor in its own environment, so that it does not change what it checks."""
    program = folder / "bin" / "pip-audit"
    if not program.exists():
        subprocess.run([base_interpreter(), "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, PACKAGE], check=True)
    return program


def audit(program: Path, constraints: Path) -> int:
    """Check every pin in a file; 0 only if the service knows all of them and reports no weakness."""
    # Without --strict a version that the service does not know is skipped, and the result is green.
    options = ["--strict", "--no-deps", "--disable-pip", "--progress-spinner", "off", "--requirement", str(constraints)]
    return subprocess.run([str(program), *options]).returncode


def main() -> int:
    """Install the auditor, run it, and explain a failure in one sentence."""
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
