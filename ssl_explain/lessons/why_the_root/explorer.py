"""The graph explorer: the spectrum of the augmentation graph of a small tree, for the reader's own pair law."""

import functools
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, slider
from ssl_explain.lessons.why_the_root.experiment import TIE, TREE, Law, checked, evidence, known, spectrum, subtrees
from ssl_explain.lessons.why_the_root.picture import SHOWN, GraphPicture
from ssl_explain.lessons.why_the_root.record import Graph
from ssl_explain.torch_modes import own_modes
from ssl_explain.worlds.latent_tree import LatentTree


@dataclass(frozen=True)
class GraphState(State):
    """Every setting of the graph explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    strength: float = slider(
        0.25, 0, 1, 0.05, label="augmentation q", tip="0: both views are the point; 1: the root alone"
    )
    which: int = slider(
        2, 2, 6, 1, label="eigenfunction", tip="counted from the largest eigenvalue; the first is constant"
    )
    edges: float = slider(
        1.0, 0.4, 1, 0.1, label="all ρ times", tip="weaker edges: children copy their parents less well"
    )


class GraphExplorer(Explorer[GraphState]):
    """The eigenvalues over q, one eigenfunction, and the latents; ``law(tree, q)`` gives the pair law P.

    Whatever ``law`` raises, or returns in another form, is said above the picture, which then shows the default law.

    Example:
        >>> graph_explorer(GraphState(strength=1.0)).record.share[-1].item() > 0.999999
        True
    """

    picture = GraphPicture
    main_controls = ("strength", "which", "edges")
    presets = {
        "as it opens": {"strength": 0.25, "which": 2, "edges": 1.0},
        "hardly any augmentation": {"strength": 0.05, "which": 2, "edges": 1.0},
        "only the root survives": {"strength": 1.0, "which": 2, "edges": 1.0},
        "weak edges": {"strength": 0.05, "which": 2, "edges": 0.4},
    }

    def __init__(
        self, state: GraphState, controls: Sequence[str] = (), tree: LatentTree = TREE, law: Law = subtrees
    ) -> None:
        """Compute the spectrum of ``law`` on ``tree``, whose polarities the edges are times."""
        self.tree, self.law = tree, law
        self._spectra = functools.lru_cache(maxsize=8)(self._all_strengths)
        super().__init__(state, controls)

    def _weakened(self, edges: float) -> LatentTree:
        """A copy of the tree with all polarities times ``edges``."""
        return LatentTree(tuple(edges * level.double() for level in self.tree.polarity), self.tree.root)

    def _pairs(self, law: Law, edges: float, strength: float) -> Tensor:
        tree = self._weakened(edges)
        return checked(law(tree, strength), 2**tree.dimension)

    def _all_strengths(self, law: Law, edges: float) -> Tensor:
        """The largest eigenvalues for every strength of the slider."""
        strengths = self._state.controls()["strength"].values()
        return torch.stack([spectrum(self._pairs(law, edges, q))[0][:SHOWN] for q in strengths])

    @own_modes()
    def compute(self, state: GraphState) -> Graph:
        """The record of the reader's law; if it fails, that of the default law with the reason."""
        try:
            return self._record(state, self.law)
        except Exception as error:
            if self.law is subtrees:
                raise
            return self._record(state, subtrees, _told(self.law, error))

    def _record(self, state: GraphState, law: Law, problem: str = "") -> Graph:
        tree = self._weakened(state.edges)
        joint, latents = self._pairs(law, state.edges, state.strength), known(tree)
        strengths = torch.tensor(state.controls()["strength"].values(), dtype=torch.float64)
        values, functions = spectrum(joint)
        p, k = joint.sum(-1), state.which - 1
        tied = min(float(values[k - 1] - values[k]), float(values[k] - values[k + 1])) < TIE
        function = functions[:, k] * torch.where(functions[:, k] @ (p * latents[:, -1]) < 0, -1.0, 1.0)
        centred = latents - p @ latents
        share = ((p * function) @ centred / (p @ centred.square()).sqrt()).abs().clamp_max(1)
        given_root = tree.enumerate()[1] / 2
        m = (given_root[:, 1] - given_root[:, 0]) / given_root.sum(-1)
        return Graph(
            tree.topology, tree.polarity, strengths, self._spectra(law, state.edges), state.strength, state.which,
            float(values[k]), None if tied else function, None if tied else share, p, evidence(tree),
            float(given_root.sum(-1) @ m.square()), problem,
        )  # fmt: skip

    def another(self, state: GraphState) -> Self:
        """An explorer like this one, with its tree and its law, in another state."""
        return type(self)(state, self.shown, self.tree, self.law)

    def line(self) -> str:
        """The line of code that recreates this explorer; a law of the reader's is named."""
        own = {} if self.tree is TREE else {"tree": "tree"}
        own |= {} if self.law is subtrees else {"law": self.law.__name__}
        return f"{self.factory}({', '.join(f'{k}={v}' for k, v in (self._state.changed() | own).items())})"


def _told(law: Law, error: Exception) -> str:
    """What went wrong in a function of the reader's, with its line where it stopped there."""
    name = getattr(law, "__name__", "law")
    own = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.name == name]
    where = f"stopped in line {own[-1]} with {type(error).__name__}" if own else "returned something else"
    return f"{name} {where}: {error}"


graph_explorer = factory(GraphExplorer, "See which latent the augmentation graph puts first.")
