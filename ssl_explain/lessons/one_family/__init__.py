"""Notebook 13: what it uses of its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.one_family.exercises import copies, how_alike, loud_or_steady
    from ssl_explain.lessons.one_family.experiment import BETWEEN, WITHIN, angle, frontier, start_weights, train_member
    from ssl_explain.lessons.one_family.explorer import FamilyState, family_explorer
    from ssl_explain.lessons.one_family.figures import figure_angles, figure_one_plane
    from ssl_explain.lessons.one_family.members import members, moments, update, vicreg_member

__all__ = [
    "BETWEEN",
    "WITHIN",
    "FamilyState",
    "angle",
    "copies",
    "family_explorer",
    "figure_angles",
    "figure_one_plane",
    "frontier",
    "how_alike",
    "loud_or_steady",
    "members",
    "moments",
    "start_weights",
    "train_member",
    "update",
    "vicreg_member",
]

lazy(__name__)
