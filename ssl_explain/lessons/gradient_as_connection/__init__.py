"""The names that notebook 02 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.gradient_as_connection.exercises import one_or_both, which_layers
    from ssl_explain.lessons.gradient_as_connection.explorer import ConnectionState, connection_explorer
    from ssl_explain.lessons.gradient_as_connection.picture import relative_gap

lazy(__name__)
