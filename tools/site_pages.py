"""From a notebook to the body of a static page: folded code, pictures, players, predictions."""

import base64
import html
import io
import re
from functools import reduce

from nbformat import NotebookNode
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from site_frames import Player, smaller
from site_text import render

from ssl_explain.kit.prediction import Question
from ssl_explain.lessons.start_here.explorer import TreeExplorer, tree_explorer
from ssl_explain.lessons.start_here.state import TreeState
from ssl_explain.lessons.why_the_root.race_explorer import RaceExplorer

STYLED = re.compile(r"""\sstyle=(["']).*?\1""")


def code(source: str) -> str:
    """Python, folded."""
    marked = highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))
    return f'<details class="code"><summary>code</summary><pre tabindex="0">{marked}</pre></details>\n'


def outputs(cell: NotebookNode) -> str:
    """The outputs of a cell: pictures, their descriptions, printed lines, and nothing else."""
    parts = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "image/png" in data:
            frame, words = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))), data.get("text/plain", "")
            parts.append(f'<img src="{smaller(frame.convert("RGB"))}" alt="{html.escape(words, quote=True)}">\n')
        elif "text/html" in data:
            parts.append(f'<div class="words">{STYLED.sub("", data["text/html"])}</div>\n')
        else:
            text = output.get("text", data.get("text/plain", ""))
            parts.append(f'<pre class="out" tabindex="0">{html.escape(text.rstrip())}</pre>\n' if text else "")
    return "".join(parts)


def player_section(number: int, player: Player) -> str:
    """An explorer that plays without a kernel; its pictures are embedded as JSON."""
    start = reduce(lambda place, axis: place * len(axis["values"]) + axis["start"], player.axes, 0)
    return render("site_assets/player.html.j2", number=number, player=player, first=player.scenes[0]["grid"][start])


def tree_section(explorer: TreeExplorer | RaceExplorer) -> str:
    """The tree explorer: the page itself trains its networks, with the controls of its settings.

    That of notebook 14 trains on drawn batches, by loss and rate of notebook 08, and opens with the root over q.
    """
    curves = "circle" if isinstance(explorer, TreeExplorer) and explorer._levels else "levels"
    if isinstance(explorer, RaceExplorer):
        curves, race = "strengths", explorer.state
        explorer = tree_explorer(TreeState(depth=3, polarity=race.polarity, seed=race.seed, learning_rate=0.03))
    state = explorer.state.change(budget=min(explorer.state.controls()["budget"].values()))
    start = {name: " to ".join(map(str, v)) if isinstance(v, tuple) else v for name, v in vars(state).items()}
    known = {"controls": state.controls(), "presets": explorer.presets, "curves": curves}
    return render("site_assets/tree.html.j2", start=start, **known)


def question_section(number: int, question: Question) -> str:
    """A question to answer before looking."""
    whys = {key: f"You said: {option.text}. {option.why}" for key, option in question.options.items()}
    return render("site_assets/question.html.j2", number=number, question=question, whys=whys)


def reveal_section(number: int, question: Question, measured: str) -> str:
    """The measured answer, folded."""
    return render("site_assets/reveal.html.j2", number=number, measured=measured, right=question.options[measured])
