"""One vector added to all outputs changes nothing that only looks at differences, also in single precision.

Outputs stand on a grid of 2⁻¹³ with spread .05, and so does the offset of 1,024: adding it is exact, and whatever
changes is a loss of digits in the formula itself.
"""

import math

import pytest
import torch
from torch import nn

from ssl_explain import ReLUNet, info_nce, simple_contrastive, soft_triplet
from ssl_explain.dynamics.correlation import _best
from ssl_explain.dynamics.flow import between_point_variance, within_point_variance
from ssl_explain.lessons.byol_hidden_contrast.two_towers import filled_directions
from ssl_explain.lessons.collapse_and_grassmannian.kernel_features import rbf_kernel
from ssl_explain.lessons.latent_tree.experiment import ChildNeurons
from ssl_explain.lessons.latent_variables_emerge.exact import ExactKnowledge
from ssl_explain.lessons.latent_variables_emerge.expected import (
    energies,
    expected_info_nce,
    expected_loss,
    expected_simple,
)
from ssl_explain.lessons.latent_variables_emerge.pair_law import law_operator
from ssl_explain.lessons.losses_reweigh_pairs.experiment import expected_loss as expected_over_views
from ssl_explain.lessons.losses_reweigh_pairs.experiment import (
    frozen_loss,
    frozen_operator,
    frozen_weights,
    negative_sets,
)
from ssl_explain.lessons.real_images.probe import neighbours, spectrum
from ssl_explain.lessons.real_images.surrogate import frozen_info_nce
from ssl_explain.lessons.selectivity_amplification.experiment import identity_share
from ssl_explain.losses.contrastive import contrastive
from ssl_explain.losses.predictive import half_square
from ssl_explain.losses.spectral import barlow_twins, vicreg
from ssl_explain.losses.weights import pair_weights
from ssl_explain.operators.byol import byol_terms
from ssl_explain.operators.covariance import covariance_operator
from ssl_explain.records import Views
from ssl_explain.worlds.latent_tree import LatentTree

N, A, D, OFFSET = 32, 2, 3, 1024.0
LOSSES = {
    "L_simp": simple_contrastive,
    "InfoNCE": lambda p, n: info_nce(p, n, temperature=0.01),
    "triplet": lambda p, n: soft_triplet(p, n, temperature=0.01),
    "frozen": lambda p, n: frozen_info_nce(p, n, temperature=0.01),
}
TREE = LatentTree.random(3, generator=torch.Generator().manual_seed(1))


def grid(*shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))
    return (0.05 * 2**13 * x).round() / 2**13


def points(n=N, a=A, d=D):
    f = grid(n, 1, d) + grid(n, a, d) / 2
    return (2**13 * f).round() / 2**13


def joint(n=N):
    p = torch.rand(n, n, generator=torch.Generator().manual_seed(3), dtype=torch.float32) + 5 * torch.eye(n)
    p = p + p.mT
    return p / p.sum()


def passed(x):
    net = ReLUNet((x.shape[-1], 2), generator=torch.Generator().manual_seed(0), normalise=False, linear_top=True)
    return net.forward_pass(x)


def gradient(function):
    def of(f):
        f = f.clone().requires_grad_()
        return torch.autograd.grad(function(f), f)[0]

    return of


def symmetric(n=N):
    xi = torch.rand(n, n, generator=torch.Generator().manual_seed(5))
    return xi + xi.mT


def neurons(f, what):
    """What is measured of neurons on the children of a latent, f's first entry added to their activations."""
    own = ChildNeurons.random(
        TREE, 2, 0, neurons=3, generator=torch.Generator().manual_seed(2),
        activation=lambda x: ((2**13 * 0.05 * torch.tanh(x)).round() / 2**13 + f.flatten()[0].round()),
    )  # fmt: skip
    return what(own)


def known(f, what):
    layers = [grid(2**8, nodes, 3) + f.flatten()[0].round() for nodes in (4, 2, 1)]
    return torch.cat([x.flatten() for x in what(ExactKnowledge(TREE), layers)])


