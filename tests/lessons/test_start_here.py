"""The main experiment: the same bits for the same arguments, and the causes do emerge."""

import pytest
import torch

from ssl_explain import LatentTree, ReLUNet, TreeNet, simple_contrastive
from ssl_explain.lessons.start_here.experiment import emergence_run, student

pytestmark = pytest.mark.usefixtures("unshaped")  # many steps of training


def record_of(steps=20, **options):
    run = emergence_run(**{"depth": 3, "neurons": 4, "points": 200, "measure_every": 10} | options)
    run.training.advance(steps)
    return run.record(steps)


def same(a, b):
    return torch.equal(a.trace.values, b.trace.values) and torch.equal(a.trace.losses, b.trace.losses)


@pytest.mark.parametrize("options", [{}, {"dense": True}, {"biases": True}, {"runs": 2}, {"loss": simple_contrastive}])
def test_same_arguments_same_bits(options):
    first, second = record_of(**options), record_of(**options)
    assert same(first, second)
    assert torch.equal(first.ceilings, second.ceilings)
    assert not same(first, record_of(**options, seed=2))


REACHED = {"strength": 0.0, "learning_rate": 0.2, "loss": simple_contrastive, "batch": 8, "dense": True, "biases": True}
REACHED |= {"normalise": False, "scale": 1.0, "neurons": 5, "polarity": (0.5, 0.7)}


@pytest.mark.parametrize("name", REACHED)
def test_every_setting_reaches_the_run(name):
    assert not same(record_of(), record_of(**{name: REACHED[name]}))


def test_settings_of_the_student_leave_the_world_as_it_is():
    plain = record_of()
    for options in ({"neurons": 2}, {"dense": True}, {"biases": True}, {"normalise": False}):
        other = record_of(**options)
        assert all(torch.equal(a, b) for a, b in zip(plain.polarity, other.polarity, strict=True))


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("runs", [None, 2])
def test_both_wirings_have_the_same_number_of_neurons(g, dense, runs):
    tree = LatentTree.random(depth=3, generator=g, runs=runs)
    net = student(tree, 4, generator=g, dense=dense)
    assert isinstance(net, ReLUNet if dense else TreeNet)
    assert net.runs == runs
    assert [w.shape[-2] * w.shape[-3] for w in net.weights] == [16, 8, 4]


def test_small_weights_only_where_outputs_are_normalised(seeded):
    tree = LatentTree.random(depth=3, generator=seeded(0))

    def first_weight(**options):
        return student(tree, 4, generator=seeded(1), **options).weights[0]

    torch.testing.assert_close(first_weight() * 5, first_weight(normalise=False))
    torch.testing.assert_close(first_weight(scale=1.0), first_weight(normalise=False))
    with pytest.raises(ValueError, match="`scale` must lie in"):
        first_weight(scale=0.0)


def test_levels_are_averaged_and_a_record_says_where_the_run_stands():
    record = record_of()
    means = record.by_level(record.trace.values)
    assert means.shape == (3, 3)
    for level, own in enumerate((slice(0, 4), slice(4, 6), slice(6, 7))):
        torch.testing.assert_close(means[:, level], record.trace.values[:, own].mean(1))
    run = emergence_run(depth=3, neurons=4, points=200, measure_every=10, strength=0.3)
    before = run.training.trace()
    run.training.advance(15)
    run.training.strength = 0.7
    record = run.record(500, before)
    assert record.trace.steps.tolist() == [0, 10, 15]
    assert (record.strength, record.budget, record.before) == (0.7, 500, before)
    assert [(stretch.start, stretch.strength) for stretch in record.trace.stretches] == [(0, 0.3)]
    assert record.trace.ahead.strength == 0.7
    assert record.topology.depth == 3
    assert record.polarity is run.tree.polarity


BAD = {
    "depth": 0,
    "neurons": 0,
    "polarity": (1.0, 0.8),
    "strength": 1.5,
    "learning_rate": -1.0,
    "batch": 1,
    "points": 1,
}
BAD |= {"points": 1, "measure_every": 0}


@pytest.mark.parametrize("name", BAD)
def test_bad_settings_are_named(name):
    called = {"neurons": "neurons_per_node", "points": "n"}.get(name, name)
    with pytest.raises(ValueError, match=f"`{called}` must"):
        record_of(**{name: BAD[name]})


def test_the_root_emerges_with_augmentation_and_not_without():
    """The sentence of the first notebook, on two small trees side by side."""
    emerging, failing = (
        record_of(300, depth=4, neurons=10, points=1000, runs=2, strength=strength, seed=1, measure_every=300)
        for strength in (1.0, 0.0)
    )
    start, end = (emerging.by_level(emerging.trace.values[k])[:, -1] / emerging.ceilings[:, -1] for k in (0, -1))
    assert (end > 0.95).all()
    assert (start < 0.92).all()
    assert (failing.by_level(failing.trace.values[-1])[:, -1] / failing.ceilings[:, -1] < 0.8).all()


@pytest.mark.stress
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_level_emerges_and_the_root_needs_augmentation(seed):
    """Depth 5, 8,000 fresh points: at least 95 % of every ceiling for q = 1, at most 65 % of the root's for q = 0."""
    shares = {}
    for strength in (1.0, 0.0):
        record = record_of(1500, depth=5, neurons=10, points=8000, strength=strength, seed=seed, measure_every=1500)
        shares[strength] = record.by_level(record.trace.values[-1]) / record.by_level(record.ceilings)
    assert (shares[1.0] >= 0.95).all()
    assert shares[0.0][-1] <= 0.65
