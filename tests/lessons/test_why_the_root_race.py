"""The race between levels: runs side by side, the explorer that catches up, and its picture."""

import dataclasses

import pytest
import torch
from claims import sound
from fire import runners
from grid import extremes
from hands import PATIENCE, join

from ssl_explain.lessons.latent_variables_emerge.exact import ExactKnowledge
from ssl_explain.lessons.why_the_root.race import NodeMeasure, alone, race_run
from ssl_explain.lessons.why_the_root.race_explorer import NODES, STEPS, RaceState, race_explorer
from ssl_explain.lessons.why_the_root.race_picture import SELECTIVITIES, growth, height, kinds, node_name

pytestmark = pytest.mark.usefixtures("unshaped")  # many steps of training

SMALL = RaceState(neurons=2)
CONTROLS = RaceState.controls()


@pytest.fixture(autouse=True)
def no_thread_goes_on():
    yield
    for thread in runners():
        thread.join(PATIENCE)
        assert not thread.is_alive()


def same(a, b):
    fields = ("operators", "selectivity", "ceilings")
    traces = all(torch.equal(getattr(a.trace, f), getattr(b.trace, f)) for f in ("steps", "values", "losses"))
    return traces and all(torch.equal(getattr(a, f), getattr(b, f)) for f in fields)


@pytest.mark.parametrize("root", [0.5, 0.8])
def test_runs_side_by_side_are_measured_like_single_ones(root):
    run = race_run(runs=3, neurons=3, root=root)
    run.advance(2)
    values, net = run.training.measure(run.training.net), run.training.net
    for k, tree in enumerate(alone(run.tree)):
        layers = [layer[k].detach() for layer in net.activations(run.training.measure.known.x)]
        known = ExactKnowledge(tree)
        torch.testing.assert_close(values[k, :, 0], known.correlation(layers))
        p = known.pi.unsqueeze(-1).unsqueeze(-1)
        sizes = torch.cat([(p * f.square()).sum((0, 2)).sqrt() for f in layers])
        s = torch.cat(known.selectivity(layers)) / sizes.unsqueeze(-1)
        torch.testing.assert_close(values[k, :, 1:], s)


def test_selectivity_does_not_mind_the_length_of_weights():
    run = race_run()
    measure, net = NodeMeasure(run.tree), run.training.net
    before = measure(net)
    with torch.no_grad():
        net.weights[0].mul_(3.0)
    torch.testing.assert_close(measure(net), before)


def test_operators_of_runs_are_those_of_the_single_networks():
    side, q = race_run(runs=2, neurons=3), 1.0
    side.advance(20)
    for k in range(2):
        single = dataclasses.replace(race_run(neurons=3, strength=q), tree=alone(side.tree)[k])
        single.training.net.load_state_dict({n: v[k] for n, v in side.training.net.state_dict().items()})
        single.start.load_state_dict({n: v[k] for n, v in side.start.state_dict().items()})
        for trained in (None, (), (1,), (2, 3)):
            torch.testing.assert_close(side.operators(trained)[k], single.operators(trained))


def test_an_operator_feels_the_own_weights_of_its_layer_through_gates_alone():
    run = race_run()
    before = run.operators()
    with torch.no_grad():
        run.training.net.weights[1].mul_(2.0)
    after = run.operators()
    torch.testing.assert_close(after[4:6], before[4:6])
    torch.testing.assert_close(after[:4], 4 * before[:4])
    torch.testing.assert_close(after[6:], 4 * before[6:])


def test_the_root_gains_most_and_level_one_hardly():
    run = race_run(runs=16)
    run.advance(60)
    record = run.record(60)
    values, ceilings = record.by_level(record.trace.values), record.by_level(record.ceilings)
    gone = ((values - values[0]) / (ceilings - values[0]))[-1].mean(0)
    assert gone[2] > gone[1] + 0.2
    assert gone[1] > gone[0] + 0.1
    assert (record.trace.values <= record.ceilings + 1e-9).all()


