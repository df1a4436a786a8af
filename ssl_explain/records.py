"""The nouns that travel between the rooms: frozen, without behaviour beyond joining and slicing."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from ssl_explain.topology import Tree


@dataclass(frozen=True)
class Views:
    """Several augmented views of each of ``n`` data points.

    ``latents`` is kept for measuring only: no network and no loss ever sees it.
    A leading ``runs`` axis, where present, holds independent worlds side by side.
    """

    x: Float[Tensor, "*runs n a d"]
    latents: tuple[UInt8[Tensor, "*runs n _"], ...] | None = None


@dataclass(frozen=True)
class ForwardPass:
    """What one forward pass leaves behind: everything that backpropagation through it needs.

    ``layer_inputs[l]`` is what layer ``l + 1`` reads, ``gates[l]`` its 0/1 derivative, ``weights[l]`` its matrices;
    a dense layer is the case of a single node. ``output`` is the network's last word.
    """

    layer_inputs: tuple[Float[Tensor, "*batch _node _d_in"], ...]
    gates: tuple[Float[Tensor, "*batch _node _d_out"], ...]
    weights: tuple[Float[Tensor, "*runs _node _d_out _d_in"], ...]
    output: Float[Tensor, "*batch d_top"]


@dataclass(frozen=True)
class Trace:
    """What was measured during training, and when.

    ``losses[k]`` belongs to update ``k``; ``values[i]`` was measured after ``steps[i]`` updates.
    ``stopped`` is ``None`` after a healthy run, else one sentence that says why it ended early.
    """

    steps: Int[Tensor, " t"]
    values: Float[Tensor, "t *measured"]
    losses: Float[Tensor, "updates *runs"]
    stopped: str | None = None

    def then(self, later: "Trace") -> "Trace":
        """Join a run and its continuation; the shared point between them is kept once.

        Example:
            >>> a = Trace(torch.tensor([0, 10]), torch.zeros(2), torch.zeros(10))
            >>> a.then(a).steps.tolist()
            [0, 10, 20]
        """
        offset = self.steps[-1]
        return Trace(
            torch.cat([self.steps, later.steps[1:] + offset]),
            torch.cat([self.values, later.values[1:]]),
            torch.cat([self.losses, later.losses]),
            later.stopped or self.stopped,
        )


@dataclass(frozen=True)
class Emergence:
    """A latent tree and how well the neurons of a network came to know its latents.

    ``trace.values[i]`` holds one best |correlation| per latent, in the order of ``topology.latents``;
    ``ceilings`` holds the Bayes ceiling of each. ``before`` is an earlier run to compare with.
    """

    topology: Tree
    polarity: tuple[Float[Tensor, "*runs _"], ...]
    ceilings: Float[Tensor, "*runs latent"]
    trace: Trace
    strength: float
    budget: int
    before: Trace | None = None
    before_strength: float | None = None

    def by_level(self, values: Float[Tensor, "*t latent"]) -> Float[Tensor, "*t level"]:
        """Average over the latents of each level 1..depth."""
        levels = range(1, self.topology.depth + 1)
        return torch.stack([values[..., self.topology.level_slice(level)].mean(-1) for level in levels], dim=-1)


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
