"""Whatever mode of PyTorch is switched on around it, training, flow and explorers do the same, to the last bit."""

import contextlib
import functools
import re
import sys
from pathlib import Path

import pytest
import torch
from fire import numbers
from registry import FACTORIES
from weights import seeded

from ssl_explain import Clouds, LatentTree, ReLUNet, Ring, TreeNet, Views, contrastive, flow, info_nce, train
from ssl_explain.kit.streaming import StreamingExplorer
from ssl_explain.lessons.byol_hidden_contrast.experiment import measured_update
from ssl_explain.lessons.byol_hidden_contrast.two_towers import dual_run
from ssl_explain.lessons.losses_reweigh_pairs.experiment import measure_residue, negative_sets
from ssl_explain.lessons.real_images.directions import students
from ssl_explain.lessons.real_images.experiment import picture_run
from ssl_explain.lessons.start_here.experiment import emergence_run
from ssl_explain.lessons.why_the_root.race import race_run
from ssl_explain.losses.weights import pair_weights
from ssl_explain.networks.dual import linear_predictor
from ssl_explain.worlds.pictures import digits


@contextlib.contextmanager
def double():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def everything():
    """All modes of one thread at once."""
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.device("meta"), torch.inference_mode():
        yield


MODES = {
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "no gradients": torch.no_grad,
    "inference": torch.inference_mode,
    "default device": lambda: torch.device("meta"),
    "default dtype": double,
    "everything": everything,
}


def things():
    """A world, a network, its random numbers; negative_sets in a finite world, that world, a network for it."""
    g = seeded(1)
    tree, views = LatentTree.random(2, generator=g), Ring(6).enumerate(0.5)
    sets, net = negative_sets(*views.x.shape[:2]), ReLUNet((6, 4, 2), generator=g)
    return tree, TreeNet(tree.topology, 3, generator=g), g, sets, views, net


def trained(tree, net, g, *_):
    trace = train(
        net, tree, contrastive(), steps=4, learning_rate=0.5, generator=g, batch=8, measure_every=2,
        measure=lambda net: net(tree.draw(4, strength=1.0, generator=g).x).mean(),
    )  # fmt: skip
    return [trace.steps, trace.values, trace.losses, *net.parameters()]


def flowed(*parts):
    views, net = parts[-2:]
    trace = flow(net, views, steps=3, step_size=0.1, measure=lambda net: net(views.x).mean(), fixed_norm=True)
    return [trace.steps, trace.values, trace.losses, *net.parameters()]


def residue(*parts):
    sets, views, net = parts[-3:]
    found = measure_residue(net, views, info_nce, sets)
    return [found.true, found.predicted, found.cosine]


def two_towers(*parts):
    views, net = parts[-2:]
    return [measured_update(net, views, 1, 0.5 * torch.eye(2, dtype=torch.float32, device="cpu"))]


def weights_of_pairs(*parts):
    return [pair_weights(info_nce, parts[-2].x[:, 0])]


def advanced(make):
    def go(*_):
        run = make()
        run.advance(2)
        return [run.trace().values, run.trace().losses, *run.net.parameters()]

    return go


ON_THINGS = [trained, flowed, residue, two_towers, weights_of_pairs]
ALONE = {
    "emergence_run": advanced(lambda: emergence_run(depth=2, neurons=2, points=20, batch=8).training),
    "race_run": advanced(lambda: race_run(depth=2, neurons=2).training),
    "picture_run": advanced(lambda: picture_run(digits(), strength=0.5, batch=8)),
    "dual_run": advanced(
        lambda: dual_run(digits(), predictor=linear_predictor(64), strength=0.0, batch=8, momentum=0.9)
    ),
    "students": lambda: [*students(digits(), 0.5, runs=2, steps=2, batch=4).parameters()],
}


def same(a, b):
    assert len(a) == len(b) > 0
    for x, y in zip(a, b, strict=True):
        assert x.dtype == y.dtype
        assert torch.equal(x, y)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("work", ON_THINGS, ids=lambda work: work.__name__)
def test_what_is_made_outside_does_the_same_inside(work, mode):
    expected, parts = work(*things()), things()
    with MODES[mode]():
        found = work(*parts)
    same(found, expected)


