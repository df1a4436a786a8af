"""The names that notebook 07 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.latent_tree.best_of_n import best_of, expected_maximum, random_correlations
    from ssl_explain.lessons.latent_tree.clamp import chances
    from ssl_explain.lessons.latent_tree.exercises import any_activation, ceilings_upwards, what_arrives
    from ssl_explain.lessons.latent_tree.experiment import ChildNeurons, given_the_root
    from ssl_explain.lessons.latent_tree.explorer import WorldState, world_explorer
    from ssl_explain.lessons.latent_tree.figures import figure_ceilings, figure_fading, figure_luck
    from ssl_explain.lessons.latent_tree.shared_explorer import SharedState, sampled_law, shared_explorer

lazy(__name__)
