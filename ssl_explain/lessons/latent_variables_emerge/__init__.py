"""The names that notebook 08 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.latent_variables_emerge.exercises import first_to_move, two_neurons, wiring
    from ssl_explain.lessons.latent_variables_emerge.figures import (
        figure_gap_closed,
        figure_outcomes,
        figure_overparameterisation,
    )

lazy(__name__)
