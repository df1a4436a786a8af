"""Colours by role, sizes, and figures that depend neither on pyplot nor on the user's matplotlib settings."""

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from matplotlib import RcParams, colormaps, rcParams, rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

# Okabe and Ito's palette, safe for common colour-vision deficiencies, with a darker sky blue and orange for
# contrast ≥ 3 on white.
MEASURED, PREDICTED, POSITIVE, NEGATIVE, QUIET = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#6e6e6e"
INK, PAPER, BRANCH = "#222222", "#ffffff", "#8f8f8f"
SERIES = ("#444444", "#3091F2", "#009E73", "#99733D", "#0072B2", "#CC79A7", "#D55E00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

SCALE: Colormap = colormaps["cividis"]
"""Correlation with a latent from 0 (dark) to its ceiling (bright); monotone in lightness."""
LOWEST = 0.3
"""The share at and below which the darkest colour is used."""

FONT, DPI = 12, 100
"""Points of every text: 14.7 pixels where a picture of 9.6 inches is 848 pixels wide. Pixels per inch, by default."""

DRAWING = threading.RLock()
"""Held by the thread that draws, since all figures share one parser of formulas, which is not thread-safe."""

LOOK: dict[str, Any] = {key: copy.deepcopy(rcParamsDefault._get(key)) for key in rcParamsDefault if key != "backend"}
"""Every setting of our figures: matplotlib's defaults, the font that is part of it, and legends of little room."""
LOOK |= {"font.family": ["DejaVu Sans"], "font.size": FONT, "axes.titlesize": FONT}
LOOK |= {"legend.frameon": False, "legend.handlelength": 1.5, "legend.handletextpad": 0.5, "legend.columnspacing": 1.0}

_drawing: ContextVar[bool] = ContextVar("drawing", default=False)


class _Settings(RcParams):
    """The settings of matplotlib, in place of which a thread within :func:`drawing` reads :data:`LOOK`."""

    def __getitem__(self, key: Any) -> Any:
        return LOOK[key] if _drawing.get() and key in LOOK else super().__getitem__(key)


# Matplotlib reads its settings when an artist is made, when it is drawn, and when a figure is saved. `rc_context`
# would change them for the whole process: a plot that the user makes while an explorer trains would get our look,
# and a style that the user sets meanwhile would be lost. So nothing is set: within `drawing` the thread that draws
# reads LOOK, and all other threads read the user's settings.
rcParams.__class__ = _Settings


@contextmanager
def drawing() -> Iterator[None]:
    """Make, change or draw artists in our own look, one thread at a time; also a decorator."""
    with DRAWING:
        before = _drawing.set(True)
        try:
            yield
        finally:
            _drawing.reset(before)


class _Figure(Figure):
    """A figure that is drawn and saved in our own look, also when the user calls these methods."""

    draw = drawing()(Figure.draw)
    draw_artist = drawing()(Figure.draw_artist)
    savefig = drawing()(Figure.savefig)


def on_scale(share: float) -> str:
    """The colour of text on a patch of :data:`SCALE`: white or black, with a contrast of at least 4.5."""
    return PAPER if share < 0.63 else "#000000"


@drawing()
def new_figure(width: float, height: float) -> Figure:
    """Make a figure of ``width`` × ``height`` inches with its own canvas; fill it within :func:`drawing`."""
    figure = _Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def tidy(ax: Axes, *, xlabel: str = "", ylabel: str = "", title: str = "") -> None:
    """Style one Axes: two spines, readable labels, a left-aligned title."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(QUIET)
    ax.tick_params(colors=INK)
    ax.set_xlabel(xlabel, color=INK)
    ax.set_ylabel(ylabel, color=INK)
    ax.set_title(title, color=INK, loc="left")
