"""Two trees in lock step: both are the runs of their settings, and the views that are shown obey the augmentation."""

import pytest
import torch
from refusals import refused

from ssl_explain.lessons.start_here import TreeState, two_trees
from ssl_explain.lessons.start_here.state import run_of
from ssl_explain.lessons.start_here.two_trees import neurons, two_views
from ssl_explain.worlds.latent_tree import LatentTree

STATE = TreeState(depth=3, seed=3, strength=0.5, budget=500)


@pytest.fixture
def pair():
    return two_trees(STATE)


def test_both_networks_are_the_runs_of_their_settings(pair):
    pair.advance(12)
    pair.set_strength(1.0)
    pair.advance(8)
    first, second = (run_of(STATE.change(strength=q)).training for q in (0.5, 0.0))
    first.advance(12)
    first.strength = 1.0
    first.advance(8)
    second.advance(20)
    for training, side in zip((first, second), pair.now["sides"], strict=True):
        assert side["trace"] == training.trace().values.double().round(decimals=4).tolist()
    assert pair.now["changes"] == [12]
    assert pair.now["steps"] == [0, 10, 20]


def test_every_neuron_is_shown_and_the_best_of_them_is_the_number_of_its_circle(pair):
    pair.advance(10)
    for side in pair.now["sides"]:
        assert [len(row) for row in side["neurons"]] == [STATE.neurons] * 7
        torch.testing.assert_close(torch.tensor([max(row) for row in side["neurons"]]), torch.tensor(side["trace"][-1]))


def test_neurons_of_a_node_are_correlated_with_its_own_cause():
    run = run_of(STATE)
    points = run.training.measure
    (f, *_), z = run.training.net.activations(points.x), points.latents[0]
    expected = torch.corrcoef(torch.stack([f[:, 2, 1].detach(), z[:, 2]]))[0, 1].abs()
    assert neurons(run.training.net, points.x, points.latents)[2][1] == pytest.approx(float(expected), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_equal_views_at_0_the_root_alone_at_1_and_ever_fewer_kept_between(seed):
    tree = LatentTree.random(4, generator=torch.Generator().manual_seed(seed))
    point, views, kept = two_views(tree, 0.0, seed)
    assert (views == point).all()
    assert all(level.all() for level in kept)
    counts = [sum(int(level.sum()) for level in two_views(tree, q, seed)[2]) for q in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (31, 1)


def test_the_views_that_are_shown_have_the_law_of_the_augmentation():
    """Where a faithful tree keeps every cause but redraws at q, a leaf agrees with its point as often as computed."""
    tree = LatentTree.random(2, generator=torch.Generator().manual_seed(0))
    agree = torch.stack([(v == p).double() for p, v, _ in (two_views(tree, 0.5, seed) for seed in range(3000))]).mean(0)
    g = torch.Generator().manual_seed(1)
    points = tree.sample(20_000, generator=g)
    expected = (tree.augment(points, strength=0.5, generator=g)[0] == points[0]).double().mean(0)
    torch.testing.assert_close(agree.mean(0), expected, rtol=0, atol=0.03)


@pytest.mark.parametrize("message", [None, "go", {}, {"steps": "3"}, {"q": 2}, {"q": float("nan")}, {"again": 1.5}])
def test_nonsense_from_a_browser_changes_nothing(pair, message):
    before = pair.now
    pair._hear(None, message, None)
    assert pair.now == before


def test_the_browser_asks_for_steps_a_new_q_and_a_new_start(pair):
    pair._hear(None, {"steps": 3}, None)
    assert 1 <= pair.now["step"] <= 3
    pair._hear(None, {"q": 0.3}, None)
    assert pair.now["q"] == 0.3
    pair._hear(None, {"again": True}, None)
    assert (pair.now["step"], pair.now["q"]) == (0, 0.3)
    assert "q = 0.3" in pair.words


def test_a_run_that_breaks_down_says_so_and_ends():
    pair = two_trees(STATE.change(departure="free outputs", loss="L_simp", learning_rate=1.0))
    pair.advance(500)
    assert pair.over
    assert "Training stopped at step" in pair.words


def test_a_saved_notebook_has_the_picture_and_the_words(pair):
    data, metadata = pair._repr_mimebundle_()
    assert data["image/png"]
    assert data["text/plain"] == pair.words
    assert metadata["image/png"]["alt"]


test_refusals = refused((lambda: two_trees(TreeState(wiring="dense")), "`wiring"))
