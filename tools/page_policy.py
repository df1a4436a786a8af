"""Content security policies of our pages: nothing from outside, and only scripts that stand in the page."""

import base64
import hashlib
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
