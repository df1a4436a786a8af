"""How the parts of an explorer stand on the page: presets, settings, picture, copied state."""

import html
from typing import Any

import ipywidgets

from ssl_explain.kit.controls import button, has_word_labels

ROW = {"flex_flow": "row wrap", "align_items": "center"}
COLUMNS = {"grid_template_columns": "repeat(auto-fill, minmax(285px, 1fr))", "max_width": "1500px"}


def preset_row(explorer: Any) -> ipywidgets.Box:
    """A button for every preset that sets a control shown here."""
    buttons = []
    for label, values in explorer.offered().items():
        preset = button(label, f"set {', '.join(f'{k} = {v}' for k, v in values.items())}")
        preset.on_click(lambda _, values=values: explorer.choose(values))
        buttons.append(preset)
    title = [ipywidgets.HTML("<b>presets</b>")] if buttons else []
    return ipywidgets.Box([*title, *buttons], layout=ROW)


def settings(explorer: Any) -> ipywidgets.VBox:
    """The controls: sliders in columns, rows of buttons below."""
    known = explorer.state.controls()
    words = [widget for name, widget in explorer._widgets.items() if has_word_labels(known[name])]
    sliders = [widget for widget in explorer._widgets.values() if widget not in words]
    return ipywidgets.VBox([ipywidgets.GridBox(sliders, layout=COLUMNS), ipywidgets.Box(words, layout=ROW)])


def copy_row(explorer: Any) -> ipywidgets.Box:
    """The button that shows the line which makes this state again."""
    copied = ipywidgets.HTML(layout={"flex": "1 1 0", "min_width": "200px", "overflow": "auto"})
    copy = button("copy state", "print the line that recreates these settings")
    copy.on_click(lambda _: setattr(copied, "value", f"<code>{html.escape(explorer.line())}</code>"))
    return ipywidgets.Box([copy, copied], layout=ROW)
