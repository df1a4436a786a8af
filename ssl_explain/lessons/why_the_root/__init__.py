"""The names that notebook 14 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.why_the_root.exercises import exercises, leading, where_best
    from ssl_explain.lessons.why_the_root.explorer import GraphState, graph_explorer
    from ssl_explain.lessons.why_the_root.race import race_run
    from ssl_explain.lessons.why_the_root.race_explorer import RaceState, race_explorer

lazy(__name__)
