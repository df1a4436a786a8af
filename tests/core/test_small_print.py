"""Things that nobody reads until they go wrong: saving, comparing, half precision, tiny numbers, pipes, consoles."""

import copy
import dataclasses
import importlib
import inspect
import io
import os
import pickle
import pkgutil
import subprocess
import sys

import pytest
import safetensors.torch
import torch
from fuzz import SENTENCE, seeded

import ssl_explain
from ssl_explain import (
    BestCorrelation,
    ConvNet,
    DualNet,
    LatentTree,
    PictureWorld,
    ReLUNet,
    Tree,
    TreeNet,
    Views,
    barlow_twins,
    byol_terms,
    connection,
    contrastive,
    covariance_operator,
    flow,
    info_nce,
    linear_predictor,
    pair_weights,
    paired,
    predicted_update,
    predictive,
    soft_triplet,
    spectral_contrastive,
    vicreg,
)
from ssl_explain.lessons.byol_hidden_contrast.two_towers import filled_directions
from ssl_explain.lessons.collapse_and_grassmannian.explorer import grassmann_explorer
from ssl_explain.lessons.covariance_operator.explorer import operator_explorer
from ssl_explain.lessons.latent_variables_emerge.exact_tree import ExactTree
from ssl_explain.lessons.latent_variables_emerge.expected import expected_info_nce, over_the_law
from ssl_explain.lessons.latent_variables_emerge.pair_law import law_operator
from ssl_explain.lessons.real_images.experiment import picture_loss
from ssl_explain.lessons.real_images.probe import neighbours, probe, spectrum
from ssl_explain.lessons.real_images.surrogate import frozen_info_nce
from ssl_explain.lessons.start_here.explorer import tree_explorer
from ssl_explain.losses.predictive import decayed
from ssl_explain.networks.dual import fixed_predictor, mlp_predictor
from ssl_explain.records import in_one_line
from ssl_explain.worlds.clouds import Clouds


def net(*widths, dtype=torch.float32, **options):
    return ReLUNet(widths, generator=seeded(), normalise=False, **options).to(dtype)


X = torch.randn(6, 2, 4, generator=seeded(1))
PREDICTORS = {"linear": linear_predictor(2), "mlp": mlp_predictor(2), "fixed": fixed_predictor(torch.eye(2))}
NETS = {
    "ReLUNet": lambda: net(4, 3, 2),
    "TreeNet": lambda: TreeNet(Tree(2), 3, generator=seeded()),
    "ConvNet": lambda: ConvNet((1, 4, 4), generator=seeded()),
    "no predictor": lambda: DualNet(net(4, 2), generator=seeded()),
    **{
        name: lambda make=make: DualNet(net(4, 2), make, generator=seeded(), momentum=0.9)
        for name, make in PREDICTORS.items()
    },
}


@pytest.mark.parametrize("name", NETS)
def test_a_network_can_be_copied_and_saved_in_every_usual_way(name):
    first = NETS[name]()
    buffer = io.BytesIO()
    torch.save(first, buffer)
    buffer.seek(0)
    other = NETS[name]()
    with torch.no_grad():
        for weight in other.parameters():
            weight.zero_()
    other.load_state_dict(safetensors.torch.load(safetensors.torch.save(first.state_dict())))
    x = torch.ones(3, first.input_dimension)
    for again in (torch.load(buffer, weights_only=False), copy.deepcopy(first), other):
        assert torch.equal(again(x), first(x))
        assert again.state_dict().keys() == first.state_dict().keys()


def drawn(make):
    return torch.cat([p.flatten() for p in make(seeded(3)).parameters()])


