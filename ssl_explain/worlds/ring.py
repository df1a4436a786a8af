"""Patterns on a ring, augmented by shifts: a neuron may come to detect the pattern, its position, or both."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.records import Views

OBJECTS = ((1, 1), (1, 0, 1))


@dataclass(frozen=True)
class Ring:
    """Patterns of 0 and 1 on a ring of ``cells``; a view of a pattern is the same pattern, shifted.

    Strength q is the largest shift as a share of half the ring, rounded to whole cells. Below q = 1 a point is a
    pattern at a position, and a view shifts it uniformly by at most that much either way. At q = 1 a shift is uniform
    over all cells, so position is no longer part of a point.

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578.

    Raises:
        ValueError: a ring of fewer than 5 or more than 256 cells, a pattern longer than half of it, patterns that are
            empty or the same after a shift or hold more than 0 and 1.
        TypeError: cells that are not integers, patterns that are not sequences, a type that is not floating-point.

    Example:
        >>> Ring(6).enumerate(strength=1.0).x.shape
        torch.Size([2, 6, 6])
    """

    cells: int
    objects: tuple[tuple[int, ...], ...] = OBJECTS
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        """Check that the patterns fit and differ under every shift."""
        remedy = "on fewer 11 and 101 overlap with themselves, for more a position would need more than 8 bits"
        require.integer("cells", self.cells, 5, remedy, high=256)
        floats = isinstance(self.dtype, torch.dtype) and self.dtype.is_floating_point
        require.that(floats, "dtype", "be a floating-point type", repr(self.dtype), "try torch.float32", TypeError)
        _check_patterns(self.objects)
        fit = all(len(pattern) <= self.cells // 2 + 1 for pattern in self.objects)
        require.that(fit, "objects", f"fit on half of {self.cells} cells", self.objects, "take a larger ring")
        shifted = [{tuple(p.roll(by).tolist()) for by in range(self.cells)} for p in self.patterns()]
        if not shifted or not all(self.patterns().any(1)) or any(a & b for a, b in combinations(shifted, 2)):
            expected = "hold at least one pattern with a 1 in it and differ under every shift"
            require.fail("objects", expected, f"{self.objects!r:.80}", f"try {OBJECTS}")

    @property
    def dimension(self) -> int:
        """Number of cells: the input dimension of a network."""
        return self.cells

    def shift(self, strength: float) -> int | None:
        """The largest shift at a strength, in cells; None where shifts are uniform over the ring."""
        q = require.number("strength", strength, 0, 1, "0 is no shift, 1 is any shift")
        return None if q == 1 else min(round(q * self.cells / 2), (self.cells - 1) // 2)

    def patterns(self) -> Float[Tensor, "object cell"]:
        """Every object at position 0."""
        rows = [list(pattern) + [0] * (self.cells - len(pattern)) for pattern in self.objects]
        return torch.tensor(rows, dtype=self.dtype)

    def _shifted(self, patterns: Tensor, by: Tensor) -> Tensor:
        """Roll each pattern (..., cell) by its own number of cells (...,)."""
        index = (torch.arange(self.cells, device=by.device) - by.unsqueeze(-1)) % self.cells
        return patterns.gather(-1, index)

    def enumerate(self, strength: float) -> Views:
        """Every point with all of its views, equally likely: expectations become finite sums.

        ``latents[0]`` is the object of each point, ``latents[1]`` its position (0 where shifts are uniform).

        Raises:
            ValueError: strength outside [0, 1], more patterns than there is room for.
            TypeError: a strength that is not a number.
        """
        largest = self.shift(strength)
        kinds, places = len(self.objects), 1 if largest is None else self.cells
        require.room("objects", kinds * places * self.cells**2, "take fewer patterns or a smaller ring")
        moves = torch.arange(self.cells) if largest is None else torch.arange(-largest, largest + 1)
        kind = torch.arange(kinds).repeat_interleave(places)
        place = torch.arange(places).repeat(kinds)
        by = place.unsqueeze(-1) + moves
        patterns = self.patterns()[kind].unsqueeze(1).expand(-1, len(moves), -1)
        return Views(self._shifted(patterns, by), _latents(kind, place))

    def draw(self, n: int, *, views: int = 2, strength: float = 1.0, generator: torch.Generator) -> Views:
        """Draw ``n`` points, object and place uniform, and ``views`` shifted views of each.

        Raises:
            ValueError: n or views below 1, more than there is room for, strength outside [0, 1].
            TypeError: n, views or strength that are not numbers, no generator.
        """
        require.draw(n, views, self.cells, generator)
        largest = self.shift(strength)
        kind = torch.randint(len(self.objects), (n,), generator=generator, device=generator.device)
        place = torch.randint(self.cells, (n,), generator=generator, device=generator.device)
        low, high = (0, self.cells) if largest is None else (-largest, largest + 1)
        moves = torch.randint(low, high, (n, views), generator=generator, device=generator.device)
        patterns = self.patterns().to(kind.device)[kind].unsqueeze(1).expand(-1, views, -1)
        position = torch.zeros_like(place) if largest is None else place  # under uniform shifts a point has no position
        return Views(self._shifted(patterns, place.unsqueeze(-1) + moves), _latents(kind, position))


def _check_patterns(objects: object) -> None:
    """Check that ``objects`` is a sequence of sequences of 0 and 1."""
    rows = objects if isinstance(objects, Sequence) else (objects,)
    for row in rows:
        cells = row if isinstance(row, Sequence) and not isinstance(row, str) else None
        if cells is None or any(not isinstance(cell, int) or cell not in (0, 1) for cell in cells):
            error = TypeError if cells is None else ValueError
            require.fail("objects", "hold patterns of 0 and 1", f"{row!r:.80}", f"try {OBJECTS}", error)


def _latents(kind: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    return kind.to(torch.uint8).unsqueeze(-1), place.to(torch.uint8).unsqueeze(-1)
