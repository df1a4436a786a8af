"""Notebook 06: what it uses of its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.layers_help_each_other import experiment
    from ssl_explain.lessons.layers_help_each_other.exercises import how_it_ends, who_is_faster
    from ssl_explain.lessons.layers_help_each_other.explorer import LayersState, layers_explorer
    from ssl_explain.lessons.layers_help_each_other.picture import figure_ratios

__all__ = [
    "LayersState",
    "experiment",
    "figure_ratios",
    "how_it_ends",
    "layers_explorer",
    "who_is_faster",
]

lazy(__name__)
