"""Lecture mode, slides and course map: every cell has its place, every note arrives, nothing comes from outside."""

import copy
import re
from itertools import pairwise
from pathlib import Path

import build_slides
import course
import course_map
import lecture
import nbformat
import pytest
import slide_text
import slide_types
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from registry import NAMES
from site_text import markdown, stops

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = course.notebooks()
START = NOTEBOOKS[0]
OUTSIDE = re.compile(r"""(src|href)=["']?(https?:)?//|@import|url\(["']?https?:""")
MAP = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def deck(path):
    nb = nbformat.read(path, as_version=4)
    return build_slides.Deck(nb, course.lesson(path, nb))


# --- the place of every cell ---------------------------------------------------------------------------------


@by_name
def test_every_cell_says_what_it_is_in_the_slides(path):
    cells = nbformat.read(path, as_version=4).cells
    missing = [
        cell.id for cell in cells if cell.metadata.get("slideshow", {}).get("slide_type") not in slide_types.TYPES
    ]
    assert missing == [], f"run `python tools/slide_types.py notebooks/{path.name}`"


@by_name
def test_the_tool_leaves_choices_and_sources_alone(path):
    nb = nbformat.read(path, as_version=4)
    before = copy.deepcopy(nb)
    assert slide_types.assign(nb) == 0
    assert nb == before
    for cell in [*nb.cells, *before.cells]:
        del cell.metadata["slideshow"]
    assert slide_types.assign(nb) == len(nb.cells)
    for cell in nb.cells:
        del cell.metadata["slideshow"]
    assert nb == before


def figure(source="1", *tags):
    picture = new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "A curve that <rises> to 3."})
    return new_code_cell(source, outputs=[picture], metadata={"tags": ["figure", *tags]})


def shown(text):
    return [new_output("execute_result", {"text/plain": text})]


def small():
    question = "Which?\n  ( ) this\n  ( ) that"
    speaker = {"minutes": 2, "poll": "Who knows?", "wrong": "Nobody. (Everybody.)"}
    return new_notebook(
        cells=[
            new_markdown_cell(
                "# Title\n\n**Question.** Why?\n\n**Afterwards you can** say it.\n\n**Time:** 5 minutes.",
                metadata={"tags": ["first-screen"]},
            ),
            new_code_cell("seed = 1", metadata={"tags": ["setup"]}),
            new_markdown_cell("## Why\n\nA formula: $x^2$.", metadata={"speaker": speaker}),
            new_code_cell("guess = predict(x)", outputs=shown(question), metadata={"tags": ["predict"]}),
            new_markdown_cell("Move the slider."),
            new_markdown_cell("Look here:"),
            figure(),
            new_code_cell('guess.reveal("b")', outputs=shown("Measured: that"), metadata={"tags": ["reveal"]}),
            new_markdown_cell("## Check it"),
            new_code_cell("print(True)", metadata={"tags": ["check"]}),
            new_markdown_cell("## Exercises"),
            new_code_cell("...", metadata={"tags": ["exercise"]}),
        ]
    )


def test_the_rule():
    nb = small()
    assert slide_types.assign(nb) == len(nb.cells)
    kinds = [cell.metadata.slideshow.slide_type for cell in nb.cells]
    assert kinds[:8] == ["slide", "skip", "slide", "subslide", "notes", "subslide", "fragment", "subslide"]
    assert set(kinds[8:]) == {"skip"}


# --- slides ---------------------------------------------------------------------------------------------------


@pytest.fixture
def small_deck():
    nb = small()
    slide_types.assign(nb)
    return build_slides.Deck(nb, course.lesson(Path("99_small.ipynb"), nb))


def test_slides_of_a_small_notebook(small_deck):
    title, why, asked, pictured, measured = small_deck.slides
    assert "Why?" in title.body
    assert "<math" in why.body
    assert "$" not in why.body
    assert all(word in why.notes[0] for word in ("2 minutes", "Who knows?", "Nobody.", "Everybody."))
    assert ["Move the slider" in note for note in asked.notes] == [True]
    assert 'alt="A curve that &lt;rises&gt; to 3."' in pictured.body
    assert 'class="picture fragment"' in pictured.body
    assert re.search(r'class="right".*that <span>✓ measured', measured.body)
    assert asked.body.count("<li>") == 2
    assert [slide.kind for slide in small_deck.slides] == ["slide", "slide", "subslide", "subslide", "subslide"]
    html = build_slides.page("Small", small_deck.slides)
    assert html.count("<section") == html.count("<aside>") == len(small_deck.slides)
    assert html.count("data-top") == 2


