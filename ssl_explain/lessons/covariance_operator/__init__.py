"""Notebook 03: what it uses of its own room."""

from ssl_explain.lessons.covariance_operator.exercises import more_augmentation, stop_gradient
from ssl_explain.lessons.covariance_operator.explorer import OperatorState, operator_explorer, spectrum_of
from ssl_explain.lessons.covariance_operator.picture import figure_growth, figure_step_error
