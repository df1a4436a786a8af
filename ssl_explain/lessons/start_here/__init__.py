"""The names that notebook 00 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.start_here import exercises
    from ssl_explain.lessons.start_here.experiment import emergence_run
    from ssl_explain.lessons.start_here.explorer import tree_explorer
    from ssl_explain.lessons.start_here.state import TreeState
    from ssl_explain.lessons.start_here.two_trees import two_trees

lazy(__name__)
