"""The settings in which every explorer is tried: each value of a control alone, and pairs of controls at their ends."""

import itertools

from registry import NAMES


def singles(controls):
    """Every value of every control, one changed setting at a time."""
    return [{name: value} for name, control in controls.items() for value in control.values()]


def extremes(controls, first=None):
    """Every pair of two controls at their ends; only pairs whose first control is ``first``, if it is given."""
    ends = {name: (control.values()[0], control.values()[-1]) for name, control in controls.items()}
    return [
        {a: x, b: y}
        for a, b in itertools.combinations(ends, 2)
        if first in (None, a)
        for x, y in itertools.product(ends[a], ends[b])
    ]


def settings(controls):
    """All of both."""
    return singles(controls) + extremes(controls)


def copied(explorer):
    """The state in the line that is copied; making a second explorer of it takes ten times as long as a setting."""
    return eval(explorer.line(), NAMES | {explorer.factory: explorer.kind()})
