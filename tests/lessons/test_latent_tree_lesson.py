"""Worlds with hidden causes: clamping, what two views share, what neurons carry of the root, luck; notebook 07."""

import itertools

import pytest
import torch

from ssl_explain import LatentTree
from ssl_explain.lessons.latent_tree.best_of_n import best_of, expected_maximum, random_correlations
from ssl_explain.lessons.latent_tree.clamp import chances, draw_clamped, pair_law_below, views_and_kept
from ssl_explain.lessons.latent_tree.exercises import exercises
from ssl_explain.lessons.latent_tree.experiment import ChildNeurons, given_the_root
from ssl_explain.lessons.latent_tree.explorer import ACTIVATIONS, WorldState, chosen, world_explorer
from ssl_explain.lessons.latent_tree.figures import figure_ceilings, figure_fading, figure_luck
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.seeds import generators
from ssl_explain.worlds.belief import beliefs

SIZES = [(1, 2), (3, 2), (2, 3)]


def world(depth=3, branching=2, root=0.5, seed=0, polarity=(0.3, 0.95)):
    g = torch.Generator().manual_seed(seed)
    tree = LatentTree.random(depth, branching, polarity, generator=g)
    return LatentTree(tuple(rho.double() for rho in tree.polarity), root)


def every_point(tree):
    """All configurations, level by level, and their probabilities, node by node."""
    widths = tree.topology.widths
    points, p = [], []
    for bits in itertools.product((0, 1), repeat=sum(widths)):
        z, start = [], 0
        for width in widths:
            z.append(bits[start : start + width])
            start += width
        chance = tree.root if z[-1][0] else 1 - tree.root
        for level, rho in enumerate(tree.polarity):
            for k, r in enumerate(rho.tolist()):
                chance *= (1 + r) / 2 if z[level][k] == z[level + 1][k // tree.topology.branching] else (1 - r) / 2
        points.append(bits)
        p.append(chance)
    return torch.tensor(points).double().split(list(widths), -1), torch.tensor(p, dtype=torch.float64)


@pytest.mark.parametrize("root", [0.5, 0.2])
@pytest.mark.parametrize(("depth", "branching"), [(1, 3), (2, 2)])
def test_chances_are_those_of_the_points_that_agree(depth, branching, root):
    tree = world(depth, branching, root)
    z, p = every_point(tree)
    for level in range(depth + 1):
        for node, value in itertools.product(range(tree.topology.widths[level]), (None, 0, 1)):
            agree = p if value is None else p * (z[level][:, node] == value)
            expected = [(agree / agree.sum()) @ one for one in z]
            torch.testing.assert_close(list(chances(tree, level, node, value)), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("value", [0, 1])
def test_a_clamped_point_agrees_and_is_drawn_as_often_as_it_should(value):
    tree = world(2, root=0.3)
    drawn = [
        torch.cat(draw_clamped(tree, 1, 1, value, generator=torch.Generator().manual_seed(seed)), -1)
        for seed in range(2000)
    ]
    seen = torch.cat(drawn).double().mean(0)
    assert seen[5] == value
    expected = torch.cat(chances(tree, 1, 1, value))
    torch.testing.assert_close(seen, expected, rtol=0, atol=0.05)


def test_what_cannot_be_computed_is_named():
    tree = LatentTree((torch.ones(2),), root=0.001)
    with pytest.raises(RuntimeError, match="No data point in 256 has value 1"):
        draw_clamped(tree, 1, 0, 1, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="9 leaves or fewer, got 16"):
        pair_law_below(world(4), 4, 0, 0.5)


@pytest.mark.parametrize("q", [0.0, 0.3, 1.0])
def test_what_is_kept_is_that_of_the_point_and_as_often_as_it_should(q):
    tree = world()
    point = tree.sample(1, generator=torch.Generator().manual_seed(0))
    views, kept = views_and_kept(tree, point, q, views=4000, generator=torch.Generator().manual_seed(1))
    assert torch.equal(views[kept], point[0].expand(4000, -1)[kept])
    torch.testing.assert_close(kept.double().mean(0), torch.full((8,), (1 - q) ** 3).double(), rtol=0, atol=0.04)
    again = tree.augment([z.expand(4000, -1) for z in point], q, generator=torch.Generator().manual_seed(1))[0]
    assert torch.equal(views, again)


@pytest.mark.parametrize("q", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("root", [0.5, 0.2])
def test_the_law_below_a_node_is_the_law_of_all_leaves_summed(q, root):
    tree = world(root=root)
    joint = tree.pair_probabilities(q).view((2,) * 16)
    for level in (0, 1, 2, 3):
        width = 2**level
        for node in range(tree.topology.widths[level]):
            mine = set(range(width * node, width * (node + 1)))
            others = [leaf + side for side in (0, 8) for leaf in range(8) if leaf not in mine]
            expected = (joint.sum(others) if others else joint).reshape(2**width, 2**width)
            if level:
                found = pair_law_below(tree, level, node, q)
                torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("depth", "branching"), SIZES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_formula_definition_and_pairs_agree_at_every_node(depth, branching, name):
    tree, g = world(depth, branching), torch.Generator().manual_seed(1)
    x, _ = tree.enumerate()
    for level, node in tree.topology.latents:
        neurons = ChildNeurons.random(tree, level, node, neurons=3, activation=ACTIVATIONS[name], generator=g)
        predicted = neurons.predicted()
        torch.testing.assert_close(given_the_root(tree, neurons(x)), predicted, rtol=0, atol=1e-12)
        measured, noise = neurons.measured(1.0)
        torch.testing.assert_close(measured, predicted, rtol=0, atol=1e-12)
        assert noise == 0
        assert torch.linalg.eigvalsh(predicted)[:-1].abs().max() < 1e-12


def test_less_augmentation_lets_more_through():
    neurons = ChildNeurons.random(
        world(), 2, 1, neurons=3, activation=torch.relu, generator=torch.Generator().manual_seed(1)
    )
    traces = [float(neurons.measured(q)[0].trace()) for q in (1.0, 0.7, 0.4, 0.0)]
    assert traces == sorted(traces)
    f = neurons(neurons.tree.enumerate()[0])
    p = neurons.tree.enumerate()[1].mean(1)
    torch.testing.assert_close(neurons.measured(0.0)[0].diagonal(), p @ f.square() - (p @ f).square())


def test_an_unfair_root_scales_by_its_variance():
    tree = world(root=0.1)
    neurons = ChildNeurons.random(
        tree, 3, 0, neurons=3, activation=torch.relu, generator=torch.Generator().manual_seed(1)
    )
    torch.testing.assert_close(neurons.measured(1.0)[0], 0.36 * neurons.predicted(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("depth", "branching"), [(4, 2), (3, 3), (4, 3)])
def test_large_trees_are_sampled_within_their_error(depth, branching):
    tree = world(depth, branching, polarity=(0.8, 1.0))
    own, pairs, points = generators(1, 3)
    neurons = ChildNeurons.random(tree, depth, 0, neurons=3, activation=torch.relu, generator=own)
    measured, noise = neurons.measured(1.0, generator=pairs)
    assert 0 < noise < 0.1
    slack = 5 * noise if branching**depth < 81 else 8 * noise  # there the selectivity is sampled as well
    assert (measured - neurons.predicted(generator=points)).abs().max() < slack


def test_what_is_sampled_is_drawn_by_the_given_generator():
    neurons = ChildNeurons.random(world(4, 3), 4, 0, neurons=3, activation=torch.relu, generator=generators(1, 1)[0])
    for ask in (neurons.selectivity, neurons.a, neurons.predicted, lambda **g: neurons.measured(1.0, **g)[0]):
        first, again, other = (ask(generator=generators(seed, 1)[0]) for seed in (2, 2, 3))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
        with pytest.raises(TypeError, match="`generator` must be a Generator"):
            ask()


def test_the_expected_maximum_is_that_of_every_draw():
    pool = torch.tensor([0.3, -1.0, 0.9, 0.3, 2.0])
    for n in (1, 2, 3):
        every = torch.tensor([max(pick) for pick in itertools.product(pool.tolist(), repeat=n)])
        assert expected_maximum(pool, n) == pytest.approx(float(every.mean()))
    assert expected_maximum(pool, 10**6) == pytest.approx(2)
    with pytest.raises(ValueError, match="draws"):
        expected_maximum(pool, 0)
    with pytest.raises(ValueError, match="pool"):
        expected_maximum(pool[:0], 1)


def test_random_neurons_correlate_as_samples_say():
    tree = world(1)
    found = random_correlations(tree, nets=1, neurons=5, generator=torch.Generator().manual_seed(3))[0]
    levels = tree.sample(200_000, generator=torch.Generator().manual_seed(0))
    net = ReLUNet((2, 5), generator=torch.Generator().manual_seed(0), normalise=False).double()
    with torch.no_grad():
        net.weights[0][0] = torch.randn((1, 1, 2, 5), generator=torch.Generator().manual_seed(3))[0, 0].mT
        f = net(tree.as_input(levels[0]))
    both = torch.cat([f, levels[1].double()], -1).mT
    live = f.std(0) > 0
    expected = torch.where(live, torch.corrcoef(both)[:-1, -1].abs().nan_to_num(), 0.0)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.01)


def test_one_network_below_draws_independently_and_many_do_not():
    tree, g, counts = world(3, polarity=(0.8, 1.0)), torch.Generator().manual_seed(1), (1, 5, 20)
    one = random_correlations(tree, nets=1, neurons=20_000, below=2, generator=g)[0]
    many = random_correlations(tree, nets=500, neurons=20, below=2, generator=g)
    for pool, sets, independent in ((one[10_000:], one[:10_000].view(-1, 20), True), (many.flatten(), many, False)):
        best = best_of(sets, counts)
        off = best.mean(1) - torch.tensor([expected_maximum(pool, n) for n in counts]).double()
        errors = off / (best.std(1) / len(sets) ** 0.5)
        assert (errors.abs().max() < 4) == independent
        assert independent or errors[-1] < -5


@pytest.fixture(scope="module")
def explorer():
    return world_explorer()


def test_latents_are_counted_from_the_root_and_ring_edges_and_title_follow(explorer):
    found = [chosen(WorldState(latent=k)) for k in (1, 2, 3, 4, 7, 8)]
    assert found == [(3, 0), (2, 0), (2, 1), (1, 0), (1, 3), (3, 0)]
    assert chosen(WorldState(depth=1, latent=9)) == (1, 0)
    explorer.state = WorldState(latent=3, clamp="z = 0")
    picture = explorer.figure
    assert picture.ring.get_offsets().tolist() == [[0.75, pytest.approx(2 / 3)]]
    colours = picture.edges.get_color()
    blue = [k for k, colour in enumerate(colours) if tuple(colour) == tuple(colours[4])]
    assert blue == [4, 5, 6, 7, 10, 11]  # four leaves and two latents below it
    assert picture.title.get_text() == "P(z = 1) in per cent, given z = 0 where the ring is"
    explorer._widgets["shown"].value = "ceilings"
    assert picture.title.get_text() == "ceiling in per cent"


def test_a_preset_is_offered_where_the_control_that_it_is_named_for_is_shown(explorer):
    few = world_explorer(controls=("depth", "latent", "activation"))
    assert list(few.presets) == ["deep and weak", "an even activation"]
    assert len(explorer.presets) == 4


def test_static_figures_draw_what_they_say():
    shares = {"0 to 1": torch.tensor([[1.0, 0.1], [1.0, 0.3], [1.0, 0.5]])}
    fading = figure_fading(shares)
    assert list(fading.figure.axes[0].get_lines()[0].get_ydata()) == pytest.approx([1.0, 0.3])
    assert "median 0.3 one edge below" in fading.words
    tops = {"0 to 1": torch.tensor([[0.9, 0.7], [0.8, 0.6], [0.7, 0.5]])}
    ceilings = figure_ceilings(torch.tensor([0.9, 0.8]), torch.tensor([0.9, 0.7]), tops)
    assert list(ceilings.figure.axes[0].get_lines()[1].get_ydata()) == pytest.approx([0.9, 0.7])
    assert "best lookup table: 0.1" in ceilings.words
    assert "0.800 0.600" in ceilings.words
    best = {"here": torch.tensor([[0.1, 0.3], [0.5, 0.7]])}
    luck = figure_luck((1, 2), best, {"here": [0.2, 0.6]})
    assert list(luck.figure.axes[0].get_lines()[0].get_ydata()) == [0.2, 0.6]
    assert "2 neurons 0.600 (0.600)" in luck.words


def test_exercises_agree_with_the_world():
    tree = world(1, polarity=(0.8, 0.8))
    x, _ = tree.enumerate()
    rho = tree.polarity[0].tolist()
    m = exercises["posterior"].solution(x[:, 0], x[:, 1], *rho)
    torch.testing.assert_close(m, beliefs(tree.polarity, x)[0].squeeze(-1))
    deep = world(3)
    path = torch.tensor([deep.polarity[2][1], deep.polarity[1][3], deep.polarity[0][6]])
    assert float(exercises["path"].solution(path)) == pytest.approx(float(deep.from_root()[0][6]))
    pool = torch.tensor([0.3, 0.9, 0.1])
    assert float(exercises["best"].solution(pool, 4)) == pytest.approx(expected_maximum(pool, 4))
