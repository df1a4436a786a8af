"""What is measured while a network learns a latent tree."""

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.records import Trace, record
from ssl_explain.topology import Tree


@record
class Emergence:
    """A latent tree and how well the neurons of a network correlate with its latents.

    ``trace.values[i]`` holds one best |correlation| per latent, in the order of ``topology.latents``;
    ``ceilings`` holds the Bayes ceiling of each. ``before`` is the previous run, for comparison.
    """

    topology: Tree
    polarity: tuple[Float[Tensor, "*runs _"], ...]
    ceilings: Float[Tensor, "*runs latent"]
    trace: Trace
    strength: float
    budget: int
    before: Trace | None = None

    def by_level(self, values: Float[Tensor, "*t latent"]) -> Float[Tensor, "*t level"]:
        """Average over the latents of each level 1..depth."""
        levels = range(1, self.topology.depth + 1)
        return torch.stack([values[..., self.topology.level_slice(level)].mean(-1) for level in levels], dim=-1)
