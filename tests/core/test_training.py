"""Training: the same bits however it is cut, plain gradient descent, and a clean stop before anything breaks."""

import pytest
import torch
from weights import copies
from weights import same as unmoved

from ssl_explain import (
    LatentTree,
    Training,
    TreeNet,
    Views,
    contrastive,
    info_nce,
    simple_contrastive,
    soft_triplet,
    train,
)
from ssl_explain.lessons.start_here.experiment import emergence_run

RATE = 0.1


def size_of_weights(net):
    return torch.stack([w.detach().norm() for w in net.parameters()])


SETTINGS = {"learning_rate": RATE, "batch": 16, "measure": size_of_weights, "measure_every": 5}


def setting(runs=None, seed=0, depth=3, **options):
    """A world, a student and a generator, all from one seed."""
    g = torch.Generator().manual_seed(seed)
    tree = LatentTree.random(depth=depth, generator=g, runs=runs)
    return TreeNet(tree.topology, 4, generator=g, runs=runs, **options), tree, g


def run(steps, net, tree, g, objective=None, **options):
    return train(net, tree, objective or contrastive(), steps=steps, generator=g, **(SETTINGS | options))


def stream(net, tree, g, objective=None, **options):
    return Training(net, tree, objective or contrastive(), generator=g, **(SETTINGS | options))


def same(a, b):
    return all(torch.equal(getattr(a, field), getattr(b, field)) for field in ("steps", "values", "losses"))


class Fixed:
    """A world that always shows the same views."""

    def __init__(self, x):
        self.views = Views(x)

    def draw(self, n, *, views, strength, generator):
        return self.views


@pytest.mark.parametrize("runs", [None, 2])
@pytest.mark.parametrize("cut", [0, 5, 10, 20])
def test_cut_run_equals_the_whole(cut, runs):
    (net, *world), (twin, *twin_world) = setting(runs), setting(runs)
    whole = run(20, net, *world)
    joined = run(cut, twin, *twin_world).then(run(20 - cut, twin, *twin_world))
    assert same(whole, joined)
    assert unmoved(copies(net), twin)


@pytest.mark.parametrize("pieces", [[7, 1, 12], [1] * 20])
def test_pieces_of_any_length_give_the_same_bits(pieces):
    (net, *world), (twin, *twin_world) = setting(), setting()
    whole = run(20, net, *world)
    steady = stream(twin, *twin_world)
    for steps in pieces:
        steady.advance(steps)
        steady.trace()  # looking changes nothing
    assert same(whole, steady.trace())
    assert unmoved(copies(net), twin)


def test_changing_a_setting_on_the_way_equals_two_runs():
    (net, *world), (twin, *twin_world) = setting(), setting()
    settings = {"strength": 0.2, "learning_rate": 0.3, "objective": contrastive(info_nce, negatives=3)}
    two = run(10, net, *world).then(run(10, net, *world, **settings))
    steady = stream(twin, *twin_world)
    steady.advance(10)
    steady.strength, steady.learning_rate, steady.objective = settings.values()
    steady.advance(10)
    assert same(two, steady.trace())


def test_trace_says_when_it_measured():
    net, *world = setting()
    start = size_of_weights(net)
    trace = run(12, net, *world)
    assert trace.steps.tolist() == [0, 5, 10, 12]
    assert trace.losses.shape == (12,)
    assert torch.equal(trace.values[0], start)
    assert torch.equal(trace.values[-1], size_of_weights(net))
    assert trace.stopped is None


def test_no_steps_only_measures():
    net, *world = setting(runs=2)
    before = copies(net)
    trace = run(0, net, *world)
    assert (trace.steps.tolist(), len(trace.losses)) == ([0], 0)
    assert unmoved(before, net)


@pytest.mark.parametrize("loss", [simple_contrastive, info_nce])
def test_a_small_step_lowers_the_loss_by_rate_times_squared_gradient(loss):
    net, tree, g = setting(scale=1.0)
    net, world = net.double(), Fixed(tree.draw(32, strength=1.0, generator=g).x.double())
    objective, rate = contrastive(loss), 1e-6
    before = objective(net, world.views)
    gradients = torch.autograd.grad(before, list(net.parameters()))
    expected = rate * sum(d.square().sum() for d in gradients)
    assert expected > 0
    run(1, net, world, g, objective, learning_rate=rate)
    assert (before - objective(net, world.views)).item() == pytest.approx(expected.item(), rel=1e-2)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("loss", [simple_contrastive, soft_triplet, info_nce])
def test_loss_falls_on_views_never_trained_on(loss, seed):
    net, tree, g = setting(seed=seed)
    unseen, objective = tree.draw(4096, strength=1.0, generator=g), contrastive(loss)
    before = objective(net, unseen)
    run(100, net, tree, g, objective, batch=64)
    assert objective(net, unseen) < before


