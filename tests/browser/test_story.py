"""The lecture of 45 minutes as a page: its keys, and that every stop shows what its sentence names."""

import re
from collections.abc import Iterator
from pathlib import Path

import build_site
import pytest
import site_frames
from lab import chromium, journeys
from playwright.sync_api import BrowserContext, expect
from site_pages import live_section, player_section, tree_section
from site_report import open_page
from site_text import stops

from ssl_explain.lessons.covariance_operator import operator_explorer
from ssl_explain.lessons.selectivity_amplification import RingState, ring_explorer
from ssl_explain.lessons.start_here import TreeState, tree_explorer, two_trees
from ssl_explain.lessons.why_the_root import race_explorer

pytestmark = journeys("THE STORY WAS NOT WALKED")


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("story")
    deep = TreeState(strength=1.0, learning_rate=0.03, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site_frames, "MOST", 4)
        player = player_section(1, site_frames.play(operator_explorer()))
    pages = {
        "embed/00_start_here": ("tree", tree_section(1, two_trees(TreeState()))),
        "embed/08_latent_variables_emerge": ("tree", tree_section(1, tree_explorer(deep))),
        "embed/14_why_the_root": ("tree", tree_section(2, race_explorer())),
        "embed/05_selectivity_amplification": ("ring", live_section(1, ring_explorer(RingState(time=0)))),
        "03_covariance_operator": ("", player),
    }
    (folder / "embed").mkdir()
    for name, (view, section) in pages.items():
        (folder / f"{name}.html").write_text(build_site.page(name, section, [], [view] if view else []), "utf-8")
    (folder / "story.html").write_text(build_site.story([]), encoding="utf-8")
    return folder / "story.html"


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    with chromium(1280, 900) as context:
        yield context


def test_every_stop_shows_what_its_sentence_names_and_arrow_keys_lead_on(context, path):
    page, wrong = open_page(context, path)
    explorer = page.frame_locator("iframe").locator(".tree, .player")
    told = stops()
    for number, stop in enumerate(told, 1):
        expect(page.locator(".steps span")).to_have_text(f"{number} of {len(told)}")
        page.frames[1].wait_for_url(f"**/{Path(stop['page']).name}.html*")
        for name in re.findall("<strong>(.+?)</strong>", stop["say"]):
            expect(explorer).to_contain_text(re.compile(rf"\b{name}"), use_inner_text=True)
        if stop["page"] == "00_start_here":  # the second network would answer the question of stop 3
            expect(page.frame_locator("iframe").locator("figure.zero")).to_be_visible(
                visible="alone" not in stop["set"]
            )
        page.locator("body").press("ArrowRight")
    assert page.url.endswith(f"#{len(told)}"), "the last stop stays"
    assert wrong == []
    page.close()


def test_arrow_keys_count_inside_the_frame_too_but_not_on_a_slider(context, path):
    page, wrong = open_page(context, path)
    number, inside = page.locator(".steps span"), page.frame_locator("iframe")
    inside.locator(".play").press("ArrowRight")
    expect(number).to_have_text(re.compile("^2 of"))
    page.evaluate(
        """() => { for (let k = 0; k < 200; k++) document.querySelectorAll('.steps button')[k % 3 % 2].click() }"""
    )
    page.evaluate("location.href = '#2'; location.reload()")
    expect(number).to_have_text(re.compile("^2 of"))
    inside.locator("input").first.press("ArrowRight")
    page.get_by_role("button", name="Next").click()
    expect(number).to_have_text(re.compile("^3 of"))
    page.get_by_role("button", name="Back").click()
    expect(number).to_have_text(re.compile("^2 of"))
    for odd in ("#0", "#999", "#-3", "#%E0%A4%A", "#__proto__"):
        page.goto("about:blank")
        page.goto(path.as_uri() + odd)
        expect(number).to_have_text(re.compile("^12 of" if odd == "#999" else "^1 of"))
    assert wrong == []
    page.close()
