"""The spectrum of an augmentation graph: what its experiment hands to its picture."""

from jaxtyping import Float
from torch import Tensor

from ssl_explain.records import record
from ssl_explain.topology import Tree


@record
class Graph:
    """The augmentation graph of a small tree at one strength q, seen through one of its eigenfunctions.

    ``eigenvalues[q, k]`` belongs to ``strengths[q]`` and eigenfunction k, largest first; the first is constant and its
    eigenvalue 1. ``function`` holds the value of eigenfunction ``chosen`` (counted from 1) on every leaf pattern, and
    is None where its eigenvalue is tied with another, so that any mixture would do as well. ``share`` is its
    |correlation| with the posterior mean of every latent given all leaves, in the order of ``topology.latents``.
    ``evidence`` holds what the leaves below the first child of the root, and below the others, say for root = 1 (log
    odds). ``rooted`` is the square of the root's ceiling. ``problem`` says what was wrong with the pair law, if
    anything; then the record shows the law of the tree itself.
    """

    topology: Tree
    polarity: tuple[Float[Tensor, " _"], ...]
    strengths: Float[Tensor, " q"]
    eigenvalues: Float[Tensor, "q k"]
    strength: float
    chosen: int
    value: float
    function: Float[Tensor, " pattern"] | None
    share: Float[Tensor, " latent"] | None
    probability: Float[Tensor, " pattern"]
    evidence: Float[Tensor, "pattern 2"]
    rooted: float
    problem: str = ""
