"""Notebook 02: what it uses of its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.gradient_as_connection.exercises import one_or_both, which_layers
    from ssl_explain.lessons.gradient_as_connection.explorer import ConnectionState, connection_explorer
    from ssl_explain.lessons.gradient_as_connection.picture import relative_gap

__all__ = [
    "ConnectionState",
    "connection_explorer",
    "one_or_both",
    "relative_gap",
    "which_layers",
]

lazy(__name__)
