"""What every picture can do: be updated in place, describe itself, and stand in a notebook with alt text."""

import html
import io
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from ssl_explain.kit.style import drawing

Record = TypeVar("Record")
Bundle = tuple[dict[str, Any], dict[str, Any]]


def png(figure: Figure) -> bytes:
    """A figure as a PNG file that is the same in every run."""
    buffer = io.BytesIO()
    with drawing():
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def bundle(figure: Figure, words: str) -> Bundle:
    """What a notebook needs to show a figure with its alt text, or the words alone."""
    return {"image/png": png(figure), "text/plain": words}, {"image/png": {"alt": words}}


def show(figure: Figure, words: str) -> None:
    """Show a figure in a notebook and its words below it, for JupyterLab drops alt text."""
    from IPython.display import display  # only a notebook gets here, and it has IPython

    data, metadata = bundle(figure, words)
    display(data, metadata=metadata, raw=True)
    below = f'<p style="max-width:60em">{html.escape(words)}</p>'.replace("\n", "<br>")
    display({"text/html": below, "text/plain": words}, raw=True)


class Picture(ABC, Generic[Record]):
    """Artists that are built once and moved by :meth:`update`: the same object on screen, on paper and in tests.

    ``moving`` lists the artists that change with every record, ``still`` those that change now and then;
    all others are drawn once. Each is drawn on top of those before it.
    Whatever a subclass does in ``__init__`` and :meth:`update` is done in our own look.
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
        """Move the artists to a new record; say whether the still ones changed as well."""

    @abstractmethod
    def describe(self) -> str:
        """The finding in words, with the plotted numbers: alt text and read-out at once."""

    def png(self) -> bytes:
        """The whole picture as a PNG file."""
        return png(self.figure)

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        return bundle(self.figure, self.describe())

    def _ipython_display_(self) -> None:
        show(self.figure, self.describe())


@dataclass(frozen=True)
class Illustration:
    """A figure that stays as it is, and its finding in words."""

    figure: Figure
    words: str

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        return bundle(self.figure, self.words)

    def _ipython_display_(self) -> None:
        show(self.figure, self.words)
