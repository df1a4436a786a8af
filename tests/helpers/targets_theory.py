"""Operators, flow and training: what should be passed, and what must hold then."""

import torch
from fuzz import SOUND, Target, seeded, tensors
from hypothesis import strategies as st

from ssl_explain import (
    BestCorrelation,
    ForwardPass,
    LatentTree,
    ReLUNet,
    Ring,
    Trace,
    Training,
    Tree,
    TreeNet,
    Views,
    byol_terms,
    connection,
    contrastive,
    covariance_operator,
    flow,
    predicted_update,
    simple_contrastive,
    train,
)

G, FLAG = st.builds(seeded, st.integers(0, 3)), st.booleans()
LAYER, VIEWS = st.integers(1, 2), tensors((4, 2, 3), (5, 1, 3), fills=SOUND)


def net():
    return ReLUNet((3, 4, 2), generator=seeded(), normalise=False)


FORWARD = VIEWS.map(lambda x: net().forward_pass(x))
SIZES = {1: 12, 2: 8}  # weights of both layers
TREE = LatentTree.random(2, generator=seeded())
STUDENT = st.sampled_from([TreeNet(Tree(2), 3, generator=seeded()), ReLUNet((4, 3, 2), generator=seeded())])


def weights(result, forward, layer, **_):
    assert result.shape[:-3] == forward.output.shape[:-1]
    assert result.shape[-3:] == (*((4, 3), (2, 4))[layer - 1], 2)


def operator(result, layer, v, k, **_):
    product, matrix, (values, vectors) = result
    assert product.shape == v.shape == (SIZES[layer],)
    assert matrix.shape == (SIZES[layer],) * 2
    assert (values.shape, vectors.shape) == ((k,), (SIZES[layer], k))
    assert values.isfinite().all()


def act(forward, layer, pair_weights, v, k):
    op = covariance_operator(forward, layer, pair_weights)
    return op.matvec(v), op.as_matrix(), op.eigh(k)


def three(result, layer, **_):
    assert list(result) == ["within", "between", "mean"]
    assert all(term.as_matrix().shape == (SIZES[layer],) * 2 for term in result.values())


def like_the_layer(result, net, layer, **_):
    assert result.shape == net.weights[layer - 1].shape


def traced(result, **_):
    assert isinstance(result, Trace)
    assert len(result.values) == len(result.steps)
    assert result.steps.diff().gt(0).all()
    assert result.values.isfinite().all()


def advance(world, steps, **options):
    run = Training(ReLUNet((8, 2), generator=seeded()), world, contrastive(), **options)
    run.advance(steps)
    return run.trace()


def correlations(result, **_):
    assert result.shape == (3,)
    assert ((result >= 0) & (result <= 1 + 1e-5)).all()


MEASURE = st.just(lambda net: torch.ones(2))
STEPS, EVERY, RATE = st.integers(0, 4), st.integers(1, 5), st.floats(0, 1)
SETTINGS = {"learning_rate": RATE, "generator": G, "measure": MEASURE, "strength": RATE, "batch": st.integers(2, 6),
            "measure_every": EVERY}  # fmt: skip
RING = {"net": st.builds(lambda: ReLUNet((8, 2), generator=seeded())), "world": st.just(Ring(8)),
        "objective": st.just(contrastive(simple_contrastive))} | SETTINGS  # fmt: skip
LONG = ("steps",)
T = torch.arange(3)
TARGETS = {
    "connection": Target(connection, {"forward": FORWARD, "layer": LAYER}, weights),
    "covariance_operator": Target(
        act, {"forward": FORWARD, "layer": LAYER, "pair_weights": st.none(), "v": tensors((12,), (8,), fills=SOUND),
         "k": st.integers(1, 3)},
        operator, may_fail=True,
    ),
    "byol_terms": Target(
        byol_terms,
        {"forward": FORWARD, "layer": LAYER, "predictor": tensors((2, 2), fills=SOUND), "online": FLAG,
         "target": st.just(True), "through": FLAG, "batch": st.none()}, three,
    ),
    "predicted_update": Target(
        predicted_update, {"net": st.builds(net), "views": VIEWS.map(Views), "layer": LAYER, "pair_weights": st.none()},
        like_the_layer,
    ),
    "flow": Target(
        flow,
        {"net": st.builds(net), "views": VIEWS.map(Views), "steps": STEPS, "step_size": st.floats(1e-4, 1),
         "measure": MEASURE, "fixed_norm": FLAG, "layers": st.sampled_from([None, (1,), (1, 2)]), "until": st.none(),
         "measure_every": EVERY}, traced, steps=LONG,
    ),
    "BestCorrelation": Target(
        lambda tree, n, generator, net: BestCorrelation(tree, n, generator=generator)(net),
        {"tree": st.just(TREE), "n": st.integers(2, 9), "generator": G, "net": STUDENT}, correlations,
    ),
    "Training": Target(Training, RING, lambda result, **_: traced(result.trace())),
    "Training.advance": Target(advance, SETTINGS | {"world": st.just(Ring(8)), "steps": STEPS}, traced, steps=LONG),
    "train": Target(train, RING | {"steps": STEPS, "progress": st.just(False)}, traced, steps=LONG),
    "ForwardPass": Target(
        lambda forward: ForwardPass(forward.layer_inputs, forward.gates, forward.weights, forward.output),
        {"forward": FORWARD}, lambda result, **_: weights(connection(result, 1), result, 1), spoil=(),
    ),
    "Trace": Target(
        lambda a, b: a.then(b), dict.fromkeys("ab", st.builds(lambda: Trace(T, torch.ones(3, 2), torch.ones(2)))),
        traced, spoil=(),
    ),
}  # fmt: skip
