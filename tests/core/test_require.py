"""Every error is one sentence: what was expected, what came, what to do."""

import re

import jaxtyping
import numpy as np
import pytest
import torch
from weights import seeded

from ssl_explain import (
    BestCorrelation,
    LatentTree,
    ReLUNet,
    Tree,
    TreeNet,
    Views,
    contrastive,
    info_nce,
    require,
    simple_contrastive,
    soft_triplet,
    train,
)
from ssl_explain.losses.predictive import predictive
from ssl_explain.networks.dual import Centring
from ssl_explain.results import read_manifest, read_table
from ssl_explain.worlds.augment import Recipe

SENTENCE = re.compile(r"^`\w+` must .+, got .+; .+\.$", re.DOTALL)
NAN, INF = float("nan"), float("inf")


def fails(call, name, error=ValueError):
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert SENTENCE.match(str(caught.value)), caught.value
    assert str(caught.value).startswith(f"`{name}`")


@pytest.mark.parametrize("huge", [10**400, -(10**5000)], ids=["400 digits", "5000 digits"])
def test_an_integer_that_nobody_would_read_is_not_written_down(huge):
    for check in (
        lambda: require.integer("depth", huge, 1, "try 3", high=9),
        lambda: require.number("strength", huge, 0, 1, "try 0.5"),
        lambda: require.interval("strength", huge, 0, 1, "try (0, 1)"),
    ):
        with pytest.raises((ValueError, TypeError), match=r"^`(depth|strength)` must .+, got .{1,120}; try .+\.$"):
            check()


def world(depth=2, **options):
    return LatentTree.random(depth, generator=seeded(), **options)


def student(**options):
    return TreeNet(Tree(2), 3, generator=seeded(), **options)


def points(n=4, a=2):
    return torch.ones(n, a, 4)


def measure(net):
    return torch.zeros(())


def training(objective=None, **options):
    settings = {"steps": 1, "learning_rate": 0.1, "generator": seeded(), "measure": measure} | options
    return train(student(), world(), objective or contrastive(), **settings)


r, rh = torch.zeros(3), torch.zeros(3, 1)
BAD_VALUES = [
    ("depth", lambda: Tree(0)),
    ("branching", lambda: Tree(2, 1)),
    ("level", lambda: Tree(2).level_slice(0)),
    ("level", lambda: Tree(2).horizontal(3)),
    ("depth", lambda: world(0)),
    ("polarity", lambda: world(polarity=(0.5, 1.3))),
    ("polarity", lambda: world(polarity=(0.9, 0.8))),
    ("polarity", lambda: world(polarity=(-0.5, 0.8))),
    ("polarity", lambda: world(polarity=(0.5, NAN))),
    ("runs", lambda: world(runs=0)),
    ("polarity", lambda: LatentTree(())),
    ("polarity", lambda: LatentTree((torch.tensor(0.5),))),
    ("polarity", lambda: LatentTree((torch.zeros(0),))),
    ("polarity", lambda: LatentTree((torch.tensor([0.5, NAN]),))),
    ("polarity", lambda: LatentTree((torch.tensor([0.5, -1.1]),))),
    ("polarity", lambda: LatentTree((torch.zeros(2), torch.zeros(4)))),
    ("polarity", lambda: LatentTree((torch.zeros(3, 4), torch.zeros(2, 2)))),
    ("n", lambda: world().sample(0, generator=seeded())),
    ("n", lambda: world().latent_ceilings(0, generator=seeded())),
    ("n", lambda: world().draw(0, strength=0.5, generator=seeded())),
    ("views", lambda: world().draw(3, views=0, strength=0.5, generator=seeded())),
    *(("strength", lambda q=q: world().draw(3, strength=q, generator=seeded())) for q in (-0.1, 1.1, NAN, INF)),
    ("levels", lambda: world().augment(world(1).sample(3, generator=seeded()), 0.5, generator=seeded())),
    ("levels", lambda: world(runs=2).augment(world().sample(3, generator=seeded()), 0.5, generator=seeded())),
    ("enumerate", lambda: world(5).enumerate()),
    ("neurons_per_node", lambda: TreeNet(Tree(2), 0, generator=seeded())),
    ("widths", lambda: ReLUNet((4,), generator=seeded())),
    ("widths", lambda: ReLUNet((4, 0), generator=seeded())),
    ("scale", lambda: student(scale=0)),
    ("runs", lambda: student(runs=0)),
    ("x", lambda: student()(torch.ones(2, 5))),
    ("x", lambda: student(runs=3)(torch.ones(2, 4))),
    *(("x", lambda bad=bad: student().activations(torch.full((2, 4), bad))) for bad in (NAN, INF)),
    *(("x", lambda bad=bad: student().forward_pass(torch.full((2, 4), bad))) for bad in (NAN, -INF)),
    ("temperature", lambda: info_nce(r, rh, temperature=0)),
    ("temperature", lambda: soft_triplet(r, rh, temperature=-1.0)),
    ("margin", lambda: soft_triplet(r, rh, margin=-0.1)),
    ("negatives", lambda: contrastive(negatives=0)),
    ("views", lambda: contrastive()(student(), Views(points(n=1)))),
    ("views", lambda: contrastive(negatives="batch")(student(), Views(points(n=1)))),
    ("views", lambda: contrastive()(student(), Views(points(a=1)))),
    ("views", lambda: contrastive(negatives=4)(student(), Views(points(n=4)))),
    ("batch", lambda: training(batch=1)),
    ("steps", lambda: training(steps=-1)),
    ("measure_every", lambda: training(measure_every=0)),
    *(("learning_rate", lambda lr=lr: training(learning_rate=lr)) for lr in (-1.0, NAN, INF)),
    ("strength", lambda: training(strength=NAN)),
    ("n", lambda: BestCorrelation(world(), 1, generator=seeded())),
    ("net", lambda: BestCorrelation(world(), 9, generator=seeded())(ReLUNet((4, 2), generator=seeded()))),
]
BAD_TYPES = [
    ("depth", lambda: Tree(2.0)),
    ("depth", lambda: Tree(True)),
    ("branching", lambda: Tree(2, "2")),
    ("polarity", lambda: world(polarity=0.9)),
    ("polarity", lambda: world(polarity="ab")),
    ("polarity", lambda: world(polarity=(True, 1.0))),
    ("polarity", lambda: LatentTree((torch.tensor([1, -1]),))),
    ("strength", lambda: world().draw(3, strength="0.5", generator=seeded())),
    ("strength", lambda: world().draw(3, strength=True, generator=seeded())),
    ("n", lambda: world().sample(2.5, generator=seeded())),
    ("neurons_per_node", lambda: TreeNet(Tree(2), None, generator=seeded())),
    ("widths", lambda: ReLUNet((4, True), generator=seeded())),
    ("temperature", lambda: info_nce(r, rh, temperature="cold")),
    ("negatives", lambda: contrastive(negatives="all")),
    ("learning_rate", lambda: training(learning_rate=None)),
    ("batch", lambda: training(batch=8.0)),
    ("biases", lambda: ReLUNet((4, 2), generator=seeded(), biases=torch.tensor([1, 2]))),
    ("normalise", lambda: ReLUNet((4, 2), generator=seeded(), normalise="no")),
    ("affine", lambda: Recipe(0.5)),
    ("online", lambda: Centring(online="yes")),
    ("symmetric", lambda: predictive(symmetric=1)),
    ("latents", lambda: Views(torch.zeros(5, 2, 3), latents=torch.zeros(5, 3))),
    ("path", lambda: read_table(None)),
    ("path", lambda: read_manifest(3)),
]