DUAL, SINGLE = DualNet(net(4, 2), linear_predictor(2), generator=seeded()), net(4, 2)
LAW = ExactTree(LatentTree.random(2, generator=seeded())).law(0.5)
FUNCTIONS = {
    **{name: (make, drawn) for name, make in PREDICTORS.items()},
    "contrastive": (contrastive(info_nce, "batch"), lambda objective: objective(SINGLE, Views(X))),
    "predictive": (predictive(symmetric=True), lambda objective: objective(DUAL, Views(X))),
    "decayed": (decayed(predictive(), 0.1), lambda objective: objective(DUAL, Views(X))),
    "paired": (paired(vicreg), lambda objective: objective(SINGLE, Views(X))),
    "picture loss": (contrastive(picture_loss("frozen", extra=0.5), 3), lambda objective: objective(SINGLE, Views(X))),
    "expected": (over_the_law(expected_info_nce), lambda objective: objective(SINGLE, LAW)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_how_to_draw_a_predictor_and_an_objective_can_be_saved(name):
    function, value = FUNCTIONS[name]
    for again in (pickle.loads(pickle.dumps(function)), copy.deepcopy(function)):
        assert torch.equal(value(again), value(function))


def classes():
    """Every dataclass of the package."""
    found = set()
    for module in pkgutil.walk_packages(ssl_explain.__path__, "ssl_explain."):
        if not module.name.endswith("__main__"):
            members = inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
            found |= {cls for _, cls in members if dataclasses.is_dataclass(cls) and "ssl_explain" in cls.__module__}
    return sorted(found, key=lambda cls: cls.__name__)


def holds_tensors(cls):
    words = ("Tensor", "ndarray", "LatentTree", "PictureWorld", "Trace", "PairLaw", "Views", "Residue")
    return any(
        word in str(field.type)
        for field in dataclasses.fields(cls)
        if cls.__dataclass_params__.frozen
        for word in words
        if "Callable" not in str(field.type)
    )


@pytest.mark.parametrize("cls", list(filter(holds_tensors, classes())), ids=lambda cls: cls.__name__)
def test_what_holds_tensors_equals_itself_alone_and_is_told_in_one_line(cls):
    assert (cls.__eq__, cls.__hash__) == (object.__eq__, object.__hash__)
    assert cls.__repr__ is in_one_line


def records():
    tree = LatentTree.random(2, generator=seeded())
    views = tree.draw(3, views=2, strength=0.5, generator=seeded())
    forward = net(4, 3, 2).forward_pass(X)
    world = PictureWorld(torch.rand(9, 1, 8, 8, generator=seeded()))
    trace = flow(net(4, 2), Views(X), steps=2, step_size=0.1, measure=lambda net: torch.zeros(3))
    explored = [tree_explorer().run(3), operator_explorer().record, grassmann_explorer().record]
    ones = torch.ones(4)
    return [
        tree, views, forward, world, trace, ExactTree(tree), ExactTree(tree).law(0.5), Clouds(ones, ones), *explored,
        covariance_operator(forward, 1), byol_terms(forward, 1, torch.eye(2))["mean"], vicreg(X[:, 0], X[:, 1]),
    ]  # fmt: skip


def test_records_compare_hash_and_read_without_complaint():
    for one in records():
        twin = copy.copy(one)
        assert one == one
        assert one != twin
        assert len({one, twin, one}) == 2
        told = repr(one)
        assert "\n" not in told
        assert told.startswith(type(one).__name__ + "(")
        assert len(told) < 600
        assert "tensor(" not in told


def refusal(call):
    """What an error says, if there is one of the documented kinds."""
    try:
        call()
    except (TypeError, ValueError) as error:
        return str(error)
    return None


HALVES = (torch.float16, torch.bfloat16)
LABELS = torch.tensor([0, 1, 0, 1, 0, 1])
HALF = {
    "covariance_operator": lambda n, x: covariance_operator(n.forward_pass(x), 1).eigh(2),
    "law_operator": lambda n, x: law_operator(n.forward_pass(x[:, :1]), 1, (torch.eye(6) / 6).to(x)).trace(),
    "byol_terms": lambda n, x: byol_terms(n.forward_pass(x), 1, torch.eye(2).to(x))["mean"].as_matrix(),
    "connection": lambda n, x: connection(n.forward_pass(x), 1),
    "predicted_update": lambda n, x: predicted_update(n, Views(x), 1),
    "flow": lambda n, x: flow(n, Views(x), steps=3, step_size=0.1, measure=lambda m: m(x).detach().mean()).values,
    "contrastive": lambda n, x: contrastive(info_nce, "batch")(n, Views(x)),
    "pair_weights": lambda n, x: pair_weights(info_nce, n(x).detach().mean(1)),
    "vicreg": lambda n, x: vicreg(x[:, 0], x[:, 1]).total,
    "barlow_twins": lambda n, x: barlow_twins(x[:, 0], x[:, 1]).total,
    "spectral": lambda n, x: spectral_contrastive(x[:, 0], x[:, 1]).total,
    "spectrum": lambda n, x: spectrum(x[:, 0]),
    "filled directions": lambda n, x: filled_directions(x),
    "probe": lambda n, x: probe(x[:, 0], LABELS, x[:, 1], LABELS),
    "neighbours": lambda n, x: neighbours(x[:, 0], LABELS, x[:, 1], LABELS),
    "best correlation": lambda n, x: BestCorrelation(LatentTree.random(2, generator=seeded()), 9, generator=seeded())(
        n
    ),
}


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("name", HALF)
def test_half_precision_works_or_is_named(name, dtype):
    told = refusal(lambda: HALF[name](net(4, 3, 2, dtype=dtype), X.to(dtype)))
    assert told is None or (SENTENCE.match(told) and str(dtype) in told)


SMALL, LARGE = torch.rand(5, generator=seeded()), torch.rand(5, 3, generator=seeded())
JOINT = torch.eye(5) / 5
SCALARS = {
    "info_nce": lambda v, s: info_nce(s * SMALL, s * LARGE, temperature=v),
    "soft_triplet": lambda v, s: soft_triplet(s * SMALL, s * LARGE, temperature=v),
    "margin": lambda v, s: soft_triplet(s * SMALL, s * LARGE, temperature=0.1, margin=v),
    "frozen": lambda v, s: frozen_info_nce(s * SMALL, s * LARGE, temperature=v),
    "extra pull": lambda v, s: frozen_info_nce(s * SMALL, s * LARGE, extra=v),
    "expected_info_nce": lambda v, s: expected_info_nce(s * LARGE, JOINT, temperature=v),
    "redundancy": lambda v, s: barlow_twins(s * LARGE, s * LARGE.flip(0), redundancy=v).total,
    "epsilon": lambda v, s: barlow_twins(s * LARGE, s * LARGE.flip(0), epsilon=v).total,
    "vicreg epsilon": lambda v, s: vicreg(s * LARGE, s * LARGE.flip(0), epsilon=v).total,
    "vicreg margin": lambda v, s: vicreg(s * LARGE, s * LARGE.flip(0), margin=v).total,
    "vicreg weight": lambda v, s: vicreg(s * LARGE, s * LARGE.flip(0), variance=v).total,
    "scale of a network": lambda v, s: ReLUNet((3, 2), generator=seeded(), scale=v)(LARGE) * s,
    "scale of a predictor": lambda v, s: linear_predictor(3, scale=v)(seeded())(LARGE) * s,
}


ZERO_IS_ALLOWED = {"margin", "extra pull", "redundancy", "vicreg margin", "vicreg weight", "scale of a predictor"}


@pytest.mark.parametrize("name", SCALARS)
@pytest.mark.parametrize("value", [1e-45, 1e-37, 1e-30, 1e-12, 1e12, 1e30, 1e37, 1e45])
def test_a_parameter_is_refused_or_gives_numbers_and_slopes(name, value):
    scale = torch.tensor(1.0, requires_grad=True)
    told = refusal(lambda: SCALARS[name](value, scale))
    low = 0 if name in ZERO_IS_ALLOWED else 1e-30
    assert (told is None) == (low <= value <= 1e30)
    if told is None:
        result = SCALARS[name](value, scale).sum()
        (slope,) = torch.autograd.grad(result, scale)
        assert torch.isfinite(result)
        assert torch.isfinite(slope)
    else:
        assert SENTENCE.match(told)


RUN = [sys.executable, "-m", "ssl_explain"]
COMMANDS = {
    "demo": ["demo", "--steps", "2", "--depth", "2", "--neurons", "2"],
    "images": ["images", "--epochs", "1", "--first", "60", "--batch", "8"],
    "help": ["--help"],
    "help of a command": ["images", "--help"],
}


@pytest.mark.gate(2)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_that_leaves_early_is_not_blamed(name):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        found = subprocess.run([*RUN, *COMMANDS[name]], stdout=nobody, stderr=subprocess.PIPE, text=True)
    assert "roken pipe" not in found.stderr
    assert "Traceback" not in found.stderr
    assert found.returncode == (0 if "--help" in COMMANDS[name] else 141)  # as shells say it: 128 + SIGPIPE


@pytest.mark.gate(1)
@pytest.mark.parametrize("encoding", ["cp850", "ascii", "latin-1"])
@pytest.mark.parametrize(
    ("words", "said"),
    [(["--help"], "hidden causes"), (["demo", "--steps", "0"], "integer >= 1"), (["sweep", "--help"], "polarity")],
)
def test_a_console_without_our_letters_gets_plain_ones(words, said, encoding):
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    found = subprocess.run([*RUN, *words], capture_output=True, env=environment)
    text = (found.stdout + found.stderr).decode(encoding)
    assert said in text
    assert "\\u" not in text
    assert "Traceback" not in text