def test_a_curve_to_be_drawn_is_asked_with_its_axes_and_answered_without():
    asked, answered = (slide.body for slide in deck(NOTEBOOKS[1]).slides if "Where does the ratio" in slide.body)
    assert "Predict" in asked
    assert "<img " in asked
    assert re.search(r"Measured.*<p>within / between is [\d., ]+ at step", answered, flags=re.DOTALL)
    assert not re.search("<img |<ul", answered)


def test_cells_without_a_place_and_answers_without_a_question_are_refused():
    nb = small()
    with pytest.raises(ValueError, match=r"`slide_type` must be one of .* got None .*; run `python tools/slide_types"):
        build_slides.Deck(nb, course.lesson(START, nb))
    nb = small()
    slide_types.assign(nb)
    del nb.cells[3]
    with pytest.raises(ValueError, match=r"a question must be asked"):
        build_slides.Deck(nb, course.lesson(START, nb))


def test_long_text_and_tables_are_spread_over_slides():
    pages = slide_text.sheets(["word " * 60] * 5)
    assert len(pages) > 1
    assert [block for page in pages for block in page] == ["word " * 60] * 5
    rows = [f"| {k} | {'word ' * 12}|" for k in range(20)]
    pages = slide_text.sheets(["\n".join(["| n | what |", "|---|---|", *rows])])
    assert len(pages) > 1
    assert all(page[0].startswith("| n | what |\n|---|---|\n| ") for page in pages)
    assert "".join(page[0] for page in pages).count("word") == 20 * 12


@by_name
def test_every_deck_is_complete(path):
    slides = deck(path)
    html = build_slides.page("All", slides.slides)
    images = re.findall(r"<img [^>]*>", html)
    assert len(slides.slides) >= 10
    assert images
    assert all(re.search(r'alt="[^"]{20,}', image) for image in images)
    assert not re.search(r"\$[^$<]*\\", re.sub(r"<annotation.*?</annotation>", "", html, flags=re.DOTALL))
    polls = [section.poll for section in course.lesson(path).sections]
    told = "".join(note for slide in slides.slides for note in slide.notes)
    assert sum(build_slides.html.escape(poll) in told for poll in polls) >= len(polls) / 2


def test_a_sentence_of_the_story_names_nothing_that_its_slide_lacks():
    told, slides = stops(), build_slides.story()
    named = [set(re.findall("<strong>(.+?)</strong>", stop["say"])) for stop in told]
    assert all(named)
    for stop, slide in zip(told, slides, strict=True):
        say, words = stop["say"], re.search("<figcaption>(.*)</figcaption>", slide.body)[1]
        missing = {name for name in set().union(*named) if re.search(rf"\b{name}\b", say) and name not in words}
        assert missing == set(), f"{say}: on the slide stands only {words}"
        assert ("fragment" in slide.body) == ("?" in say), "the picture answers the question one key later"


# --- lecture --------------------------------------------------------------------------------------------------


def test_the_first_page_shows_the_route_first_and_every_notebook_with_its_question():
    page = lecture.landing({START.name: "ready"})
    first, plan, others = re.split(r'<details class="plan">|</details>', page)
    first, others = (
        [name[:2] for name in re.findall(r'href="/voila/render/([^"]+)"', part)] for part in (first, others)
    )
    assert first == list(lecture.ROUTE)
    assert others == [path.name[:2] for path in NOTEBOOKS if path.name[:2] not in lecture.ROUTE]
    assert page.count("<img ") == len(NOTEBOOKS)
    linked = [name[:2] for name in re.findall(r'target="_blank" href="/voila/render/([^"]+)"', plan)]
    assert list(dict.fromkeys(linked)) == list(lecture.ROUTE)
    assert all(markdown(one.question) in page for one in course.lessons())
    assert page.count("ready") == 1
    assert not OUTSIDE.search(page)


