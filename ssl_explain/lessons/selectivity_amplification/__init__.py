"""The names that notebook 05 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.selectivity_amplification import experiment
    from ssl_explain.lessons.selectivity_amplification.exercises import first_preference, linear_learns, small_shifts
    from ssl_explain.lessons.selectivity_amplification.explorer import RingState, ring_explorer
    from ssl_explain.lessons.selectivity_amplification.picture import figure_signs_kept, figure_winners

lazy(__name__)
