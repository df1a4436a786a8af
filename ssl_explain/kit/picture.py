"""Pictures that are updated in place, describe themselves, and appear in a notebook with alt text."""

import html
import io
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from ssl_explain.kit.style import DPI, drawing

Record = TypeVar("Record")
Bundle = tuple[dict[str, Any], dict[str, Any]]


def png(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG file, the same in every run."""
    buffer = io.BytesIO()
    with drawing():
        figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def bundle(figure: Figure, words: str) -> Bundle:
    """Data and metadata for a notebook: the figure with its alt text, and the words alone."""
    return {"image/png": png(figure), "text/plain": words}, {"image/png": {"alt": words}}


def show(figure: Figure, words: str) -> None:
    """Show a figure in a notebook and its words below it, since JupyterLab drops alt text."""
    from IPython.display import display  # only notebooks call this

    data, metadata = bundle(figure, words)
    display(data, metadata=metadata, raw=True)
    below = f'<p style="max-width:60em">{html.escape(words)}</p>'.replace("\n", "<br>")
    display({"text/html": below, "text/plain": words}, raw=True)


class Picture(ABC, Generic[Record]):
    """Artists that are built once and changed by :meth:`update`: the same object on screen, on paper and in tests.

    ``moving`` lists the artists that change with every record, ``still`` those that change now and then;
    all others are drawn once. Later ones are drawn on top.
    ``__init__`` and :meth:`update` of a subclass run under :func:`~ssl_explain.kit.style.drawing`.
    """

    figure: Figure
    still: list[Artist]
    moving: list[Artist]
    record: Record

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in {"__init__", "update"} & vars(cls).keys():
            setattr(cls, name, drawing()(vars(cls)[name]))

    @abstractmethod
    def update(self, record: Record) -> bool:
        """Change the artists to show a new record; return whether the still ones changed as well."""

    @abstractmethod
    def describe(self) -> str:
        """The finding in words, with the plotted numbers, for alt text and read-out."""

    def png(self) -> bytes:
        """The whole picture as a PNG file."""
        return png(self.figure)

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        return bundle(self.figure, self.describe())

    def _ipython_display_(self) -> None:
        show(self.figure, self.describe())


@dataclass(frozen=True)
class Illustration:
    """A figure that does not change, and its finding in words."""

    figure: Figure
    words: str

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        return bundle(self.figure, self.words)

    def _ipython_display_(self) -> None:
        show(self.figure, self.words)
