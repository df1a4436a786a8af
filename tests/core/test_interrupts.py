"""An interrupt at any line of the package: a step or a measurement has happened or it has not, and the run goes on."""

import contextlib
import functools
import itertools
import random
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from fire import agrees
from torch import nn
from weights import seeded

import ssl_explain
from ssl_explain import Centring, DualNet, LatentTree, ReLUNet, Ring, Training, TreeNet, contrastive, flow, train
from ssl_explain.kit.style import DRAWING
from ssl_explain.lessons.real_images.checkpoint import load_checkpoint, save_checkpoint
from ssl_explain.lessons.start_here.explorer import tree_explorer
from ssl_explain.lessons.start_here.state import run_of
from ssl_explain.lessons.two_views_one_network.cloud_explorer import CloudState, cloud_run
from ssl_explain.lessons.two_views_one_network.explorer import loss_explorer
from ssl_explain.lessons.why_the_root.race import race_run
from ssl_explain.lessons.why_the_root.race_explorer import History, RaceState
from ssl_explain.losses.predictive import predictive
from ssl_explain.networks.dual import linear_predictor

PACKAGE = str(Path(ssl_explain.__file__).parent)
STEPS, TRIES = 5, 25


class Interrupts:
    """Raise an error at one line of the package, counted while the block runs; at none if ``at`` is None."""

    def __init__(self, at=None, error=KeyboardInterrupt):
        self.at, self.error, self.lines = at, error, 0

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self._called)
        return self

    def __exit__(self, *_):
        sys.settrace(self.before)

    def _called(self, frame, event, argument):
        return self._line if frame.f_code.co_filename.startswith(PACKAGE) else None

    def _line(self, frame, event, argument):
        if event == "line":
            self.lines += 1
            if self.lines == self.at:
                raise self.error
        return self._line


# --- runs: go(n) takes n steps, step says how many were taken, state() is all that decides what comes next ----------


class Trained:
    """Training by hand, with a measure that draws from the same random numbers as the steps."""

    def __init__(self, net=None, objective=None, **options):
        self.g = seeded()
        tree = LatentTree.random(2, generator=self.g)
        self.net = net(self.g) if net else TreeNet(tree.topology, 3, generator=self.g)

        def measure(net):
            with torch.no_grad():
                return net(tree.draw(4, strength=1.0, generator=self.g).x).sum()

        options = {"learning_rate": 0.1, "measure": measure, "batch": 8, "measure_every": 2} | options
        self.run = Training(self.net, tree, objective or contrastive(), generator=self.g, **options)

    @property
    def step(self):
        return self.run.step

    def go(self, steps):
        self.run.advance(steps)

    def state(self):
        trace = self.run.trace(now=False)
        return [*self.net.state_dict().values(), self.g.get_state(), trace.steps, trace.values, trace.losses]


def towers():
    """A target that follows after every step, and a predictor that is drawn anew after every second."""

    def net(g):
        online = ReLUNet((4, 3, 2), generator=g, normalise=False)
        return DualNet(online, linear_predictor(2), generator=g, centring=Centring(), momentum=0.5)

    def after(step):
        run.net.follow()
        if step % 2 == 0:
            run.net.redraw_predictor(run.g)

    run = Trained(net, predictive(), after_step=after)
    return run


def with_buffers():
    """A network of somebody else, with running means."""

    def net(g):
        layer = nn.Linear(4, 3)
        with torch.no_grad():
            layer.weight.copy_(torch.randn(3, 4, generator=g))
            layer.bias.zero_()
        return nn.Sequential(layer, nn.BatchNorm1d(3))

    def objective(net, views):
        return net(views.x.flatten(0, 1)).square().mean(0)[0]

    return Trained(net, objective, measure=lambda net: torch.zeros(1))


