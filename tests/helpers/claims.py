"""What the picture of one explorer must show in every setting, beyond what holds for all of them."""

import itertools

import numpy as np
import pytest
import torch
from fire import numbers
from grid import copied
from looks import wrong_with_words
from registry import NAMES

from ssl_explain.kit.state import State
from ssl_explain.lessons.byol_hidden_contrast.explorer import ByolState
from ssl_explain.lessons.collapse_and_grassmannian.explorer import GrassmannState
from ssl_explain.lessons.gradient_as_connection.picture import relative_gap
from ssl_explain.lessons.latent_tree.explorer import WorldState, tree_of
from ssl_explain.lessons.layers_help_each_other.explorer import LayersState
from ssl_explain.lessons.layers_help_each_other.picture import moment
from ssl_explain.lessons.one_family.explorer import FamilyState
from ssl_explain.lessons.real_images.explorer import PicturesState
from ssl_explain.lessons.selectivity_amplification.experiment import selectivity
from ssl_explain.lessons.selectivity_amplification.explorer import RingState
from ssl_explain.lessons.selectivity_amplification.picture import LIMIT
from ssl_explain.lessons.start_here.state import TreeState
from ssl_explain.lessons.two_views_one_network.cloud_explorer import CloudState
from ssl_explain.lessons.why_the_root.race_explorer import STEPS, RaceState
from ssl_explain.lessons.why_the_root.race_picture import OPERATORS

BASES: dict[str, list[State]] = {
    "cloud_explorer": [CloudState(time=100)],
    "byol_explorer": [ByolState(time=100), ByolState(predictor="learned from p·1", time=100)],
    "family_explorer": [FamilyState(time=100)],
    "grassmann_explorer": [GrassmannState(time=100)],
    "layers_explorer": [LayersState(time=100)],
    "pictures_explorer": [PicturesState(budget=100)],
    "race_explorer": [RaceState(neurons=2)],
    "ring_explorer": [RingState(neurons=4, time=100), RingState(time=100)],
    "tree_explorer": [TreeState(budget=500), TreeState(depth=3, budget=500)],
    "world_explorer": [WorldState(), WorldState(depth=4, branching=3)],
}
"""The states whose settings are tried, one or two at a time; of others the one that they open in."""

UNBOUNDED = {"family_explorer": {"border"}, "modes_explorer": {"boundary"}}
"""Parts of a record that may be infinite: a loss without a border, and a rate at which every start dies."""

NEVER_REDRAWN = {"operator_explorer", "pairs_explorer"}
"""Pictures whose still artists are those of every setting."""


def bases(factory):
    (kind,) = {v.kind() for v in NAMES.values() if isinstance(v, type) and vars(v).get("factory") == factory}
    return BASES.get(factory, [kind()])


def within(values, low, high):
    return bool(((values >= low) & (values <= high)).all())


def byol(state, record, picture, words):
    """The bars of a direction stand on each other, add up to the diamond, and are those of the time looked at."""
    assert within(record.share, 0, 1)
    assert state.predictor in words
    rates = record.rates[record.shown].numpy()
    np.testing.assert_allclose([[bar.get_height() for bar in bars] for bars in picture.bars], np.abs(rates))
    for k in range(rates.shape[1]):
        ups = [bars[k] for bars, value in zip(picture.bars, rates[:, k], strict=True) if value > 0]
        for lower, upper in itertools.pairwise(ups):
            np.testing.assert_allclose(lower.get_y() + lower.get_height(), upper.get_y())
    np.testing.assert_allclose(picture.sums.get_ydata(), rates.sum(0).clip(-picture.height, picture.height))


def cloud(state, record, picture, words):
    """Arrows of pull point from a view to its partner; outside of the window of before nothing is drawn."""
    assert record.outputs.shape[1:] == record.inputs.shape == (8, 6, 2)
    assert record.shown == state.time * (len(record.times) - 1) // 100
    assert words.startswith(state.loss)
    assert ("run away" in words) == (record.stopped is not None and state.time == 100)
    first, second = record.outputs[record.shown, :, :2].unbind(1)
    pull, way = record.pull[record.shown], second - first
    torch.testing.assert_close((pull * way).sum(-1), pull.norm(dim=-1) * way.norm(dim=-1))
    assert (state.loss == "r+ alone") == (not record.push.any())
    drawn = np.concatenate([line.get_xydata() for line in picture.outputs])
    assert np.abs(drawn).max() <= picture.WINDOW


