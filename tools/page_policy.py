"""Content security policies of our pages: nothing from outside, and only scripts that stand in the page."""

import base64
import hashlib
import re
from collections.abc import Sequence


def digest(text: str) -> str:
    """The digest of a script or style for a policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy(scripts: Sequence[str], style: str, *, more: str = "") -> str:
    """The policy of a page with these scripts; ``style`` and ``more`` allow more."""
    known = " ".join(map(digest, scripts)) or "'none'"
    return (
        f"default-src 'none'; img-src data:; style-src {style}; script-src {known}; {more}"
        "base-uri 'none'; form-action 'none'"
    )


def written_script(plugin: str) -> str:
    """The script of the speaker window of reveal.js, which stands in the plugin as a template string.

    Raises:
        ValueError: the plugin writes no such script, or more than one.
    """
    found = re.findall(r"<script>(.*?)<\\/script>", plugin, flags=re.DOTALL)
    if len(found) != 1:
        raise ValueError(f"`plugin` must write one script, got {len(found)}; see what reveal.js has changed.")
    return re.sub(r"\\(.)", r"\1", found[0])