def test_free_outputs_stop_before_numbers_end():
    run = race_run(normalise=False, learning_rate=0.1)
    run.advance(50)
    assert "grow without end" in run.training.stopped
    assert all(w.isfinite().all() for w in run.training.net.parameters())


@pytest.mark.gate(3)
@pytest.mark.parametrize(
    "change", [e for e in extremes(CONTROLS, "loss") if e.get("time") != 0 and len(e) == 2], ids=str
)
def test_whole_runs_are_finite(change):
    sound(race_explorer(SMALL.change(**{"time": 100, **change})))


@pytest.mark.parametrize("rate", [0.01, 1.0])
def test_free_outputs_are_shown_as_far_as_they_can_be_measured(rate):
    explorer = race_explorer(RaceState(outputs="free", learning_rate=rate, time=100))
    record = explorer.record
    assert record.trace.stopped is not None
    assert len(record.operators) == len(record.trace.steps)
    assert record.operators.isfinite().all()
    assert "Training stopped at step" in explorer.figure.describe()


def test_a_move_catches_up_in_the_background_to_the_same_bits_and_the_last_one_wins():
    explorer = race_explorer(SMALL)
    explorer.state = SMALL.change(time=50)
    join(explorer)
    assert same(explorer.record, race_explorer(SMALL.change(time=50)).record)
    explorer.state = SMALL.change(time=20)
    assert explorer._idle
    assert explorer.record.trace.steps[-1] == 20
    assert same(explorer.record, race_explorer(SMALL.change(time=20)).record)
    explorer = race_explorer(SMALL.change(time=100))
    for seed in range(2, 9):
        explorer.state = explorer.state.change(seed=seed)
    join(explorer)
    assert explorer.record.trace.steps[-1] == STEPS
    assert same(explorer.record, race_explorer(SMALL.change(time=100, seed=8)).record)


def test_node_and_right_side_belong_to_the_same_run():
    explorer = race_explorer(SMALL.change(time=30))
    run = explorer.history(explorer.state)
    explorer.state = explorer.state.change(node="2b", show=SELECTIVITIES)
    assert explorer.history(explorer.state) is run
    assert explorer.record.node == NODES["2b"]
    heading = explorer.figure.heading.get_text()
    assert heading == "selectivities of node 2b"


def test_play_at_the_end_starts_again():
    explorer = race_explorer(SMALL.change(time=100))
    explorer.play()
    assert explorer.state.time < 100
    explorer.pause()
    assert [b.disabled for b in explorer._buttons.values()] == [False, True]
    time = explorer.state.time
    explorer.state = explorer.state.change(time=min(100, time + 20))
    join(explorer)
    assert explorer.record.trace.steps[-1] == explorer.state.time


def test_the_picture_draws_what_it_says():
    explorer = race_explorer(RaceState(time=100))
    picture, record = explorer.figure, explorer.record
    for node, line in enumerate(picture.lines):
        drawn = torch.tensor(line.get_ydata(), dtype=torch.float64)
        torch.testing.assert_close(drawn, height(growth(record)[:, node].log10().clamp(-1.1, 2.1)))
    assert [line.get_linewidth() for line in picture.lines] == [1.2] * 6 + [3]
    explorer.state = explorer.state.change(show=SELECTIVITIES, node="2a")
    for k, line in enumerate(picture.lines[:4]):
        assert line.get_ydata() == pytest.approx((0.5 + explorer.record.selectivity[:, 4, k] / 1.6).tolist())
    assert all(len(line.get_xdata()) == 0 for line in picture.lines[4:])
    assert len(kinds(explorer.record)) == 4
    assert [t.get_text() for t in picture.ticks] == ["-0.8 –", "-0.4 –", "0 –", "0.4 –", "0.8 –", "", ""]
    assert [node_name(record, node) for node in NODES.values()] == list(NODES)