def connection(state, record, picture, words):
    """Of the right shapes, and exact where the theory holds."""
    layer = min(state.layer, len(state.widths) - 1)
    d_in, d_out, d_top = state.widths[layer - 1], state.widths[layer], state.widths[-1]
    assert record.connection.shape == (d_out, d_in, d_top)
    assert record.jacobian.shape == (d_top, d_out)
    assert record.gradient.shape == record.predicted_gradient.shape == (d_out, d_in)
    product = torch.einsum("i,to->oit", record.layer_input, record.jacobian)
    torch.testing.assert_close(record.connection, product, rtol=1e-9, atol=1e-12)
    if state.departure == "none":
        assert relative_gap(record.output, record.predicted_output) < 1e-12
        assert relative_gap(record.gradient, record.predicted_gradient) < 1e-12
        assert words.count("exact to 1e-12") == 2
    assert words.startswith(f"Layer {layer} of {'-'.join(map(str, state.widths))}, target: {state.target}")


def family(state, record, picture, words):
    assert 0 < record.rank <= state.outputs
    assert words.startswith(f"{state.loss}, augmentation strength q = {state.strength:g}")


def graph(state, record, picture, words):
    """Eigenvalues of correlations, largest first; a function of variance 1, or none where it is tied."""
    assert within(record.eigenvalues, -1e-9, 1 + 1e-9)
    assert (record.eigenvalues.diff(dim=1) <= 1e-12).all()
    torch.testing.assert_close(record.eigenvalues[:, 0], torch.ones(len(record.strengths), dtype=torch.float64))
    assert (record.function is None) == (record.share is None) == ("tied" in words)
    if record.function is not None:
        assert float(record.probability @ record.function.square()) == pytest.approx(1)
        assert abs(float(record.probability @ record.function)) < 1e-9
        assert within(record.share, 0, 1)
    assert words.startswith(f"Augmentation q = {state.strength:g}:")
    finite(*picture.curves, picture.dot)


def grassmann(state, record, picture, words):
    assert within(record.angles, 0, np.pi / 2 + 1e-12)


def layers(state, record, picture, words):
    assert state.top in words
    assert ("has not grown" in words) == (moment(record)[0] is None)


def loss(state, record, picture, words):
    """Pull and push balance, but for a loss without a push."""
    pull, push = float(record.slopes[0]), float(record.slopes[1:].sum())
    assert len(record.slopes) == 1 + (1 if state.loss == "r+ alone" else state.negatives)
    if state.loss == "r+ alone":
        assert (pull, push) == (1, 0)
        assert "nothing balances the pull" in words
    else:
        assert abs(pull + push) < 1e-12
        assert "sum 0: they balance" in words
    assert f"r+ = {state.r_pos:.1f}" in words
    assert ("cannot be reached" in words) == (float(record.energies.max()) > record.reach)


def modes(state, record, picture, words):
    assert ("dies" in words) != ("survives" in words)


def operator(state, record, picture, words):
    """Between never exceeds the total; the predicted step is the real one."""
    assert 0 < record.kept <= 1 + 1e-12
    assert 1 - 1e-9 <= record.directions <= len(record.outputs) * 4
    assert (record.between >= 0).all()
    assert (record.between <= record.total + 1e-12).all()
    assert f"q = {state.strength:g}" in words
    assert f"{100 * record.kept:.0f} %" in words
    assert ("1 view each" in words) == ("1 view each" in picture.heading.get_text()) == (state.strength == 0)
    finite(picture.between, picture.total, *(split.views for split in picture.splits))
    assert (record.cosine, record.length) == pytest.approx((1, 1), abs=1e-12)


def pairs(state, record, picture, words):
    weights = record.now.pair_weights
    assert (weights >= 0).all()
    if state.negatives == 1 or state.loss != "InfoNCE":
        assert torch.allclose(weights, weights.mT)
        assert record.lowest > -1e-9
    if state.loss == "L_simp":
        assert torch.allclose(weights, torch.ones_like(weights))
    if state.loss == "L_simp" or state.noise == 0:
        assert record.now.error < 1e-9
    assert f"σ = {state.noise:g}" in words
    assert f"{state.trained} training steps" in words
    torch.testing.assert_close(torch.tensor(picture.heat.get_array().filled()), weights / weights.max())
    finite(picture.dots, picture.cosine, picture.error, *picture.here)


