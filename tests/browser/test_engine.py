"""The engine of the static pages against the package: in a browser, from disk, with the network cut."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lab import chromium, journeys
from playwright.sync_api import BrowserContext, Page
from scipy import stats
from site_report import scripted

from ssl_explain.dynamics.correlation import BestCorrelation
from ssl_explain.dynamics.training import Training
from ssl_explain.lessons.start_here import emergence_run
from ssl_explain.losses.contrastive import contrastive, loss_called
from ssl_explain.networks.layers import LayeredReLU
from ssl_explain.records import Views
from ssl_explain.worlds.latent_tree import LatentTree

ASSETS = Path(__file__).resolve().parents[2] / "tools" / "site_assets"
FILES = ("engine.js", "bounds.js")
LOSSES = ("L_simp", "InfoNCE", "soft triplet")
TREE = [(4, 5, 2), (2, 7, 10), (1, 6, 14)]  # unequal widths; eight leaves
DENSE = [(1, 9, 8), (1, 7, 9), (1, 6, 7)]
LATE = 0.137  # a strength that no list of the course contains
PRELUDE = """
const doubles = lists => lists.map(list => Float64Array.from(list));
const net = ({weights, biases, ...more}) => ({...more, weights: doubles(weights), biases: doubles(biases)});
const arrays = lists => lists.map(list => Array.from(list));
"""
GRADIENT = """({given, views, n, settings}) => {
    const {loss, gradients} = Engine.gradient(net(given), Uint8Array.from(views), n, settings);
    return [loss, arrays(gradients)];
}"""
STEPS = """({given, polarity, uniforms, settings, stops, change}) => {
    let k = 0;
    const run = {...settings, tree: {polarity}, net: net(given), uniform: () => uniforms[k++]}, kept = [];
    for (let done = 1; done <= Math.max(...stops); done++) {
        if (done === change.at) run.q = change.q;
        if (!Engine.step(run)) throw new Error('stopped');
        if (stops.includes(done)) kept.push(arrays([...run.net.weights, ...run.net.biases]));
    }
    return {kept, used: k};
}"""
PAIRS = """({polarity, n, q, seed}) => Array.from(Engine.drawViews({polarity}, n, q, Engine.generator(seed)))"""
ROOTS = """({seeds, q, steps, learningRate, depth}) => seeds.map(seed => {
    const tree = Engine.randomTree(depth, [0.8, 1], Engine.generator(seed, 0));
    const run = {
        tree, q, learningRate, batch: 128, loss: 'InfoNCE', temperature: 0.1, uniform: Engine.generator(seed, 3),
        net: Engine.network(Engine.treeShapes(depth, 10), {scale: 0.2, uniform: Engine.generator(seed, 1)}),
    };
    const points = Engine.sample(tree, 1000, Engine.generator(seed, 2));
    const root = () => Math.max(...Engine.correlations(run.net, points, 1000)[depth - 1][0]);
    const before = root();
    for (let step = 0; step < steps; step++) if (!Engine.step(run)) throw new Error('stopped');
    return [before, root(), Bounds.ceilings(tree)[depth - 1][0]];
})"""
MISTAKES = {
    "a sign": ("engine.js", "G[b] -= pull", "G[b] += pull"),
    "a swapped child in a table": (
        "engine.js",
        "size = below.columns ** j;",
        "size = below.columns ** (layer.child - 1 - j);",
    ),
    "a swapped child of a view": ("engine.js", "parent = (k >> 1) * n", "parent = ((edges.length - 1 - k) >> 1) * n"),
    "a frozen strength": ("engine.js", "uniform() >= q", "uniform() >= 0.5"),
    "a strength that stays": ("engine.js", "run.batch, run.q, run", "run.batch, (run.first ??= run.q), run"),
    "a gate that stays open": ("engine.js", "if (!(layer.f[k] > 0)) G[k] = 0", "if (false) G[k] = 0"),
    "a length that is kept": ("engine.js", "- f[row + s] * along[s]", "+ 0 * along[s]"),
}

pytestmark = journeys("THE ENGINE WAS NOT TRIED")


def opened(context: BrowserContext, folder: Path, mistake: tuple[str, str, str] | None = None) -> Page:
    """A page with the engine inside, as those of the site have it; ``mistake`` is planted in one file."""
    scripts = {name: (ASSETS / name).read_text(encoding="utf-8") for name in FILES}
    return scripted(context, folder / "engine.html", scripts | {"prelude": PRELUDE}, mistake)


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    with chromium() as context:
        yield context


@pytest.fixture(scope="module")
def page(context, tmp_path_factory) -> Page:
    return opened(context, tmp_path_factory.mktemp("engine"))


def world(depth: int, seed: int = 0) -> LatentTree:
    tree = LatentTree.random(depth, polarity=(0.5, 1.0), generator=torch.Generator().manual_seed(seed))
    return LatentTree(tuple(level.double() for level in tree.polarity))


def network(shapes: list[tuple[int, int, int]], normalise: bool, biases: bool = False) -> LayeredReLU:
    g = torch.Generator().manual_seed(0)
    net = LayeredReLU(shapes, generator=g, normalise=normalise, scale=0.5, biases=biases).double()
    for bias in net.biases:
        torch.nn.init.normal_(bias, std=0.1, generator=g)
    return net


def told(net: LayeredReLU) -> dict[str, Any]:
    """A network, as the engine reads it."""
    shapes = [tuple(w.shape) for w in net.weights]
    weights, biases = flat(net.weights), flat(net.biases)
    return {"shapes": shapes, "weights": weights, "biases": biases, "normalise": net.normalise}


def flat(tensors: Any) -> list[list[float]]:
    return [tensor.detach().flatten().tolist() for tensor in tensors]


def columns(x: torch.Tensor) -> list[int]:
    """Views (n, 2, leaf) of -1 or 1 as the engine reads them: leaf by leaf, first views, then second views."""
    return ((x + 1) / 2).int().permute(2, 1, 0).flatten().tolist()


def settings(loss: str) -> dict[str, Any]:
    return {"loss": loss, "temperature": 0.3, "margin": 0.1}


def objective(loss: str, negatives: int = 1):
    return contrastive(loss_called(loss, temperature=0.3, margin=0.1), negatives)


def gap(found: Any, expected: Any) -> float:
    """The largest difference between two lists of arrays, in units of the largest entry; infinite for NaN."""
    found, expected = (np.concatenate([np.asarray(part) for part in parts]) for parts in (found, expected))
    largest = float(np.abs(found - expected).max() / np.abs(expected).max())
    return largest if np.isfinite(largest) else np.inf


def gradient_gap(page: Page, net: LayeredReLU, loss: str, n: int = 40, negatives: int = 1) -> float:
    """How far loss and gradient are from those of PyTorch."""
    views = world(3).draw(n, strength=0.4, generator=torch.Generator().manual_seed(1))
    value = objective(loss, negatives)(net, views)
    expected = torch.autograd.grad(value, list(net.parameters()))
    given = {"given": told(net), "views": columns(views.x), "n": n, "settings": settings(loss)}
    given["settings"]["negatives"] = negatives
    found, gradients = page.evaluate(GRADIENT, given)
    return max(gap([[found]], [[value.item()]]), gap(gradients, flat(expected)))


@pytest.mark.parametrize("biases", [False, True], ids=["plain", "biases"])
@pytest.mark.parametrize("normalise", [True, False], ids=["normalised", "free"])
@pytest.mark.parametrize("shapes", [TREE, DENSE], ids=["tree", "dense"])
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_autograd(page, shapes, loss, normalise, biases):
    assert gradient_gap(page, network(shapes, normalise, biases), loss) < 1e-9


@pytest.mark.parametrize(("n", "negatives"), [(4, 1), (5, 4), (9, 3), (300, 2)])
def test_gradients_hold_for_batches_of_any_size(page, n, negatives):
    assert gradient_gap(page, network(TREE, True), "InfoNCE", n, negatives) < 1e-9


class FromUniforms:
    """The world whose draws are a list of uniforms, read as the engine says that it reads them."""

    def __init__(self, tree: LatentTree, uniforms: list[float]) -> None:
        self.tree, self.uniforms = tree, iter(uniforms)

    def _descend(self, levels: list[np.ndarray] | None, root: np.ndarray, q: float) -> list[np.ndarray]:
        view, kept = [root], np.ones_like(root, dtype=bool)
        for level in reversed(range(self.tree.topology.depth)):
            rows, keeps = [], []
            for k, rho in enumerate(self.tree.polarity[level].tolist()):
                row, keep = [], []
                for s, parent in enumerate(view[0][k // 2]):
                    stays = levels is not None and next(self.uniforms) >= q and kept[k // 2][s]
                    again = parent ^ (next(self.uniforms) < (1 - rho) / 2)
                    row.append(levels[level][k][s] if stays else again)
                    keep.append(stays)
                rows.append(row)
                keeps.append(keep)
            view, kept = [np.array(rows), *view], np.array(keeps)
        return view

    def draw(self, n: int, *, views: int, strength: float, generator: torch.Generator) -> Views:
        root = np.array([[int(next(self.uniforms) < 0.5) for _ in range(n)]])
        levels = self._descend(None, root, 1)
        leaves = [self._descend(levels, root, strength)[0] for _ in range(views)]
        return Views(torch.tensor(np.array(leaves)).double().permute(2, 0, 1) * 2 - 1)


def step_gaps(page: Page, net: LayeredReLU, loss: str) -> list[float]:
    """How far the weights are from those of `Training` after 1, 10 and 100 steps; q changes on the way."""
    tree, n, change = world(3), 12, {"at": 8, "q": LATE}
    rate = 0.3 if net.normalise else 0.01
    per_step = n * (1 + 14 + 2 * 2 * 14)
    uniforms = np.random.default_rng(5).random(100 * per_step).tolist()
    given = {
        "given": told(net), "polarity": flat(tree.polarity), "uniforms": uniforms, "stops": [1, 10, 100],
        "settings": {**settings(loss), "q": 0.6, "batch": n, "learningRate": rate}, "change": change,
    }  # fmt: skip
    answer = page.evaluate(STEPS, given)
    assert answer["used"] == len(uniforms)
    run = Training(
        net, FromUniforms(tree, uniforms), objective(loss), learning_rate=rate, strength=0.6, batch=n,
        generator=torch.Generator().manual_seed(0), measure=lambda _: torch.zeros(1), measure_every=1000,
    )  # fmt: skip
    gaps, start = [], flat(net.parameters())
    for stop, found in zip([1, 10, 100], answer["kept"], strict=True):
        while run.step < stop:
            run.strength = LATE if run.step + 1 >= change["at"] else 0.6
            run.advance()
        gaps.append(gap(found, flat(net.parameters())))
    assert gap(start, flat(net.parameters())) > 0.01, "the weights have moved"
    return gaps


@pytest.mark.parametrize(("shapes", "loss", "normalise", "biases"), [
    (TREE, "InfoNCE", True, False), (TREE, "L_simp", False, False), (DENSE, "soft triplet", True, True),
])  # fmt: skip
def test_steps_are_those_of_training(page, shapes, loss, normalise, biases):
    one, ten, hundred = step_gaps(page, network(shapes, normalise, biases), loss)
    assert one < 1e-10
    assert ten < 1e-8
    assert hundred < 1e-5


def law_p_value(page: Page, q: float, seed: int = 3, n: int = 10_000) -> float:
    """The p-value of a χ² test of drawn pairs of views against the enumerated law; 0 if an impossible pair occurs."""
    tree = world(2, seed=1)
    bits = page.evaluate(PAIRS, {"polarity": flat(tree.polarity), "n": n, "q": q, "seed": seed})
    patterns = np.array([8, 4, 2, 1]) @ np.array(bits).reshape(4, 2 * n)
    counts = np.bincount(16 * patterns[:n] + patterns[n:], minlength=256)
    expected = n * tree.pair_probabilities(q).flatten().numpy()
    if counts[expected < 1e-9 * n].any():
        return 0.0
    often = expected >= 5
    found = np.append(counts[often], counts[~often].sum())
    law = np.append(expected[often], expected[~often].sum())
    return float(stats.chisquare(found[law > 0], law[law > 0]).pvalue)


@pytest.mark.parametrize("q", [0.0, LATE, 0.5, 1.0])
def test_views_have_the_law_of_the_world(page, q):
    assert law_p_value(page, q) > 0.01


def test_two_seeds_and_two_streams_are_two_draws(page):
    draws = page.evaluate("""() => [[1, 0], [2, 0], [1, 1], [1, 0]].map(([seed, stream]) => {
        const uniform = Engine.generator(seed, stream);
        return Array.from({length: 4000}, uniform);
    })""")
    assert draws[0] == draws[3]
    for k, draw in enumerate(draws[:3]):
        assert stats.kstest(draw, "uniform").pvalue > 0.01
        for other in draws[k + 1 : 3]:
            assert abs(np.corrcoef(draw, other)[0, 1]) < 0.05


def test_normal_weights_have_their_law(page):
    found = page.evaluate("""() => Array.from(Engine.network([[4, 50, 20]],
        {scale: 0.5, uniform: Engine.generator(1, 1)}).weights[0])""")
    assert stats.kstest(np.array(found) / (0.5 * np.sqrt(2 / 20)), "norm").pvalue > 0.01


@pytest.mark.parametrize("shapes", [TREE, DENSE], ids=["tree", "dense"])
def test_correlations_are_those_of_the_package(page, shapes):
    tree, net = world(3), network(shapes, True)
    measure = BestCorrelation(tree, 400, generator=torch.Generator().manual_seed(2))
    levels = [(measure.x + 1) / 2, *measure.latents]
    given = {"given": told(net), "levels": [(level.T > 0).int().flatten().tolist() for level in levels]}
    found = page.evaluate(
        """({given, levels}) => Engine.correlations(
        net(given), levels.map(level => Uint8Array.from(level)), 400).flat().map(values => Math.max(...values))""",
        given,
    )
    assert np.abs(np.array(found) - measure(net).numpy()).max() < 1e-9


@pytest.mark.parametrize(("depth", "off"), [(2, 1e-12), (3, 1e-12), (4, 1e-5)])
def test_ceilings_are_those_of_the_package(page, depth, off):
    tree = world(depth, seed=4)
    found = page.evaluate("polarity => arrays(Bounds.ceilings({polarity}))", flat(tree.polarity))
    assert gap(found, flat(tree.latent_ceilings(1, generator=torch.Generator()))) < off


def test_the_ceiling_of_a_deep_root_and_certain_edges(page):
    tree = world(5, seed=4)
    found = page.evaluate("polarity => arrays(Bounds.ceilings({polarity}))", flat(tree.polarity))
    sampled = tree.latent_ceilings(100_000, generator=torch.Generator().manual_seed(1))[-1].item()
    assert abs(found[-1][0] - sampled) < 0.005
    certain = page.evaluate("() => arrays(Bounds.ceilings({polarity: [[1, -1, 1, 1], [1, -1]]}))")
    assert certain == [[1, 1], [1]]


def test_the_principal_component_is_that_of_the_enumerated_law(page):
    tree = world(3, seed=4)
    x, p = tree.enumerate()
    weights = p.mean(-1)
    _, vectors = torch.linalg.eigh(x.T @ (weights.unsqueeze(-1) * x))
    score = x @ vectors[:, -1]
    expected = abs(float((score * (p[:, 1] - p[:, 0]) / 2).sum())) / float((weights * score**2).sum().sqrt())
    assert abs(page.evaluate("polarity => Bounds.principal({polarity})", flat(tree.polarity)) - expected) < 1e-9


def test_the_root_rises_with_two_views_and_falls_without(page):
    given = {"seeds": [1, 2, 3, 4], "steps": 60, "learningRate": 0.3, "depth": 5}
    two, one = (np.array(page.evaluate(ROOTS, {**given, "q": q})) for q in (0.5, 0.0))
    assert (two[:, 1] > 0.9 * two[:, 2]).all()
    assert one[:, 1].mean() < one[:, 0].mean()


def test_a_step_that_overflows_changes_nothing(page):
    before, went, after = page.evaluate("""() => {
        const uniform = Engine.generator(1), tree = Engine.randomTree(3, [0.8, 1], uniform);
        const made = Engine.network(Engine.treeShapes(3, 4), {normalise: false, uniform});
        const run = {tree, net: made, uniform, q: 0.5, batch: 8, loss: 'L_simp', learningRate: 1e30};
        let before, went = true;
        for (let k = 0; k < 50 && went; k++) {
            before = arrays(made.weights);
            went = Engine.step(run);
        }
        return [before, went, arrays(made.weights)];
    }""")
    assert went is False
    assert before == after
    assert np.isfinite(np.concatenate(after)).all()


@pytest.mark.stress
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_noticed(context, tmp_path, mistake):
    page = opened(context, tmp_path, MISTAKES[mistake])
    fine = gradient_gap(page, network(TREE, True), "InfoNCE") < 1e-9
    fine = fine and step_gaps(page, network(TREE, True), "InfoNCE")[2] < 1e-5
    assert not (fine and law_p_value(page, LATE) > 0.01)
    page.close()


@pytest.mark.stress
@pytest.mark.parametrize("q", [0.0, 0.25, 0.5, 1.0])
def test_roots_are_distributed_as_those_of_python(page, q):
    steps, rate, seeds = 150, 0.1, range(1, 31)
    given = {"seeds": [*seeds], "q": q, "steps": steps, "learningRate": rate, "depth": 5}
    found = np.array(page.evaluate(ROOTS, given))[:, 1]
    run = emergence_run(strength=q, learning_rate=rate, runs=len(seeds), measure_every=steps, seed=1)
    run.training.advance(steps)
    expected = run.training.trace().values[-1, :, -1].numpy()
    assert abs(found.mean() - expected.mean()) < 0.03
    assert stats.ks_2samp(found, expected).pvalue > 0.01
