"""Selectivity on the ring: closed updates against autograd, the sign rule, its figures and its explorer."""

import functools
import itertools
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from ssl_explain.dynamics.flow import expected_simple, flow
from ssl_explain.lessons.selectivity_amplification.exercises import exercises
from ssl_explain.lessons.selectivity_amplification.experiment import (
    dead,
    expected_update,
    follow,
    identity_share,
    mean_connections,
    responses,
    ring_neurons,
    ring_run,
    sampled_update,
    selectivity,
)
from ssl_explain.lessons.selectivity_amplification.explorer import RingState, ring_explorer
from ssl_explain.lessons.selectivity_amplification.picture import (
    RingPicture,
    figure_signs_kept,
    figure_winners,
    winners,
)
from ssl_explain.losses.contrastive import contrastive, info_nce, simple_contrastive
from ssl_explain.operators.covariance import covariance_operator
from ssl_explain.worlds.ring import Ring

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "05_selectivity_amplification.ipynb"


def weights_of(net):
    return net.weights[0].detach()[0]


@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_expected_update_is_minus_the_gradient(linear, strength, g):
    views = Ring(7, dtype=torch.float64).enumerate(strength)
    net = ring_neurons(7, 5, generator=g, linear=linear)
    (slope,) = torch.autograd.grad(expected_simple(net, views), net.weights[0])
    update = expected_update(views.x, linear=linear)(weights_of(net))
    torch.testing.assert_close(update, -slope[0], rtol=0, atol=1e-15)


@pytest.mark.parametrize("tau", [None, 0.1])
@pytest.mark.parametrize("linear", [True, False])
def test_the_sampled_update_is_minus_the_gradient_on_the_same_batch(linear, tau, seeded):
    world, net = Ring(7, dtype=torch.float64), ring_neurons(7, 4, generator=seeded(1), linear=linear)
    batch = world.draw(9, views=2, strength=0.5, generator=seeded(2))
    loss = simple_contrastive if tau is None else functools.partial(info_nce, temperature=tau)
    (slope,) = torch.autograd.grad(contrastive(loss)(net, batch), net.weights[0])
    update = sampled_update(world, 0.5, 9, generator=seeded(2), tau=tau, linear=linear)(weights_of(net))
    torch.testing.assert_close(update, -slope[0], rtol=0, atol=1e-14)


def names_of_cells(*ids):
    """What these cells of the notebook define."""
    cells = {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}
    views = Ring(5, dtype=torch.float64).enumerate(1.0)
    names = {"torch": torch, "views": views, "world": Ring(5, dtype=torch.float64), "g": torch.Generator()}
    for name in ids:
        exec(cells[name], names)
    return names


def test_the_exact_info_nce_of_the_notebook_lists_every_triple(g):
    names = names_of_cells("cell-037")
    w = ring_neurons(5, 3, generator=g).weights[0].detach().requires_grad_()
    f, total = (names["views"].x @ w[0].T).relu(), 0.0
    for p, i, j, q, k in itertools.product(range(2), range(5), range(5), range(2), range(5)):
        r_pos, r_neg = (0.5 * (f[p, i] - other).square().sum() for other in (f[p, j], f[q, k]))
        total += info_nce(r_pos[None], r_neg[None, None], temperature=0.1)[0] / (2 * 5 * 5 * 2 * 5)
    (slope,) = torch.autograd.grad(total, w)
    torch.testing.assert_close(names["info_nce_update"](w.detach()), -slope, rtol=0, atol=1e-15)


def test_the_updates_of_the_notebook_are_those_of_the_package(g, seeded):
    names = names_of_cells("cell-010", "on-batches")
    w = weights_of(ring_neurons(5, 4, generator=g))
    torch.testing.assert_close(names["update"](w), expected_update(names["views"].x)(w), rtol=0, atol=1e-15)
    names["g"].manual_seed(2)
    sampled = sampled_update(names["world"], 1.0, 9, generator=seeded(2))(w)
    torch.testing.assert_close(names["on_batches"](9)(w), sampled, rtol=0, atol=1e-14)


def test_operator_of_one_neuron_is_a_quarter_of_delta_delta(g):
    views = Ring(9, dtype=torch.float64).enumerate(1.0)
    net = ring_neurons(9, 1, generator=g)
    delta = names_of_cells("cell-010")["difference"](weights_of(net), views.x)[0]
    assert delta.abs().max() > 0.01
    operator = covariance_operator(net.forward_pass(views.x), layer=1).as_matrix()
    torch.testing.assert_close(operator, torch.outer(delta, delta) / 4, rtol=0, atol=1e-15)
    s = selectivity(responses(weights_of(net), views.x))
    torch.testing.assert_close(s[0], delta @ weights_of(net)[0] / 2, rtol=0, atol=1e-15)


def test_follow_is_the_flow_with_fixed_norms(g):
    views = Ring(6, dtype=torch.float64).enumerate(1.0)
    net = ring_neurons(6, 4, generator=g)
    path = follow(weights_of(net).clone(), expected_update(views.x), steps=30, step_size=0.7)
    flow(net, views, steps=30, step_size=0.7, measure=lambda net: net.weights[0].norm(), fixed_norm=True)
    torch.testing.assert_close(path[-1], weights_of(net), rtol=0, atol=1e-12)
    torch.testing.assert_close(path.norm(dim=-1), torch.ones(31, 4).double())


