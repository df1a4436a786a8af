"""Nothing in a notebook or on the screen runs code that is not ours: outputs, text cells, and what a reader types."""

import copy
import html
import re
from pathlib import Path
from types import SimpleNamespace

import ipywidgets
import nbformat
import pytest
from markup import at_home, strange
from nbformat.v4 import new_output

from ssl_explain.kit import picture
from ssl_explain.kit.controls import LOOK, make_control
from ssl_explain.kit.exercise import Exercise, compare
from ssl_explain.kit.live import LiveView
from ssl_explain.kit.prediction import Option, Question, predict
from ssl_explain.kit.state import Control
from ssl_explain.kit.style import new_figure
from ssl_explain.lessons.latent_tree.shared_explorer import SharedState, shared_explorer
from ssl_explain.lessons.start_here.explorer import tree_explorer
from ssl_explain.lessons.start_here.state import TreeState
from ssl_explain.lessons.why_the_root.race_explorer import RaceState, race_explorer

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
KINDS = {"text/plain", "text/html", "image/png"}
PLAIN = {"b": {}, "br": {}, "summary": {}, "pre": {}, "p": {"style": {"max-width:60em"}}}
OUTPUT = PLAIN | {"details": {"style": {"margin-left:1em"}}}
SCREEN = OUTPUT | {
    "code": {}, "span": {"title": lambda words: True}, "div": {"style": re.compile(r"[\w:;.-]+").fullmatch},
    "img": {
        "src": re.compile(r"data:image/jpeg;base64,[\w+/=]+").fullmatch, "alt": lambda words: True,
        "width": str.isdigit, "height": str.isdigit, "decoding": {"sync"}, "style": {"max-width:100%;height:auto"},
    },
}  # fmt: skip
TARGET = re.compile(r"\]\(\s*<?([^)\s]*)|^\s*\[[^]]+\]:\s*(\S+)", re.MULTILINE)
HOSTILE = """<img src=x onerror=alert(1)>'"</pre></details><script>alert(1)</script><a href="javascript:alert(1)">"""


def in_outputs(nb):
    """What no code of ours has made, output by output."""
    found = []
    for output in (output for cell in nb.cells for output in cell.get("outputs", [])):
        data = output.get("data", {})
        found += sorted(set(data) - KINDS)
        found += strange(data.get("text/html", ""), OUTPUT)
        found += [] if re.fullmatch(r"[A-Za-z0-9+/=\s]*", data.get("image/png", "")) else ["a picture that is none"]
    return found


def in_texts(nb):
    """Markup, attachments, and links that lead elsewhere than into the course or to a paper."""
    found = []
    for cell in nb.cells:
        found += ["attachment"] * ("attachments" in cell)
        if cell.cell_type == "markdown":
            found += re.findall(r"<[a-zA-Z/!?][^>]*>?", cell.source)
            found += [a or b for a, b in TARGET.findall(cell.source) if not at_home(a or b)]
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_carries_only_what_our_code_makes(path):
    nb = nbformat.read(path, as_version=4)
    assert in_outputs(nb) == []
    assert in_texts(nb) == []


