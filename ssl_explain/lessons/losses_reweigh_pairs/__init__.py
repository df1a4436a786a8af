"""The names that notebook 04 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.losses_reweigh_pairs.exercises import which_pairs, while_training
    from ssl_explain.lessons.losses_reweigh_pairs.experiment import (
        frozen_operator,
        measure_residue,
        negative_sets,
        residue_over_training,
    )
    from ssl_explain.lessons.losses_reweigh_pairs.explorer import PairsState, pairs_explorer
    from ssl_explain.lessons.losses_reweigh_pairs.picture import figure_definite, figure_residue, figure_training

lazy(__name__)