@pytest.mark.parametrize("cells", [5, 6, 9, 10, 16])
def test_live_neurons_keep_their_sign_and_dead_ones_stand_still(cells):
    run = ring_run(cells=cells, neurons=400, step_size=0.5, steps=300, every=1)
    s = selectivity(run.responses)
    assert (s[0] * s > 0)[:, ~run.dead].all()
    assert (run.weights - run.weights[0])[:, run.dead].abs().sum() < 1e-9
    assert run.dead.double().mean() < 0.2
    s = s[:, ~run.dead]
    assert (s[-1].abs() >= s[0].abs()).double().mean() > 0.99
    assert s[-1].abs().mean() > 2 * s[0].abs().mean()


def test_neurons_are_dead_where_all_gates_are_alike_or_linear_and_fully_shifted(g):
    x = Ring(6, dtype=torch.float64).enumerate(1.0).x
    w = torch.cat([torch.ones(1, 6), -torch.ones(1, 6), torch.randn(1, 6, generator=g)]).double()
    assert dead(w, x).tolist() == [True, True, False]
    torch.testing.assert_close(mean_connections(w, x)[:, 1], torch.zeros(2, 6).double())
    run = ring_run(cells=8, neurons=20, linear=True)
    assert run.dead.all()
    assert (run.weights - run.weights[0]).abs().max() < 1e-12
    assert not ring_run(cells=8, neurons=20, linear=True, strength=0.5).dead.any()


@pytest.mark.parametrize("cells", [8, 10, 12, 16])
def test_small_shifts_teach_place_and_nearly_full_ones_the_object(cells):
    r = (cells - 1) // 2
    shares = []
    for shift in (cells // 4, r):
        run = ring_run(cells=cells, strength=2 * shift / cells, neurons=80, steps=400, every=400)
        assert run.shift == shift
        shares.append((identity_share(run.responses[-1])[~run.dead] > 0.5).double().mean().item())
    assert shares[0] < 0.25
    assert shares[1] > 0.9


def test_curves_heat_map_and_letters_show_the_record():
    record = ring_explorer(RingState(time=50)).record
    picture, s = RingPicture(record), selectivity(record.responses)
    drawn = np.concatenate([np.array(c.get_segments())[:, :, 1] for c in picture.curves.values() if c.get_segments()])
    order = [*np.flatnonzero((s[0] > 0) & ~record.dead), *np.flatnonzero((s[0] < 0) & ~record.dead)]
    np.testing.assert_allclose(drawn[: len(order)], s.T[order, : record.shown + 1])
    rows = s[0].argsort(descending=True)
    np.testing.assert_allclose(picture.heat.get_array(), record.weights[record.shown][rows])
    assert [t.get_text() for t in picture.letters] == [winners(record)[j] for j in rows]
    np.testing.assert_allclose(picture.dots.get_offsets()[:, 1], s[record.shown])
    assert picture.later.get_x() == 0.5


def test_still_figures_draw_what_they_say():
    shares = {"a": {"luckier half": [1.0, 0.9], "less lucky half": [0.7, 0.8]}}
    picture = figure_signs_kept(shares)
    means = [line.get_ydata()[0] for line in picture.figure.axes[0].lines if line.get_marker() in ("o", "s")]
    assert {round(float(m), 3) for m in means} >= {0.95, 0.75}
    assert "luckier half 95 %" in picture.words
    picture = figure_winners({"d = 8": {0.0: 0.0, 0.25: 0.1}, "d = 9": {0.0: 0.5, 0.2: 1.0}})
    lines = picture.figure.axes[0].lines
    assert list(lines[0].get_ydata()) == [0.0, 0.1]
    assert list(lines[1].get_xdata()) == [0.0, 0.2]
    assert "d = 9: 50 % at 0.00, 100 % at 0.20" in picture.words


def test_responses_keep_objects_and_places_apart(g):
    world = Ring(6, dtype=torch.float64)
    x = world.enumerate(0.5).x
    w = weights_of(ring_neurons(6, 3, generator=g))
    f = responses(w, x)
    assert f.shape == (2, 6, 3)
    torch.testing.assert_close(f[1, 2, 0], (x[8] @ w[0]).relu().mean())


def test_the_exercise_is_the_gradient_of_a_stronger_pull_and_drives_the_explorer(g):
    views = Ring(7, dtype=torch.float64).enumerate(1.0)
    w = weights_of(ring_neurons(7, 4, generator=g)).requires_grad_()
    f = (views.x @ w.T).relu()
    within, between = f.var(1, correction=0).mean(0).sum(), f.mean(1).var(0, correction=0).sum()
    (slope,) = torch.autograd.grad(0.5 * within - between, w)
    pull = exercises["pull"].solution
    torch.testing.assert_close(pull(w.detach(), views.x), -slope, rtol=0, atol=1e-15)
    mine, package = (ring_explorer(RingState(time=100), **own).record for own in ({"update": pull}, {}))
    assert (mine.weights[-1] - package.weights[-1]).abs().max() > 0.1
