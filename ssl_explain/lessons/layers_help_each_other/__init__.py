"""The names that notebook 06 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.layers_help_each_other import experiment
    from ssl_explain.lessons.layers_help_each_other.exercises import how_it_ends, who_is_faster
    from ssl_explain.lessons.layers_help_each_other.explorer import LayersState, layers_explorer
    from ssl_explain.lessons.layers_help_each_other.picture import figure_ratios

lazy(__name__)
