"""What the pointer finds in a picture: its panels, where they lie, and which numbers their axes show."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def panels(figure: Figure, names: Mapping[Axes, str], hints: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every panel whose axes carry numbers, and every one that ``hints`` says can be clicked, as JSON.

    ``box`` holds left, top, right and bottom as shares of the figure, ``x`` and ``y`` the label, both ends and the
    scale of an axis, ``hint`` what a click sets.
    """
    found = []
    for ax in figure.axes:
        name = names.get(ax, "")
        numbers = ax.axison and not ax.images and all(len(axis.get_majorticklocs()) for axis in (ax.xaxis, ax.yaxis))
        if ax.get_visible() and (numbers or name in hints):
            place = ax.get_position()
            box = [float(edge) for edge in (place.x0, 1 - place.y1, place.x1, 1 - place.y0)]
            x = _axis(ax.get_xlabel() or "x", ax.get_xlim(), ax.get_xscale())
            y = _axis(ax.get_ylabel() or "y", ax.get_ylim(), ax.get_yscale())
            found.append({"name": name, "hint": hints.get(name, ""), "box": box, "x": x, "y": y})
    return [panel for panel in found if {panel["x"][3], panel["y"][3]} <= {"linear", "log"}]


def _axis(label: str, ends: tuple[float, float], scale: str) -> list[Any]:
    """The label up to its comma, the ends, and the scale."""
    return [label.partition(",")[0], float(ends[0]), float(ends[1]), scale]
