"""The names that notebook 03 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.covariance_operator.exercises import more_augmentation, stop_gradient
    from ssl_explain.lessons.covariance_operator.explorer import operator_explorer
    from ssl_explain.lessons.covariance_operator.picture import figure_split

lazy(__name__)
