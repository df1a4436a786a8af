"""Notebook 11: what it uses of its own room."""

from ssl_explain.lessons.byol_solved import experiment, modes
from ssl_explain.lessons.byol_solved.exercises import how_it_dies, slow_target, what_survives
from ssl_explain.lessons.byol_solved.experiment import Rates, Spread, isotropic
from ssl_explain.lessons.byol_solved.explorer import ModesState, modes_explorer
from ssl_explain.lessons.byol_solved.picture import figure_basins, figure_unaligned
