"""Build the environment in ``.venv``; do nothing if nothing has changed.

``python tools/setup_env.py`` installs what a reader needs, ``--extra test`` what the gate needs as well.
A note inside the environment says what was installed; it is written last, so an interrupted
installation is recognised at the next start and begun afresh.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

from working_copies import read_note, replace_file

ROOT = Path(__file__).resolve().parent.parent
NOTE = "ssl_explain.json"

# Messages of widgets in one kernel thread; no pop-up about news or updates in front of an audience; a notebook that is
# opened again shows its explorers as they were, marked as dead until their cells run, instead of "model not found".
LAB_SETTINGS = {
    "@jupyterlab/apputils-extension:kernels-settings": {"commsOverSubshells": "disabled"},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True},
}
LAB_ASSETS = Path("tools", "lab_assets")  # an extension of JupyterLab: Run All does not scroll


def fingerprint(root: Path, constraints: Path) -> str:
    """Digest of everything that decides what is installed, and where; not of the settings of linters."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [str(root), project["build-system"], project["project"], project.get("tool", {}).get("setuptools")]
    assets = sorted((root / LAB_ASSETS).glob("*"))
    parts += [*(path.read_text(encoding="utf-8") for path in (constraints, *assets)), LAB_SETTINGS]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def base_interpreter() -> Path:
    """The interpreter outside of all environments."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()


def why_rebuild(env: Path, root: Path, note: dict) -> str | None:
    """The reason why the environment must be made from scratch, or None if it can stay."""
    config = env / "pyvenv.cfg"
    if not config.exists():
        return "there is none yet"
    lines = dict(line.split(" = ", 1) for line in config.read_text(encoding="utf-8").splitlines() if " = " in line)
    reasons = {
        "it belongs to another Python": Path(lines.get("executable", "")).resolve() != base_interpreter(),
        "its Python has been updated": lines.get("version") != ".".join(map(str, sys.version_info[:3])),
        "the last installation did not finish": note.get("interrupted", False),
        "the project has moved": note.get("root", str(root)) != str(root),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def make_from_scratch(env: Path) -> None:
    """Replace the environment by an empty one; if interrupted, it counts as unfinished."""
    (env / "pyvenv.cfg").unlink(missing_ok=True)
    if env.exists():
        shutil.rmtree(env)
    env.mkdir(parents=True)
    replace_file(env / NOTE, json.dumps({"interrupted": True}).encode())
    subprocess.run([base_interpreter(), "-m", "venv", str(env)], check=True)


@contextlib.contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Make a second set-up, for example in another terminal, wait for the first."""
    lock = root / "build" / "setup.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up is running; waiting for it to end ...", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def install(env: Path, root: Path, constraints: Path, extras: list[str], *, quiet: bool) -> None:
    """Run pip in the environment, then hand JupyterLab its settings and extension; ``quiet`` shows only pip's problems.

    pip would compile module after module on one core, as long as all the rest takes: all cores do it after it,
    and leave out what only the libraries' own tests import.
    """
    target = f".[{','.join(extras)}]" if extras else "."
    python = str(env / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile", *["--quiet"] * quiet]
    subprocess.run([*pip, "-c", str(constraints), "-e", target], check=True, cwd=root)
    modules = env / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    print("Compiling what was installed ...", flush=True)
    compiling = [python, "-m", "compileall", "-qq", "-j", "0", "-x", "site-packages/.*/tests?/", str(modules)]
    # Templates that are no Python are among them: their errors count as little here as in pip.
    subprocess.run(compiling, check=False, cwd=root)
    extension = env / "share" / "jupyter" / "labextensions" / "ssl-explain"
    shutil.copytree(root / LAB_ASSETS, extension, dirs_exist_ok=True)
    settings = env / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(LAB_SETTINGS, indent=2) + "\n", encoding="utf-8")


def set_up(env: Path, root: Path, constraints: Path, extras: list[str]) -> None:
    """Bring the environment up to date; a second call without a change returns at once."""
    note, digest = read_note(env / NOTE), fingerprint(root, constraints)
    reason = why_rebuild(env, root, note)
    if reason is None and note.get("fingerprint") == digest:
        if set(extras) <= set(note["extras"]):
            return
        extras = sorted({*extras, *note["extras"]})
    started = time.monotonic()
    if reason is None:
        print(f"Bringing {env.name} up to date ...", flush=True)
    else:
        print(f"Making {env.name} with Python {sys.version.split()[0]}: {reason}.", flush=True)
        print("This takes about 1.6 GB and a minute or more.", flush=True)
        make_from_scratch(env)
    replace_file(env / NOTE, json.dumps({"interrupted": True}).encode())
    install(env, root, constraints, extras, quiet=reason is None)
    replace_file(env / NOTE, json.dumps({"fingerprint": digest, "extras": extras, "root": str(root)}).encode())
    print(f"Set up {env.name} in {time.monotonic() - started:.0f} s.", flush=True)


def torch_only(root: Path, target: Path) -> Path:
    """Write to ``target`` only the pin of torch: pip takes the newest versions of everything else."""
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(line for line in lines if line.startswith("torch==")) + "\n", encoding="utf-8")
    return target


def lowest_only(root: Path, target: Path) -> Path:
    """Write to ``target`` the lower end of every range of pyproject.toml, and torch's pin: pip resolves the rest."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project.get("dependencies", []), *project.get("optional-dependencies", {}).values()]
    ranges = [re.fullmatch(r"(.+)>=(.+),<.+", line) for group in groups for line in group]
    pins = [f"{found[1]}=={found[2]}\n" for found in ranges if found and found[1] != "torch"]
    with torch_only(root, target).open("a", encoding="utf-8") as file:
        file.writelines(pins)
    return target


ENDS = {"newest": torch_only, "lowest": lowest_only}


def main() -> int:
    """Parse the command line; a failure ends in one sentence below the tool's own error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--env", default=".venv", help="folder of the environment (default: .venv)")
    parser.add_argument(
        "--extra", action="append", default=[], help="optional group of pyproject.toml, for example test"
    )
    ends = parser.add_mutually_exclusive_group()
    for end in ENDS:
        says = f"{end} versions in the ranges of pyproject.toml; only torch stays pinned"
        ends.add_argument(f"--{end}", dest="end", action="store_const", const=end, help=says)
    options = parser.parse_args()
    env, constraints = ROOT / options.env, ROOT / "constraints.txt"
    if options.end:
        constraints = ENDS[options.end](ROOT, ROOT / "build" / f"constraints-{options.end}.txt")
    try:
        with one_at_a_time(ROOT):
            set_up(env, ROOT, constraints, options.extra)
    except (subprocess.CalledProcessError, OSError) as error:
        reason = f": {error}" if isinstance(error, OSError) else ", the reason is above"
        remedy = "once it is removed, the same command starts afresh"
        print(f"ssl_explain: setting up {env.name} failed{reason}; {remedy}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nssl_explain: setting up {env.name} was interrupted; the next start begins afresh.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
