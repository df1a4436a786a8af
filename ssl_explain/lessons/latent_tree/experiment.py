"""Covariances between views, of random neurons on the children of a latent: predicted from polarities, measured."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.lessons.latent_tree.clamp import pair_law_below
from ssl_explain.records import record
from ssl_explain.worlds.belief import pattern_likelihoods
from ssl_explain.worlds.latent_tree import LatentTree

Activation = Callable[[Tensor], Tensor]


@record
class ChildNeurons:
    """Random neurons on the children of one latent μ; each reads the leaves below its own child only.

    ``weights[k, i, j]`` leads from leaf i below child k to its neuron j; a leaf has itself below it. Any
    ``activation`` will do.

    Example:
        >>> g = torch.Generator().manual_seed(0)
        >>> tree = LatentTree.random(3, generator=g)
        >>> neurons = ChildNeurons.random(tree, level=2, node=1, neurons=4, activation=torch.tanh, generator=g)
        >>> bool((neurons.predicted() - neurons.measured(strength=1.0)).abs().max() < 1e-6)
        True
    """

    tree: LatentTree
    level: int
    node: int
    weights: Float[Tensor, "child leaf neuron"]
    activation: Activation

    @classmethod
    def random(
        cls, tree: LatentTree, level: int, node: int, *, neurons: int, activation: Activation,
        generator: torch.Generator,
    ) -> "ChildNeurons":  # fmt: skip
        """Draw Gaussian weights, scaled so that a neuron's input has variance one where leaves are independent."""
        b = tree.topology.branching
        shape = (b, b ** (level - 1), neurons)
        weights = (
            torch.randn(shape, generator=generator, device=generator.device, dtype=torch.float32) / shape[1] ** 0.5
        )
        return cls(tree, level, node, weights.to(tree.polarity[0].dtype), activation)

    @property
    def children(self) -> slice:
        """Where the children stand in their level."""
        b = self.tree.topology.branching
        return slice(b * self.node, b * (self.node + 1))

    def __call__(self, x: Float[Tensor, "*batch leaf"]) -> Float[Tensor, "*batch neuron"]:
        """The activations of the neurons of all children, from the leaves of the whole tree."""
        return self._of_mine(x.unflatten(-1, (self.tree.topology.widths[self.level], -1))[..., self.node, :])

    def _of_mine(self, mine: Float[Tensor, "*batch leaf"]) -> Float[Tensor, "*batch neuron"]:
        """The same from the leaves below μ."""
        return self._neurons(mine.unflatten(-1, (self.tree.topology.branching, -1))).flatten(-2)

    def _neurons(self, x: Float[Tensor, "*batch child leaf"]) -> Float[Tensor, "*batch child neuron"]:
        return self.activation(torch.einsum("...ci,cij->...cj", x, self.weights))

    def selectivity(self) -> Float[Tensor, " neuron"]:
        """The selectivity s = ½(E[f | z = 1] - E[f | z = 0]) of every neuron, towards the latent of its own child.

        A sum over all patterns of the leaves below the child.

        Raises:
            ValueError: more than 16 leaves below a child.
        """
        b, below = self.tree.topology.branching, self.level - 1
        if below == 0:  # a leaf is its own latent
            leaf = self.weights.new_tensor([-1, 1]).view(2, 1, 1).expand(2, b, 1)
            return (self._neurons(leaf).diff(dim=0) / 2).flatten()
        width = self.tree.topology.widths[below]
        polarity = tuple(rho.unflatten(-1, (width, -1))[self.children] for rho in self.tree.polarity[:below])
        x, _ = LatentTree(tuple(rho[0] for rho in polarity)).enumerate()
        f = self._neurons(x.unsqueeze(-2).expand(-1, b, -1))
        p = pattern_likelihoods(polarity)  # (child, pattern, 2)
        return torch.einsum("cp,pcj->cj", (p[..., 1] - p[..., 0]) / 2, f).flatten()

    def a(self) -> Float[Tensor, " neuron"]:
        """a_k = ρ_{μν(k)} s_k: how the mean of a neuron changes with z_μ."""
        s = self.selectivity()
        rho = self.tree.polarity[self.level - 1][self.children]
        return rho.repeat_interleave(len(s) // len(rho)) * s

    def predicted(self) -> Float[Tensor, "neuron neuron"]:
        """ρ_{0μ}² a aᵀ, for a fair root and views that share the root alone."""
        a = self.a()
        return self.tree.from_root()[self.level][self.node] ** 2 * torch.outer(a, a)

    def measured(self, strength: float) -> Float[Tensor, "neuron neuron"]:
        """Cov(f(view 1), f(view 2)) over pairs of views of one point, V_x[E(f | x)].

        With q = 1 the views share the root alone, so that is V_{z_0}[E(f | z_0)]. No latent is used here: it is a sum
        over all pairs of leaf patterns.

        Raises:
            ValueError: more than nine leaves below μ.
        """
        width = self.tree.topology.widths[self.level]
        joint = pair_law_below(self.tree, self.level, self.node, strength)
        x, _ = LatentTree(
            tuple(rho.unflatten(-1, (width, -1))[0] for rho in self.tree.polarity[: self.level])
        ).enumerate()
        f = self._of_mine(x)
        f = f - joint.sum(-1) @ f
        return f.mT @ joint @ f
