"""The shape of a rooted tree, in integers only."""

from dataclasses import dataclass

from ssl_explain import require


@dataclass(frozen=True)
class Tree:
    """A complete tree that counts its levels from the leaves.

    Level 0 holds the leaves, level ``depth`` holds the root; node ``k`` of level ``l + 1``
    is the parent of nodes ``branching·k … branching·k + branching - 1`` of level ``l``.

    Raises:
        ValueError: depth below 1, branching below 2, or more than 2²⁰ leaves.
        TypeError: depth or branching that are not integers.

    Example:
        >>> Tree(depth=2).widths
        (4, 2, 1)
    """

    depth: int
    branching: int = 2

    def __post_init__(self) -> None:
        """Check both integers and the number of leaves."""
        require.integer("depth", self.depth, 1, "a tree has a level above its leaves, and 2^20 leaves at most", high=20)
        require.integer("branching", self.branching, 2, "a latent needs at least two children, or it explains nothing")
        few, got = self.branching**self.depth <= 2**20, f"{self.branching}^{self.depth}"
        require.that(few, "depth", "keep the tree at 2^20 leaves or fewer", got, "take a shallower tree")

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of nodes of each level, from the leaves to the root."""
        return tuple(self.branching ** (self.depth - level) for level in range(self.depth + 1))

    @property
    def n_leaves(self) -> int:
        """Number of leaves, which is the input dimension."""
        return self.widths[0]

    @property
    def latents(self) -> tuple[tuple[int, int], ...]:
        """Every latent as (level, index), level 1 first, the root last."""
        return tuple((level, k) for level in range(1, self.depth + 1) for k in range(self.widths[level]))

    def level_slice(self, level: int) -> slice:
        """The positions of the latents of one level in :attr:`latents`."""
        require.integer("level", level, 1, "level 1 is the first above the leaves", high=self.depth)
        start = sum(self.widths[1:level])
        return slice(start, start + self.widths[level])

    def horizontal(self, level: int) -> tuple[float, ...]:
        """Horizontal positions in (0, 1), with every parent above the middle of its children."""
        width = self.widths[require.integer("level", level, 0, "level 0 holds the leaves", high=self.depth)]
        return tuple((k + 0.5) / width for k in range(width))