@pytest.mark.parametrize("mode", ["autocast", "no gradients", "default dtype"])
@pytest.mark.parametrize("work", ON_THINGS, ids=lambda work: work.__name__)
def test_what_is_made_inside_does_the_same(work, mode):
    with MODES[mode]():
        found = work(*things())
    same(found, work(*things()))


@pytest.mark.gate(10)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ALONE)
def test_experiments_do_the_same(name, mode):
    expected = ALONE[name]()
    forget()
    with MODES[mode]():
        found = ALONE[name]()
    same(found, expected)


@pytest.mark.parametrize("work", [trained, flowed], ids=lambda work: work.__name__)
def test_weights_that_cannot_learn_are_refused(work):
    with torch.inference_mode():
        parts = things()
    with pytest.raises(ValueError, match="`net` must have weights that can learn, got some made under"):
        work(*parts)


def test_a_world_made_under_inference_mode_is_learned_from():
    *_, net = things()
    with torch.inference_mode():
        views = Ring(6).enumerate(0.5)
        world = Clouds(torch.ones(6), torch.ones(6))
        fixed = type("Fixed", (), {"draw": lambda self, n, **_: Views(views.x[:, :2])})()
    assert views.x.is_inference()
    measure = torch.no_grad()(lambda net: net(views.x).mean())
    for one in (world, fixed):
        train(net, one, contrastive(), steps=1, learning_rate=0.1, generator=seeded(1), batch=6, measure=measure)
    flow(net, views, steps=1, step_size=0.1, measure=measure)


def test_what_a_loss_computes_under_inference_mode_is_not_kept():
    x, net = torch.ones(17, 2, 6), things()[-1]  # no other test has batches of 17
    with torch.inference_mode():
        contrastive()(net, Views(x))
    contrastive()(net, Views(x)).backward()


def test_a_network_in_double_precision_stays_there():
    *_, views, net = things()
    trace = flow(net.double(), Views(views.x.double()), steps=1, step_size=0.1, measure=lambda net: net.weights[0])
    assert trace.values.dtype == trace.losses.dtype == net.weights[0].dtype == torch.float64


GLOBAL = re.compile(r"torch\.(set_default_\w+|set_grad_enabled|set_autocast\w*|_C\._set\w*)\(")
ROOT = Path(__file__).resolve().parents[2]
WRITTEN = [*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("ssl_explain/**/*.py"), *ROOT.glob("tools/*.py")]


def test_nothing_here_switches_a_mode_on_for_all():
    assert len(WRITTEN) > 150
    assert {path.name: found for path in WRITTEN if (found := GLOBAL.search(path.read_text(encoding="utf-8")))} == {}


# --- explorers --------------------------------------------------------------------------------------------------

SHORT = [name for name in FACTORIES if name != "directions_explorer"]  # ten seconds; see `students` above


def forget():
    """Forget what was computed before, but for the sweep of directions."""
    for name, module in list(sys.modules.items()):
        if name.startswith("ssl_explain.") and not name.endswith(".directions_explorer"):
            for value in vars(module).values():
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()


def shown(explorer, *, anew):
    """The numbers of the record and the words of the picture, made anew or as they stand, two steps later."""
    if anew:
        forget()
        getattr(explorer, "_histories", {}).clear()
        explorer.state = explorer.state.change()
    if isinstance(explorer, StreamingExplorer):
        if anew:
            explorer.reset()
        explorer._before = None
        explorer.run(2)
    return list(numbers(explorer.record)), explorer.figure.describe()


@pytest.mark.gate(5)
@pytest.mark.usefixtures("unshaped")
@pytest.mark.parametrize("name", SHORT)
def test_an_explorer_shows_the_same(name):
    forget()
    with everything(), double():
        explorer = FACTORIES[name]()
        inside, words_inside = shown(explorer, anew=False)
    outside, words = shown(explorer, anew=True)
    same(inside, outside)
    assert words == words_inside
    if name in ("cloud_explorer", "tree_explorer"):
        with everything(), double():
            same(shown(explorer, anew=True)[0], outside)
