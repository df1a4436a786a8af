"""Losses: what should be passed, and what must hold then; NaN stays NaN."""

import torch
from fuzz import SOUND, Target, seeded, tensors
from hypothesis import strategies as st
from torch import nn

from ssl_explain import (
    DualNet,
    ReLUNet,
    Views,
    barlow_twins,
    contrastive,
    cosine,
    half_square,
    info_nce,
    linear_predictor,
    pair_weights,
    paired,
    predictive,
    pull_and_push,
    simple_contrastive,
    soft_triplet,
    spectral_contrastive,
    vicreg,
)
from ssl_explain.records import Terms

POSITIVE = st.floats(1e-3, 1e3)
NOT_NEGATIVE = st.floats(0, 1e3)
LOSSES = st.sampled_from([simple_contrastive, soft_triplet, info_nce])
ENERGIES = {"r_pos": tensors((3,)), "r_neg": tensors((3, 1), (3, 4))}
EMBEDDED = {"z1": tensors((5, 3)), "z2": tensors((5, 3))}
SINGLE = st.sampled_from([nn.Identity(), ReLUNet((3, 4, 2), generator=seeded())])
TOWERS = st.sampled_from(
    [DualNet(ReLUNet((3, 2), generator=seeded()), p, generator=seeded()) for p in (None, linear_predictor(2))]
)
VIEWS = tensors((4, 2, 3), (5, 3, 3), fills=SOUND).map(Views)


def lost(*tensors):
    """Whether one of them holds a NaN."""
    return any(isinstance(x, torch.Tensor) and x.is_floating_point() and x.isnan().any() for x in tensors)


def energy(result, r_pos, r_neg, **_):
    assert result.shape == r_pos.shape
    wrong = r_pos.isnan() | r_neg.isnan().any(-1)
    assert result[wrong].isnan().all()


def distance(result, prediction, target):
    assert result.shape == prediction.shape[:-1]
    wrong = prediction.isnan().any(-1) | target.isnan().any(-1)
    assert result[wrong].isnan().all()


def terms(result, z1, z2, **_):
    assert isinstance(result, Terms)
    assert result.total.shape == ()
    assert not lost(z1, z2) or result.total.isnan()


def number(result, views, **_):
    assert result.shape == views.x.shape[:-3]
    assert not lost(views.x) or result.isnan().all()


def shares(result, r_pos, r_neg, **_):
    pull, push = result
    assert (pull.shape, push.shape) == (r_pos.shape, r_neg.shape)
    assert not lost(r_pos, r_neg)


def weights(result, mean_outputs, **_):
    assert result.shape == (len(mean_outputs), len(mean_outputs))
    torch.testing.assert_close(result, result.mT)


TARGETS = {
    "simple_contrastive": Target(simple_contrastive, ENERGIES, energy),
    "info_nce": Target(info_nce, ENERGIES | {"temperature": POSITIVE}, energy),
    "soft_triplet": Target(soft_triplet, ENERGIES | {"temperature": POSITIVE, "margin": NOT_NEGATIVE}, energy),
    "contrastive": Target(
        lambda loss, negatives, net, views: contrastive(loss, negatives)(net, views),
        {"loss": LOSSES, "negatives": st.sampled_from([1, 3, "batch"]), "net": SINGLE, "views": VIEWS}, number,
    ),
    "half_square": Target(half_square, {"prediction": tensors((4, 3)), "target": tensors((4, 3))}, distance),
    "cosine": Target(cosine, {"prediction": tensors((4, 3)), "target": tensors((4, 3))}, distance),
    "predictive": Target(
        lambda loss, symmetric, net, views: predictive(loss, symmetric=symmetric)(net, views),
        {"loss": st.sampled_from([half_square, cosine]), "symmetric": st.booleans(), "net": TOWERS, "views": VIEWS},
        lambda result, **_: number(result, Views(torch.ones(1, 1, 1))),
    ),
    "vicreg": Target(
        vicreg, EMBEDDED | dict.fromkeys(("invariance", "variance", "covariance", "margin"), NOT_NEGATIVE)
        | {"epsilon": POSITIVE}, terms,
    ),
    "barlow_twins": Target(barlow_twins, EMBEDDED | {"redundancy": NOT_NEGATIVE, "epsilon": POSITIVE}, terms),
    "spectral_contrastive": Target(spectral_contrastive, EMBEDDED, terms),
    "paired": Target(
        lambda loss, net, views: paired(loss)(net, views),
        {"loss": st.sampled_from([vicreg, barlow_twins, spectral_contrastive]), "net": SINGLE, "views": VIEWS}, number,
    ),
    "pull_and_push": Target(
        pull_and_push,
        {"loss": LOSSES, "r_pos": tensors((3,), fills=SOUND), "r_neg": tensors((3, 2), fills=SOUND)}, shares,
    ),
    "pair_weights": Target(
        pair_weights, {"loss": LOSSES, "mean_outputs": tensors((5, 2), (1, 3), fills=SOUND)}, weights
    ),
}  # fmt: skip
