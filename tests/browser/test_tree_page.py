"""The page that trains: its tree, its links, and what may go wrong with both, from disk and with the network cut."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import build_site
import pytest
from lab import chromium, journeys
from playwright.sync_api import BrowserContext, Page, expect
from site_pages import question_section, reveal_section, tree_section
from site_report import AXE, SMALLEST, open_page, violations

from ssl_explain.lessons.start_here import TreeState, two_trees
from ssl_explain.lessons.start_here.exercises import without_augmentation

pytestmark = journeys("THE PAGE THAT TRAINS WAS NOT OPENED")

STEP = re.compile(r"step (\d+)")
NUMBERS = "() => [...document.querySelectorAll('.tree path, .tree circle')].map(shape => shape.outerHTML).join('')"


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("page") / "tree.html"
    explorer = two_trees(TreeState(seed=2))
    body = (
        f"<h1>Tree</h1><h2 id='why=how'>Why</h2>{tree_section(1, explorer)}{question_section(1, without_augmentation)}"
    )
    body += reveal_section(1, without_augmentation, "falls")
    file.write_text(build_site.page("Tree", body, [("Contents", "index.html")], ["tree"]), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    with chromium(1300, 1000) as context:
        yield context


@pytest.fixture
def opened(context, path) -> Iterator:
    """Open the page with a fragment; at the end there must be no complaint and no request."""
    pages = []

    def open_at(fragment: str = "") -> Page:
        page, wrong = open_page(context, path)
        if fragment:
            page.goto("about:blank")
            page.goto(path.resolve().as_uri() + fragment)
        pages.append((page, wrong))
        expect(words(page)).to_contain_text("Before training")
        return page

    yield open_at
    for page, wrong in pages:
        assert wrong == []
        page.close()


def words(page: Page):
    return page.locator(".tree .words")


def step(page: Page) -> int:
    return int(STEP.search(page.locator(".curve figcaption span").inner_text())[1])


def wait_for_step(page: Page, least: int) -> None:
    page.wait_for_function(
        "least => document.querySelector('.curve figcaption span').textContent.match(/step (\\d+)/)[1] >= least",
        arg=least,
    )


def set_range(page: Page, name: str, value: float) -> None:
    page.locator(f"#tree-{name}").evaluate(
        "(control, value) => { control.value = value; control.dispatchEvent(new Event('input')) }", value
    )


def shares(page: Page) -> list[list[str]]:
    """The number in every circle, tree by tree."""
    return [figure.locator(".node text").all_text_contents() for figure in page.locator(".trees figure").all()]


def differing(page: Page) -> list[int]:
    return [figure.locator(".differs").count() for figure in page.locator(".trees figure").all()]


def test_one_click_trains_two_networks_in_lock_step(opened):
    page = opened()
    before = shares(page)
    assert before[0] == before[1], "both start from the same weights"
    page.get_by_role("button", name="Play").click()
    wait_for_step(page, 60)
    page.get_by_role("button", name="Pause").click()
    expect(words(page)).to_contain_text("After")
    two, one = (int(row[-1]) for row in shares(page))
    assert two > int(before[0][-1]) > one, "the root rises with two views and falls without"
    done = step(page)
    page.get_by_role("button", name="One step").click()
    expect(words(page)).to_contain_text(f"After {done + 1} steps")
    assert step(page) == done + 1
    page.get_by_role("button", name="Start again").click()
    expect(words(page)).to_contain_text("Before training")
    assert shares(page) == before
    expect(page.locator(".key")).to_contain_text("run before (q = 0.5)")


def test_the_two_views_answer_to_q_before_any_training(opened):
    page = opened()
    kept, differ = [], []
    for q in (0, 0.2, 0.5, 1):
        set_range(page, "strength", q)
        expect(page.locator("output[for=tree-strength]")).to_have_text(f"{q:g}")
        expect(page.locator(".trees figcaption").first).to_contain_text(f"q = {q:g} ")
        kept.append(page.locator(".set .kept-edge").count())
        differ.append(differing(page))
    assert kept[0] == 62
    assert kept == sorted(kept, reverse=True)
    assert len(set(kept)) == 4
    assert kept[-1] == 0
    assert [other for _, other in differ] == [0] * 4, "the tree beside it stays at q = 0"
    assert differ[0][0] == 0 < differ[1][0] <= differ[3][0]
    slider = page.locator("#tree-strength")
    slider.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "0.99")


def test_a_link_opens_the_same_run(opened):
    page = opened("#v=1&q=0.3&seed=7&tau=0.07&polarity=0.7 to 1.0&lr=0.1&neurons=3&loss=soft%20triplet")
    expect(page.locator(".said")).to_have_text("")
    assert page.locator("#tree-strength").get_attribute("aria-valuetext") == "0.3"
    assert page.locator("#tree-temperature").get_attribute("aria-valuetext") == "0.07"
    assert page.locator("#tree-polarity").input_value() == "0.7 to 1.0"
    set_range(page, "strength", 0.4)
    page.wait_for_url(re.compile("q=0.4"))
    assert set(page.url.split("#")[1].split("&")) >= {"v=1", "q=0.4", "seed=7", "tau=0.07", "lr=0.1", "neurons=3"}
    for _ in range(3):
        page.get_by_role("button", name="One step").click()
    expect(words(page)).to_contain_text("After 3 steps")
    again = opened("#" + page.url.split("#")[1])
    for _ in range(3):
        again.get_by_role("button", name="One step").click()
    expect(words(again)).to_contain_text("After 3 steps")
    assert again.evaluate(NUMBERS) == page.evaluate(NUMBERS)


@pytest.mark.gate(4)
@pytest.mark.parametrize(("fragment", "told"), [
    ("#q=7", "augmentation q: 7 became 1"),
    ("#q=abc&seed=3", "augmentation q: “abc” is not a number"),
    ("#q=&seed=-4", "seed: -4 became 1"),
    ("#neurons=3.5", "neurons per node: 3.5 became 4"),
    ("#seed=1e999", "seed: “1e999” is not a number"),
    ("#loss=hinge", "loss: “hinge” is not among its choices"),
    ("#v=9&q=0.3", "it is of version “9”, this page reads version 1"),
    ("#explorer=9&q=0.3", "this page has no explorer “9”"),
    ("#explorer=]&q=0.3", "this page has no explorer “]”"),
    ("#foo=1&bar=2&q=0.3", "this page knows no setting called foo, bar"),
    ("#__proto__=1&constructor=2", "this page knows no setting called __proto__, constructor"),
    ("#q=%E0%A4%A", "is not a number"),
    ("#q=<b>x</b>&q=0.2=", "“<b>x</b>” is not a number"),
])  # fmt: skip
def test_a_link_that_cannot_be_followed_is_followed_in_part_and_says_so(opened, fragment, told):
    page = opened(fragment)
    expect(page.locator(".said")).to_contain_text(told)
    page.get_by_role("button", name="One step").click()
    expect(words(page)).to_contain_text("After 1 step")


def test_a_link_to_a_heading_is_no_setting(opened):
    page = opened("#why-how")
    expect(page.locator(".said")).to_have_text("")
    page.set_viewport_size({"width": 1300, "height": 300})
    page.evaluate("scrollTo(0, 1e6); location.hash = '#q=0.25'")
    expect(page.locator("output[for=tree-strength]")).to_have_text("0.25")
    expect(page.locator("#tree-strength")).to_be_in_viewport()
    page.set_viewport_size({"width": 1300, "height": 1000})


def test_an_overflow_says_so_and_keeps_the_last_good_picture(opened):
    page = opened("#departure=free outputs&loss=L_simp&lr=1")
    page.get_by_role("button", name="Play").click()
    expect(words(page)).to_contain_text("the numbers overflowed")
    assert not re.search("NaN|Infinity", page.evaluate(NUMBERS))
    set_range(page, "learning_rate", -2)
    expect(words(page)).to_contain_text("Before training")
    page.get_by_role("button", name="One step").click()
    expect(words(page)).to_contain_text("After 1 step")


def test_two_hundred_clicks_build_one_network_for_every_picture(opened):
    page = opened()
    page.evaluate("""() => {
        const made = Engine.network;
        window.built = 0;
        Engine.network = (...all) => { window.built++; return made(...all) };
        for (let k = 0; k < 200; k++) document.querySelectorAll('.tree button')[k % 7].click();
    }""")
    page.get_by_role("button", name="Start again").click()
    expect(words(page)).to_contain_text("Before training")
    assert page.evaluate("window.built") <= 6
    page.get_by_role("button", name="One step").click()
    expect(words(page)).to_contain_text("After 1 step")


def test_a_page_that_was_held_up_does_not_jump(opened):
    page = opened()
    page.get_by_role("button", name="Play").click()
    wait_for_step(page, 10)
    jump = page.evaluate("""() => new Promise(done => {
        const step = () => Number(document.querySelector('.curve figcaption span').textContent.match(/step (\\d+)/)[1]);
        const before = step();
        for (const end = performance.now() + 2000; performance.now() < end;);
        requestAnimationFrame(() => requestAnimationFrame(() => done(step() - before)));
    })""")
    assert jump <= 30, "two seconds would be 125 steps"


def test_a_narrow_screen_in_the_middle_of_a_run(opened):
    page = opened()
    page.get_by_role("button", name="Play").click()
    wait_for_step(page, 10)
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".trees svg").first).not_to_have_attribute("width", re.compile(r"^[4-9]\d\d"))
    wait_for_step(page, step(page) + 5)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert page.evaluate(SMALLEST) >= 12
    boxes = [figure.bounding_box() for figure in page.locator(".tree figure").all()]
    assert all(above["y"] + above["height"] <= below["y"] for above, below in pairwise(boxes))
    page.set_viewport_size({"width": 1300, "height": 1000})


def test_numbers_below_belong_to_the_circles_and_a_change_of_q_is_told(opened):
    page = opened()
    page.get_by_role("button", name="Play").click()
    wait_for_step(page, 20)
    set_range(page, "strength", 0)
    expect(page.locator(".trees figcaption").first).to_contain_text("since step")
    page.get_by_role("button", name="Pause").click()
    left, right = page.locator(".trees figcaption").all()
    expect(left).to_contain_text(re.compile(r"^Equal views, q = 0 since step \d+ · root"))
    expect(right).to_contain_text("Equal views, q = 0 · root")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    assert "since step" in words(page).inner_text(), "said in the same frame"
    told = re.findall(r"to (\d+) %", words(page).inner_text())
    assert told == [row[-1] for row in shares(page)]
    page.get_by_role("button", name="Start again").click()
    expect(left).not_to_contain_text("since")


def test_a_preset_starts_again_and_plays(opened):
    page = opened()
    page.get_by_role("button", name="no augmentation").click()
    wait_for_step(page, 5)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    assert page.locator("#tree-strength").get_attribute("aria-valuetext") == "0"


def test_a_click_on_a_circle_shows_its_neurons(opened):
    page = opened()
    page.locator(".set .node").first.click()
    expect(page.locator("#tree-node")).to_have_value("0")
    expect(page.locator(".trees figcaption").first).to_contain_text("level 1, circle 1 of 16")
    page.locator("#tree-node").select_option(label="root")
    expect(page.locator(".set .chosen title")).to_contain_text("root")
    assert page.locator(".bar:not(.none)").count() == 10


def test_curves_of_every_level_and_what_leaves_the_theory(opened):
    page = opened("#depth=3&neurons=3")
    page.locator("#tree-curves").select_option("levels")
    page.locator(".more summary").click()
    for departure in ("biases", "batch of 8", "free outputs", "none"):
        page.locator("#tree-departure").select_option(departure)
        expect(words(page)).to_contain_text("Before training")
        page.get_by_role("button", name="One step").click()
        expect(words(page)).to_contain_text("After 1 step")
    expect(page.locator(".key")).to_have_text("level 1level 2root")
    drawn = page.locator(".curve > svg path.level").evaluate_all("paths => paths.map(path => path.getAttribute('d'))")
    assert [bool(d) for d in drawn] == [True] * 3 + [False] * 3
    assert not page.locator(".curve > svg path.set").get_attribute("d")
    page.locator("#tree-curves").select_option("strengths")
    expect(page.locator(".key")).to_contain_text("after 0 steps, 14 networks")
    page.evaluate("for (let k = 0; k < 40; k++) document.querySelector('.tree .step').click()")
    expect(page.locator(".key")).to_contain_text("after 40 steps, 14 networks")
    over_q = page.locator(".curve > svg path.set").get_attribute("d").split("L")
    assert len({point.split()[1] for point in over_q}) > 3, "each q trains a network of its own"


def test_who_wants_less_motion_sees_a_few_pictures(opened):
    page = opened("#steps=500&depth=3&neurons=3")
    page.emulate_media(reduced_motion="reduce")
    moves = page.evaluate("""() => new Promise(done => {
        let moves = 0;
        new MutationObserver(() => moves++).observe(document.querySelector('.curve path.set'), {attributes: true});
        document.querySelector('.tree .play').click();
        setTimeout(() => done(moves), 2500);
    })""")
    assert moves <= 3
    assert step(page) > 50


def test_the_page_answers_the_prediction_by_training(opened):
    page = opened()
    page.locator(".reveal summary").click()
    expect(page.locator(".reveal")).to_contain_text("Trained in this page just now")
    expect(page.locator(".reveal")).to_contain_text("it falls")


def test_every_control_has_a_name(opened):
    page = opened()
    controls = page.locator(".tree input, .tree select").all()
    assert len(controls) == 13
    assert all(control.evaluate("control => control.labels.length") == 1 for control in controls)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not there: see site_report.py")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, scheme):
    page = opened("#q=7")
    page.emulate_media(color_scheme=scheme)
    page.locator(".more summary").click()
    assert violations(page) == []
