"""What every picture can do: be updated in place, describe itself, and stand in a notebook with alt text."""

import io
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from matplotlib.artist import Artist
from matplotlib.figure import Figure

Record = TypeVar("Record")


class Picture(ABC, Generic[Record]):
    """Artists that are built once and moved by :meth:`update`: the same object on screen, on paper and in tests.

    ``moving`` lists the artists that change with every record, ``still`` those that change now and then;
    all others are drawn once. Each is drawn on top of those before it.
    """

    figure: Figure
    still: list[Artist]
    moving: list[Artist]
    record: Record

    @abstractmethod
    def update(self, record: Record) -> bool:
        """Move the artists to a new record; say whether the still ones changed as well."""

    @abstractmethod
    def describe(self) -> str:
        """The finding in words, with the plotted numbers: alt text and read-out at once."""

    def png(self) -> bytes:
        """The whole picture as a PNG file."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", metadata={"Software": None})
        return buffer.getvalue()

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, object], dict[str, object]]:
        text = self.describe()
        return {"image/png": self.png(), "text/plain": text}, {"image/png": {"alt": text}}
