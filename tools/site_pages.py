"""From a notebook to the body of a static page: folded code, pictures, players, predictions."""

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from site_frames import Player

from ssl_explain.kit.prediction import Question

STYLED = re.compile(r"""\sstyle=(["']).*?\1""")


def code(source: str) -> str:
    """Python, folded."""
    marked = highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))
    return f'<details class="code"><summary>code</summary><pre tabindex="0">{marked}</pre></details>\n'


def picture(data: str, kind: str, alt: str) -> str:
    """A figure with its alt text."""
    return f'<img src="data:{kind};base64,{data.strip()}" alt="{html.escape(alt, quote=True)}">\n'


def outputs(cell: NotebookNode) -> str:
    """What a cell has shown: pictures, the words of pictures, printed lines. Nothing else is taken over."""
    parts = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "image/png" in data:
            parts.append(picture(data["image/png"], "image/png", data.get("text/plain", "")))
        elif "text/html" in data:
            parts.append(f'<div class="words">{STYLED.sub("", data["text/html"])}</div>\n')
        else:
            text = output.get("text", data.get("text/plain", ""))
            parts.append(f'<pre class="out" tabindex="0">{html.escape(text.rstrip())}</pre>\n' if text else "")
    return "".join(parts)


def player_section(number: int, player: Player) -> str:
    """An explorer that plays without a kernel; its pictures lie beside it as JSON."""
    name, data = f"player-{number}", json.dumps(player.data(), allow_nan=False).replace("<", "\\u003c")
    start = 0
    for axis in player.axes:
        start = start * len(axis["values"]) + axis["start"]
    first = player.scenes[0]["grid"][start]
    more = f"In JupyterLab it also moves: {', '.join(player.more)}." if player.more else ""
    width, height = player.size
    alt = html.escape(player.words[first], quote=True)
    return (
        f'<section class="player" id="{name}" aria-label="explorer">\n<div class="presets"></div>\n'
        f'<div class="controls">{"".join(_control(name, k, axis) for k, axis in enumerate(player.axes))}</div>\n'
        f'<img class="screen" src="{player.images[first]}" alt="{alt}" width="{width}" height="{height}">\n'
        f'<p class="words" aria-live="polite">{alt}</p>\n'
        f'<p class="note">These pictures were computed beforehand. {html.escape(more)}</p>\n'
        f'<script type="application/json">{data}</script>\n</section>\n'
    )


def _control(name: str, k: int, axis: Mapping[str, Any]) -> str:
    """A labelled menu for words; for numbers a slider with its value beside it, and a button that moves it."""
    label, tip = html.escape(axis["label"]), html.escape(axis["tip"], quote=True)
    head = f'<div class="control"><label for="{name}-{k}" title="{tip}">{label}</label>'
    if axis["words"]:
        chosen = [" selected" * (place == axis["start"]) for place in range(len(axis["labels"]))]
        options = "".join(
            f'<option value="{place}"{chosen[place]}>{html.escape(word)}</option>'
            for place, word in enumerate(axis["labels"])
        )
        return f'{head}<select id="{name}-{k}">{options}</select></div>'
    value = html.escape(axis["labels"][axis["start"]])
    return (
        f'{head}<input type="range" id="{name}-{k}" min="0" max="{len(axis["values"]) - 1}" step="1" '
        f'value="{axis["start"]}" aria-valuetext="{value}"><output for="{name}-{k}">{value}</output>'
        f'<button type="button" class="play" data-axis="{k}" aria-label="play: {label}">Play</button></div>'
    )


def question_section(number: int, question: Question) -> str:
    """A question to answer before looking."""
    rows = "".join(
        f'<label><input type="radio" name="question-{number}" value="{html.escape(key, quote=True)}"> '
        f"{html.escape(option.text)}</label>"
        for key, option in question.options.items()
    )
    whys = {key: f"You said: {option.text}. {option.why}" for key, option in question.options.items()}
    data = json.dumps(whys).replace("<", "\\u003c")
    return (
        f'<fieldset class="predict" id="question-{number}"><legend>Predict. {html.escape(question.text)}</legend>{rows}'
        f'<script type="application/json">{data}</script></fieldset>\n'
    )


def reveal_section(number: int, question: Question, measured: str) -> str:
    """The measured answer, closed until the reader wants it."""
    right = question.options[measured]
    key = html.escape(measured, quote=True)
    return (
        f'<details class="reveal" data-question="question-{number}" data-right="{key}">'
        f'<summary>Look: what was measured</summary><p class="mine"></p>'
        f"<p><b>Measured:</b> {html.escape(right.text)}. {html.escape(right.why)}</p></details>\n"
    )
