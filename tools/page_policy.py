"""What a page of ours may load: nothing from outside, and of scripts only those that were written into it."""

import base64
import hashlib
import re
from collections.abc import Sequence


def digest(text: str) -> str:
    """A script or a style as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy(scripts: Sequence[str], style: str, *, more: str = "") -> str:
    """The policy of a page with these scripts; ``style`` and ``more`` say what else it may do."""
    known = " ".join(map(digest, scripts)) or "'none'"
    return (
        f"default-src 'none'; img-src data:; style-src {style}; script-src {known}; {more}"
        "base-uri 'none'; form-action 'none'"
    )


def written_script(plugin: str) -> str:
    """The script of the window that the notes of reveal.js open: it stands in the plugin, in a template string.

    Raises:
        ValueError: the plugin writes no such script, or more than one.
    """
    found = re.findall(r"<script>(.*?)<\\/script>", plugin, flags=re.DOTALL)
    if len(found) != 1:
        raise ValueError(f"`plugin` must write one script, got {len(found)}; see what reveal.js has changed.")
    return re.sub(r"\\(.)", r"\1", found[0])
