"""The names that notebook 07 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.latent_tree.exercises import ceilings_upwards, more_leaves
    from ssl_explain.lessons.latent_tree.explorer import world_explorer
    from ssl_explain.lessons.latent_tree.neurons_explorer import neurons_explorer
    from ssl_explain.lessons.latent_tree.shared_explorer import shared_explorer
    from ssl_explain.lessons.latent_tree.two_way import two_way, two_way_ceilings

lazy(__name__)
