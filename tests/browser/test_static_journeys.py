"""A static page in a real browser, with the network cut."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from lab import chromium, journeys
from playwright.sync_api import BrowserContext, Page, expect
from site_report import FORMULAS, MOVE, SMALLEST, open_page

TIMERS = """() => {
    const [set, clear] = [setInterval, clearInterval], running = new Set();
    window.setInterval = (...all) => { const timer = set(...all); running.add(timer); return timer };
    window.clearInterval = timer => { running.delete(timer); clear(timer) };
    const buttons = document.querySelectorAll('.player button');
    for (let k = 0; k < 200; k++) buttons[k % buttons.length].click();
    return running.size;
}"""
ROOT = Path(__file__).resolve().parents[2]

pytestmark = journeys("NO STATIC PAGE WAS OPENED")


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    build_site, site_frames = map(import_module, ("build_site", "site_frames"))  # only in the process that builds
    folder = tmp_path_factory.mktemp("site")
    here = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)  # building changes it
        patch.setattr(site_frames, "MOST", 12)  # pictures of one explorer: enough to move along two sliders
        build_site.build(ROOT / "notebooks" / "02_gradient_as_connection.ipynb", folder, [("Contents", "index.html")])
    return folder / "02_gradient_as_connection.html"


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    with chromium() as context:
        yield context


def test_a_page_needs_nothing_and_its_explorer_moves(context, path):
    page, wrong = open_page(context, path)
    assert page.locator("math").count() > 5
    assert page.evaluate(FORMULAS) == 0
    slider = page.locator(".player input").first
    slider.press("Home")
    assert slider.evaluate(MOVE)[1], "the picture is another"
    words = page.locator(".player .words").first.inner_text()
    assert page.locator(".player img").first.get_attribute("alt") == words
    by_keyboard(page)
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".scroll").first).to_have_js_property("tabIndex", 0)  # wider than the phone: moved by keys, too
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert page.evaluate(SMALLEST) >= 12
    preset = page.locator(".presets button").nth(1)
    preset.click()
    expect(preset).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(TIMERS) <= page.locator(".player").count(), "200 clicks leave one timer for each player"
    assert wrong == []


def by_keyboard(page: Page) -> None:
    """A focused slider answers to an arrow key, and says its value."""
    slider = page.locator(".player input").first
    slider.press("Home")
    low = page.locator(".player img").first.get_attribute("src")
    slider.press("ArrowRight")
    assert page.locator(".player img").first.get_attribute("src") != low
    assert slider.get_attribute("aria-valuetext") == page.locator(".player output").first.inner_text()


def test_a_wrong_guess_is_answered(context, path):
    page, _ = open_page(context, path)
    reveal, question = page.locator(".reveal").first, page.locator(".predict").first
    right = reveal.get_attribute("data-right")
    wrong = question.locator(f"input:not([value='{right}'])").first
    wrong.check()
    reveal.locator("summary").click()
    expect(reveal.locator(".mine")).to_contain_text("You said:")


def test_who_wants_less_motion_goes_step_by_step(context, path):
    page, _ = open_page(context, path)
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    button = page.locator(".play").first
    expect(button).to_have_text("Next")
    slider = page.locator(".player input").first
    slider.press("Home")
    button.click()
    expect(slider).to_have_js_property("value", "1")
    expect(button).to_have_text("Next")