def test_text_cells_lead_to_live_notebooks_and_draw_formulas():
    html = lecture.text("In JupyterLab, first choose *Run → Run All*. See $x$, [00](00_a.ipynb), [all](README.md).")
    assert "Run All" not in html
    assert "<math" in html
    assert 'href="00_a.ipynb"' in html
    assert 'href="/"' in html


def test_notebooks_to_preheat():
    assert lecture.preheated("none") == []
    assert lecture.preheated("00, 01") == [NOTEBOOKS[0].name, NOTEBOOKS[1].name]
    assert [name[:2] for name in lecture.preheated("route")] == list(lecture.ROUTE)
    assert len(lecture.preheated("all")) == len(NOTEBOOKS)
    with pytest.raises(ValueError, match=r"`--preheat` must be .*, got '77'; see --help"):
        lecture.preheated("77")


def test_the_server_is_for_this_machine_and_names_no_address_outside():
    config = lecture.settings(["00_start_here.ipynb"], port=1, browser=False, token="secret")
    assert config.Lecture.ip == "127.0.0.1"
    assert config.Lecture.token == "secret"
    assert "http:" not in lecture.POLICY
    assert config.VoilaConfiguration.strip_sources
    assert config.VoilaKernelManager.kernel_pools_config["default"]["pool_size"] == 0
    assert not lecture.settings([], port=1, browser=False, token="t").VoilaConfiguration.preheat_kernel
    files = [*(ROOT / "tools" / "lecture_assets").iterdir(), *(ROOT / "tools" / "slides_assets").iterdir()]
    assert files
    assert [file.name for file in files if re.search(r"https?://", file.read_text(encoding="utf-8"))] == []


# --- course map -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", course_map.PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_readme_and_course_map_repeat_what_the_notebooks_say(page):
    text, afresh = page.read_text(encoding="utf-8"), course_map.PAGES[page]
    assert afresh(text) == text, "run `python tools/course_map.py`"
    assert all(f"{path.name}) | " in text for path in NOTEBOOKS)
    for said, wrong in (("| 40 |", "| 41 |"), ("What do contrastive losses ask for?", "What do losses ask for?")):
        assert said in text
        assert afresh(text.replace(said, wrong, 1)) == text


def test_only_a_page_that_is_out_of_date_is_written(tmp_path, monkeypatch):
    old, fresh = tmp_path / "old.md", tmp_path / "fresh.md"
    for path in (old, fresh):
        path.write_text(path.stem)
    before = fresh.stat().st_ino
    monkeypatch.setattr(course_map, "PAGES", dict.fromkeys((old, fresh), lambda text: "fresh"))
    course_map.main()
    assert old.read_text() == fresh.read_text() == "fresh"
    assert fresh.stat().st_ino == before


def route(title):
    body = re.search(rf"## {title}\n(.*?)\n## ", MAP, flags=re.DOTALL)
    return [[part.strip() for part in line.strip("|").split("|")] for line in body[1].splitlines() if "ipynb" in line]


@pytest.mark.parametrize("minutes", [45, 90])
def test_the_minutes_of_a_route_follow_each_other(minutes):
    spans = [tuple(map(int, row[0].split("–"))) for row in route(f"{minutes} minutes")]
    assert spans[0][0] == 0
    assert spans[-1][1] == minutes
    assert all(a[1] == b[0] and a[0] < a[1] for a, b in pairwise(spans))


def test_the_45_minutes_name_sections_and_presets_that_exist():
    offered = {name for kind in NAMES.values() for name in getattr(kind, "presets", {})}
    numbers = []
    for _, where, preset, _ in route("45 minutes"):
        number, name, section = re.fullmatch(r"\[(\d\d)\]\((.+)\) · (.+)", where).groups()
        numbers.append(number)
        cells = nbformat.read(ROOT / "notebooks" / name, as_version=4).cells
        assert any(cell.source.startswith(f"## {section}\n") or cell.source == f"## {section}" for cell in cells), (
            section
        )
        assert set(re.findall(r"`([^`]+)`", preset)) <= offered
    assert tuple(dict.fromkeys(numbers)) == lecture.ROUTE


def test_four_weeks_visit_every_notebook_once():
    linked = re.findall(r"\((\d\d_\w+\.ipynb)\)", "".join("".join(row) for row in route("Four weeks alone")))
    assert linked == [path.name for path in NOTEBOOKS]
