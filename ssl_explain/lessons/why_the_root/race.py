"""The order of emergence of the levels of a small tree: exact runs, one alone or several side by side."""

import copy
import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.lessons.latent_variables_emerge.exact import ExactKnowledge, exact_run, node_operators
from ssl_explain.lessons.latent_variables_emerge.exact_tree import ExactTree
from ssl_explain.lessons.latent_variables_emerge.expected import Expected, expected_simple
from ssl_explain.lessons.start_here.experiment import EmergenceRun
from ssl_explain.lessons.start_here.record import Emergence
from ssl_explain.networks.tree import TreeNet
from ssl_explain.records import Trace, record
from ssl_explain.torch_modes import own_modes
from ssl_explain.worlds.latent_tree import LatentTree

OUTGROWN = 30  # a run stops when a weight norm exceeds this times its initial value: it is diverging


def alone(trees: LatentTree) -> list[LatentTree]:
    """The trees of all runs, one by one; a single tree is a list of one."""
    if not trees.runs:
        return [trees]
    return [LatentTree(tuple(level[k] for level in trees.polarity), trees.root) for k in range(trees.runs[0])]


class NodeMeasure:
    """Measure every node: (*runs, latent, 1 + neurons), the best |correlation| in front.

    Behind it the selectivity s_j of every neuron, as a share of the size √E‖f‖² of its node: it does not depend on the
    norm of the weights.
    """

    def __init__(self, trees: LatentTree) -> None:
        """List the patterns and the posteriors of every tree."""
        self.known = ExactKnowledge(trees)

    @torch.no_grad()
    def __call__(self, net: TreeNet) -> Float[Tensor, "*runs latent columns"]:
        """Measure a network, or all runs at once."""
        known, layers = self.known, net.activations(self.known.x)
        sizes = [torch.einsum("...p,...pnd->...n", known.pi, f.square()).sqrt() for f in layers]
        pairs = zip(known.selectivity(layers), sizes, strict=True)
        shares = [s / size.clamp_min(1e-150).unsqueeze(-1) for s, size in pairs]
        return torch.cat([known.correlation(layers).unsqueeze(-1), torch.cat(shares, dim=-2)], dim=-1)


@record
class RaceRun(EmergenceRun):
    """An exact run: ``start`` is the untrained network, ``training.net`` the present one."""

    start: TreeNet

    def advance(self, steps: int) -> None:
        """Take ``steps`` steps; stop if the weights diverge."""
        self._stop_if_outgrown()
        for _ in range(steps):
            self.training.advance(1)
            self._stop_if_outgrown()

    def _stop_if_outgrown(self) -> None:
        training = self.training
        pairs = zip(training.net.parameters(), self.start.parameters(), strict=True)
        if training.stopped is None and any(w.norm() > OUTGROWN * first.norm() for w, first in pairs):
            training.stopped = f"stopped at step {training.step}: the weights grow without end"

    def record(self, budget: int, before: Trace | None = None) -> Emergence:
        """The correlations alone."""
        whole = super().record(budget, before)
        return dataclasses.replace(whole, trace=dataclasses.replace(whole.trace, values=whole.trace.values[..., 0]))

    def selectivity(self) -> Float[Tensor, "t *runs latent neuron"]:
        """s_j of every neuron as a share of the size of its node, over time."""
        return self.training.trace().values[..., 1:]

    def operators(self, trained: tuple[int, ...] | None = None) -> Float[Tensor, "*runs latent"]:
        """The largest eigenvalue of every node's operator; only the layers ``trained`` (from 1) have moved, if given.

        Example:
            >>> run = race_run(neurons=2)
            >>> run.operators().shape, bool((run.operators() == run.operators(trained=())).all())
            (torch.Size([7]), True)
        """
        net: TreeNet = copy.deepcopy(self.training.net)  # type: ignore[assignment]
        for layer, weight in enumerate(self.start.weights, 1):
            if trained is not None and layer not in trained:
                net.weights[layer - 1].data = weight.data.clone()
        norms = []
        for k, tree in enumerate(alone(self.tree)):
            single = net
            if self.tree.runs:
                single = TreeNet(tree.topology, net.weights[0].shape[-2], generator=torch.Generator()).double()
                single.load_state_dict({name: value[k] for name, value in net.state_dict().items()})
                single.normalise = net.normalise
            norms.append(node_operators(single, ExactTree(tree).law(self.training.strength)).detach())
        return torch.stack(norms) if self.tree.runs else norms[0]


@dataclass(frozen=True)
class RaceSettings:
    """What decides the bits of :func:`race_run`; ``runs`` trees and networks stand side by side, if given."""

    depth: int = 3
    neurons: int = 4
    polarity: tuple[float, float] = (0.7, 1.0)
    root: float = 0.5
    strength: float = 1.0
    loss: Expected = expected_simple
    learning_rate: float = 0.01
    seed: int = 1
    normalise: bool = True
    linear_top: bool = False
    runs: int | None = None
    measure_every: int = 5


@own_modes()
def race_run(**settings: Any) -> RaceRun:
    """Draw a small tree and a network wired along it, in double precision, by :class:`RaceSettings`.

    The first weights have scale 0.2, or 1 without normalisation; they are the same with a linear top. Nothing is random
    once they are drawn.

    Raises:
        ValueError: whatever tree, network or training reject; more than nine leaves.
    """
    own = RaceSettings(**settings)
    generator = torch.Generator().manual_seed(own.seed)
    drawn = LatentTree.random(own.depth, polarity=own.polarity, generator=generator, runs=own.runs, root=own.root)
    tree = LatentTree(tuple(level.double() for level in drawn.polarity), own.root)
    scale = 0.2 if own.normalise else 1.0
    net = TreeNet(
        tree.topology, own.neurons, generator=generator, runs=own.runs, normalise=own.normalise, scale=scale
    ).double()
    net.linear_top = own.linear_top
    ceilings = torch.cat(tree.latent_ceilings(1, generator=generator), dim=-1)
    training = exact_run(
        tree, net, strength=own.strength, learning_rate=own.learning_rate, loss=own.loss, measure=NodeMeasure(tree),
        measure_every=own.measure_every,
    )  # fmt: skip
    return RaceRun(tree, ceilings, training, copy.deepcopy(net))
