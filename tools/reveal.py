"""Fetch one version of reveal.js with npm and check its digest."""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

VERSION = "6.0.2"
INTEGRITY = "sha512-JYIg5D9aoxoaLeb84O+OvAwsKWdIavVgEDScxtYEXFCT6t6TQrhNtSgogcjdCpdLsWglhJn3zyE3fUOwiH5KEg=="
PARTS = {"script": "dist/reveal.js", "notes": "dist/plugin/notes.js", "style": "dist/reveal.css", "licence": "LICENSE"}
CACHE = Path(__file__).resolve().parent.parent / "build" / f"reveal.js-{VERSION}.tgz"


class NoReveal(RuntimeError):
    """reveal.js is missing; the message gives the remedy."""


def digest(data: bytes) -> str:
    """The digest of a package in the format of npm."""
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def check(archive: Path) -> None:
    """Refuse a package with another digest.

    Raises:
        NoReveal: the digest differs; the file is removed.
    """
    found = digest(archive.read_bytes())
    if found != INTEGRITY:
        archive.unlink()
        raise NoReveal(f"{archive.name} must have the digest {INTEGRITY}, got {found}; it was removed, fetch it again.")


def fetch(cache: Path = CACHE, npm: str = "npm") -> Path:
    """The package, from the cache or from npm.

    Raises:
        NoReveal: npm is missing or failed, or the package has another digest.
    """
    if not cache.exists():
        program = shutil.which(npm)
        by_hand = f"or run `npm pack reveal.js@{VERSION}` on another machine and copy the file to {cache}"
        if program is None:
            raise NoReveal(f"`npm` must be on PATH to fetch reveal.js {VERSION}, got none; install Node.js, {by_hand}.")
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache.parent) as folder:
            command = [program, "pack", f"reveal.js@{VERSION}", "--json", "--pack-destination", folder]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            found = sorted(Path(folder).glob("*.tgz"))
            if done.returncode or not found:
                reason = (done.stderr.strip().splitlines() or ["no package came"])[-1]
                raise NoReveal(
                    f"`npm pack` must reach its registry, got {json.dumps(reason)}; "
                    f"connect to the network once, {by_hand}."
                )
            found[0].rename(cache)
    check(cache)
    return cache


def parts(archive: Path) -> dict[str, str]:
    """Style, scripts and licence from the package."""
    with tarfile.open(archive) as package:
        files = {name: package.extractfile(f"package/{path}") for name, path in PARTS.items()}
        return {name: file.read().decode("utf-8") for name, file in files.items() if file is not None}