def test_runs_side_by_side_do_not_hear_each_other():
    (net, *world), (twin, *twin_world) = setting(runs=2), setting(runs=2)
    with torch.no_grad():
        for w in twin.parameters():
            w[1].mul_(1.5)
    run(10, net, *world)
    run(10, twin, *twin_world)
    for a, b in zip(copies(net), copies(twin), strict=True):
        assert torch.equal(a[0], b[0])
        assert not torch.equal(a[1], b[1])


@pytest.mark.parametrize("negatives", [1, "batch"])
def test_each_run_learns_what_it_would_learn_alone(negatives):
    net, tree, g = setting(runs=2)
    x = tree.draw(16, strength=1.0, generator=g).x.double()
    net, objective = net.double(), contrastive(negatives=negatives)
    alone = []
    for k in range(2):
        single, *_ = setting()
        single = single.double()
        with torch.no_grad():
            for mine, theirs in zip(single.parameters(), net.parameters(), strict=True):
                mine.copy_(theirs[k])
        alone.append((run(10, single, Fixed(x[k]), g, objective), copies(single)))
    together = run(10, net, Fixed(x), g, objective)
    for k, (trace, final) in enumerate(alone):
        torch.testing.assert_close(together.losses[:, k], trace.losses, rtol=1e-9, atol=1e-12)
        for mine, theirs in zip(final, copies(net), strict=True):
            torch.testing.assert_close(mine, theirs[k], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rate", [10.0, 1e6, 1e30, 1e300])
@pytest.mark.parametrize("runs", [None, 2])
def test_blow_up_stops_with_a_reason_and_finite_copies(rate, runs):
    net, tree, g = setting(runs=runs, normalise=False, scale=1.0)
    trace = run(200, net, tree, g, contrastive(simple_contrastive), learning_rate=rate)
    updates = len(trace.losses)
    assert updates < 200
    assert trace.stopped is not None
    assert trace.stopped.startswith(f"stopped at step {updates}:")
    assert trace.stopped.endswith("lower the learning rate")
    assert trace.steps[-1] == updates
    assert all(torch.isfinite(w).all() for w in copies(net))
    assert torch.isfinite(trace.losses).all()


def test_stopped_run_stays_stopped():
    net, tree, g = setting(normalise=False, scale=1.0)
    steady = stream(net, tree, g, contrastive(simple_contrastive), learning_rate=1e30)
    steady.advance(50)
    final, trace = copies(net), steady.trace()
    steady.advance(50)
    assert same(trace, steady.trace())
    assert steady.trace().stopped == trace.stopped is not None
    assert unmoved(final, net)


def test_one_bad_batch_is_the_end():
    """Going on as if nothing had happened would hide it."""
    net, tree, g = setting()
    good = tree.draw(16, strength=1.0, generator=g)
    steady = stream(net, Fixed(good.x), g)
    for views in (good, Views(good.x * float("nan")), good):
        steady.world.views = views
        steady.advance()
    assert steady.step == len(steady.trace().losses) == 1
    assert steady.stopped.startswith("stopped at step 1:")
    assert all(torch.isfinite(w).all() for w in copies(net))


def test_progress_bar_is_only_drawn_when_asked_for(capsys):
    net, *world = setting()
    run(3, net, *world)
    assert capsys.readouterr().err == ""
    run(3, net, *world, progress=True)
    assert "3/3" in capsys.readouterr().err


def test_training_sees_the_draws_of_the_world_whatever_happens_to_the_strength():
    net, tree, g = setting()
    running = stream(net, tree, g)
    for q, steps in ((0.5, 20), (0.25, 1), (0.0, 40), (1.0, 9)):
        running.strength = q
        running.advance(steps)
    by_hand, tree, g = setting()
    for q in [0.5] * 20 + [0.25] + [0.0] * 40 + [1.0] * 9:
        views = tree.draw(SETTINGS["batch"], strength=q, generator=g)
        gradients = torch.autograd.grad(contrastive()(by_hand, views), list(by_hand.parameters()))
        with torch.no_grad():
            for weight, gradient in zip(by_hand.parameters(), gradients, strict=True):
                weight.sub_(gradient, alpha=RATE)
    assert all(map(torch.equal, net.parameters(), by_hand.parameters()))
    assert torch.equal(g.get_state(), running.generator.get_state())


def test_a_world_with_its_own_draw_is_asked_for_it():
    class Constant(LatentTree):
        def draw(self, n, *, views, strength, generator):
            return Views(torch.ones(n, views, self.dimension))

    net, tree, g = setting()
    running = stream(net, Constant(tree.polarity), g)
    state = g.get_state()
    running.advance(3)
    assert torch.equal(g.get_state(), state)


def test_a_step_takes_four_hundred_calls():
    """The run of notebook 00; nested calls count, and a call costs more than its work."""
    training = emergence_run(depth=5, neurons=10, batch=128, strength=0.5, measure_every=1000).training
    training.advance(32)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        training.advance(32)
    calls = sum(event.name.startswith("aten::") for event in profiler.events())
    assert calls <= 32 * 400
