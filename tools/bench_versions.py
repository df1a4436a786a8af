"""Time of every hot path as a ratio to its bound and to the last released version, with the noise of the machine.

Both versions measure their own paths, in processes that alternate; the fastest round of each counts. The last released
version is the first commit whose CHANGELOG names it.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import Row

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5
MEASURE = """
import json, torch; torch.set_num_threads(1)
from bench_limits import paths; from measure import fastest
print(json.dumps({p.name: fastest({"path": p.path, "bound": p.bound}, 5) for p in paths()}))
"""


def git(*words: str) -> str:
    """What a command of git says."""
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def released() -> str:
    """The first commit whose CHANGELOG has the newest version as a heading."""
    version = re.findall(r"^## (\d.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[0]
    return git("log", "--reverse", "--format=%H", f"-S## {version}", "--", "CHANGELOG.md").split()[0]


def measured(tree: Path) -> dict[str, dict[str, float]]:
    """Seconds of every path, and of its bound, by a version of the package in its own process."""
    search = {"PYTHONPATH": os.pathsep.join(map(str, (tree, tree / "tools")))}
    command = [sys.executable, "-c", MEASURE]
    run = subprocess.run(command, cwd=tree / "tools", env=os.environ | search, stdout=subprocess.PIPE, check=False)
    return json.loads(run.stdout) if run.returncode == 0 else {}


def versions() -> Iterator[Row]:
    """Every path of this version beside that of the last released one."""
    with TemporaryDirectory() as folder:
        old = Path(folder) / "released"
        git("worktree", "add", "--detach", str(old), released())
        try:
            rounds = [(measured(ROOT), measured(old)) for _ in range(ROUNDS)]
        finally:
            git("worktree", "remove", "--force", str(old))
    for name in rounds[0][0]:
        bounds = [side[name]["bound"] for both in rounds for side in both if name in side]
        now, before = (min((both[k][name]["path"] for both in rounds if name in both[k]), default=None) for k in (0, 1))
        yield Row(f"{name}: times its bound", now and now / min(bounds), "x")
        yield Row("  share of the time of the last released version", now and before and now / before, "x", high=1.05)
        yield Row("  noise: slowest round of the bound over the fastest", max(bounds) / min(bounds), "x")
