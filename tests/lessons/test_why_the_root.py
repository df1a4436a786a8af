"""The augmentation graph: its spectrum, what it says of latents, the reader's own law, and the cells of notebook 14."""

import ast
import math
import re
from functools import partial
from pathlib import Path

import nbformat
import pytest
import torch
from claims import sound
from literal import double_tree

from ssl_explain.lessons.why_the_root.exercises import exercises
from ssl_explain.lessons.why_the_root.experiment import TREE, checked, evidence, known, spectrum, subtrees
from ssl_explain.lessons.why_the_root.explorer import GraphState, graph_explorer
from ssl_explain.lessons.why_the_root.race import race_run
from ssl_explain.worlds.belief import beliefs
from ssl_explain.worlds.latent_tree import LatentTree

NOTEBOOK = nbformat.read(Path(__file__).resolve().parents[2] / "notebooks/14_why_the_root.ipynb", as_version=4)


tree = partial(double_tree, polarity=(0.5, 0.95))


@pytest.mark.parametrize("q", [0.0, 0.3, 1.0])
def test_an_eigenvalue_is_the_correlation_of_both_views(q):
    law = tree().pair_probabilities(q)
    values, functions = spectrum(law)
    p = law.sum(-1)
    torch.testing.assert_close(functions.mT @ (p.unsqueeze(-1) * functions), torch.eye(256, dtype=p.dtype))
    torch.testing.assert_close(functions.mT @ law @ functions, torch.diag(values))
    assert float((values - 1).abs().max()) < 1e-12 or q > 0


@pytest.mark.parametrize(("depth", "branching"), [(1, 2), (3, 2), (2, 3)])
def test_at_one_the_second_eigenvalue_is_the_squared_ceiling_and_its_function_the_posterior(depth, branching):
    world = tree(depth, branching)
    values, functions = spectrum(world.pair_probabilities(1.0))
    ceiling = world.latent_ceilings(1, generator=torch.Generator())[-1]
    torch.testing.assert_close(values[1:2], ceiling**2, rtol=0, atol=1e-12)
    assert values[2].abs() < 1e-12
    m = known(world)[:, -1] / ceiling
    torch.testing.assert_close(functions[:, 1] * (functions[0, 1] * m[0]).sign(), m, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("depth", "branching"), [(1, 3), (3, 2), (2, 3)])
def test_what_all_leaves_say_of_a_latent(depth, branching):
    """The root by the upward pass; any latent by the share of configurations, drawn often."""
    world = tree(depth, branching)
    said = known(world)
    torch.testing.assert_close(said[:, -1:], beliefs(world.polarity, world.enumerate()[0])[-1])
    levels = world.sample(400_000, generator=torch.Generator().manual_seed(1))
    power = 2 ** torch.arange(world.dimension - 1, -1, -1)
    seen = said[(levels[0].long() * power).sum(-1)]
    latents = 2 * torch.cat(levels[1:], dim=-1).double() - 1
    torch.testing.assert_close((seen * latents).mean(0), seen.square().mean(0), rtol=0, atol=0.01)
    torch.testing.assert_close(evidence(world).sum(-1), 2 * torch.atanh(said[:, -1]))


def test_trees_too_large_to_list_are_refused_with_the_largest_that_fits():
    with pytest.raises(ValueError, match=r"9 leaves or fewer, got 16; take a binary tree of depth 3 or less"):
        known(tree(4))
    with pytest.raises(ValueError, match="one tree with a fair root"):
        known(LatentTree(TREE.polarity, root=0.7))