class Flowed:
    """The flow of a ring, in as many calls as it is interrupted."""

    def __init__(self):
        self.net = ReLUNet((6, 4, 2), generator=seeded(), normalise=False).double()
        self.step, self.views = 0, Ring(6, dtype=torch.float64).enumerate(0.5)
        self.traces = []

    def go(self, steps):
        trace = flow(
            self.net, self.views, steps=steps, step_size=0.1, measure=lambda net: net(self.views.x).detach().sum(),
            fixed_norm=True, measure_every=2,
        )  # fmt: skip
        self.keep(trace, steps)

    def keep(self, trace, steps):
        """What a call returned is whole, and says so if it was cut short."""
        self.traces.append(trace)
        self.step += len(trace.losses)
        assert int(trace.steps[-1]) == len(trace.losses)
        assert len(trace.losses) == steps or trace.stopped.startswith(f"stopped at step {len(trace.losses)}: interr")

    def state(self):
        joined = functools.reduce(lambda a, b: a.then(b), self.traces)
        assert joined.stopped is None
        return [*self.net.state_dict().values(), joined.losses, joined.values[0], joined.values[-1]]


class ByTrain(Flowed):
    """The function train, in as many calls as it is interrupted."""

    def __init__(self):
        self.g, self.step, self.traces = seeded(), 0, []
        self.tree = LatentTree.random(2, generator=self.g)
        self.net = TreeNet(self.tree.topology, 3, generator=self.g)

    def go(self, steps):
        trace = train(
            self.net, self.tree, contrastive(), steps=steps, learning_rate=0.1, generator=self.g, batch=8,
            measure_every=2, measure=lambda net: net.weights[0].detach().norm(),
        )  # fmt: skip
        self.keep(trace, steps)

    def state(self):
        return [*super().state(), self.g.get_state()]


class Raced:
    """A race whose weights outgrow all bounds on the way."""

    def __init__(self):
        self.run = race_run(depth=2, neurons=2, normalise=False, learning_rate=3.0, measure_every=1)

    step = property(lambda self: self.run.training.step)

    def go(self, steps):
        self.run.advance(steps)

    def state(self):
        trace = self.run.training.trace()
        return [*self.run.training.net.state_dict().values(), trace.steps, trace.values, trace.stopped]


class Remembered:
    """What the race explorer keeps of a run."""

    def __init__(self):
        self.history = History(RaceState(neurons=2))

    step = property(lambda self: len(self.history.operators) - 1)

    def go(self, steps):
        for _ in range(min(steps, 2 - self.step)):  # each of them is five steps of training
            self.history.go_on()

    def state(self):
        return [torch.stack(self.history.operators), self.history.trace.steps, self.history.trace.values]


RUNS = {
    "training": Trained,
    "two towers": towers,
    "running means": with_buffers,
    "flow": Flowed,
    "train": ByTrain,
    "race": Raced,
    "history": Remembered,
}


def same(a, b):
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        assert torch.equal(x, y) if isinstance(x, torch.Tensor) else x == y


@pytest.fixture
def grad_mode():
    """A trace function can stop a `with` block before its end, which no signal can: modes and locks may be left."""
    yield
    torch.set_grad_enabled(True)
    while DRAWING._is_owned():
        DRAWING.release()


