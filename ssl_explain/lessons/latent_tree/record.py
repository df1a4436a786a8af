"""A latent tree with one of its points, and the joint law of its views."""

from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from ssl_explain.records import record
from ssl_explain.topology import Tree


@record
class HiddenWorld:
    """A latent tree with one chosen latent: ``level``, ``node``, and its ``value`` (None: not clamped).

    ``numbers[l]`` is shown in the nodes of level l: P(z = 1) given that value, or (``what``) the ceilings; leaves
    have a probability, but no ceiling. ``point`` holds the leaves of a data point, ``views`` those of its views,
    ``kept`` marks those that were not redrawn.
    ``predicted`` and ``measured`` are covariances of the neurons on the children of that latent, between two views;
    ``noise`` is the standard error of the measured one, 0 if it is a sum over all patterns. ``share`` is ρ_{0μ}².
    """

    topology: Tree
    polarity: tuple[Float[Tensor, " _"], ...]
    level: int
    node: int
    value: int | None
    what: str
    numbers: tuple[Float[Tensor, " _"], ...]
    point: UInt8[Tensor, " leaf"]
    views: UInt8[Tensor, "views leaf"]
    kept: Bool[Tensor, "views leaf"]
    strength: float
    root: float
    predicted: Float[Tensor, "neuron neuron"]
    measured: Float[Tensor, "neuron neuron"]
    share: float
    noise: float
    activation: str


@record
class SharedViews:
    """The joint law of two views of one point, listed and sampled, and how often the views are the same.

    ``joint[i, j]`` and ``sampled[i, j]`` belong to the leaf patterns i and j, in the order of binary counting.
    ``same[q]`` is the probability that both views are the same pattern, for every strength in ``strengths``.
    """

    joint: Float[Tensor, "pattern pattern"]
    sampled: Float[Tensor, "pattern pattern"]
    strength: float
    strengths: Float[Tensor, " q"]
    same: Float[Tensor, " q"]
    independent: float
    pairs: int
    labels: tuple[str, ...]
