"""The names that notebook 01 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.two_views_one_network.cloud_explorer import cloud_explorer
    from ssl_explain.lessons.two_views_one_network.exercises import more_negatives, without_push
    from ssl_explain.lessons.two_views_one_network.explorer import loss_explorer
    from ssl_explain.lessons.two_views_one_network.guess_explorer import sketch

lazy(__name__)
