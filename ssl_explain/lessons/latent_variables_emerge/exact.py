"""Training on a small tree without sampling; correlation, selectivity and operator of every node at any moment."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.dynamics.training import Training
from ssl_explain.lessons.latent_variables_emerge.exact_tree import ExactTree, SameLaw
from ssl_explain.lessons.latent_variables_emerge.expected import Expected, expected_simple, over_the_law
from ssl_explain.lessons.latent_variables_emerge.pair_law import PairLaw, law_operator
from ssl_explain.networks.layers import LayeredReLU
from ssl_explain.networks.tree import TreeNet
from ssl_explain.operators.covariance import CovarianceOperator
from ssl_explain.worlds.belief import beliefs, with_prior
from ssl_explain.worlds.latent_tree import LatentTree

PerNeuron = Float[Tensor, "*runs _node d"]
Layers = list[Float[Tensor, "*runs pattern _node d"]]


class ExactKnowledge:
    """Selectivity and correlation of the neurons of a network wired along a tree, as finite sums over leaf patterns.

    ``selectivity`` is s_j = ½(E[f_j | z = 1] - E[f_j | z = 0]) towards the latent of j's own node; ``correlation`` the
    best |correlation| of a neuron with it. A neuron reads only the leaves below its node, so both follow from the
    posterior mean given those leaves. Trees side by side have a leading ``runs`` axis.
    """

    def __init__(self, tree: LatentTree) -> None:
        """List the patterns, their probabilities, and the posterior of every latent."""
        patterns, given_root = tree.enumerate()
        self.x = patterns.expand(*tree.runs, -1, -1)
        self.pi = given_root @ given_root.new_tensor([1 - tree.root, tree.root])
        means = [((2 * tree.root - 1) * rho).unsqueeze(-2) for rho in tree.from_root()[1:]]
        self.latents = [with_prior(m, b) - b for m, b in zip(beliefs(tree.polarity, self.x), means, strict=True)]
        self.spread = [(1 - b**2).mT for b in means]

    def _covariances(self, layers: Layers) -> list[tuple[PerNeuron, PerNeuron]]:
        """Cov(f_j, z) and the standard deviation of every neuron, layer by layer."""
        result = []
        for f, z in zip(layers, self.latents, strict=True):
            centred = f - torch.einsum("...p,...pnd->...nd", self.pi, f).unsqueeze(-3)
            covariance = torch.einsum("...p,...pnd,...pn->...nd", self.pi, centred, z)
            result.append((covariance, torch.einsum("...p,...pnd->...nd", self.pi, centred.square()).sqrt()))
        return result

    def selectivity(self, layers: Layers) -> list[PerNeuron]:
        """s_j of every neuron, layer by layer, from activations on :attr:`x`."""
        pairs = zip(self._covariances(layers), self.spread, strict=True)
        return [covariance / spread for (covariance, _), spread in pairs]

    def correlation(self, layers: Layers) -> Float[Tensor, "*runs latent"]:
        """The best |correlation| of every latent with a neuron of its node, in the order of ``topology.latents``."""
        best = []
        for (covariance, size), spread in zip(self._covariances(layers), self.spread, strict=True):
            score = covariance.abs() / (size * spread.sqrt()).clamp_min(1e-150)
            best.append(torch.where(size > 0, score, 0.0).amax(-1))
        return torch.cat(best, dim=-1)

    def __call__(self, net: LayeredReLU) -> Float[Tensor, "*runs latent"]:
        """:meth:`correlation` of a network, as a measure of training."""
        with torch.no_grad():
            return self.correlation(net.activations(self.x))


def node_operators(net: TreeNet, law: PairLaw) -> Float[Tensor, " latent"]:
    """The largest eigenvalue of the covariance operator of every node's own weights, level 1 first, the root last.

    The operator is that of the output before normalisation, as the theory has it.
    """
    forward = net.forward_pass(law.x)
    norms = []
    for layer, weight in enumerate(net.weights, 1):
        whole = law_operator(forward, layer, law.joint)
        for own in whole.factor.chunk(len(weight), dim=-1):
            norms.append(CovarianceOperator(own, whole.pair_weights).eigh(1)[0])
    return torch.cat(norms)


def exact_run(
    tree: LatentTree,
    net: TreeNet,
    *,
    strength: float,
    learning_rate: float,
    loss: Expected = expected_simple,
    measure: Callable[[TreeNet], Tensor] | None = None,
    measure_every: int = 10,
) -> Training:
    """Gradient descent on the expected loss: no batch, no noise, and no seed once the network is drawn.

    Raises:
        ValueError: more than nine leaves, strength outside [0, 1], a negative learning rate.
    """
    return Training(
        net, SameLaw(ExactTree(tree)), over_the_law(loss), learning_rate=learning_rate,
        generator=torch.Generator(), measure=measure or ExactKnowledge(tree), strength=strength,
        measure_every=measure_every,
    )  # fmt: skip
