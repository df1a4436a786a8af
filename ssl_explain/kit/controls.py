"""Labelled widgets for the fields of a State, all usable by keyboard."""

import html
from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar

import ipywidgets
from IPython import get_ipython
from IPython.display import display

from ssl_explain.kit.state import Control
from ssl_explain.kit.style import MEASURED

T = TypeVar("T")

LABEL = "120px"
LONGEST = 8  # characters that fit into the read-out of a slider
FRAME = "ssl-explain"
"""The class of every box to which :data:`LOOK` applies."""
LISTED = "ssl-listed"
"""The class of a group of buttons that is laid out as a list of sentences."""

# JupyterLab shows the chosen button by a shade of grey alone, and the focus of a slider not at all.
LOOK = f"""<style>
.{FRAME} :is(button, .noUi-handle, .widget-readout):focus-visible {{
    outline: 3px solid {MEASURED}; outline-offset: 1px;
}}
.{FRAME} .widget-toggle-buttons > .widget-label {{ flex: none; max-width: 100%; }}
.{FRAME} .widget-toggle-button {{ position: relative; padding-left: 1.6em; }}
.{FRAME} .widget-toggle-button.mod-active::before {{ content: "\\2713"; position: absolute; left: 0.4em; }}
.{FRAME} .{LISTED} > div {{ display: flex; flex-direction: column; align-items: flex-start; }}
.{FRAME} .{LISTED} button {{
    height: auto; max-width: 100%; white-space: normal; text-align: left; line-height: 1.4; padding-block: 4px;
}}
.{FRAME} {{ width: 100%; }}
.{FRAME} .ssl-on::before {{ content: "\\2713\\00a0"; }}
.{FRAME} .ssl-play > .widget-slider {{ flex: 1 1 260px; max-width: 480px; }}
.{FRAME} .ssl-said {{ display: block; }}
.{FRAME} .ssl-picture {{ display: block; background: white; }}
.{FRAME} .ssl-live {{ position: relative; }}
.{FRAME} .ssl-at {{
    position: absolute; pointer-events: none; white-space: nowrap; padding: 1px 6px; border-radius: 3px;
    background: #222222; color: white; font-size: 13px; line-height: 1.5;
}}
.{FRAME} .ssl-words {{ max-width: 960px; min-height: 4.2em; margin: 2px 0; line-height: 1.4; }}
.{FRAME} .ssl-still {{ max-height: 0; overflow: hidden; animation: ssl-late 1ms 6s forwards; }}
.{FRAME} .ssl-view:has(.ssl-picture) .ssl-still {{ display: none; }}
@keyframes ssl-late {{ to {{ max-height: none; }} }}
</style>"""


def make_control(control: Control, value: Any) -> ipywidgets.Widget:
    """Make a slider for a range or a list of numbers, a row of buttons for words.

    No dropdown, because JupyterLab intercepts its keys (ipywidgets issue 3912).
    """
    label = labelled(control, control.tip)
    common: dict[str, Any] = {"value": value, "tooltip": control.tip, "style": {"description_width": LABEL}}
    common |= {"layout": {"width": "auto"}, "description": label, "description_allow_html": True}
    if not control.options:
        kind = ipywidgets.IntSlider if isinstance(control.step, int) else ipywidgets.FloatSlider
        return kind(min=control.low, max=control.high, step=control.step, **common)
    options = [(label_of(control, option), option) for option in control.options]
    if not has_word_labels(control):
        return ipywidgets.SelectionSlider(options=options, **common)
    common["description"] += "&nbsp;&nbsp;"  # space between label and first button
    common["style"] = {"description_width": "auto", "button_width": "auto"}
    common["layout"] = {"width": "auto", "display": "flex", "flex_flow": "row", "margin": "2px 24px 2px 2px"}
    tips = [f"{control.label}: {control.tip}"] * len(options)
    return ipywidgets.ToggleButtons(options=options, tooltips=tips, **common)


def labelled(control: Control, tip: str) -> str:
    """The label with its tooltip: that of the widget covers only a part of it."""
    return f'<span title="{html.escape(tip)}">{html.escape(control.label)}</span>'


def enable(widget: ipywidgets.Widget, control: Control, why_not: str | None) -> None:
    """Let a control be moved, unless something says why it would change nothing: then that is its tooltip."""
    if widget.disabled != (why_not is not None):
        tip = why_not or control.tip
        space = "&nbsp;&nbsp;" * isinstance(widget, ipywidgets.ToggleButtons)
        widget.disabled, widget.tooltip, widget.description = why_not is not None, tip, labelled(control, tip) + space


def frame(rows: Sequence[ipywidgets.Widget]) -> ipywidgets.VBox:
    """Stack rows in a box with styles that mark the chosen button and the keyboard focus."""
    box = ipywidgets.VBox([*rows, ipywidgets.HTML(LOOK, layout={"display": "none"})])
    box.add_class(FRAME)
    return box


def close(widget: ipywidgets.Widget) -> None:
    """Close a widget and everything in it, also layout and style, which ipywidgets would keep."""
    looks = [getattr(widget, name) for name in ("layout", "style") if hasattr(widget, name)]
    for part in (*getattr(widget, "children", ()), *looks):
        close(part)
    widget.close()


def has_word_labels(control: Control) -> bool:
    """Whether the options are words, or have labels too long for the read-out of a slider."""
    labels = [label_of(control, option) for option in control.options]
    return any(isinstance(option, str) for option in control.options) or any(len(label) > LONGEST for label in labels)


def label_of(control: Control, option: Any) -> str:
    """The label of an option of this control."""
    return control.names.get(option, name(option))


def name(option: Any) -> str:
    """The default label of an option."""
    if isinstance(option, tuple):
        return " to ".join(f"{part:g}" for part in option)
    return f"{option:g}" if isinstance(option, float) else str(option)


def button(label: str, tip: str, icon: str = "") -> ipywidgets.Button:
    """A button that is as wide as its label."""
    return ipywidgets.Button(description=label, tooltip=tip, icon=icon, layout={"width": "auto"})


def with_progress(things: Collection[T], words: str) -> Iterator[T]:
    """Iterate over slow items; in a notebook a bar shows the progress if there are several."""
    if get_ipython() is None or len(things) < 2:
        yield from things
        return
    bar = ipywidgets.IntProgress(max=len(things), description=words, style={"description_width": "auto"})
    display(bar)
    try:
        for thing in things:
            yield thing
            bar.value += 1
    finally:
        close(bar)
