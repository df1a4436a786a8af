"""The policy of every static page: nothing from outside, and of scripts only those that stand in it."""

import html
import re
from pathlib import Path

import build_site
import build_slides
import course
import nbformat
import page_policy
import pytest
from markup import scripts_and_styles

ROOT = Path(__file__).resolve().parents[2]
START = course.notebooks()[0]
NOWHERE = {"default-src", "base-uri", "form-action"}


def slides():
    nb = nbformat.read(START, as_version=4)
    return build_slides.page("Start", build_slides.Deck(nb, course.lesson(START, nb)).slides)


PAGES = {
    "a page of the site": lambda: build_site.page("title", "<p>body</p>", [("Contents", "index.html")]),
    "a page that trains": lambda: build_site.page("title", "<p>body</p>", [("Contents", "index.html")], ["tree"]),
    "a page that computes": lambda: build_site.page("title", "", [("Contents", "index.html")], ["ring", "plane"]),
    "the story": lambda: build_site.story([("Contents", "index.html")]),
    "the list of the slides": lambda: build_slides.index({START.stem: 1}),
    "slides": slides,
}
every_page = pytest.mark.parametrize("page", [make() for make in PAGES.values()], ids=PAGES)


def rules(page):
    """The directives of a page, which stand before all that they rule."""
    told = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    assert len(told) == 1
    assert not re.search("<(script|style|img|link|body)", page.split("Content-Security-Policy")[0])
    parts = [part.split() for part in html.unescape(told[0]).split(";")]
    assert len({part[0] for part in parts}) == len(parts)
    return {part[0]: part[1:] for part in parts}


@every_page
def test_a_page_loads_nothing_from_outside(page):
    told = rules(page)
    assert {name for name, sources in told.items() if sources == ["'none'"]} >= NOWHERE
    assert set(told) <= NOWHERE | {"img-src", "style-src", "script-src", "frame-src"}
    assert told["img-src"] == ["data:"]
    assert told.get("frame-src", ["'self'", "file:"]) == ["'self'", "file:"]
    assert not re.search(r"""(src|href)=["']?(\w+:)?//|@import|url\(["']?(\w+:)?//""", page)


@every_page
def test_of_scripts_only_those_run_that_stand_in_the_page(page):
    told = rules(page)["script-src"]
    run = [text for tag, attrs, text in scripts_and_styles(page) if tag == "script" and "type" not in attrs]
    assert told == ([page_policy.digest(text) for text in run] or ["'none'"])
    assert not re.search(r"""<\w[^>]* on\w+=|(href|src)=["']?javascript:""", page)


@every_page
def test_styles_are_named(page):
    styles = [text for tag, _, text in scripts_and_styles(page) if tag == "style"]
    assert styles
    assert rules(page)["style-src"] == [page_policy.digest(text) for text in styles]
    assert not re.search(r"<\w[^>]* style=", page)


def test_no_other_tool_writes_pages():
    tools = ROOT / "tools"
    files = [*tools.glob("*.py"), *tools.rglob("*.j2")]
    writes = {path.name for path in files if "<!doctype html>" in path.read_text("utf-8")}
    assert writes == {"shell.html.j2", "lecture.py"}
    extends = '{% extends "site_assets/shell.html.j2" %}'
    pages = {path.name for path in tools.rglob("*.j2") if extends in path.read_text("utf-8")}
    assert pages == {"page.html.j2", "index.html.j2", "deck.html.j2", "landing.html.j2"}
