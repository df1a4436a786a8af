"""Worlds with hidden causes: clamping, what two views share, what neurons carry of the root; notebook 07."""

import itertools
from pathlib import Path

import nbformat
import pytest
import torch
from literal import double_tree as world
from literal import every_configuration

from ssl_explain import LatentTree
from ssl_explain.kit.charts import place
from ssl_explain.lessons.latent_tree.clamp import chances, draw_clamped, pair_law_below, views_and_kept
from ssl_explain.lessons.latent_tree.exercises import exercises
from ssl_explain.lessons.latent_tree.experiment import ChildNeurons
from ssl_explain.lessons.latent_tree.explorer import SHOWN, WorldState, ceilings_of, chosen, world_explorer
from ssl_explain.lessons.latent_tree.neurons_explorer import ACTIVATIONS, NeuronsState, neurons_explorer
from ssl_explain.worlds.belief import beliefs, with_prior

SIZES = [(1, 2), (3, 2), (2, 3)]


@pytest.mark.parametrize("root", [0.5, 0.2])
@pytest.mark.parametrize(("depth", "branching"), [(1, 3), (2, 2)])
def test_chances_are_those_of_the_points_that_agree(depth, branching, root):
    tree = world(depth, branching, root)
    z, p = every_configuration(tree)
    for level in range(depth + 1):
        for node, value in itertools.product(range(tree.topology.widths[level]), (None, 0, 1)):
            agree = p if value is None else p * (z[level][:, node] == 2 * value - 1)
            expected = [(1 + (agree / agree.sum()) @ one) / 2 for one in z]
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


def given_the_root(tree, f):
    """V_{z_0}[E(f | z_0)] straight from its definition, from activations on every leaf pattern."""
    p = f.new_tensor([1 - tree.root, tree.root])
    means = tree.enumerate()[1].mT @ (f - f.mean(0))
    centred = means - p @ means
    return centred.mT @ (p.unsqueeze(-1) * centred)