@pytest.mark.parametrize("strength", [0.05, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("edges", [0.4, 1.0])
def test_the_leading_function_is_the_roots(strength, edges):
    record = graph_explorer(GraphState(strength=strength, edges=edges)).record
    assert int(record.share.argmax()) == 6
    assert record.share[-1] > 0.99
    assert record.value > record.rooted - 1e-12


def test_ties_show_no_function():
    nothing = graph_explorer(GraphState(strength=0.0))
    assert nothing.record.function is None
    assert "tied with others" in nothing.figure.describe()
    assert {text.get_text() for text in nothing.figure.numbers} == {"–"}
    assert graph_explorer(GraphState(strength=1.0)).record.function is not None


def test_the_picture_draws_the_record():
    picture = graph_explorer(GraphState(which=3)).figure
    record = picture.record
    for k, curve in enumerate(picture.curves, 1):
        assert curve.get_ydata() == pytest.approx(record.eigenvalues[:, k].tolist())
    torch.testing.assert_close(torch.tensor(picture.patterns.get_array().filled()), record.function.clamp(-2, 2))
    assert [text.get_text() for text in picture.numbers] == [f"{100 * x:.0f}" for x in record.share.tolist()]


def broken(tree, q):
    return tree.nothing


@pytest.mark.parametrize(
    ("law", "said"),
    [
        (broken, rf"broken stopped in line {broken.__code__.co_firstlineno + 1} with AttributeError"),
        (lambda tree, q: None, "expected a tensor of shape .256, 256., got NoneType"),
        (lambda tree, q: torch.eye(3), "got .3, 3."),
        (lambda tree, q: torch.eye(256), "sum to 1, got a sum of 256"),
        (lambda tree, q: torch.eye(256).roll(1, 0) / 256, "symmetric"),
        (lambda tree, q: torch.eye(256).index_fill(0, torch.tensor([0]), 0.0) / 255, "a row of zeros"),
    ],
)
def test_a_law_that_fails_is_told_and_the_explorer_lives(law, said):
    explorer = graph_explorer(law=law)
    assert re.search(said, explorer.figure.describe())
    assert explorer.record.value == graph_explorer().record.value
    explorer.state = explorer.state.change(strength=0.5)
    assert explorer.record.strength == 0.5


def test_a_law_of_the_readers_is_run_named_and_gets_copies():
    def mine(tree, q):
        for rho in tree.polarity:
            rho.mul_(0.5)
        return subtrees(tree, q)

    explorer = graph_explorer(law=mine)
    assert explorer.line() == "graph_explorer(law=mine)"
    assert float(explorer.record.value) < graph_explorer().record.value
    assert explorer.another(GraphState(which=3)).law is mine
    torch.testing.assert_close(graph_explorer().tree.polarity[2], torch.tensor([0.9, -0.85]).double())
    assert graph_explorer(tree=tree()).line() == "graph_explorer(tree=tree)"


def test_the_exercise_drives_the_explorer():
    explorer = graph_explorer(law=exercises["law"].solution)
    assert explorer.record.problem == ""
    assert int(explorer.record.share.argmax()) == 6
    checked(exercises["law"].solution(TREE, 0.3), 256)


def test_the_strength_of_a_mode_solves_its_equation():
    t = torch.linspace(0, 2, 2001, dtype=torch.float64)
    s = exercises["mode"].solution(0.8, 0.01, t)
    velocity = s.diff() / t.diff()
    middle = (s[1:] + s[:-1]) / 2
    torch.testing.assert_close(velocity, 8 * middle * (0.8 - middle), rtol=0, atol=1e-4)
    half = math.log((0.8 - 0.01) / 0.01) / (8 * 0.8)
    assert float(exercises["mode"].solution(0.8, 0.01, torch.tensor(half))) == pytest.approx(0.4)


def test_a_linear_top_has_the_same_first_weights():
    gated, linear = race_run(neurons=2), race_run(neurons=2, linear_top=True)
    assert all(map(torch.equal, gated.start.parameters(), linear.start.parameters()))
    x = linear.training.measure.known.x
    assert linear.start.activations(x)[-1].min() < 0 <= gated.start.activations(x)[-1].min()


def cells(*tags):
    """The code of the notebook up to the first cell with one of these tags, that cell included."""
    code = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]
    end = next(k for k, cell in enumerate(code) if set(tags) & set(cell.metadata.get("tags", [])))
    return [cell.source for cell in code[: end + 1]]


def test_the_tree_on_the_page_is_that_of_the_explorer():
    (line,) = (line for line in "\n".join(cells("figure")).splitlines() if line.startswith("polarity = "))
    assert [list(level) for level in ast.literal_eval(line.removeprefix("polarity = "))] == [
        rho.tolist() for rho in TREE.polarity
    ]


def test_the_hero_picture_is_drawn_from_the_cells_above_it():
    told = []
    for change in ("(1 - q) ** 2", "(1 - q / 2) ** 2"):
        names: dict = {}
        for source in cells("figure"):
            exec(source.replace("(1 - q) ** 2", change), names)
        told.append(names["found"])
    assert told[0] != told[1]
    assert told[0][1] == "q = 0.25: 0.894, 0.455"


def test_the_explorer_is_sound_in_the_corners():
    for strength in (0.0, 1.0):
        for which in (2, 6):
            sound(graph_explorer(GraphState(strength=strength, which=which, edges=0.4)))
