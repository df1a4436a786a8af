"""Two trees in lock step in JupyterLab: both train, q acts at once, a circle is chosen by click and by key."""

import nbformat
import pytest
from lab import Notebook, Server, chromium, journeys
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

pytestmark = journeys("TWO TREES WERE NOT TRIED")
CELL = """import torch
from ssl_explain.lessons.start_here import TreeState, two_trees
torch.set_num_threads(1)
pair = two_trees(TreeState(depth=4, budget=500))
pair"""


@pytest.fixture(scope="module")
def notebook(server: Server):
    with chromium(1280, 900) as context:
        spec = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        nb = new_notebook(cells=[new_code_cell(CELL)], metadata=spec)
        nbformat.write(nb, server.root / "notebooks" / "trees.ipynb")
        opened = Notebook(context, server, "trees.ipynb")
        assert opened.run_all() == []
        yield opened
        assert opened.errors == []
        opened.close()


def test_two_trees_train_in_lock_step_and_answer_keys_and_clicks(notebook):
    page = notebook.page
    section = page.locator("section.tree")
    expect(section.locator(".words")).to_contain_text("Before training, q = 0.5")
    views = section.locator(".trees figure:first-child rect.differs")
    assert views.count() > 0
    slider = section.locator("input")
    slider.focus()
    slider.press("Home")
    expect(section.locator(".words")).to_contain_text("q = 0:")
    expect(views).to_have_count(0)  # the views react before anything is trained
    for _ in range(10):
        slider.press("ArrowRight")
    expect(section.locator(".words")).to_contain_text("q = 0.5")
    section.locator("g.node").first.click()
    expect(section.locator(".curve figcaption")).to_contain_text("level 1, circle 1")
    section.locator("select").select_option(label="root")
    expect(section.locator(".curve figcaption")).to_contain_text("root")
    section.get_by_role("button", name="Play").click()
    expect(section.get_by_role("button", name="Pause")).to_be_visible()
    expect(section.get_by_role("button", name="Play again")).to_be_visible(timeout=60_000)
    expect(section.locator(".words")).to_contain_text("After 500 steps")
    section.get_by_role("button", name="Start again").click()
    expect(section.locator(".words")).to_contain_text("Before training")
