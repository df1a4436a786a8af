"""Colours by role, sizes, and the one way to make a figure: no pyplot, so no global state."""

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

# Okabe and Ito's palette with a darker sky blue and orange: told apart with the common colour-vision deficiencies,
# and contrast ≥ 3 on paper.
MEASURED, PREDICTED, POSITIVE, NEGATIVE, QUIET = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#6e6e6e"
INK, PAPER, BRANCH = "#222222", "#ffffff", "#8f8f8f"
SERIES = ("#444444", "#3091F2", "#009E73", "#99733D", "#0072B2", "#CC79A7", "#D55E00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

SCALE: Colormap = colormaps["cividis"]
"""From 'knows nothing' (dark) to 'knows all that can be known' (bright); monotone in lightness."""
LOWEST = 0.3
"""The share that is drawn darkest: below it nothing is told apart."""

FONT = 10


def on_scale(share: float) -> str:
    """The colour of text on a patch of :data:`SCALE`: white or black, whichever reads (contrast ≥ 4.5 everywhere)."""
    return PAPER if share < 0.63 else "#000000"


def new_figure(width: float, height: float) -> Figure:
    """Make a figure of ``width`` × ``height`` inches with its own canvas."""
    figure = Figure(figsize=(width, height), dpi=100, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def tidy(ax: Axes, *, xlabel: str = "", ylabel: str = "", title: str = "") -> None:
    """Give one Axes the house look: two spines, readable labels, a left-aligned title."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(QUIET)
    ax.tick_params(labelsize=FONT, colors=INK)
    ax.set_xlabel(xlabel, fontsize=FONT + 1, color=INK)
    ax.set_ylabel(ylabel, fontsize=FONT + 1, color=INK)
    ax.set_title(title, fontsize=FONT + 2, color=INK, loc="left")
