"""What a reader is asked."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One answer to a :class:`Question`: how it reads, and which assumption stands behind it."""

    text: str
    why: str


@dataclass(frozen=True)
class Question:
    """Something to predict before looking; a measurement picks the right option by its key."""

    text: str
    options: dict[str, Option]