@pytest.mark.parametrize(("depth", "branching"), SIZES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_formula_definition_and_pairs_agree_at_every_node(depth, branching, name):
    tree, g = world(depth, branching), torch.Generator().manual_seed(1)
    x, _ = tree.enumerate()
    for level, node in tree.topology.latents:
        neurons = ChildNeurons.random(tree, level, node, neurons=3, activation=ACTIVATIONS[name], generator=g)
        predicted = neurons.predicted()
        torch.testing.assert_close(given_the_root(tree, neurons(x)), predicted, rtol=0, atol=1e-12)
        torch.testing.assert_close(neurons.measured(1.0), predicted, rtol=0, atol=1e-12)
        assert torch.linalg.eigvalsh(predicted)[:-1].abs().max() < 1e-12


def test_less_augmentation_lets_more_through():
    neurons = ChildNeurons.random(
        world(), 2, 1, neurons=3, activation=torch.relu, generator=torch.Generator().manual_seed(1)
    )
    traces = [float(neurons.measured(q).trace()) for q in (1.0, 0.7, 0.4, 0.0)]
    assert traces == sorted(traces)
    f = neurons(neurons.tree.enumerate()[0])
    p = neurons.tree.enumerate()[1].mean(1)
    torch.testing.assert_close(neurons.measured(0.0).diagonal(), p @ f.square() - (p @ f).square())


def test_an_unfair_root_scales_by_its_variance():
    tree = world(root=0.1)
    neurons = ChildNeurons.random(
        tree, 3, 0, neurons=3, activation=torch.relu, generator=torch.Generator().manual_seed(1)
    )
    torch.testing.assert_close(neurons.measured(1.0), 0.36 * neurons.predicted(), rtol=0, atol=1e-12)


def test_neurons_with_too_many_leaves_are_refused_with_the_most_that_fit():
    g = torch.Generator().manual_seed(1)
    neurons = ChildNeurons.random(world(4), 4, 0, neurons=3, activation=torch.relu, generator=g)
    with pytest.raises(ValueError, match="see 9 leaves or fewer, got 16"):
        neurons.measured(1.0)


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
    explorer._widgets["shown"].value = SHOWN[1]
    assert picture.title.get_text() == "ceiling, leaves below, in per cent"


@pytest.mark.parametrize("state", [WorldState(), WorldState(depth=4, branching=3)], ids=["listed", "sampled"])
def test_all_leaves_never_say_less_in_the_explorer(state):
    below, every = (ceilings_of(state.change(shown=shown)) for shown in SHOWN[1:])
    slack = 1e-12 if state.depth == 3 else 0.02  # 2,000 sampled points
    assert all((more > less - slack).all() for less, more in zip(below, every, strict=True))
    assert (every[1] > below[1] + 1e-4).any()
    torch.testing.assert_close(every[-1], below[-1], rtol=0, atol=slack)


def test_a_preset_is_offered_where_a_control_that_it_sets_is_shown():
    few = neurons_explorer(NeuronsState(), controls=("latent", "activation"))
    assert list(few.presets) == list(neurons_explorer().presets) == ["only the root is kept", "an unfair root"]
    assert list(few.offered()) == []


def test_exercises_agree_with_the_world():
    tree = world(3, root=0.3)
    x, given_root = tree.enumerate()
    m, b = beliefs(tree.polarity, x)[-1].squeeze(-1), -0.4
    p = given_root @ torch.tensor([0.7, 0.3], dtype=torch.float64)
    truth = given_root @ torch.tensor([-0.7, 0.3], dtype=torch.float64) / p
    torch.testing.assert_close(exercises["prior"].solution(m, b), truth)
    torch.testing.assert_close(exercises["prior"].solution(m, b), with_prior(m, torch.tensor(b)))
    fair = world(3)
    law = fair.enumerate()[1].mean(1)
    for i, j in ((0, 1), (2, 3), (0, 3), (1, 6), (4, 4)):
        found = exercises["leaves"].solution(list(fair.polarity), i, j)
        assert float(found) == pytest.approx(float(law @ (x[:, i] * x[:, j])))


NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "07_latent_tree.ipynb"
TREES = ("setup", "rho", "sample", "all-points", "upward", "ceilings", "downward", "reveal-leaves", "trees-figure")


def drawn(**changed):
    """The numbers in the circles of the notebook's two trees, where a cell is changed."""
    cells = {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"}
    names = [name for name in cells if name.rsplit("-", 1)[0] in TREES or name in TREES]
    sources = [line for name in names if "reveal" not in name for line in cells[name].splitlines()]
    source = "\n".join(sources)
    for old, new in changed.values():
        assert source.count(old) == 1
        source = source.replace(old, new)
    space = {"gains": [torch.zeros(1)] * 3}
    exec(source, space)
    return [[int(text.get_text()) for text in ax.texts] for ax in space["axes"]]


def test_the_trees_of_the_notebook_are_drawn_from_its_own_passes():
    below, every = drawn()
    assert len(below) == len(every) == 7
    assert sum(every) > sum(below)
    assert drawn(down=("above = torch.atanh(r * without)", "above = 0 * without")) == [below, below]
    weaker, _ = drawn(up=("says = torch.atanh(r * m[-1])", "says = torch.atanh(r * m[-1] / 2)"))
    assert sum(weaker) < sum(below)


def test_a_click_on_a_latent_clamps_it_and_a_click_beside_all_of_them_does_nothing():
    explorer = world_explorer(WorldState(depth=3, clamp="nothing"))
    tree = explorer.record.topology
    explorer.pick("tree_axes", *place(tree, 1, 2))
    assert (explorer.record.level, explorer.record.node, explorer.state.clamp) == (1, 2, "z = 1")
    explorer.pick("tree_axes", *place(tree, 3, 0))
    assert (explorer.record.level, explorer.record.node) == (3, 0)
    before = explorer.state
    explorer.pick("tree_axes", 0.5, -0.3)
    explorer.pick("another", *place(tree, 1, 2))
    assert explorer.state == before
