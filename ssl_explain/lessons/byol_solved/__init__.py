"""The names that notebook 11 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.byol_solved import experiment, modes
    from ssl_explain.lessons.byol_solved.exercises import how_it_dies, slow_target, what_survives
    from ssl_explain.lessons.byol_solved.experiment import Rates, Spread, isotropic
    from ssl_explain.lessons.byol_solved.explorer import ModesState, modes_explorer
    from ssl_explain.lessons.byol_solved.picture import figure_basins, figure_unaligned

lazy(__name__)
