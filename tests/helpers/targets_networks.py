"""Networks: what they are built of and read, and what must hold then."""

import torch
from fuzz import FLOATS, SOUND, Target, seeded, tensors
from hypothesis import strategies as st

from ssl_explain import Centring, ConvNet, DualNet, ReLUNet, Tree, TreeNet, linear_predictor, mlp_predictor

FLAG, G = st.booleans(), st.builds(seeded, st.integers(0, 3))
SCALE, RUNS = st.floats(1e-3, 1e3), st.sampled_from([None, 1, 3])
POSITIVE = st.integers(1, 9)
OPTIONS = {"biases": FLAG, "normalise": FLAG, "scale": SCALE, "runs": RUNS}
DENSE = {"widths": st.lists(POSITIVE, min_size=2, max_size=4), "linear_top": FLAG} | OPTIONS
WIRED = {"topology": st.builds(Tree, st.integers(1, 3), st.integers(2, 3)), "neurons_per_node": POSITIVE} | OPTIONS
CONVOLVED = {
    "shape": st.tuples(st.sampled_from([1, 3]), st.integers(4, 9), st.integers(4, 9)),
    "channels": st.tuples(POSITIVE, POSITIVE),
    "outputs": POSITIVE,
    "stride": st.integers(1, 12),
    "normalise": FLAG,
    "scale": SCALE,
}
NETS = st.sampled_from(
    [
        ReLUNet((4, 3, 2), generator=seeded()),
        ReLUNet((4, 2), generator=seeded(), biases=True, normalise=False, linear_top=True),
        TreeNet(Tree(2), 3, generator=seeded()),
        ConvNet((1, 4, 4), generator=seeded()),
        DualNet(ReLUNet((4, 2), generator=seeded()), generator=seeded(), momentum=0.5),
        ReLUNet((4, 3), generator=seeded(), runs=3),
        ReLUNet((4, 3), generator=seeded()).double(),
    ]
)
INPUTS = tensors((5, 4), (2, 3, 4), (4,), (0, 4), (3, 2, 4), (5, 16), dtypes=(torch.float32,) * 3 + FLOATS)
VIEWS = tensors((5, 2, 4), (1, 3, 4), fills=SOUND)


def outputs(result, net, x):
    """One vector per input, and what is NaN stays NaN."""
    assert result.shape[:-1] == x.shape[:-1]
    assert result.dtype == x.dtype
    assert result[x.isnan().any(-1)].isnan().all()


def layers(result, net, x):
    """Finite inputs only, one (node, d_out) per input."""
    assert x.isfinite().all()
    assert all(f.shape[:-2] == x.shape[:-1] for f in result)


def passed(result, net, x):
    assert x.isfinite().all()
    torch.testing.assert_close(result.output, net(x), rtol=0, atol=0, equal_nan=True)
    shapes = [(f.shape[:-2], gate.shape[:-2]) for f, gate in zip(result.layer_inputs, result.gates, strict=True)]
    assert shapes == [(x.shape[:-1],) * 2] * len(result.weights)


def works(result, **arguments):
    """What was built reads an input of its own width, and its outputs have one shape."""
    lead = () if arguments.get("runs") is None else (arguments["runs"],)
    assert result(torch.ones(*lead, 3, result.input_dimension)).shape[:-1] == (*lead, 3)


def predicts(result, width, **_):
    assert result(torch.ones(3, width)).shape == (3, width)


def two_towers(result, **_):
    prediction, target = result.pair(torch.ones(3, 2, result.input_dimension))
    assert len(prediction) == len(target) == 3
    assert not target.requires_grad


def pairs(result, net, x, **_):
    prediction, target = result
    assert prediction.shape == target.shape == (len(x), 2)


DUAL = st.builds(
    lambda momentum, centring: DualNet(
        ReLUNet((4, 2), generator=seeded()), linear_predictor(2), generator=seeded(), momentum=momentum,
        centring=centring,
    ),
    st.sampled_from([None, 0.0, 0.9]), st.builds(Centring, mean=st.sampled_from(["own", "all"]), scale=FLAG),
)  # fmt: skip
VIEW = st.integers(0, 1)
TARGETS = {
    "ReLUNet": Target(ReLUNet, DENSE | {"generator": G}, works),
    "TreeNet": Target(TreeNet, WIRED | {"generator": G}, works),
    "ConvNet": Target(ConvNet, CONVOLVED | {"generator": G}, works),
    "DualNet": Target(
        DualNet,
        {"online": st.sampled_from([ReLUNet((4, 2), generator=seeded()), ConvNet((1, 4, 4), generator=seeded())]),
         "predictor": st.sampled_from([None, linear_predictor(2), mlp_predictor(64)]), "generator": G,
         "centring": st.builds(Centring), "momentum": st.sampled_from([None, 0.0, 0.5, 1])},
        two_towers, may_fail=True,
    ),
    "Centring": Target(
        lambda f, view, scaled, **options: Centring(scale=scaled, **options).apply(f, view),
        {"online": FLAG, "target": FLAG, "mean": st.sampled_from(["own", "all"]), "through": FLAG, "scaled": FLAG,
         "f": VIEWS, "view": VIEW},
        lambda result, f, **_: outputs(result, None, f[:, 0]),
    ),
    "linear_predictor": Target(
        lambda generator, **options: linear_predictor(**options)(generator),
        {"width": POSITIVE, "scale": SCALE, "generator": G}, predicts,
    ),
    "mlp_predictor": Target(
        lambda generator, **options: mlp_predictor(**options)(generator),
        {"width": POSITIVE, "hidden": POSITIVE, "generator": G}, predicts,
    ),
    "DualNet.pair": Target(
        lambda net, x, first, second: net.pair(x, first=first, second=second),
        {"net": DUAL, "x": VIEWS, "first": VIEW, "second": VIEW}, pairs, spoil=("x", "first", "second"),
    ),
    "DualNet.redraw_predictor": Target(
        lambda net, generator: net.redraw_predictor(generator), {"net": DUAL, "generator": G},
        lambda result, **_: None, spoil=("generator",),
    ),
    "ReLUNet.forward": Target(
        lambda net, x: net(x), {"net": NETS, "x": INPUTS}, outputs, may_fail=True, spoil=("x",)
    ),
    "ReLUNet.activations": Target(
        lambda net, x: net.activations(x), {"net": NETS, "x": INPUTS}, layers, may_fail=True, spoil=("x",)
    ),
    "ReLUNet.forward_pass": Target(
        lambda net, x: net.forward_pass(x),
        {"net": NETS.filter(lambda net: hasattr(net, "forward_pass")), "x": INPUTS}, passed, may_fail=True, spoil=("x",)
    ),
}  # fmt: skip
