"""Notebook 01: what it uses of its own room."""

from ssl_explain.lessons.two_views_one_network.exercises import more_negatives, without_push
from ssl_explain.lessons.two_views_one_network.explorer import CloudState, LossState, cloud_explorer, loss_explorer
