"""The static pages: formulas, frames, questions, and a policy that lets nothing in."""

import base64
import io
import json
import re
import tomllib
from pathlib import Path

import build_site
import nbformat
import pytest
import site_frames
import site_pages
from PIL import Image, ImageChops
from site_formulas import mathml
from site_text import markdown

from ssl_explain.kit.controls import label_of
from ssl_explain.lessons.byol_solved import ModesState
from ssl_explain.lessons.collapse_and_grassmannian import GrassmannState, grassmann_explorer
from ssl_explain.lessons.covariance_operator.explorer import OperatorExplorer
from ssl_explain.lessons.gradient_as_connection.explorer import ConnectionState, connection_explorer
from ssl_explain.lessons.latent_tree.shared_explorer import SharedState, shared_explorer
from ssl_explain.lessons.selectivity_amplification import RingState
from ssl_explain.lessons.start_here.exercises import without_augmentation
from ssl_explain.lessons.start_here.explorer import tree_explorer
from ssl_explain.lessons.start_here.state import TreeState
from ssl_explain.lessons.start_here.two_trees import two_trees
from ssl_explain.lessons.why_the_root.race_explorer import RaceState, race_explorer

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


def test_a_formula_becomes_mathml_with_its_latex_inside():
    drawn = mathml(r"\mathbb E[x] < \tfrac12", block=True)
    assert drawn.startswith('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">')
    assert "𝔼" in drawn
    assert r"\mathbb E[x] &lt; \tfrac12</annotation>" in drawn


@pytest.mark.parametrize("tex", [r"\left( x", r"\notacommand x", "a & b"])
def test_latex_that_cannot_be_read_is_refused_by_name(tex):
    with pytest.raises(ValueError, match=r"`tex` must be readable LaTeX, got '\\\\(left|notacommand)|got 'a & b'"):
        mathml(tex, block=False)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_formula_stays_latex(path):
    cells = nbformat.read(path, as_version=4).cells
    text = "".join(markdown(cell.source) for cell in cells if cell.cell_type == "markdown")
    bare = re.sub(r"<annotation.*?</annotation>|<code>.*?</code>|<pre>.*?</pre>", "", text, flags=re.DOTALL)
    assert re.findall(r"\$[^$<]+\$|\\[a-z]{3,}", bare) == []
    assert ".ipynb" not in bare


@pytest.mark.parametrize(("count", "most"), [(5, 9), (9, 9), (21, 6), (61, 10), (3, 2)])
@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_thinned_values_keep_both_ends_and_the_present_one(count, most, place):
    values = list(range(count))
    keep = values[round(place * (count - 1))]
    thinned = site_frames.thin(values, most, keep)
    assert {keep, 0, count - 1} <= set(thinned)
    assert thinned == sorted(set(thinned))
    assert len(thinned) <= max(most, 3)


@pytest.mark.stress
def test_every_position_shows_what_the_explorer_shows_there():
    explorer = shared_explorer(SharedState())
    player = site_frames.play(explorer)
    assert [axis["name"] for axis in player.axes] == list(explorer.main_controls)
    assert len(player.scenes[0]["grid"]) == len(player.axes[0]["values"]) * len(player.axes[1]["values"])
    assert explorer.state == SharedState()
    for place in (0, 7, len(player.scenes[0]["grid"]) - 1):
        first, second = divmod(place, len(player.axes[1]["values"]))
        state = SharedState().change(
            strength=player.axes[0]["values"][first], polarity=player.axes[1]["values"][second]
        )
        assert player.words[player.scenes[0]["grid"][place]] == shared_explorer(state).figure.describe()


def test_a_preset_shows_what_it_sets(monkeypatch):
    monkeypatch.setattr(site_frames, "MOST", 12)
    monkeypatch.setattr(site_frames, "BESIDE", 3)
    explorer = connection_explorer(ConnectionState())
    player = site_frames.play(explorer)
    assert [preset["label"] for preset in player.presets] == list(explorer.offered())
    for preset in player.presets:
        scene = player.scenes[preset["scene"]]
        sizes = [len(scene.get("labels", player.axes[0]["labels"])), len(player.axes[1]["labels"])][: scene["axes"]]
        place = 0
        for at, size in zip(preset["at"], sizes, strict=True):
            place = place * size + at
        state = ConnectionState().change(**explorer.offered()[preset["label"]])
        assert player.words[scene["grid"][place]] == connection_explorer(state).figure.describe()


@pytest.mark.stress
def test_a_preset_beside_the_axes_moves_along_the_first():
    player = site_frames.play(race_explorer(RaceState(neurons=2)))
    beside = [scene for scene in player.scenes if scene["axes"] == 1]
    assert beside
    for scene in beside:
        assert len(scene["grid"]) == len(scene["labels"]) <= site_frames.BESIDE
        assert player.words[scene["grid"][-1]].startswith("After ")


