"""How the parts of an explorer stand on the page: presets, four settings, a drawer with more, picture, Play, words."""

import html
from typing import Any

import ipywidgets

from ssl_explain.kit.controls import button, enable, has_word_labels

IN_VIEW = 4  # settings above the picture; all others are in the drawer
TIMES = ("time", "pace")  # settings that stand beside Play
ROW = {"flex_flow": "row wrap", "align_items": "center"}
COLUMNS = {"grid_template_columns": "repeat(auto-fill, minmax(285px, 1fr))", "max_width": "1500px"}


def rows(explorer: Any) -> list[ipywidgets.Widget]:
    """The parts of an explorer from top to bottom; the buttons of its presets are kept in ``_presets``."""
    played = explorer._buttons
    times = [name for name in explorer.shown if played and name in TIMES]
    wanted = [*explorer.main_controls[:2], *(name for names in explorer.on_pick.values() for name in names)]
    ranked = dict.fromkeys([*wanted, *explorer.main_controls, *explorer.shown])
    settings = [name for name in ranked if name in explorer.shown and name not in times]
    drawer = _drawer(_settings(explorer, settings[IN_VIEW:])) if settings[IN_VIEW:] else []
    copied = ipywidgets.HTML(layout={"overflow": "auto"})
    copy = button("copy state", "print the line that recreates these settings")
    copy.on_click(lambda _: setattr(copied, "value", f"<code>{html.escape(explorer.line())}</code>"))
    head = [*_presets(explorer), *drawer[:1], copy]
    parts = [*played.values(), *(explorer._widgets[name] for name in times)]
    under = [ipywidgets.Box(parts, layout=ROW)] if parts else []
    for row in under:
        row.add_class("ssl-play")
    mark(explorer)
    return [
        ipywidgets.Box(head, layout=ROW),
        copied,
        _settings(explorer, settings[:IN_VIEW]),
        *drawer[1:],
        explorer.view.widget,
        *under,
        explorer.view.said,
    ]


def _presets(explorer: Any) -> list[ipywidgets.Widget]:
    """A button for every preset that sets a control shown here."""
    explorer._presets = {}
    for label in explorer.offered():
        wanted = ", ".join(f"{name} = {value}" for name, value in explorer.presets[label].items())
        made = explorer._presets[label] = button(label, f"start anew, with {wanted}")
        made.on_click(lambda _, label=label: explorer.choose(explorer.offered()[label]))
    return [ipywidgets.HTML("<b>presets</b>"), *explorer._presets.values()] if explorer._presets else []


def mark(explorer: Any) -> None:
    """Mark the preset whose settings are those of the explorer, whatever the time; disable what changes nothing."""
    idle, known = explorer.state.idle(), explorer.state.controls()
    for name, widget in vars(explorer).get("_widgets", {}).items():
        enable(widget, known[name], idle.get(name))
    for label, values in explorer.offered().items() if explorer._presets else ():
        on = all(getattr(explorer.state, name) == value for name, value in values.items() if name not in TIMES)
        made = explorer._presets[label]
        (made.add_class if on else made.remove_class)("ssl-on")


def _settings(explorer: Any, names: list[str]) -> ipywidgets.VBox:
    """Controls: sliders in columns, rows of buttons below."""
    known = explorer.state.controls()
    words = [explorer._widgets[name] for name in names if has_word_labels(known[name])]
    sliders = [explorer._widgets[name] for name in names if not has_word_labels(known[name])]
    columns = [ipywidgets.GridBox(sliders, layout=COLUMNS)] if sliders else []
    row = [ipywidgets.Box(words, layout=ROW)] if words else []
    return ipywidgets.VBox([*columns, *row])


def _drawer(inside: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    """A button, and what it shows and hides; ``view.js`` does not count it when it fits the picture into the window."""
    box = ipywidgets.Box([inside], layout={"display": "none"})
    box.add_class("ssl-more")
    more = button("more settings", "show or hide all other settings", "caret-right")

    def turn(_: Any) -> None:
        opened = box.layout.display == "none"
        box.layout.display = "block" if opened else "none"
        more.icon, more.description = ("caret-down", "fewer settings") if opened else ("caret-right", "more settings")

    more.on_click(turn)
    return [more, box]
