"""What a reader does in a real browser. The rest is tested without one: here we see that the wires are connected."""

import re
from collections.abc import Callable, Iterator

import pytest
from lab import LiveExplorer, Notebook, Server, chromium, journeys
from playwright.sync_api import expect

pytestmark = journeys("NO BROWSER JOURNEY WAS MADE")

CONTROLS = """area => [...area.querySelectorAll('.widget-slider, .widget-toggle-buttons, button')].map(control => {
    const label = control.matches('button') ? control : control.querySelector('.widget-label');
    const tip = label.title || label.querySelector('[title]')?.title || '';
    return [label.innerText.trim(), tip];
})"""
STICKING_OUT = """area => {
    const edge = area.getBoundingClientRect().right + 1;
    return [...area.querySelectorAll('.jupyter-widgets, canvas')]
        .filter(node => node.getBoundingClientRect().right > edge).map(node => node.outerHTML.slice(0, 200));
}"""
ROOT = re.compile(r"with the root (?:is|went from [\d.]+ to) ([\d.]+)")


@pytest.fixture(scope="module")
def open_notebook(server: Server) -> Iterator[Callable[[str], Notebook]]:
    """Open a copy of a notebook."""
    with chromium() as context:
        yield lambda name: Notebook(context, server, name)


def root(explorer: LiveExplorer) -> float:
    """The correlation with the root, as the read-out below the picture says it."""
    found = ROOT.search(explorer.area.inner_text().replace("\u00a0", " "))
    assert found, "the read-out names the root"
    return float(found[1])


def test_start_here_play_then_no_augmentation(server, open_notebook):
    notebook = open_notebook(server.beginning("00_start_here.ipynb", end="## Check it"))
    source = "explorer = tree_explorer("
    notebook.scroll_to(source)
    for restart in (False, True):
        assert notebook.run_all(restart=restart) == []
        notebook.wait_until_shown(source)  # the reader stays in place
    explorer = notebook.explorer
    play, pause, step = map(explorer.button, ("Play", "Pause", "Step"))
    assert explorer.words.startswith("Before training")

    play.click()
    explorer.wait_for_paints(5)
    pause.click()
    expect(play).to_be_enabled()
    seen = int(notebook.ask("int(explorer.trace.steps[-1])"))  # the picture may be a frame behind
    assert seen > 0
    explorer.wait_for_words(f"After {seen} steps")

    # From here on without a mouse. Ten steps further, so nothing trained since the pause.
    explorer.press(step, "Enter")
    explorer.wait_for_words(f"After {seen + 10} steps")
    notebook.ask("setattr(explorer, 'state', explorer.state.change(pace=0, budget=500))")  # as fast as it can
    explorer.press(play, "Enter")
    explorer.wait_for_words("After 500 steps")
    expect(play).to_be_enabled()
    with_views = root(explorer)

    explorer.press(explorer.slider("augmentation q"), "Home")
    explorer.wait_for_words("Before training with augmentation strength q = 0:")
    explorer.press(play, "Space")
    explorer.wait_for_words("After 500 steps with augmentation strength q = 0:")
    assert f"The run before, with q = 0.5, ended at {with_views:.2f}" in explorer.words
    assert root(explorer) < with_views - 0.2

    assert explorer.page.evaluate("window.__probe.blank") == 0
    assert notebook.errors == []
    notebook.close()


PILES = """(__import__('gc').collect(), [
    sum(isinstance(thing, kind) for thing in __import__('gc').get_objects())
    for kind in (type(explorer.view), type(explorer._widgets['pair']))
])[1]"""


def answers(explorer: LiveExplorer) -> None:
    """Every control says what it is and moves the picture; the state can be copied; all fits into a narrow window."""
    for label, title in explorer.area.evaluate(CONTROLS):
        assert label, "every control has a label"
        assert title not in ("", "null"), f"{label} has a tooltip"
    explorer.open_drawer()
    layer, pair = explorer.slider("layer"), explorer.slider("input pair")
    for slider, key in ((layer, "ArrowLeft"), (pair, "ArrowRight")):
        before = explorer.words
        explorer.press(slider, key)
        expect(explorer.picture).not_to_have_attribute("aria-label", before)
    assert explorer.words.startswith("Layer 2 ")

    explorer.button("copy state").click()
    line = explorer.area.locator("code")
    expect(line).to_contain_text("connection_explorer(")
    expect(line).to_contain_text("pair=2")

    wide = explorer.page.viewport_size
    explorer.page.set_viewport_size({"width": 700, "height": 1000})
    explorer.page.wait_for_function(
        "area => area.querySelector('canvas').offsetWidth < 690", arg=explorer.area.element_handle()
    )
    assert explorer.area.evaluate(STICKING_OUT) == []
    explorer.page.set_viewport_size(wide)


def test_run_all_again_and_in_a_new_kernel_and_what_is_saved(open_notebook):
    """Nothing piles up in the kernel, and in the next one every control is as alive.

    Without a kernel a saved notebook has its pictures as they were, with controls that are marked as dead.
    """
    notebook = open_notebook("02_gradient_as_connection.ipynb")
    still = notebook.page.locator("img[src^='data:image/png']").first
    still.wait_for(state="attached")
    assert still.evaluate("image => image.decode().then(() => image.naturalWidth)") > 200, "a picture without a kernel"

    piles, source = [], "explorer = connection_explorer("
    notebook.scroll_to(source)
    for _ in range(2):
        assert notebook.run_all() == []
        notebook.wait_until_shown(source)
        piles.append(notebook.ask(PILES))
    assert piles[0] == piles[1]
    fresh = notebook.explorer.words
    answers(notebook.explorer)
    words = notebook.explorer.words
    assert notebook.errors == []
    notebook.save()
    notebook.close()

    again = open_notebook("02_gradient_as_connection.ipynb")
    assert again.explorer.words == words
    again.explorer.area.locator(".jupyter-widgets-disconnected").first.wait_for()
    assert "model not found" not in again.page.locator(".jp-Notebook").inner_text()
    assert again.run_all(restart=True) == []
    expect(again.explorer.picture).to_have_attribute("aria-label", fresh)
    assert again.page.locator(".jupyter-widgets-disconnected").count() == 0
    again.explorer.open_drawer()
    again.explorer.press(again.explorer.slider("input pair"), "ArrowRight")
    expect(again.explorer.picture).not_to_have_attribute("aria-label", fresh)
    assert again.errors == []
    again.close()
