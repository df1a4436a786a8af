"""The nouns that travel between the rooms: frozen, without behaviour beyond joining and slicing."""

from ssl_explain.records.data import ForwardPass, PairLaw, Views
from ssl_explain.records.family import Terms
from ssl_explain.records.pictures import Directions, DirectionsSweep, PictureTraining, PictureViews
from ssl_explain.records.race import Race
from ssl_explain.records.theory import ConnectionView, Landscape, Residue, Reweighing, Spectrum
from ssl_explain.records.training import CloudRun, Emergence, Growth, Selectivity, Stretch, Trace
from ssl_explain.records.worlds import HiddenWorld, SharedViews

__all__ = [
    "CloudRun",
    "ConnectionView",
    "Directions",
    "DirectionsSweep",
    "Emergence",
    "ForwardPass",
    "Growth",
    "HiddenWorld",
    "Landscape",
    "PairLaw",
    "PictureTraining",
    "PictureViews",
    "Race",
    "Residue",
    "Reweighing",
    "Selectivity",
    "SharedViews",
    "Spectrum",
    "Stretch",
    "Terms",
    "Trace",
    "Views",
]
