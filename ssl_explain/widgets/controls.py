"""From the fields of a State to labelled, keyboard-operable widgets."""

import html
from typing import Any

import ipywidgets

from ssl_explain.widgets.state import Control

LAYOUT = {"width": "auto"}  # the columns of the grid decide
STYLE = {"description_width": "120px"}


def make_control(control: Control, value: Any) -> ipywidgets.Widget:
    """Build the widget that fits a control: a slider for a range, a dropdown for options."""
    common: dict[str, Any] = {"description": control.label, "tooltip": control.tip, "layout": LAYOUT, "style": STYLE}
    if control.options:
        options = [(control.names.get(option, name(option)), option) for option in control.options]
        # A dropdown that has a description never shows its tooltip, so the description carries it.
        label = f'<span title="{html.escape(control.tip)}">{html.escape(control.label)}</span>'
        common |= {"description": label, "description_allow_html": True}
        return ipywidgets.Dropdown(options=options, value=value, **common)
    kind = ipywidgets.IntSlider if isinstance(control.step, int) else ipywidgets.FloatSlider
    return kind(value=value, min=control.low, max=control.high, step=control.step, **common)


def name(option: Any) -> str:
    """How an option reads in a menu."""
    if isinstance(option, tuple):
        return " to ".join(f"{part:g}" for part in option)
    return f"{option:g}" if isinstance(option, float) else str(option)


def button(label: str, tip: str, icon: str = "") -> ipywidgets.Button:
    """Build a button that is as wide as its label."""
    return ipywidgets.Button(description=label, tooltip=tip, icon=icon, layout={"width": "auto"})