def test_a_picture_laid_over_the_first_is_the_picture():
    base = Image.new("RGB", (40, 30), "white")
    frame = base.copy()
    base.paste((0, 90, 160), (5, 5, 12, 20))
    frame.paste((200, 90, 0), (25, 8, 30, 28))

    def decoded(uri):
        return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGBA")

    over = decoded(site_frames.smaller(frame, base))
    both = Image.alpha_composite(decoded(site_frames.smaller(base)), over).convert("RGB")
    assert max(high for _, high in ImageChops.difference(both, frame).getextrema()) <= 4, "128 colours round a little"
    assert over.getpixel((38, 2))[3] == 0, "what is the same is left out"
    assert over.getpixel((4, 5))[3] == 255, "a rim of one pixel hides the old edge"


def test_a_training_is_looked_at_on_its_way(monkeypatch):
    monkeypatch.setattr(site_frames, "LOOKS", 3)
    monkeypatch.setattr(site_frames, "LONGEST", 20)
    monkeypatch.setattr(site_frames, "MOST", 9)
    player = site_frames.play(tree_explorer(TreeState(depth=2, budget=500), controls=("strength",)))
    assert player.axes[0]["labels"] == ["0", "10", "20"]
    assert [player.words[k].split(" with")[0] for k in player.scenes[0]["grid"]] == [
        *["Before training"] * 3, *["After 10 steps"] * 3, *["After 20 steps"] * 3,
    ]  # fmt: skip


def test_a_question_and_its_answer_know_each_other():
    question = site_pages.question_section(3, without_augmentation)
    whys = json.loads(re.search(r"<script[^>]*>(.*)</script>", question)[1])
    assert set(whys) == set(without_augmentation.options)
    key = next(iter(whys))
    answer = site_pages.reveal_section(3, without_augmentation, key)
    assert f'data-question="question-3" data-right="{key}"' in answer


def test_the_tree_of_a_page_has_every_setting_of_its_explorer():
    explorer = tree_explorer(TreeState(strength=1.0, polarity=(0.7, 1.0)), controls=("strength",))
    section = site_pages.tree_section(1, explorer)
    start = json.loads(re.search(r"<script[^>]*>(.*)</script>", section)[1])["start"]
    assert (start["strength"], start["polarity"], start["budget"]) == (1.0, "0.7 to 1.0", 500)
    shown = set(re.findall(r'data-setting="(\w+)"', section))
    assert shown == set(TreeState.controls()) - {"pace"}, "a page plays in eight seconds, whatever its machine"
    assert re.findall(r"data-preset.*>(.*)</button>", section) == list(explorer.presets)


def test_a_tree_that_follows_the_root_alone_stands_alone():
    assert 'class="tree alone"' in site_pages.tree_section(1, tree_explorer(TreeState(), levels=(0,)))
    for explorer in (two_trees(TreeState()), tree_explorer(TreeState())):
        assert 'class="tree"' in site_pages.tree_section(1, explorer)


def test_the_race_of_a_page_opens_with_the_root_over_q():
    section = site_pages.tree_section(2, race_explorer(RaceState(neurons=2)))
    start = json.loads(re.search(r"<script[^>]*>(.*)</script>", section)[1])["start"]
    assert (start["depth"], start["polarity"], start["strength"]) == (3, "0.7 to 1.0", 0.5)
    assert '<option value="strengths" selected>' in section


def test_a_live_section_has_every_setting_and_the_spectra_that_only_python_computes():
    section = site_pages.live_section(2, grassmann_explorer(GrassmannState(columns="orthonormal")))
    known = json.loads(re.search(r"<script[^>]*>(.*)</script>", section)[1])
    assert known["start"] == {"columns": "orthonormal", "objective": "L_simp", "spectrum": "even", "k": 3,
                              "step_size": "0.1", "seed": 1, "time": 0}  # fmt: skip
    assert set(re.findall(r'data-setting="(\w+)"', section)) == set(known["start"])
    assert known["data"]["pull only, RBF kernel"][0] <= 0 < known["data"]["L_simp, RBF kernel"][0]
    assert re.findall(r"data-preset.*>(.*)</button>", section) == list(grassmann_explorer().presets)


SETTING = re.compile(r'\]\(#[^ )]+ "([^"]*=[^"]*)"\)')


STATES = {"tree": TreeState, "two": TreeState, "ring": RingState, "modes": ModesState, "grassmann": GrassmannState}
SHORT = {"q": "strength", "lr": "learning_rate", "tau": "temperature"}


def explorers(path):
    """The words before `_explorer(` or `_trees(` in the explorer cells of a notebook."""
    cells = nbformat.read(path, as_version=4).cells
    return [
        re.search(r"(\w+)_(explorer|trees)\(", c.source)[1] for c in cells if "explorer" in c.metadata.get("tags", [])
    ]


