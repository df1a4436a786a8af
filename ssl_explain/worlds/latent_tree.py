"""The latent tree: binary latents on a tree, of which a network sees the leaves only."""

from collections.abc import Sequence
from math import prod

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ssl_explain import require
from ssl_explain.records import Views, record
from ssl_explain.topology import Tree
from ssl_explain.worlds import belief
from ssl_explain.worlds.belief import check_table_size, pair_likelihoods, pattern_likelihoods
from ssl_explain.worlds.tree_draws import Levels, TreeDraws, as_signs, grow, leaves_first, redraw

MOST_PAIRED = 9  # 2^9 leaf patterns: the joint law of two views has 262,144 entries
MOST_SUMMED = 2**25  # numbers in double precision, of which several tensors are held at a time
MOST_LEAVES = 16  # 2^16 leaf patterns are a table of 65,536 rows; one level more would be 4 billion


@record
class LatentTree:
    """The hierarchical latent tree model: every child copies its parent, sometimes with an error.

    P(z_child = z_parent) = (1 + ρ) / 2 with one polarity ρ ∈ [-1, 1] per edge; P(z_root = 1) = ``root``.
    A data point is the whole configuration of latents; a network sees the leaves only.
    ``polarity[l]`` belongs to the edges from level ``l + 1`` down to level ``l`` (leaves are level 0).
    A leading ``runs`` axis holds independent trees side by side.

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578.

    Raises:
        ValueError: a polarity outside [-1, 1], levels whose sizes do not form a tree, a root outside [0.001, 0.999].
        TypeError: polarities that are not floating-point tensors.

    Example:
        >>> g = torch.Generator().manual_seed(0)
        >>> tree = LatentTree.random(depth=2, polarity=(0.8, 1.0), generator=g)
        >>> [tuple(level.shape) for level in tree.sample(5, generator=g)]
        [(5, 4), (5, 2), (5, 1)]
    """

    polarity: tuple[Float[Tensor, "*runs _"], ...]
    root: float = 0.5

    def __post_init__(self) -> None:
        """Check that polarities lie in [-1, 1] and that their sizes form a tree."""
        belief.check_polarity(self.polarity)
        require.number("root", self.root, 0.001, 0.999, "0.5 is a fair coin; a root must vary")
        sizes = tuple(level.shape[-1] for level in self.polarity)
        if sizes != self.topology.widths[:-1]:
            expected = f"have {self.topology.widths[:-1]} edges per level"
            require.fail("polarity", expected, sizes, "list the levels from the leaves to the root")

    @classmethod
    def random(
        cls,
        depth: int,
        branching: int = 2,
        polarity: tuple[float, float] = (0.8, 1.0),
        *,
        generator: torch.Generator,
        runs: int | None = None,
        root: float = 0.5,
    ) -> "LatentTree":
        """Draw |ρ| ~ U[low, high] with a random sign for every edge.

        Raises:
            ValueError: a range outside [0, 1] or reversed, depth below 1, runs below 1 or too many.
            TypeError: sizes that are not integers, a range that is not a pair of numbers, no generator.
        """
        topology = Tree(depth, branching)
        low, high = require.interval("polarity", polarity, 0, 1, "try (0.8, 1.0); signs are drawn at random")
        lead = () if runs is None else (require.integer("runs", runs, 1, "leave it out for a single tree"),)
        require.generator(generator)
        require.room("runs", 2 * prod(lead) * topology.n_leaves, "take fewer runs")
        shapes = [(2, *lead, width) for width in topology.widths[:-1]]
        draw = [torch.rand(s, generator=generator, device=generator.device, dtype=torch.float32) for s in shapes]
        return cls(tuple((low + (high - low) * u[0]) * torch.where(u[1] < 0.5, -1.0, 1.0).to(u) for u in draw), root)

    @property
    def topology(self) -> Tree:
        """The shape of the tree, read off the number of edges at the root and at the leaves."""
        return Tree(len(self.polarity), branching=self.polarity[-1].shape[-1])

    @property
    def dimension(self) -> int:
        """Number of leaves: the input dimension of a network."""
        return self.topology.n_leaves

    @property
    def runs(self) -> tuple[int, ...]:
        """() for one tree, (runs,) for trees side by side."""
        return tuple(self.polarity[0].shape[:-1])

    def from_root(self) -> tuple[Float[Tensor, "*runs _"], ...]:
        """ρ_{0μ}: the product of the polarities from the root down to every node, one tensor per level 0..depth."""
        rho = [torch.ones_like(self.polarity[-1][..., :1])]
        for level in reversed(self.polarity):
            rho.append(rho[-1].repeat_interleave(self.topology.branching, -1) * level)
        return tuple(reversed(rho))

    def _rates(self) -> Float[Tensor, "*runs node 1"]:
        """How often the root is 1, and a node below differs from its parent, root first."""
        above = self.polarity[0].new_full((*self.runs, 1), 1 - 2 * self.root)
        return (1 - torch.cat([above, *reversed(self.polarity)], dim=-1).unsqueeze(-1)) / 2

    def _noise(self, generator: torch.Generator, *shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=generator.device, dtype=self.polarity[0].dtype)

    def sample(self, n: int, *, generator: torch.Generator) -> Levels:
        """Draw ``n`` data points; ``levels[0]`` are the leaves, ``levels[-1]`` the root, all 0/1.

        Raises:
            ValueError: n below 1, or more points than there is room for.
            TypeError: an n that is not an integer, no generator.
        """
        require.integer("n", n, 1, "ask for at least one data point")
        require.generator(generator)
        self._room(n)
        rates = self._rates()
        noise = self._noise(generator, *rates.shape[:-1], n)
        return leaves_first(grow(noise < rates, self.topology.widths[::-1]))

    def augment(self, levels: Sequence[Tensor], strength: float, *, generator: torch.Generator) -> Levels:
        """Redraw whole subtrees: the child of a kept node is kept with probability 1 - q.

        A node that is not kept is drawn afresh from the model given its parent, and so is all below it;
        the root stays. So a view has the law of the data for every strength q: q = 0 changes nothing,
        q = 1 keeps the root alone.

        Raises:
            ValueError: strength outside [0, 1] or NaN, levels of another tree.
            TypeError: a strength that is not a number, levels that are not uint8 tensors, no generator.
        """
        q = require.number("strength", strength, 0, 1, "0 is no augmentation, 1 keeps only the root")
        require.generator(generator)
        belief.check_levels(levels, self.runs, self.topology.widths)
        lead = levels[0].shape[:-1]
        noise = self._noise(generator, *self.runs, sum(self.topology.widths[:-1]), lead[len(self.runs) :].numel())
        rows = [level.reshape(*self.runs, -1, level.shape[-1]).mT for level in reversed(levels)]
        view = leaves_first(redraw(rows, self._rates()[..., 1:, :], noise, q))
        return [level.reshape(*lead, -1) for level in view]

    def draw(self, n: int, *, views: int = 2, strength: float, generator: torch.Generator) -> Views:
        """Draw ``n`` data points and ``views`` augmented views of each; x holds the leaves as -1.0 or 1.0.

        Raises:
            ValueError: n or views below 1, more than there is room for, strength outside [0, 1].
            TypeError: n, views or strength that are not numbers, no generator.
        """
        return self.ahead(n, views=views, generator=generator, most=1).at(0, strength)

    def ahead(self, n: int, *, views: int = 2, generator: torch.Generator, most: int) -> TreeDraws:
        """Several calls of :meth:`draw` at once, ``most`` or as many as are fast; their strengths may follow later.

        Raises:
            ValueError: n, views or most below 1, or more than there is room for.
            TypeError: n, views or most that are not integers, no generator.
        """
        require.draw(n, views, prod(self.runs) * self.dimension, generator)
        require.integer("most", most, 1, "ask for at least one draw")
        self._room(n * views)
        return TreeDraws(self._rates(), self.topology.widths[::-1], (n, views), most, generator)

    def _room(self, points: int, *, most: int = require.MOST) -> None:
        require.room("n", prod(self.runs) * points * self.dimension, "take fewer points at a time", most=most)

    def as_input(self, leaves: UInt8[Tensor, "*batch leaf"]) -> Float[Tensor, "*batch leaf"]:
        """Leaves (0 or 1) as a network reads them, -1.0 or 1.0, so that a fair coin has mean zero."""
        require.instance("leaves", leaves, Tensor, "the first tensor that `sample` returns")
        require.dtype("leaves", leaves, torch.uint8, "those that `sample` returns")
        return as_signs(leaves, self.polarity[0].dtype)

    def enumerate(self) -> tuple[Float[Tensor, "pattern leaf"], Float[Tensor, "*runs pattern 2"]]:
        """Every leaf pattern as a network reads it (-1.0 or 1.0), and P(pattern | root = 0 or 1).

        Raises:
            ValueError: more than 16 leaves, or more runs than there is room for.

        Example:
            >>> x, p = LatentTree((torch.tensor([0.5, 0.5]),)).enumerate()
            >>> x.tolist(), p[:, 1].tolist()
            ([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]], [0.0625, 0.1875, 0.1875, 0.5625])
        """
        check_table_size("enumerate", self.dimension, MOST_LEAVES, 2, prod(self.runs))
        device = self.polarity[0].device
        index = torch.arange(2**self.dimension, device=device).unsqueeze(-1)
        bits = ((index >> torch.arange(self.dimension - 1, -1, -1, device=device)) & 1).to(torch.uint8)
        return self.as_input(bits), pattern_likelihoods(self.polarity)

    def pair_probabilities(self, strength: float) -> Float[Tensor, "*runs pattern pattern"]:
        """P(leaves of view 1, leaves of view 2) for two views of one point, in the order of :meth:`enumerate`.

        Raises:
            ValueError: strength outside [0, 1] or NaN, more than nine leaves (binary trees to depth 3), too many runs.
            TypeError: a strength that is not a number.

        Example:
            >>> LatentTree((torch.tensor([1.0, 1.0]),)).pair_probabilities(1.0).diag().tolist()
            [0.5, 0.0, 0.0, 0.5]
        """
        q = require.number("strength", strength, 0, 1, "0 is no augmentation, 1 keeps only the root")
        check_table_size("pair_probabilities", self.dimension, MOST_PAIRED, 4, prod(self.runs))
        law = pair_likelihoods(self.polarity, q)
        return self.root * law[..., 1] + (1 - self.root) * law[..., 0]

    def latent_ceilings(self, n: int, *, generator: torch.Generator) -> tuple[Float[Tensor, "*runs _"], ...]:
        """The largest correlation of a latent with any function of the leaves below it, for every latent.

        √E[m²] under a fair root, m the posterior mean in ±1 coding: summed exactly up to 16 leaves below the latent,
        estimated from ``n`` samples above and where sums would not fit into memory. One tensor per level 1..depth.

        Raises:
            ValueError: n below 1, or more samples than there is room for.
            TypeError: an n that is not an integer, no generator.
        """
        require.generator(generator)
        require.integer("n", n, 1, "ask for at least one sample")
        polarity, branching = tuple(level.double() for level in self.polarity), self.topology.branching
        reach = belief.exact_levels(prod(self.runs), self.topology, MOST_LEAVES, MOST_SUMMED)
        self._room(n if reach < self.topology.depth else 1, most=4 * MOST_SUMMED)
        means = [(2 * self.root - 1) * rho.double() for rho in self.from_root()[1:]]
        levels = belief.exact_ceilings(polarity[:reach], branching, means[:reach])
        if reach < self.topology.depth:
            leaves = self.as_input(self.sample(n, generator=generator)[0]).double()
            found = zip(belief.beliefs(polarity, leaves)[reach:], means[reach:], strict=True)
            levels += [belief.ceiling(belief.with_prior(m, b.unsqueeze(-2)).square().mean(-2), b) for m, b in found]
        return tuple(level.to(self.polarity[0].dtype) for level in levels)

    def ceiling(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "*runs depth"]:
        """The Bayes ceiling of each level 1..depth: :meth:`latent_ceilings`, averaged over the latents of a level."""
        return torch.stack([level.mean(-1) for level in self.latent_ceilings(n, generator=generator)], dim=-1)