@pytest.mark.parametrize(("name", "call"), BAD_VALUES)
@pytest.mark.usefixtures("unshaped")
def test_bad_value_gets_one_clear_sentence(name, call):
    fails(call, name)


@pytest.mark.parametrize(("name", "call"), BAD_TYPES)
@pytest.mark.usefixtures("unshaped")
def test_bad_type_gets_one_clear_sentence(name, call):
    fails(call, name, TypeError)


def test_good_values_come_back_as_they_are():
    assert require.number("q", 1, 0, 1, "") == 1.0
    assert isinstance(require.number("q", 1, 0, 1, ""), float)
    assert require.integer("n", 3, 3, "", high=3) == 3
    assert require.interval("range", [0, 0.5], 0, 1, "") == (0.0, 0.5)
    x = torch.ones(2, 3)
    assert require.finite("x", x) is x
    assert require.last_axis("x", x, 3, "") is x


def test_an_integer_of_numpy_is_sent_back_for_a_plain_one():
    with pytest.raises(TypeError, match=r"of type int64; write int\(\.\.\.\) around it\.$"):
        require.integer("widths", np.int64(3), 1, "try 3")


def test_message_in_full():
    with pytest.raises(ValueError, match="got") as caught:
        require.number("strength", 1.3, 0, 1, "0 is no augmentation")
    assert str(caught.value) == "`strength` must lie in [0, 1], got 1.3; 0 is no augmentation."


def test_wrong_shape_is_rejected_under_pytest():
    with pytest.raises(jaxtyping.TypeCheckError):
        simple_contrastive(torch.zeros(3), torch.zeros(4, 2))
    # Older jaxtyping looks at a record after its own checks.
    with pytest.raises((jaxtyping.TypeCheckError, ValueError)):
        Views(torch.zeros(3, 2))
    with pytest.raises((jaxtyping.TypeCheckError, TypeError), match=r"dtype=int64|i64|int64"):
        Views(torch.zeros(3, 2, 4, dtype=torch.int64))


def test_failed_training_leaves_the_network_alone():
    net = student()
    before = [w.clone() for w in net.weights]
    with pytest.raises(ValueError, match="strength"):
        train(net, world(), contrastive(), steps=3, learning_rate=0.1, strength=2, generator=seeded(), measure=measure)
    assert all(torch.equal(a, b) for a, b in zip(before, net.weights, strict=True))
