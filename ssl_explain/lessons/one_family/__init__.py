"""The names that notebook 13 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.one_family.exercises import copies, how_alike, loud_or_steady
    from ssl_explain.lessons.one_family.experiment import BETWEEN, WITHIN, angle, frontier, start_weights, train_member
    from ssl_explain.lessons.one_family.explorer import FamilyState, family_explorer
    from ssl_explain.lessons.one_family.figures import figure_angles, figure_one_plane
    from ssl_explain.lessons.one_family.members import members, moments, update, vicreg_member

lazy(__name__)