@pytest.mark.usefixtures("unshaped", "grad_mode")
@pytest.mark.parametrize("name", RUNS)
def test_a_run_goes_on_after_an_interrupt_at_any_line(name, some):
    whole = RUNS[name]()
    with Interrupts() as counted:
        whole.go(STEPS)
    assert counted.lines > 3 * TRIES
    rng = random.Random(name)
    for line in some(rng.sample(range(1, counted.lines + 1), TRIES // 4 if name == "history" else TRIES), 8):
        run = RUNS[name]()
        with Interrupts(line), contextlib.suppress(KeyboardInterrupt):
            run.go(STEPS)
        for _ in range(2):  # nothing is left to do the second time
            run.go(STEPS - run.step)
        same(run.state(), whole.state())


@pytest.mark.usefixtures("unshaped", "grad_mode")
def test_a_checkpoint_is_loaded_or_it_is_not(tmp_path):
    path, settings = tmp_path / "one.safetensors", {"a": 1}
    older = Trained()
    older.go(3)
    save_checkpoint(path, older.run, settings)
    fresh = Trained()
    with Interrupts() as counted:
        load_checkpoint(path, fresh.run, settings)
    ends = {0: Trained(), 3: fresh}
    steps = set()
    for line in range(1, counted.lines + 1, 7):
        run = Trained()
        with Interrupts(line), contextlib.suppress(KeyboardInterrupt):
            load_checkpoint(path, run.run, settings)
        steps.add(run.step)
        run.go(0)  # the measurement may have been cut off
        same(stands(run), stands(ends[run.step]))
    assert steps == {0, 3}


def stands(run):
    """Weights and random numbers."""
    return [*run.net.state_dict().values(), run.g.get_state()]


@pytest.mark.usefixtures("unshaped", "grad_mode")
@pytest.mark.parametrize(
    ("make", "change"),
    [(loss_explorer, {"temperature": 1.0}), (tree_explorer, {"strength": 0.9}), (tree_explorer, {"seed": 2})],
    ids=["plain", "live", "another run"],
)
def test_a_setting_is_chosen_or_it_is_not(make, change, some):
    explorer, seen = make(), set()
    old, new = explorer.state, explorer.state.change(**change)
    with Interrupts() as counted:
        explorer.state = new
    explorer.state = old
    for line in some(random.Random(0).sample(range(1, counted.lines + 1), 12), 4):
        with Interrupts(line), contextlib.suppress(KeyboardInterrupt):
            explorer.state = new
        agrees(explorer)
        seen.add(explorer.state)
        if make is tree_explorer:
            assert explorer._training.strength == explorer.state.strength
            fresh = [*run_of(explorer.state).training.net.parameters()]
            same([*explorer._training.net.parameters()], fresh)
        explorer.state = old
    assert old in seen


@pytest.mark.usefixtures("unshaped", "grad_mode")
def test_a_part_of_a_run_is_not_remembered_as_the_whole():
    cloud_run.cache_clear()
    with Interrupts(700), pytest.raises(KeyboardInterrupt):
        cloud_run(CloudState())
    assert cloud_run(CloudState()).stopped is None


@pytest.fixture
def ctrl_c():
    """Python's own handler of the signal, which a worker of the tests ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_the_stop_button_ends_train_after_a_whole_step():
    """A real signal, sent by the measurement after the second step."""
    run = ByTrain()

    def measure(net):
        if next(calls) == 1:
            signal.raise_signal(signal.SIGINT)
        return torch.zeros(1)

    calls = itertools.count()
    trace = train(
        run.net, run.tree, contrastive(), steps=5, learning_rate=0.1, generator=run.g, measure=measure, measure_every=2
    )
    assert trace.stopped == "stopped at step 2: interrupted; call again with the steps that are left"
    assert trace.steps.tolist() == [0, 2]
    assert len(trace.losses) == 2


def fails_once(function, at):
    """A function that fails at one call, after its work is done."""
    calls = itertools.count(1)

    def failing(*arguments, **options):
        result = function(*arguments, **options)
        if next(calls) == at:
            raise RuntimeError("once")
        return result

    return failing


@pytest.mark.parametrize("name", ["draw", "objective", "measure", "after_step", "hook"])
def test_an_error_in_a_users_function_leaves_all_as_it_was(name):
    """Also where the function had drawn, measured or moved weights before it failed."""
    whole, run = towers(), towers()
    whole.go(6)
    run.go(2)
    if name == "hook":
        handle = next(run.net.parameters()).register_hook(fails_once(lambda gradient: None, 2))
    elif name == "draw":
        run.run.world = SimpleNamespace(draw=fails_once(run.run.world.draw, 2))
    else:
        setattr(run.run, name, fails_once(getattr(run.run, name), 1))
    for _ in range(4):
        before = run.state()
        try:
            run.go(1)
        except RuntimeError:
            break
    else:
        pytest.fail("nothing has failed")
    if name != "measure":  # the step before it has happened
        same(run.state(), before)
    if name == "hook":
        handle.remove()
    run.go(6 - run.step)
    same(run.state(), whole.state())