@pytest.mark.parametrize(
    "data",
    [
        {"application/javascript": "alert(1)"},
        {"image/svg+xml": "<svg onload='alert(1)'/>"},
        {"text/markdown": "hello"},
        {"text/html": "<script>1</script>"},
        {"text/html": "<p onclick='alert(1)'>x</p>"},
        {"text/html": "<p style='background:url(//x)'>x</p>"},
        {"text/html": "<iframe srcdoc='x'></iframe>"},
        {"text/html": "<b><!-- x --></b>"},
        {"image/png": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_a_planted_output_is_found(data):
    nb = nbformat.read(NOTEBOOKS[0], as_version=4)
    next(cell for cell in nb.cells if cell.cell_type == "code").outputs.append(new_output("display_data", data))
    assert in_outputs(nb)


@pytest.mark.parametrize(
    "text",
    [
        "<b>x</b>", "<img src=x onerror=alert(1)", "[x](javascript:alert(1))", "[x]( <JavaScript:alert(1)>)",
        "![x](https://elsewhere.example/x.png)", "[x](//elsewhere.example)", "[x](http://arxiv.org/abs/1)", "[x]",
    ],
)  # fmt: skip
def test_a_planted_text_is_found(text):
    nb = copy.deepcopy(nbformat.read(NOTEBOOKS[0], as_version=4))
    nb.cells[0].source += f"\n\n{text}\n\n[x]: data:text/html,x" if text == "[x]" else f"\n\n{text}"
    assert in_texts(nb)


def pieces(widget):
    """Every piece of HTML in a widget and in all that it holds."""
    own = [widget.value] if isinstance(widget, ipywidgets.HTML | ipywidgets.HTMLMath) else []
    own += [widget.description] if getattr(widget, "description_allow_html", False) else []
    return own + [piece for child in getattr(widget, "children", ()) for piece in pieces(child)]


def assert_harmless(texts, allowed=SCREEN):
    texts = [text for text in texts if text != LOOK]
    assert any("onerror" in text for text in texts), "the words arrive"
    for text in texts:
        assert strange(text, allowed) == [], text


class Told(picture.Picture):
    """A picture whose finding is whatever it is told."""

    def __init__(self):
        self.figure = new_figure(4, 3)
        self.still, self.moving, self.record = [], [], None

    def update(self, record):
        return False

    def describe(self):
        return HOSTILE


def test_an_attempt_is_answered_in_plain_text(capsys):
    def raises():
        raise ValueError(HOSTILE)

    answers = Exercise("t", "easy", 1, (), raises, lambda attempt: compare(attempt(), None, {}))
    answers.check(raises)
    answers.check(lambda: type(HOSTILE, (), {})())
    shown = capsys.readouterr().out
    assert shown.count("onerror") == 2


def test_exercises_questions_and_controls_show_their_words_as_words():
    def solution():
        return "<img src=x onerror=alert(1)></pre><script>1</script>"

    shown = Exercise(HOSTILE, "easy", 1, (HOSTILE, HOSTILE), solution, lambda attempt: "")._repr_html_()
    assert_harmless([shown], OUTPUT)
    guess = predict(Question(HOSTILE, {"a": Option(HOSTILE, HOSTILE), "b": Option("b", "b")}))
    for key, measured in (("a", "b"), ("b", "a"), ("a", "a"), (None, "a")):
        guess.commit(key)
        assert_harmless([*pieces(guess.widget), guess.reveal(measured).widget.value])
    assert_harmless(pieces(make_control(Control(HOSTILE, HOSTILE, low=0.0, high=1.0, step=0.1), 0.5)))


def test_a_picture_shows_its_words_as_words(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: shown.append(data))
    Told()._ipython_display_()
    assert {kind for data in shown for kind in data} <= KINDS
    assert_harmless([data["text/html"] for data in shown if "text/html" in data], OUTPUT)
    assert_harmless(pieces(LiveView(Told()).widget))


def test_the_line_that_is_copied_shows_as_it_is(monkeypatch):
    explorer = shared_explorer(SharedState())
    monkeypatch.setattr(type(explorer), "line", lambda self: HOSTILE)
    button = next(widget for widget in every(explorer.widget) if getattr(widget, "description", "") == "copy state")
    button.click()
    assert_harmless(pieces(explorer.widget))


@pytest.mark.parametrize(
    "make",
    [lambda: tree_explorer(TreeState(depth=2)), lambda: race_explorer(RaceState(neurons=2))],
    ids=["tree", "race"],
)
def test_a_failure_of_a_run_shows_its_words_as_words(make):
    explorer = make()
    explorer._runner = SimpleNamespace(error=RuntimeError(HOSTILE), stopping=True)
    explorer.view  # noqa: B018 (it shows the words)
    explorer._update_buttons()
    assert HOSTILE in explorer.view.image.note
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write", explorer.view.image._esm)


def every(widget):
    return [widget, *(found for child in getattr(widget, "children", ()) for found in every(child))]


def test_what_is_hostile_would_be_found():
    assert len(strange(HOSTILE, SCREEN)) >= 3
    assert strange(html.escape(HOSTILE), SCREEN) == []
