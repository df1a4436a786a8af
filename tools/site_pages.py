"""From a notebook to the body of a static page: folded code, pictures, players, predictions."""

import base64
import html
import io
import re
from collections.abc import Callable, Mapping
from functools import reduce
from types import MappingProxyType
from typing import Any

from nbformat import NotebookNode
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from site_frames import Player, smaller
from site_text import render

from ssl_explain.kit.controls import label_of
from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.prediction import Question
from ssl_explain.kit.state import Control
from ssl_explain.lessons.byol_solved.explorer import ModesExplorer
from ssl_explain.lessons.collapse_and_grassmannian.explorer import GrassmannExplorer, GrassmannState, spectrum_of
from ssl_explain.lessons.selectivity_amplification.explorer import RingExplorer
from ssl_explain.lessons.start_here.explorer import TreeExplorer, tree_explorer
from ssl_explain.lessons.start_here.state import TreeState
from ssl_explain.lessons.start_here.two_trees import TwoTrees
from ssl_explain.lessons.why_the_root.race_explorer import RaceExplorer

PLAIN = re.compile(
    r'<span class="(?!(?:k|kn|ow|kc|c1|s1|s2|sa|si)")\w+">([^<]*)</span>'
)  # page.css has no colour for it
STYLED = re.compile(r"""\sstyle=(["']).*?\1""")


def code(source: str) -> str:
    """Python, folded."""
    marked = PLAIN.sub(r"\1", highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)))
    return f'<details class="code"><summary>code</summary><pre tabindex="0">{marked}</pre></details>\n'


def outputs(cell: NotebookNode) -> str:
    """The outputs of a cell: pictures, their descriptions, printed lines, and nothing else."""
    parts = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "image/png" in data:
            frame, words = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))), data.get("text/plain", "")
            src, alt = smaller(frame.convert("RGB")), html.escape(words, quote=True)
            parts.append(f'<div class="scroll"><img src="{src}" alt="{alt}"></div>\n')
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


def _told(control: Control, value: Any) -> Any:
    """A value as a page keeps it: the number of a slider, the words of a choice."""
    if isinstance(value, tuple):
        return " to ".join(map(str, value))
    return label_of(control, value) if control.options else value


def _known(explorer: Explorer[Any], more: Mapping[str, Control] = MappingProxyType({})) -> dict[str, Any]:
    """Controls, words of their options and presets of an explorer, for a template."""
    controls = explorer.state.controls() | more
    labels = {name: [_told(control, value) for value in control.options] for name, control in controls.items()}
    presets = {
        label: {name: _told(controls[name], value) for name, value in values.items()}
        for label, values in explorer.presets.items()
    }
    return {"controls": controls, "labels": labels, "presets": presets}


def tree_section(number: int, explorer: TreeExplorer | RaceExplorer | TwoTrees) -> str:
    """The tree explorer: the page itself trains its networks, with the controls of its settings.

    That of notebook 14 trains on drawn batches, by loss and rate of notebook 08, and opens with the root over q. One
    that follows the root alone shows one tree: a network with q = 0 beside it would answer the question after it.
    """
    alone = isinstance(explorer, TreeExplorer) and explorer._levels == (0,)
    curves = "levels" if isinstance(explorer, TreeExplorer) and not explorer._levels else "circle"
    if isinstance(explorer, TwoTrees):
        explorer = tree_explorer(explorer.state, controls=("strength",), levels=(0,))
    elif isinstance(explorer, RaceExplorer):
        curves, race = "strengths", explorer.state
        explorer = tree_explorer(TreeState(depth=3, polarity=race.polarity, seed=race.seed, learning_rate=0.03))
    known, state = _known(explorer), explorer.state
    start = vars(state.change(budget=min(known["controls"]["budget"].values()), pace=0))
    start = start | {"polarity": _told(known["controls"]["polarity"], start["polarity"])}
    prefix = f"tree{number}" if number > 1 else "tree"
    return render(
        "site_assets/tree.html.j2", number=number, prefix=prefix, start=start, curves=curves, alone=alone, **known
    )


def live_section(number: int, explorer: Explorer[Any]) -> str:
    """An explorer whose formulas the page computes, with all its controls and the time."""
    view, first, data = LIVE[type(explorer)]
    known = _known(explorer, {"time": TIME})
    state = vars(explorer.state)
    start = {name: _told(known["controls"][name], value) for name, value in ({"time": 100} | state).items()}
    return render("site_assets/live.html.j2", number=number, view=view, start=start, first=first, data=data(), **known)


def spectra() -> dict[str, list[float]]:
    """The eigenvalues of C for every objective and spectrum of notebook 12."""
    controls = GrassmannState.controls()
    return {
        f"{objective}, {spectrum}": spectrum_of(GrassmannState(objective=objective, spectrum=spectrum)).tolist()
        for objective in controls["objective"].options
        for spectrum in controls["spectrum"].options
    }


TIME = Control("time, % of the run", "0: the start; 100: the end", 0, 100, 1)
LIVE: dict[type, tuple[str, tuple[str, ...], Callable[[], dict[str, Any]]]] = {
    RingExplorer: ("ring", ("strength", "neurons", "time"), dict),
    ModesExplorer: ("plane", ("eta", "departure", "time"), dict),
    GrassmannExplorer: ("grassmann", ("columns", "k", "time"), spectra),
}  # the view of a page, the controls in front, and what only Python computes


def question_section(number: int, question: Question) -> str:
    """A question to answer before looking."""
    whys = {key: f"You said: {option.text}. {option.why}" for key, option in question.options.items()}
    return render("site_assets/question.html.j2", number=number, question=question, whys=whys)


def reveal_section(number: int, question: Question, measured: str) -> str:
    """The measured answer, folded."""
    return render("site_assets/reveal.html.j2", number=number, measured=measured, right=question.options[measured])
