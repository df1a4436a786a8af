"""Points and views of a latent tree as functions of uniform random numbers, level by level from the root down.

Inside, nodes are rows and points columns, so that a parent is copied to its children in one piece.
"""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from ssl_explain import require
from ssl_explain.records import Views

Levels = list[UInt8[Tensor, "*batch _"]]
AHEAD = 2**20  # random numbers that are drawn at once, at most


def children(parents: UInt8[Tensor, "*batch node n"], rows: int) -> UInt8[Tensor, "*batch {rows} n"]:
    """Copy every parent to its children."""
    each = rows // parents.shape[-2]
    return parents.unsqueeze(-2).expand(*parents.shape[:-1], each, -1).flatten(-3, -2)


def as_signs(bits: Tensor, dtype: torch.dtype) -> Tensor:
    """-1.0 for 0 and 1.0 for 1."""
    return 2 * bits.to(dtype) - 1


def leaves_first(rows: Iterable[Tensor]) -> Levels:
    """From rows, the root first, to levels as they are public: the leaves first, nodes on the last axis."""
    return [row.mT for row in rows][::-1]


def grow(errs: Bool[Tensor, "*batch node n"], widths: Sequence[int]) -> list[UInt8[Tensor, "*batch _ n"]]:
    """Points from the errors of all nodes, the root (which differs from 0) first: a child is its parent, or errs."""
    root, *below = errs.view(torch.uint8).split(list(widths), dim=-2)
    levels = [root]
    for flips in below:
        levels.append(children(levels[-1], flips.shape[-2]) ^ flips)
    return levels


def redraw(
    levels: Sequence[UInt8[Tensor, "*batch _ n"]], rates: Tensor, u: Float[Tensor, "*batch node n"], q: float
) -> list[UInt8[Tensor, "*batch _ n"]]:
    """A view of points, the root first: the child of a kept node is kept where u ≥ q, all other nodes are new.

    One u per node below the root decides both: it is uniform below q as well as above, so it also says whether a
    new node differs from its parent, which it does with probability ``rates``.
    """
    widths = [level.shape[-2] for level in levels[1:]]
    stays = u >= q
    errs = (u < q * rates) | (stays & (u < q + (1 - q) * rates))
    view, kept = [levels[0]], torch.ones_like(levels[0])
    both = (part.view(torch.uint8).split(widths, dim=-2) for part in (stays, errs))
    for original, stay, flips in zip(levels[1:], *both, strict=True):
        kept = children(kept, stay.shape[-2]) & stay
        new = children(view[-1], flips.shape[-2]) ^ flips
        view.append(new ^ (original ^ new) * kept)  # a choice; torch.where takes ten times as long on bytes
    return view


class TreeDraws:
    """The random numbers of several draws, of which each becomes views when its strength is known.

    ``rates`` say how often a node differs from its parent, the root (from 0) first. ``states[i]`` is the state of the
    generator after draw i, whose random numbers are those of a single draw: first for ``n`` points, then for views.
    """

    def __init__(
        self, rates: Float[Tensor, "*runs node 1"], widths: Sequence[int], shape: tuple[int, int], most: int,
        generator: torch.Generator,
    ) -> None:  # fmt: skip
        """Draw ``shape`` = (points, views of each) ``most`` times, or as often as is fast at once."""
        (n, self._views), (*runs, nodes, _) = shape, rates.shape
        shapes = [torch.Size((*runs, nodes, n)), torch.Size((*runs, nodes - 1, n * self._views))]
        sizes = [shape.numel() for shape in shapes]
        noise = rates.new_empty(min(max(AHEAD // sum(sizes), 1), most), sum(sizes), device=generator.device)
        self.states = []
        for numbers in noise.unbind():
            numbers.uniform_(generator=generator)
            self.states.append(generator.get_state())
        points, self._noise = (u.view(-1, *shape) for u, shape in zip(noise.split(sizes, 1), shapes, strict=True))
        self._rates = rates[..., 1:, :]
        self._points = grow(points < rates, widths)
        self._latents = list(zip(*(level.unbind() for level in leaves_first(self._points)), strict=True))
        self._strength, self._x = -1.0, noise.unbind()

    def __len__(self) -> int:
        """The number of draws."""
        return len(self.states)

    def at(self, index: int, strength: float) -> Views:
        """The views of one draw.

        Raises:
            ValueError: strength outside [0, 1] or NaN.
            TypeError: a strength that is not a number.
        """
        q = require.number("strength", strength, 0, 1, "0 is no augmentation, 1 keeps only the root")
        if q != self._strength:
            spread = [level.repeat_interleave(self._views, -1) for level in self._points]
            leaves = redraw(spread, self._rates, self._noise, q)[-1]
            x = as_signs(leaves, self._rates.dtype).unflatten(-1, (-1, self._views))
            self._strength, self._x = q, x.movedim(-3, -1).unbind()
        return Views(self._x[index], self._latents[index])
