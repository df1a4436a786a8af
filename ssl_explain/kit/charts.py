"""What many pictures draw alike: panels, notes, legends, heat maps, and values with their intervals."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Text
from numpy.typing import ArrayLike

from ssl_explain.kit.picture import Illustration
from ssl_explain.kit.style import FONT, INK, drawing, new_figure
from ssl_explain.records import record
from ssl_explain.results import interval
from ssl_explain.topology import Tree


@record
class Interval:
    """One value per place with the ends of its interval; every mark draws the same object, and words say it.

    Example:
        >>> means([[0.8, 0.9, 1.0]]).words(".2f")
        ['0.90 [0.65, 1.15]']
    """

    low: np.ndarray
    middle: np.ndarray
    high: np.ndarray

    @property
    def _reach(self) -> tuple[np.ndarray, np.ndarray]:
        return self.middle - self.low, self.high - self.middle

    def bars(self, ax: Axes, places: ArrayLike, **style: Any) -> None:
        """Draw values with upright error bars over ``places``."""
        ax.errorbar(places, self.middle, yerr=self._reach, **style)

    def bars_across(self, ax: Axes, heights: ArrayLike, **style: Any) -> None:
        """Draw values along the axis below, with error bars from left to right."""
        ax.errorbar(self.middle, heights, xerr=self._reach, **style)

    def band(self, ax: Axes, places: ArrayLike, *, color: str, **style: Any) -> None:
        """Draw values as a curve over a pale band."""
        ax.fill_between(places, self.low, self.high, color=color, alpha=0.18, linewidth=0)
        ax.plot(places, self.middle, color=color, **style)

    def words(self, form: str = ".3g") -> list[str]:
        """Say every value with its interval in brackets."""
        ends = zip(self.middle, self.low, self.high, strict=True)
        return [f"{middle:{form}} [{low:{form}}, {high:{form}}]" for middle, low, high in ends]


def means(groups: Iterable[ArrayLike]) -> Interval:
    """Mean of each group of seeds, with its 95 % confidence interval.

    Raises:
        ValueError: a group of fewer than two values.
    """
    cells = [np.asarray(group) for group in groups]
    low, high = np.array([interval(cell) for cell in cells]).T
    return Interval(low, np.array([float(cell.mean()) for cell in cells]), high)


def medians(groups: Iterable[ArrayLike], share: float) -> Interval:
    """Median of each group, with the interval that holds the middle ``share`` of its values.

    Example:
        >>> medians([range(11)], 0.8).words()
        ['5 [1, 9]']
    """
    ends = (0.5 - share / 2, 0.5, 0.5 + share / 2)
    return Interval(*np.array([np.quantile(np.asarray(group), ends) for group in groups]).T)


def mean_curve(ax: Axes, places: ArrayLike, runs: ArrayLike, **style: Any) -> None:
    """Draw the mean of ``runs``, one a row, as a curve over a band: its 95 % interval, unless ``style`` says another.

    The options are those of seaborn's lineplot.
    """
    import seaborn  # it takes a second to import, and few figures need it

    values = np.asarray(runs)
    seaborn.lineplot(x=np.tile(places, len(values)), y=values.ravel(), ax=ax, **{"errorbar": interval, **style})


def panels(width: float, height: float, count: int = 1, **options: Any) -> tuple[Figure, list[Axes]]:
    """Make a figure of ``count`` panels side by side, in inches; ``options`` are those of matplotlib's subplots."""
    figure = new_figure(width, height)
    return figure, list(figure.subplots(1, count, squeeze=False, **options)[0])


@drawing()
def illustration(figure: Figure, words: str) -> Illustration:
    """Make the type of a still figure large enough, make room for its labels, and say its finding in ``words``."""
    for text in figure.findobj(Text):
        text.set_fontsize(max(FONT, text.get_fontsize()))
    figure.tight_layout()
    return Illustration(figure, words)


def new_curve(ax: Axes, *form: str, **style: Any) -> Line2D:
    """Make an empty curve, to be filled by ``set_data``."""
    return ax.plot([], [], *form, **style)[0]


def new_strokes(ax: Axes, segments: Sequence[Any] = (), **style: Any) -> LineCollection:
    """Make lines that do not change the limits of the axes; ``set_segments`` moves them."""
    strokes = LineCollection(segments, **style)
    ax.add_collection(strokes, autolim=False)
    return strokes


def key(label: str, **style: Any) -> Line2D:
    """Make the entry of a legend that no curve stands for."""
    return Line2D([], [], label=label, **style)


def legend(ax: Axes | Figure, place: str = "best", **options: Any) -> Legend:
    """Draw a legend without a frame; ``place`` "beside" is right of the panel, where no curve can be."""
    if place == "beside":
        place, options = "center left", {"bbox_to_anchor": (1.0, 0.5), **options}
    return ax.legend(**{"loc": place, **options})


def note(ax: Axes, x: float, y: float, words: str = "", **style: Any) -> Text:
    """Write at (x, y), as shares of the panel unless ``transform`` says otherwise; empty words are to be filled."""
    return ax.text(x, y, words, **{"transform": ax.transAxes, "color": INK, **style})


def heading(ax: Axes, x: float, y: float, **style: Any) -> Text:
    """Make an empty text at (x, y), as shares of the figure.

    It belongs to the panel: a text of the figure itself would be left out of a saved picture once it is animated.
    """
    return note(ax, x, y, transform=ax.figure.transFigure, **style)


def heat_map(ax: Axes, cmap: Any, **options: Any) -> AxesImage:
    """Make an image from -1 to 1 that a matrix of any shape can be put into; it fills the unit square."""
    frame: dict[str, Any] = {"extent": (0, 1, 0, 1), "aspect": "auto", "interpolation": "nearest"}
    return ax.imshow([[0.0]], cmap=cmap, **{"vmin": -1, "vmax": 1, **frame, **options})


def plain_ticks(ax: Axes, ticks: Sequence[float]) -> None:
    """Write plain numbers at ``ticks`` of the axis below and no others, also on a logarithmic scale."""
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()


def place(tree: Tree, level: int, node: int) -> tuple[float, float]:
    """Where a node of a tree is drawn: the leaves at height 0, the root at height 1."""
    return tree.horizontal(level)[node], level / tree.depth


def branches(tree: Tree) -> list[list[tuple[float, float]]]:
    """The edges of a tree as pairs of places, level by level from the leaves, as its polarities are listed."""
    return [
        [place(tree, level, k), place(tree, level + 1, k // tree.branching)]
        for level in range(tree.depth)
        for k in range(tree.widths[level])
    ]
