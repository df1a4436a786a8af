"""The nouns that travel between the rooms: frozen, without behaviour beyond joining and slicing."""

from ssl_explain.records.data import ForwardPass, PairLaw, Views
from ssl_explain.records.family import Terms
from ssl_explain.records.training import Stretch, Trace

__all__ = [
    "ForwardPass",
    "PairLaw",
    "Stretch",
    "Terms",
    "Trace",
    "Views",
]
