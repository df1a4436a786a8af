"""A small latent tree whose joint law of two views is known: every expectation over it is a finite sum."""

from dataclasses import field

import torch

from ssl_explain.lessons.latent_variables_emerge.pair_law import PairLaw
from ssl_explain.records import record
from ssl_explain.worlds.latent_tree import LatentTree


@record
class ExactTree:
    """The joint laws of two views of a small latent tree, each computed once.

    Example:
        >>> tree = LatentTree((torch.full((4,), 0.9), torch.full((2,), 0.8)))
        >>> law = ExactTree(tree).law(strength=0.0)
        >>> law.x.shape, bool(torch.allclose(law.joint, law.joint.sum(1).diag()))  # q = 0: both views are the point
        (torch.Size([16, 1, 4]), True)
    """

    tree: LatentTree
    _laws: dict[float, PairLaw] = field(default_factory=dict, repr=False, compare=False)

    def law(self, strength: float) -> PairLaw:
        """Every leaf pattern, and the joint law of two views under augmentation strength q.

        Raises:
            ValueError: strength outside [0, 1] or NaN, more than nine leaves.
        """
        if strength not in self._laws:
            joint = self.tree.pair_probabilities(strength)
            every = self.tree.enumerate()[0].unsqueeze(-2).expand(*self.tree.runs, -1, -1, -1)
            self._laws[strength] = PairLaw(every, joint=joint)
        return self._laws[strength]


@record
class SameLaw:
    """The world of a run without sampling: in place of a batch, every step gets the whole joint law."""

    exact: ExactTree

    def draw(self, n: int, *, views: int, strength: float, generator: torch.Generator) -> PairLaw:
        """The full joint law: nothing is drawn, so number of points, views and generator are ignored."""
        return self.exact.law(strength)
