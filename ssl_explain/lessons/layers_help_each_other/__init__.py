"""Notebook 06: what it uses of its own room."""

from ssl_explain.lessons.layers_help_each_other import experiment
from ssl_explain.lessons.layers_help_each_other.exercises import how_it_ends, who_is_faster
from ssl_explain.lessons.layers_help_each_other.explorer import LayersState, layers_explorer
from ssl_explain.lessons.layers_help_each_other.picture import figure_ratios
