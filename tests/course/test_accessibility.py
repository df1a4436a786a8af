"""Who cannot see a colour, a picture or a pointer still gets the finding: words, contrast, sizes, labels."""

import html
import itertools
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from hands import every
from IPython.core.interactiveshell import InteractiveShell
from looks import PALETTE, TABLE, colours_of_lines, crowded_texts, wrong_with_figure, wrong_with_words
from matplotlib.colors import to_hex
from registry import FACTORIES, PACKAGE

from ssl_explain.kit.picture import Illustration, Picture
from ssl_explain.kit.prediction import Option, Question, predict
from ssl_explain.kit.style import BRANCH, MEASURED, NEGATIVE, QUIET, new_figure
from ssl_explain.lessons.two_views_one_network.guess_explorer import sketch

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
KNOWN = {to_hex(colour) for colour in (*PALETTE, BRANCH)}
LINK = re.compile(r"(?<!!)\[([^]]*)\]\(([^)\s]+)\)")


# --- the pictures of the explorers ------------------------------------------------------------------------------


@pytest.mark.gate(10)
@pytest.mark.parametrize("name", FACTORIES)
def test_texts_lines_and_markers_of_a_picture_are_seen(made, name):
    figure = made(name).figure.figure
    assert wrong_with_figure(figure) == {}
    assert colours_of_lines(figure) <= KNOWN


def test_every_picture_class_is_looked_at(made):
    looked_at = {type(made(name).figure) for name in FACTORIES}
    guessed = sketch("Where does it go?", (10, 100), start=0.2, ends=(0, 0.4), labels=("step", "it")).picture
    assert wrong_with_figure(guessed.figure) == {}
    looked_at.add(type(guessed))
    classes = [Picture]
    for parent in classes:
        classes += parent.__subclasses__()
    assert {c for c in classes[1:] if c.__module__.startswith("ssl_explain.")} <= looked_at


@pytest.mark.stress
@pytest.mark.parametrize("name", FACTORIES)
def test_words_keep_apart_in_any_mixture_of_settings(name):
    """Words collide where three or four settings make them long at once; pairs of extremes do not get there."""
    explorer, rng = FACTORIES[name](), random.Random(name)
    controls = explorer.state.controls()
    start = explorer.state
    for _ in range(40):
        mixture = {field: rng.choice(control.values()) for field, control in controls.items() if rng.random() < 0.7}
        explorer.state = start.change(**mixture)
        assert crowded_texts(explorer.figure.figure) == [], mixture


def test_words_that_meet_are_seen():
    explorer = FACTORIES["modes_explorer"]()
    left, right = explorer.figure.captions
    assert crowded_texts(explorer.figure.figure) == []
    left.set_text("word " * 15)
    assert crowded_texts(explorer.figure.figure) == [f"{left.get_text()} | {right.get_text()}"]


# --- controls ---------------------------------------------------------------------------------------------------


def controls(widget: Any) -> list[Any]:
    """Whatever has a tooltip of its own and is no box or text."""
    passive = ("BoxModel", "VBoxModel", "HBoxModel", "GridBoxModel", "HTMLModel", "AnyModel")
    return [each for each in every(widget) if each._model_name not in passive]


def nameless(widget: Any) -> list[str]:
    """Controls, or options of one, without words or without a tooltip."""
    found = []
    for control in controls(widget):
        label = re.sub(r"<[^>]*>|&nbsp;", "", control.description).strip()
        tips = [control.tooltip, *getattr(control, "tooltips", ())]
        options = getattr(control, "_options_labels", ())
        told = label and all(tip and len(tip) > 8 for tip in tips) and all(options)
        if not told or len(getattr(control, "tooltips", options)) != len(options):
            found.append(f"{type(control).__name__} {label!r}")
    return found


@pytest.mark.parametrize("name", FACTORIES)
def test_every_control_has_words_and_a_tooltip(made, name):
    widget = made(name).widget
    assert len(controls(widget)) >= 2
    assert nameless(widget) == []


def test_no_control_of_which_jupyterlab_takes_the_keys(made):
    guess = predict(Question("Heads?", {"h": Option("heads", "why"), "t": Option("tails", "why not")}))
    assert nameless(guess.widget) == []
    kinds = {type(control).__name__ for name in FACTORIES for control in controls(made(name).widget)}
    kinds |= {type(control).__name__ for control in controls(guess.widget)}
    assert kinds == {"Button", "ToggleButtons", "IntSlider", "FloatSlider", "SelectionSlider"}


def test_a_nameless_control_is_found():
    explorer = FACTORIES["tree_explorer"]()
    sliders = [control for control in controls(explorer.widget) if "Slider" in type(control).__name__]
    sliders[0].description, sliders[1].tooltip = '<span title="x"></span>&nbsp;', ""
    assert len(nameless(explorer.widget)) == 2


