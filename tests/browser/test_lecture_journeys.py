"""Slides and lecture mode in a real browser, with the network cut."""

import re
import sys
from pathlib import Path

from lab import PROJECT, chromium, journeys
from lecture_server import lecture
from playwright.sync_api import BrowserContext, Page, expect

TOOLS = PROJECT / "tools"
sys.path.insert(0, str(TOOLS))
import build_slides  # noqa: E402
import course  # noqa: E402

pytestmark = journeys("NO LECTURE WAS TRIED")
TOO_LARGE = """() => slides.map((slide, k) => {
    goTo(k, Infinity);
    const sheet = slide.querySelector('.sheet');
    const more = Math.max(sheet.scrollHeight - sheet.clientHeight, sheet.scrollWidth - sheet.clientWidth);
    return more > 0 ? `slide ${k + 1} by ${more}` : '';
}).filter(Boolean)"""
LIVE = "canvas.ssl-picture"


def cut_off(context: BrowserContext, home: str) -> list[str]:
    """Let nothing through but what lies at home; the list fills with what was asked for elsewhere."""
    asked: list[str] = []

    def answer(route):
        if route.request.url.startswith((home, "data:", "blob:")):
            route.continue_()
        else:
            asked.append(route.request.url)
            route.abort()

    context.route("**/*", answer)
    return asked


def watch(page: Page) -> list[str]:
    """What goes wrong on a page."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)[:300]))
    page.on("console", lambda message: "Security Policy" in message.text and errors.append(message.text[:300]))
    return errors


def test_slides_from_the_disk(tmp_path: Path):
    paths = course.notebooks()
    for path in paths:
        build_slides.build(path, tmp_path)
    story = tmp_path / "story.html"
    story.write_text(build_slides.page("45 minutes", build_slides.story()), encoding="utf-8")
    with chromium(1280, 720) as context:
        asked = cut_off(context, tmp_path.as_uri())
        page = context.new_page()
        errors = watch(page)
        too_large = []
        for path in (story, *(tmp_path / f"{path.stem}.html" for path in paths)):
            page.goto(path.as_uri())
            too_large += [(path.stem, slide) for slide in page.evaluate(TOO_LARGE)]
            assert path.stem[:2] in ("00", "st") or page.locator("math").count()
        assert too_large == []

        for odd in ("#0", "#999", "#-3", "#%E0%A4%A"):
            page.goto("about:blank")
            page.goto(story.as_uri() + odd)
            assert page.evaluate("at === (location.hash === '#12' ? 11 : 0)")
        page.goto("about:blank")
        page.goto((tmp_path / f"{paths[5].stem}.html").as_uri())
        walk(page)
        with context.expect_page() as opened:
            page.keyboard.press("s")
        notes = opened.value
        late = watch(notes)
        expect(notes.locator(".now + aside")).to_contain_text("Poll: ")
        expect(notes.locator("section:visible")).to_have_count(2)
        for leads, follows in ((notes, page), (page, notes)):
            leads.keyboard.press("ArrowRight")
            expect(follows.locator("output")).to_have_text(leads.locator("output").inner_text())
        page.reload()
        notes.keyboard.press("End")
        expect(page.locator("section").last).to_be_visible()
        assert (asked, errors, late) == ([], [], [])


def walk(page: Page) -> None:
    """Go on and back by keys, buttons and the overview; a piece of a slide appears key by key."""
    number = page.locator("output")
    expect(number).to_have_text(re.compile(r"^1 / \d+$"))
    page.keyboard.press("PageUp")
    page.keyboard.press("Space")
    expect(number).to_have_text(re.compile("^2 /"))
    page.get_by_role("button", name="on", exact=True).click()
    page.keyboard.press("Shift+Space")
    expect(number).to_have_text(re.compile("^2 /"))
    at = page.evaluate("slides.findIndex(slide => slide.querySelector('.fragment'))")
    page.evaluate("at => goTo(at)", at)
    piece = page.locator(".now .fragment")
    expect(piece).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(piece).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(piece).to_be_visible()
    page.keyboard.press("o")
    page.locator("section").nth(1).click()
    expect(page.locator("section:visible")).to_have_count(1)
    expect(number).to_have_text(re.compile("^2 /"))
    page.keyboard.press("ArrowDown")
    assert page.evaluate("tops.includes(at)")


def test_lecture_with_a_live_slider():
    with lecture() as address, chromium(1920, 1080) as context:
        home = address.partition("?")[0]
        asked = cut_off(context, home)
        page = context.new_page()
        errors = watch(page)
        page.goto(home)
        assert page.locator(".cards").count() == 0, "without the token nothing is shown"
        page.goto(address)
        expect(page.locator(".cards li")).to_have_count(len(course.notebooks()))
        with context.expect_page() as opened:
            page.locator('.cards a[href*="/02_"]').click()
        page = opened.value
        late = watch(page)
        picture = page.locator(LIVE).first
        picture.wait_for()
        before = picture.get_attribute("aria-label")
        slider = page.locator(".noUi-handle").first
        if not slider.count():
            page.locator(".widget-toggle-buttons button:not(.mod-active)").first.click()
        else:
            slider.focus()
            page.keyboard.press("Home")
        expect(page.locator(LIVE).first).not_to_have_attribute("aria-label", before or "")
        assert page.locator("math").count() > 0
        size = page.locator(".lecture-text p").first.evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
        assert size >= 22
        assert page.locator(".jp-InputArea-editor").count() == 0, "no code but the stubs of exercises"
        assert (asked, errors, late) == ([], [], [])
