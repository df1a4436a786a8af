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


class ExactKnowledge:
    """Selectivity and correlation of the neurons of a network wired along a tree, as finite sums over leaf patterns.

    ``selectivity`` is s_j = ½(E[f_j | z = 1] - E[f_j | z = 0]) towards the latent of j's own node; ``correlation`` the
    best |correlation| of a neuron with it. A neuron sees only the leaves below its node, so both follow from the
    posterior mean given those leaves.
    """

    def __init__(self, tree: LatentTree) -> None:
        """List the patterns, their probabilities, and the posterior of every latent."""
        x, given_root = tree.enumerate()
        self.x = x
        self.p = given_root @ given_root.new_tensor([1 - tree.root, tree.root])
        bias = 2 * tree.root - 1
        means = [bias * rho for rho in tree.from_root()[1:]]
        posterior = [with_prior(m, b) for m, b in zip(beliefs(tree.polarity, x), means, strict=True)]
        self.latents = [m - b for m, b in zip(posterior, means, strict=True)]
        self.spread = [1 - b**2 for b in means]

    def _covariances(self, layers: list[Tensor]) -> list[tuple[Float[Tensor, "_node d"], Float[Tensor, "_node d"]]]:
        """Cov(f_j, z) and the standard deviation of every neuron, layer by layer."""
        result = []
        for f, z in zip(layers, self.latents, strict=True):
            centred = f - torch.einsum("p,pnd->nd", self.p, f)
            result.append((
                torch.einsum("p,pnd,pn->nd", self.p, centred, z),
                torch.einsum("p,pnd->nd", self.p, centred.square()).sqrt(),
            ))  # fmt: skip
        return result

    def selectivity(self, layers: list[Float[Tensor, "pattern _node d"]]) -> list[Float[Tensor, "_node d"]]:
        """s_j of every neuron, layer by layer, from activations on :attr:`x`."""
        pairs = zip(self._covariances(layers), self.spread, strict=True)
        return [covariance / spread.unsqueeze(-1) for (covariance, _), spread in pairs]

    def correlation(self, layers: list[Float[Tensor, "pattern _node d"]]) -> Float[Tensor, " latent"]:
        """The best |correlation| of every latent with a neuron of its node, in the order of ``topology.latents``."""
        best = []
        for (covariance, size), spread in zip(self._covariances(layers), self.spread, strict=True):
            score = covariance.abs() / (size * spread.sqrt().unsqueeze(-1)).clamp_min(1e-150)
            best.append(torch.where(size > 0, score, 0.0).amax(-1))
        return torch.cat(best)

    def __call__(self, net: LayeredReLU) -> Float[Tensor, " latent"]:
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
