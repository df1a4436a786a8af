"""The nouns that travel between the rooms: frozen, without behaviour beyond joining and slicing."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
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


@dataclass(frozen=True)
class Residue:
    """The true update of a layer and the one predicted with pair weights frozen; ``error`` is relative to the true one.

    ``spread`` is tr V_{x'|x}[f_L], averaged over points.
    """

    pair_weights: Float[Tensor, "*runs n n"]
    true: Float[Tensor, "*runs d_weights"]
    predicted: Float[Tensor, "*runs d_weights"]
    spread: Float[Tensor, "*runs"]
    cosine: Float[Tensor, "*runs"]
    error: Float[Tensor, "*runs"]


@dataclass(frozen=True)
class Landscape:
    """A loss over the plane of energies, and how hard it pulls and pushes at one point of it.

    ``surface[i, j]`` is the loss where the nearest r- is ``grid[i]`` and r+ is ``grid[j]``. ``energies`` holds r+, then
    every r_k-; ``slopes`` the partial derivatives in the same order. ``along`` is the loss where r+ alone moves over
    the grid, then where all negatives move together. ``reach`` is the largest energy that outputs can have.
    """

    name: str
    grid: Float[Tensor, " g"]
    surface: Float[Tensor, "g g"]
    along: Float[Tensor, "2 g"]
    energies: Float[Tensor, " k"]
    slopes: Float[Tensor, " k"]
    value: float
    reach: float = float("inf")


@dataclass(frozen=True)
class CloudRun:
    """Views in the plane and what a network makes of them: ``trace.values[i]`` holds the outputs after ``steps[i]``.

    ``between`` and ``within`` are the variances of the outputs between and within points; ``step`` is the one shown.
    """

    name: str
    inputs: Float[Tensor, "n a 2"]
    trace: Trace
    between: Float[Tensor, " t"]
    within: Float[Tensor, " t"]
    step: int


@dataclass(frozen=True)
class ConnectionView:
    """One layer, two inputs: the parts of the connection, and two predictions made from it beside autograd.

    ``gates`` are those of the first view, layer by layer; ``predicted_output`` is K_lᵀ vec(W_l).
    """

    widths: tuple[int, ...]
    layer: int
    setting: str
    gates: tuple[Float[Tensor, " _"], ...]
    layer_input: Float[Tensor, " d_in"]
    jacobian: Float[Tensor, "d_top d_out"]
    connection: Float[Tensor, "d_out d_in d_top"]
    predicted_output: Float[Tensor, " d_top"]
    output: Float[Tensor, " d_top"]
    predicted_gradient: Float[Tensor, "d_out d_in"]
    gradient: Float[Tensor, "d_out d_in"]


@dataclass(frozen=True)
class Selectivity:
    """Neurons on a ring of shifting objects, over time; ``shown`` is the index of the time that is looked at.

    ``responses[t, object, place, neuron]`` is the mean activation over the views of one point. ``dead`` neurons had
    the same mean connection at every point at the start. ``shift`` is the largest shift, None where all are equally
    likely.
    """

    objects: Float[Tensor, "object cell"]
    times: Float[Tensor, " t"]
    weights: Float[Tensor, "t neuron cell"]
    responses: Float[Tensor, "t object place neuron"]
    dead: Bool[Tensor, " neuron"]
    shift: int | None
    steps: int
    shown: int = -1
    setting: str = ""


@dataclass(frozen=True)
class Growth:
    """Two layers that grow: with both free, the bottom alone, the top alone, from one start (the mode axis).

    ``bottom`` and ``output`` are variances between points, ``top_norm`` is ‖W_2‖; ``stopped`` marks what has outgrown
    the limit and stands still from then on. ``shown`` is the mode that is looked at.
    """

    times: Float[Tensor, "t *runs"]
    bottom: Float[Tensor, "t mode *runs"]
    output: Float[Tensor, "t mode *runs"]
    top_norm: Float[Tensor, "t mode *runs"]
    stopped: Bool[Tensor, "t mode *runs"]
    shown: int = 0
    setting: str = ""


@dataclass(frozen=True)
class Spectrum:
    """The covariance operator of one layer, and one step of its weights: predicted, and taken.

    ``total`` holds the eigenvalues of all variance of the connection, ``between`` those of OP; ``share`` is the ratio
    of their sums, ``directions`` the effective number (Σλ)² / Σλ² of OP. ``length`` is taken / predicted.
    """

    between: Float[Tensor, " d_weights"]
    total: Float[Tensor, " d_weights"]
    features: Float[Tensor, "k d_out d_in"]
    predicted: Float[Tensor, " d_weights"]
    taken: Float[Tensor, " d_weights"]
    share: float
    directions: float
    cosine: float
    length: float
    layer: int
    points: int
    views: int
    strength: float
    step: str


@dataclass(frozen=True)
class Reweighing:
    """A loss that weighs pairs: its :class:`Residue` now, and over a range of view noise (``sweep``, as runs).

    ``lowest`` is the smallest eigenvalue of the frozen operator, as a share of the largest.
    """

    now: Residue
    sweep: Residue
    temperature: float
    noise: float
    lowest: float
    setting: str
