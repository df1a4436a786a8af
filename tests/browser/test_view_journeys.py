"""The picture of an explorer on the screen: as sharp as the screen, as wide as the room, and never taller than it."""

import ast
import contextlib
import re
from collections.abc import Callable, Iterable, Iterator

import nbformat
import pytest
from lab import LiveExplorer, Notebook, Server, chromium, journeys
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page, expect

pytestmark = journeys("NO PICTURE WAS MEASURED")

CELLS = (
    "from ssl_explain.lessons.byol_solved.explorer import modes_explorer",
    "explorer = modes_explorer()\nexplorer",
)
MEASURES = """area => {
    const [canvas, explorer] = ['canvas.ssl-picture', '.ssl-explain'].map(name => area.querySelector(name));
    const box = canvas.getBoundingClientRect();
    return {
        sharpness: canvas.width / (box.width * devicePixelRatio), width: box.width, height: box.height,
        skew: Math.abs(box.width / box.height / (canvas.width / canvas.height) - 1),
        room: explorer.clientWidth, explorer: explorer.offsetHeight,
        visible: area.closest('.jp-WindowedPanel-outer').clientHeight,
    };
}"""
SHARP = """area => {
    const canvas = area.querySelector('canvas.ssl-picture'), {width} = canvas.getBoundingClientRect();
    const now = [canvas.width, width, devicePixelRatio].join(), sharp = canvas.width >= width * devicePixelRatio - 0.01;
    if (!sharp || window.__now !== now) [window.__now, window.__since] = [now, performance.now()];
    return sharp && performance.now() - window.__since > 500;
}"""


@pytest.fixture(scope="module")
def run(server: Server) -> Iterator[Callable[[str], Notebook]]:
    """Run one explorer in a notebook of its own, in a window that is low."""
    with chromium(1280, 800) as context:

        def opened(name: str, codes: Iterable[str] = CELLS) -> Notebook:
            spec = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
            nb = new_notebook(cells=[new_code_cell(source) for source in codes], metadata=spec)
            nbformat.write(nb, server.root / "notebooks" / name)
            notebook = Notebook(context, server, name)
            assert notebook.run_all() == []
            return notebook

        opened.context, opened.server = context, server
        yield opened


@pytest.fixture(scope="module")
def notebook(run) -> Iterator[Notebook]:
    opened = run("view.ipynb")
    yield opened
    assert opened.errors == []
    opened.close()


@pytest.fixture(scope="module")
def explorer(notebook) -> LiveExplorer:
    return notebook.explorer


@contextlib.contextmanager
def density(page: Page, value: float, width: int = 1280, height: int = 800) -> Iterator[None]:
    """A screen with so many device pixels per CSS pixel."""
    session = page.context.new_cdp_session(page)
    screen = {"width": width, "height": height, "deviceScaleFactor": value, "mobile": False}
    session.send("Emulation.setDeviceMetricsOverride", screen)
    page.wait_for_function("screen => innerWidth === screen[0] && devicePixelRatio === screen[1]", arg=[width, value])
    yield
    session.send("Emulation.clearDeviceMetricsOverride")
    session.detach()


def sharp(explorer: LiveExplorer) -> dict[str, float]:
    """Wait until every device pixel has its own pixel and keeps it; the measures then."""
    explorer.page.wait_for_function(SHARP, arg=explorer.area.element_handle())
    return dict(explorer.area.evaluate(MEASURES))


@pytest.mark.parametrize(
    ("value", "width", "height"), [(1, 1280, 800), (2, 1280, 800), (1, 1920, 1080), (1.5, 700, 800)]
)
def test_the_picture_is_sharp_and_fits(explorer, value, width, height):
    with density(explorer.page, value, width, height):
        measures = sharp(explorer)
        assert measures["skew"] < 0.01
        assert measures["width"] <= min(measures["room"], 1560)
        assert measures["explorer"] <= measures["visible"] or measures["height"] < 210
        assert measures["width"] > 0.8 * min(measures["room"], 1560) or measures["explorer"] > 0.9 * measures["visible"]


