"""The nouns that travel between the rooms: frozen, without behaviour beyond joining and slicing."""

from ssl_explain.records.data import ForwardPass, PairLaw, Views
from ssl_explain.records.family import Terms
from ssl_explain.records.theory import Landscape
from ssl_explain.records.training import CloudRun, Emergence, Stretch, Trace

__all__ = [
    "CloudRun",
    "Emergence",
    "ForwardPass",
    "Landscape",
    "PairLaw",
    "Stretch",
    "Terms",
    "Trace",
    "Views",
]
