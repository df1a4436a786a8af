"""The names that notebook 08 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.latent_variables_emerge.exercises import first_to_move, two_neurons, wiring
    from ssl_explain.lessons.latent_variables_emerge.figures import figure_gap_closed, figure_overparameterisation
    from ssl_explain.lessons.latent_variables_emerge.race import race_run
    from ssl_explain.lessons.latent_variables_emerge.race_exercises import bottom_operator, weak_polarity
    from ssl_explain.lessons.latent_variables_emerge.race_explorer import RaceState, race_explorer
    from ssl_explain.lessons.latent_variables_emerge.race_picture import figure_operator_growth, figure_shares

lazy(__name__)