def test_while_it_moves_it_is_nearly_as_sharp_and_then_wholly(explorer):
    with density(explorer.page, 2):
        sharp(explorer)
        explorer.page.evaluate("window.__probe.clear()")
        seen, handle = [], explorer.slider("start p")
        handle.focus()
        for key in ["ArrowRight"] * 4 + ["ArrowLeft"] * 4:
            explorer.page.keyboard.press(key)
            explorer.wait_for_paints(1)
            seen.append(explorer.area.evaluate(MEASURES)["sharpness"])
        assert min(seen) > 0.745
        assert sharp(explorer)["sharpness"] == pytest.approx(1, abs=0.002)
        assert explorer.page.evaluate("[window.__probe.blank, window.__probe.jumps]") == [0, 0]


@pytest.mark.parametrize("value", [1, 2])
def test_a_start_is_clicked_and_dragged_in_the_picture(notebook, explorer, value):
    mouse, page = explorer.page.mouse, explorer.page
    with density(page, value):
        sharp(explorer)
        panel = next(p for p in ast.literal_eval(notebook.ask("explorer.view.image.panels")) if p["name"] == "plane")

        def at(p: float, s: float) -> tuple[float, float]:
            box, (left, top, right, bottom) = explorer.picture.bounding_box(), panel["box"]
            share = [(v - low) / (high - low) for v, (_, low, high, _) in ((p, panel["x"]), (s, panel["y"]))]
            x, y = left + share[0] * (right - left), bottom - share[1] * (bottom - top)
            return box["x"] + x * box["width"], box["y"] + y * box["height"]

        mouse.move(*at(0.8, 1.0))
        expect(explorer.area.locator(".ssl-at")).to_contain_text(
            re.compile(r"p 0\.(8|79\d|80\d), w² (1|0\.99\d|1\.00\d): click")
        )
        mouse.click(*at(0.8, 1.0))
        explorer.wait_for_words("start at p = 0.80, w² = 1.00")
        mouse.move(*at(0.8, 1.0))
        mouse.down()
        for step in range(1, 9):
            mouse.move(*at(0.8 - 0.1 * step, 1.0 - 0.1 * step))
        mouse.up()
        explorer.wait_for_words("start at p = 0.00, w² = 0.20")
        mouse.move(0, 0)
        expect(explorer.area.locator(".ssl-at")).to_be_hidden()


@pytest.mark.stress
def test_where_our_javascript_does_not_run_the_still_says_so(run):
    """The front end of anywidget is missing, as in a server of somebody else."""
    run.context.route("**/extensions/anywidget/**", lambda route: route.abort())
    notebook = run("still.ipynb")
    still = notebook.page.locator(".ssl-still")
    expect(still).to_contain_text("needs anywidget")
    still.locator("img").wait_for()
    notebook.page.wait_for_function("document.querySelector('.ssl-still').offsetHeight > 200")
    run.context.unroute("**/extensions/anywidget/**")
    notebook.close()


TWICE = (
    "import ipywidgets",
    "from ssl_explain.lessons.start_here import TreeState, tree_explorer",
    "explorer = tree_explorer(TreeState(depth=2, budget=3000, pace=5))\nexplorer",
    "ipywidgets.Box([explorer.widget], layout={'width': '400px'})",
)


@pytest.mark.stress
def test_shown_twice_in_two_browsers_and_opened_again_while_it_trains(run):
    """The larger view counts, all show the same, controls of each answer, and training goes on without a page."""
    first = run("twice.ipynb", TWICE)
    large, small = first.explorers()
    widths = [view.picture.evaluate("canvas => canvas.offsetWidth") for view in (large, small)]
    assert widths[0] > 2 * widths[1] > 200
    expect(small.picture).to_have_js_property("width", widths[0])

    first.save()
    other = Notebook(run.context, run.server, "twice.ipynb")  # another page, the same kernel
    views = [large, small, *other.explorers()]
    for number, view in enumerate(views):
        view.press(view.button("Step"), "Enter")
        for each in views:
            each.wait_for_words(f"After {10 * (number + 1)} steps")

    large.button("Play").click()
    views[2].button("Pause").wait_for()
    first.page.close()
    before = int(other.ask("explorer.trace.steps[-1].item()"))
    other.page.close()
    again = Notebook(run.context, run.server, "twice.ipynb")
    explorer = again.explorer
    explorer.wait_for_paints(3)
    explorer.button("Pause").click()
    expect(explorer.button("Play")).to_be_enabled()
    now = int(again.ask("explorer.trace.steps[-1].item()"))
    assert now > before
    explorer.wait_for_words(f"After {now} steps")
    assert [*first.errors, *other.errors, *again.errors] == []
    again.close()