# --- what the yardsticks find -----------------------------------------------------------------------------------


def test_planted_faults_are_found():
    figure = new_figure(4, 3)
    ax = figure.subplots()
    ax.plot([0, 1], [0, 1], color="#E69F00")
    ax.plot([0, 1], [1, 0], color=NEGATIVE, alpha=0.5)
    ax.plot([0, 1], [1, 1], color=MEASURED, alpha=0.3)
    ax.plot([0, 1], [0.5, 0.5], color=MEASURED)
    ax.plot([0.5], [0.5], "o", color="#ffff00", markeredgecolor="#000000")
    ax.axvspan(0, 0.4, color=QUIET)
    ax.text(0.05, 0.8, "dark on grey", color="#222222")
    ax.text(0.5, 0.8, "tiny", fontsize=9)
    ax.grid(color="#dddddd")
    assert wrong_with_figure(figure) == {
        "small": {"tiny"},
        "dim": {"dark on grey": pytest.approx(3.1, abs=0.2)},
        "faint": {"#e69f00", NEGATIVE.lower()},
    }
    assert wrong_with_words("nothing to see") == ["no number"]
    assert wrong_with_words("at step 1 it is nan" + 600 * "!") == ["not finite", "619 characters"]


# --- static figures and notebooks -------------------------------------------------------------------------------


def test_the_size_of_type_is_set_in_one_place():
    """But for the widest row of a tree, where 100 has to fit into its circle."""
    paths = [path for path in PACKAGE.rglob("*.py") if "fontsize" in path.read_text(encoding="utf-8")]
    assert sorted(path.parent.name for path in paths) == ["kit", "latent_tree", "start_here"]


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    book = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in book["cells"] if cell["cell_type"] == kind]


def without_words(path: Path) -> list[str]:
    """Pictures without alt text, and still ones without the same words below, or with words that tell no finding."""
    found = []
    for cell in cells(path, "code"):
        outputs = cell["outputs"]
        for output, below in itertools.zip_longest(outputs, outputs[1:], fillvalue={}):
            if "image/png" in output.get("data", {}):
                alt = output["metadata"].get("image/png", {}).get("alt", "")
                beneath = html.unescape("".join(below.get("data", {}).get("text/html", ""))).replace("<br>", "\n")
                live = {"explorer", "predict"} & {*cell["metadata"].get("tags", [])}  # its read-out stands below
                wrong = wrong_with_words(alt, TABLE) + ["not below"] * (not live and alt not in beneath)
                found += [f"{alt[:40]}: {wrong}"] * bool(wrong)
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_pictures_and_links_of_a_notebook_have_words(path):
    assert without_words(path) == []
    assert [link for cell in cells(path, "markdown") for link in wordless_links("".join(cell["source"]))] == []


def wordless_links(text: str) -> list[str]:
    """Links that say nothing of where they lead; the number of a notebook is its name."""
    found = []
    for words, target in LINK.findall(text):
        numbered = re.fullmatch(r"\d\d", words) and target.startswith(words)
        if not numbered and (not re.search(r"[^\W\d]{3}", words) or words.lower() in ("here", "link", "this")):
            found.append(f"[{words}]({target})")
    return found


@pytest.mark.parametrize("text", ["see [here](a.md)", "[](a.md)", "[03](04_next.ipynb)", "[12](a.md)"])
def test_a_wordless_link_is_found(text):
    assert len(wordless_links(text)) == 1
    assert wordless_links("notebooks [03](03_a.ipynb) and [05](05_b.ipynb#c), [contents](c)") == []


@pytest.fixture
def precision():
    """The default type of numbers, which some notebooks change, is that of before for the tests to come."""
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


@pytest.mark.stress
@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_still_figures_of_a_notebook_are_seen(path, monkeypatch):
    """Run a notebook and look at every figure that it shows."""
    shown: list[tuple[Any, str]] = []
    monkeypatch.chdir(path.parent)
    monkeypatch.setattr(Illustration, "_ipython_display_", lambda self: shown.append((self.figure, self.words)))
    monkeypatch.setattr(Picture, "_ipython_display_", lambda self: shown.append((self.figure, self.describe())))
    shell = InteractiveShell()
    for cell in cells(path, "code"):
        shell.run_cell("".join(cell["source"])).raise_error()
    assert len(shown) >= 2
    for figure, words in shown:
        assert wrong_with_words(words, TABLE) == []
        assert wrong_with_figure(figure) == {}, words
        assert colours_of_lines(figure) <= KNOWN, words
