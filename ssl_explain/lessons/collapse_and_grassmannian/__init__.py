"""Notebook 12: what it uses of its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.collapse_and_grassmannian import experiment, kernel_drift, kernel_features, two_layers
    from ssl_explain.lessons.collapse_and_grassmannian.exercises import (
        columns_free,
        pull_orthonormal,
        what_moves,
        wider,
    )
    from ssl_explain.lessons.collapse_and_grassmannian.explorer import GrassmannState, grassmann_explorer
    from ssl_explain.lessons.collapse_and_grassmannian.figures import (
        figure_drift,
        figure_moving,
        figure_products,
        figure_slopes,
    )
    from ssl_explain.lessons.collapse_and_grassmannian.picture import figure_features, figure_order

__all__ = [
    "GrassmannState",
    "columns_free",
    "experiment",
    "figure_drift",
    "figure_features",
    "figure_moving",
    "figure_order",
    "figure_products",
    "figure_slopes",
    "grassmann_explorer",
    "kernel_drift",
    "kernel_features",
    "pull_orthonormal",
    "two_layers",
    "what_moves",
    "wider",
]

lazy(__name__)
