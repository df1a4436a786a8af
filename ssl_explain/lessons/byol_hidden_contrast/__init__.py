"""The names that notebook 10 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.byol_hidden_contrast import experiment
    from ssl_explain.lessons.byol_hidden_contrast.exercises import no_predictor, resets, which_grow
    from ssl_explain.lessons.byol_hidden_contrast.experiment import all_pairs, hidden_update, measured_update
    from ssl_explain.lessons.byol_hidden_contrast.explorer import ByolState, byol_explorer
    from ssl_explain.lessons.byol_hidden_contrast.figures import byol, figure_ablation, figure_reinitialised
    from ssl_explain.lessons.byol_hidden_contrast.picture import figure_resets, figure_shares, figure_threshold

lazy(__name__)