def unknown_settings(told, made):
    """The parts of a link that no explorer of the page has."""
    values = dict(pair.split("=") for pair in told.split("&") if pair not in ("v=1", "alone=1"))
    controls = STATES[made[int(values.pop("explorer", 1)) - 1]].controls()
    odd = []
    for short, value in values.items():
        control = controls.get(SHORT.get(short, short))
        if control is None:
            known = False
        elif control.options:
            known = value in [label_of(control, option) for option in control.options]
        else:
            known = control.low <= float(value) <= control.high
        if not known:
            odd.append(f"{short}={value}")
    return odd


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_link_to_settings_names_controls_and_values_that_exist(path):
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert [unknown_settings(told, explorers(path)) for told in SETTING.findall(text)] == [[]] * len(
        SETTING.findall(text)
    )
    assert unknown_settings("q=2&speed=1", ["tree"]) == ["q=2", "speed=1"]


def test_every_stop_of_the_story_names_a_page_and_settings_that_exist():
    stops = tomllib.loads((build_site.ASSETS / "story.toml").read_text("utf-8"))["stop"]
    paths = {path.stem: path for path in NOTEBOOKS}
    assert len(stops) >= 10
    for stop in stops:
        first = explorers(paths[stop["page"].removeprefix("../")])[0]
        if first in STATES:
            assert unknown_settings(stop["set"], [first]) == [], stop
        else:
            known = {"operator": OperatorExplorer.presets, "graph": {"v=1": {}}}[first]
            assert stop["set"].removeprefix("only=1&preset=") in known


def test_a_link_to_settings_sets_a_page_and_is_plain_text_on_a_slide():
    link = '[set q to 0](#The-tree "explorer=2&update=L_simp, exact")'
    assert markdown(link, live=True) == (
        '<p><a class="set" href="#explorer=2&update=L_simp,%20exact">set q to 0</a></p>\n'
    )
    assert markdown(link) == "<p>set q to 0</p>\n"


def test_an_output_carries_no_script_and_no_style():
    cell = nbformat.v4.new_code_cell(outputs=[
        nbformat.v4.new_output("display_data", data={"text/html": '<b style="color:red">x</b>', "text/plain": "x"}),
        nbformat.v4.new_output("stream", name="stdout", text="<script>1</script>"),
    ])  # fmt: skip
    shown = site_pages.outputs(cell)
    assert not re.search("style|<script>", shown)
    assert "<b>x</b>" in shown


def test_the_answer_to_a_drawn_guess_is_that_of_the_notebook():
    reader, cells = build_site.Reader(), nbformat.v4.new_code_cell
    reader.cell(cells(
        "from ssl_explain.lessons.two_views_one_network import sketch\nguess = sketch('How?', (1, 2), start=0.0)"
    ))  # fmt: skip
    saved = [nbformat.v4.new_output("display_data", data={"text/html": "<b>Measured:</b> so.", "text/plain": "so"})]
    assert "Measured:" in reader.cell(cells("guess.reveal([0, 1, 1])", outputs=saved))


def test_contents_ask_every_question_and_pages_name_no_menu_that_they_lack():
    body = build_site.contents(NOTEBOOKS)
    assert body.count("<li>") == len(NOTEBOOKS)
    assert "What is this about" in body or "Can it find the hidden causes" in body
    cell = nbformat.v4.new_markdown_cell(
        "# Title\n\nIn JupyterLab, first choose *Run*: pictures wake.\n\n**Question.** Why?"
    )
    said = build_site.Reader().cell(cell)
    assert "JupyterLab" not in said
    assert "Title" in said
    assert "Why?" in said


def test_the_answer_to_a_drawn_curve_is_folded():
    reader = build_site.Reader()
    reader.run("from ssl_explain.lessons.two_views_one_network import sketch\nguess = sketch('', (1,), start=0)")
    assert reader.cell(nbformat.v4.new_code_cell("guess.reveal([0.0, 0.5])")) == reader.names["guess"]._reveal.page
    assert "0.5 at step 1" in reader.names["guess"]._reveal.page


def test_an_embedded_page_has_no_navigation():
    assert "<nav" not in build_site.page("T", "<p>x</p>", [])
    assert "<nav" in build_site.page("T", "<p>x</p>", [("Contents", "index.html")])


def test_a_cell_that_fails_is_named(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_markdown_cell("# T"), nbformat.v4.new_code_cell("1 / 0"),
    ])  # fmt: skip
    nbformat.write(notebook, tmp_path / "t.ipynb")
    with pytest.raises(RuntimeError, match=r"cell 2 of t\.ipynb: ZeroDivisionError"):
        build_site.build(tmp_path / "t.ipynb", tmp_path, [])
    assert not (tmp_path / "t.html").exists()
