"""Reads HTML as a browser would, and lists what does not belong there."""

from html.parser import HTMLParser
from urllib.parse import urlsplit

Allowed = dict[str, dict[str, object]]
"""tag -> attribute -> the values it may have: a set, or a function that says so."""


class Reader(HTMLParser):
    """Collects every tag, comment and declaration that is not allowed, and the text of every script and style."""

    def __init__(self, allowed: Allowed) -> None:
        super().__init__()
        self.allowed, self.strange = allowed, []
        self.inside: str | None = None
        self.texts: list[tuple[str, dict[str, str | None], str]] = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "style"):
            self.texts.append((tag, dict(attrs), ""))
            self.inside = tag
        if tag not in self.allowed:
            self.strange.append(f"<{tag}>")
            return
        for name, value in attrs:
            good = self.allowed[tag].get(name, ())
            if not (good(value) if callable(good) else value in good):
                self.strange.append(f"<{tag} {name}={value!r}>")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside and self.texts:
            tag, attrs, text = self.texts[-1]
            self.texts[-1] = (tag, attrs, text + data)

    def handle_comment(self, data):
        self.strange.append(f"<!--{data}-->")

    handle_decl = handle_pi = unknown_decl = handle_comment


def strange(html: str, allowed: Allowed) -> list[str]:
    """What in a piece of HTML is not on the list."""
    reader = Reader(allowed)
    reader.feed(html)
    reader.close()
    return reader.strange


def scripts_and_styles(html: str) -> list[tuple[str, dict[str, str | None], str]]:
    """Every script and style of a page: its tag, its attributes, its text."""
    reader = Reader({})
    reader.feed(html)
    return reader.texts


def at_home(target: str) -> bool:
    """Whether a link stays in the course, or leads to a paper."""
    parts = urlsplit(target.strip())
    return (parts.scheme, parts.netloc) == ("", "") or (parts.scheme, parts.netloc) == ("https", "arxiv.org")