def race(state, record, picture, words):
    assert record.operators.shape[1:] == (7,)
    assert record.selectivity.shape[1:] == (7, state.neurons)
    assert len(record.operators) == len(record.trace.steps) == len(record.selectivity)
    assert record.trace.steps[-1] == state.time * STEPS // 100 or record.trace.stopped is not None
    assert ("Largest eigenvalue" in words) == (state.show == OPERATORS)


def ring(state, record, picture, words):
    assert selectivity(record.responses).abs().max() < LIMIT
    assert state.update in words


def shared(state, record, picture, words):
    assert record.joint.sum() == pytest.approx(1)
    torch.testing.assert_close(record.joint, record.joint.mT)
    assert record.same[round(10 * state.strength)] == pytest.approx(float(record.joint.trace()))
    assert (record.same.diff() < 1e-12).all()
    assert record.same[-1] > record.independent
    assert sorted(record.labels) == [f"{k:04b}" for k in range(16)]
    drawn = torch.tensor(picture.heat.get_array().filled())
    torch.testing.assert_close(drawn**2, record.joint / record.joint.max())
    assert f"q = {state.strength:g}" in words
    assert picture.here.get_ydata()[0] == pytest.approx(float(record.joint.trace()))


def strength(state, record, picture, words):
    assert f"q = {state.strength:g}" in words


def tree(state, record, picture, words):
    values, ceilings = record.trace.values, record.ceilings
    assert within(values, 0, 1 + 1e-5)
    assert ((ceilings > 0) & (ceilings <= 1)).all()
    assert (record.strength, record.budget, record.topology.depth) == (state.strength, state.budget, state.depth)
    assert f"strength q = {state.strength:g}:" in words
    assert f"(ceiling {ceilings[-1]:.2f})" in words
    assert f"root {100 * values[-1, -1] / ceilings[-1]:.0f} %" in words


def world(state, record, picture, words):
    assert tuple(len(level) for level in record.numbers) == tree_of(state).topology.widths
    assert all(within(level, 0, 1 + 1e-12) for level in record.numbers)
    kept = {0.0: record.kept.all(), 1.0: not record.kept.any()}  # in between, chance may keep everything
    assert kept.get(state.strength, True)
    assert torch.equal(record.views[record.kept], record.point.expand(2, -1)[record.kept])
    if record.value is not None and record.what == "P(z = 1)":
        assert record.numbers[record.level][record.node] == pytest.approx(record.value)
    assert f"q = {state.strength:g}" in words
    drawn = torch.tensor([int(text.get_text()) for text in picture.numbers])
    assert torch.equal(drawn, (100 * torch.cat(record.numbers[1:])).round().int())
    assert len(picture.redrawn.get_offsets()) == int((~record.kept).sum())


def neurons(state, record, picture, words):
    """The formula holds for a fair root that alone is kept, and misses where it should."""
    equal = bool((record.predicted - record.measured).abs().max() < 1e-12)
    assert equal or state.strength < 1 or state.root != 0.5
    assert equal == ("largest gap below 1e-12" in words)
    assert record.measured.trace() >= 4 * state.root * (1 - state.root) * record.predicted.trace() - 1e-12
    assert f"ρ² = {record.share:.3f}" in words
    assert ("not ½" in words) == (state.root != 0.5)
    assert torch.tensor(picture.heats[1].get_array().filled()).abs().max() <= 1 + 1e-12
    finite(picture.dots)


def finite(*lines):
    assert all(np.isfinite(line.get_xydata()).all() for line in lines)


KINDS = (byol, cloud, connection, family, graph, grassmann, layers, loss, modes, neurons, operator, pairs, race, ring)
CLAIMS = {f"{claim.__name__}_explorer": claim for claim in (*KINDS, shared, tree, world)}
CLAIMS |= {f"{name}_explorer": strength for name in ("directions", "pictures", "real_step", "views")}


def sound(explorer):
    """Record, picture, words and the line that is copied are possible, and those of the state."""
    state, record, picture, words = explorer.state, explorer.record, explorer.figure, explorer.figure.describe()
    assert picture.record is record
    left_out = UNBOUNDED.get(explorer.factory, ())
    parts = [getattr(record, field) for field in record.__dataclass_fields__ if field not in left_out]
    assert all(tensor.isfinite().all() for tensor in numbers(tuple(parts)))
    assert wrong_with_words(words) == []
    assert len(words) > 40
    assert copied(explorer) == state
    CLAIMS[explorer.factory](state, record, picture, words)