def objective(loss, negatives):
    return lambda f: contrastive(loss, negatives)(nn.Identity(), Views(f))


LABELS = torch.arange(N) % 2
SETS = negative_sets(N, A)
MEMBERS = {
    **{f"{name}, {h}": objective(loss, h) for name, loss in LOSSES.items() for h in (1, 3, "batch")},
    "gradient of InfoNCE, batch": gradient(objective(LOSSES["InfoNCE"], "batch")),
    "energies": lambda f: energies(f[:, 0]),
    "expected L_simp": lambda f: expected_simple(f[:, 0], joint()),
    "gradient of expected L_simp": gradient(lambda f: expected_simple(f[:, 0], joint())),
    "expected InfoNCE": lambda f: expected_info_nce(f[:, 0], joint(), temperature=0.01),
    "expected loss": lambda f: expected_loss(f[:, 0], joint(), LOSSES["triplet"]),
    "pair weights": lambda f: pair_weights(LOSSES["InfoNCE"], f.mean(1)),
    "half square": lambda f: half_square(f[:, 0], f[:, 1]),
    "VICReg": lambda f: vicreg(f[:, 0], f[:, 1]).total,
    "Barlow Twins": lambda f: barlow_twins(f[:, 0], f[:, 1]).total,
    "between points": between_point_variance,
    "within points": within_point_variance,
    "expected over views": lambda f: expected_over_views(f, LOSSES["InfoNCE"], SETS),
    "frozen weights": lambda f: frozen_weights(f, LOSSES["InfoNCE"], SETS),
    "frozen loss": lambda f: frozen_loss(f, symmetric()),
    "covariance operator": lambda f: covariance_operator(passed(f), 1).as_matrix(),
    "weighted operator": lambda f: covariance_operator(passed(f), 1, symmetric()).as_matrix(),
    "operator of a law": lambda f: law_operator(passed(f[:, :1]), 1, joint()).as_matrix(),
    "frozen operator": lambda f: frozen_operator(passed(f), 1, symmetric().triu()),
    "BYOL, between": lambda f: byol_terms(passed(f), 1, torch.eye(2) / 2)["between"].as_matrix(),
    "BYOL, within": lambda f: byol_terms(passed(f), 1, torch.eye(2) / 2)["within"].as_matrix(),
    "RBF kernel": lambda f: rbf_kernel(f[:, 0], scale=0.05),
    "neighbours": lambda f: torch.tensor(neighbours(f[:, 0], LABELS, f[:, 1], LABELS)),
    "spectrum": lambda f: spectrum(f[:, 0]),
    "filled directions": lambda f: torch.tensor(filled_directions(f)),
    "identity": lambda f: identity_share(f.unflatten(0, (2, -1)).flatten(1, 2)),
    "best correlation": lambda f: _best(f[:, 0].unsqueeze(-2), LABELS.unsqueeze(-1) - 0.5),
    "exact selectivity": lambda f: known(f, lambda k, layers: k.selectivity(layers)),
    "exact correlation": lambda f: known(f, lambda k, layers: [k.correlation(layers)]),
    "selectivity": lambda f: neurons(f, ChildNeurons.selectivity),
    "measured covariance": lambda f: neurons(f, lambda own: own.measured(0.5)),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_one_vector_added_to_all_outputs_changes_nothing(name):
    measure, f = MEMBERS[name], points()
    shifted = f + OFFSET * torch.tensor([1.0, -1.0, 0.5])
    assert torch.equal(shifted - f, (shifted - f)[:1, :1].expand_as(f)), "the offset is added exactly"
    here, there = measure(f), measure(shifted)
    assert here.abs().max() > 0
    torch.testing.assert_close(there, here, rtol=2e-3, atol=2e-3 * float(here.abs().max()))


def test_two_ways_to_list_the_negatives_agree_far_from_zero():
    f = points(9) + OFFSET
    for loss in LOSSES.values():
        both = [objective(loss, h)(f) for h in ("batch", 8)]
        assert math.isclose(*map(float, both), rel_tol=1e-3)
