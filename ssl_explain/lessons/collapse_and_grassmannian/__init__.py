"""The names that notebook 12 imports from its own room."""

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

lazy(__name__)
