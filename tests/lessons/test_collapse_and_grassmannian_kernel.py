"""The tangent kernel and its drift: kernel and gradients against autograd, and the stored table."""

import numpy as np
import pytest
import torch
from refusals import refused
from tables import rows, stored
from torch.func import functional_call, jacrev

from ssl_explain.lessons.collapse_and_grassmannian.figures import (
    figure_drift,
    figure_moving,
    figure_products,
    figure_slopes,
)
from ssl_explain.lessons.collapse_and_grassmannian.kernel_drift import (
    LOSSES,
    SCALES,
    SEEDS,
    WIDTHS,
    ascent,
    drift_data,
    drift_run,
    first_layers,
    log_slopes,
    tangent_kernel,
)
from ssl_explain.results import interval

KINDS = pytest.mark.parametrize("linear", [True, False])
PAIRS = [(loss, scale) for loss in LOSSES for scale in SCALES]


class Net(torch.nn.Module):
    """The same network, written with PyTorch's own layers."""

    def __init__(self, bottom, top, c, linear):
        super().__init__()
        self.bottom, self.top, self.c, self.linear = torch.nn.Parameter(bottom), torch.nn.Parameter(top), c, linear

    def forward(self, x):
        h = torch.nn.functional.linear(x, self.bottom)
        return self.c * torch.nn.functional.linear(h if self.linear else torch.relu(h), self.top)


@KINDS
@pytest.mark.parametrize("scale", SCALES)
def test_kernel_is_that_of_autograd(scale, linear):
    bottom, top, c = first_layers(scale, 11, [1, 2])
    x, _ = drift_data([1, 2])
    fast = tangent_kernel(bottom, top, x[:, :5], c, linear=linear)
    for run in range(2):
        net = Net(bottom[run], top[run], c, linear)
        jacobian = jacrev(lambda p, net=net, run=run: functional_call(net, p, (x[run, :5],)))(
            dict(net.named_parameters())
        )
        flat = torch.cat([j.detach().flatten(2) for j in jacobian.values()], -1)  # (n, k, weights)
        torch.testing.assert_close(fast[run], torch.einsum("iow,jpw->opij", flat, flat))


@KINDS
@pytest.mark.parametrize("supervised", [True, False])
def test_gradients_are_those_of_autograd(supervised, linear):
    x, y = drift_data([3])
    bottom, top, c = first_layers("ntk", 11, [3])
    net = Net(bottom[0], top[0], c, linear)
    f = net(x[0])
    points = f.unflatten(0, (-1, 2)).mean(1)
    between = (points - points.mean(0)).square().sum(-1).mean() / 2
    wish = -(y[0] - f).square().sum(-1).mean() / 2 if supervised else between
    for mine, theirs in zip(
        ascent(bottom, top, x, y if supervised else None, c, linear=linear),
        torch.autograd.grad(wish, (net.bottom, net.top)), strict=True,
    ):  # fmt: skip
        torch.testing.assert_close(mine[0], theirs)


def test_linear_orthonormal_layers_never_move_their_kernel():
    bottom, top, c = first_layers("orthonormal", 12, [1])
    torch.testing.assert_close(bottom[0].mT @ bottom[0], torch.eye(8).double())
    torch.testing.assert_close(top[0] @ top[0].mT, torch.eye(2).double())
    assert c == 1
    assert first_layers("ntk", 16, [1])[2] == 0.25
    run = drift_run("contrastive", "orthonormal", 16, [5.0], seeds=[1, 2], linear=True)
    assert run.drift.max() < 1e-12
    assert drift_run("contrastive", "orthonormal", 16, [5.0], seeds=[1, 2]).drift.min() > 0.02


def test_runs_side_by_side_are_single_runs_in_steps_that_are_small_enough():
    """Half the step changes the drift by little: it is that of the flow."""
    both = drift_run("supervised", "ntk", 16, [1.0, 2.0], seeds=[1, 2]).drift
    alone = [drift_run("supervised", "ntk", 16, [1.0, 2.0], seeds=[s]).drift[:, 0] for s in (1, 2)]
    torch.testing.assert_close(both, torch.stack(alone, 1), rtol=1e-9, atol=0)
    for loss, scale in PAIRS:
        coarse, fine = (drift_run(loss, scale, 32, [4.0], seeds=[1, 2, 3], step_size=h).drift for h in (0.05, 0.025))
        torch.testing.assert_close(coarse, fine, rtol=0.05, atol=0)


def test_slopes_are_those_of_a_power_law():
    widths, powers = torch.tensor([32.0, 64, 128]).double(), torch.tensor([-0.8, 0.0, 0.3]).double()
    torch.testing.assert_close(log_slopes(widths, 2 * widths.unsqueeze(-1) ** powers), powers)


test_bad_settings_are_named = refused(
    (lambda: drift_run("hinge", "ntk", 16, [1.0], seeds=[1]), "`loss` must be one of supervised, contrastive"),
    (lambda: drift_run("supervised", "mup", 16, [1.0], seeds=[1]), "`scale` must be one of ntk, orthonormal"),
    (lambda: drift_run("supervised", "ntk", 7, [1.0], seeds=[1]), "`width` must be an integer ≥ 8"),
    (lambda: drift_run("supervised", "ntk", 16, [1.02], seeds=[1]), "`times` must rise and be multiples of 0.05"),
    (lambda: drift_run("supervised", "ntk", 16, [2.0, 1.0], seeds=[1]), "`times` must rise"),
    (lambda: drift_run("supervised", "ntk", 16, [1.0], seeds=[1], step_size=0.0), "`step_size` must lie in"),
)


@pytest.fixture(scope="module")
def table():
    return stored("kernel_drift")


def drifts(table, loss, scale, time):
    return rows(table, loss=loss, scale=scale, time=time)["drift"].reshape(len(WIDTHS), SEEDS)


def slopes(table, loss, scale, time):
    return log_slopes(WIDTHS, torch.tensor(drifts(table, loss, scale, time))).numpy()


def test_the_scale_decides_not_the_loss(table):
    for loss in LOSSES:
        end = 4.0 if loss == "contrastive" else 200.0
        assert interval(slopes(table, loss, "ntk", end))[1] < -0.5
        assert interval(slopes(table, loss, "orthonormal", 200.0))[0] > -0.2
    assert interval(slopes(table, "contrastive", "orthonormal", 5.0))[1] < -0.4  # before the escape


@pytest.mark.parametrize(("loss", "scale"), PAIRS)
def test_stored_rows_can_be_made_again(table, loss, scale):
    """The first times of one width; a step is too short for another CPU's rounding to matter."""
    made = np.array([row["drift"] for row in _early(loss, scale)]).reshape(2, SEEDS)
    for time, row in zip((1.0, 2.0), made, strict=True):
        np.testing.assert_allclose(row, drifts(table, loss, scale, time)[1], rtol=2e-3)


def _early(loss, scale):
    run = drift_run(loss, scale, WIDTHS[1], (1.0, 2.0), seeds=range(1, SEEDS + 1))
    return [{"drift": x} for x in run.drift.flatten().tolist()]


def test_figures_draw_their_numbers():
    g = np.random.default_rng(0)
    values = {f"a, {s}, T = 1": g.uniform(0.1, 1, (3, 5)) for s in SCALES}
    found = {name: log_slopes((8, 16, 32), torch.tensor(v)).numpy() for name, v in values.items()}
    figure = figure_drift((8, 16, 32), values, found)
    left, right = figure.figure.axes
    for line, (name, v) in zip(left.lines, values.items(), strict=True):
        np.testing.assert_allclose(line.get_ydata(), np.exp(np.log(v).mean(1)))
        assert f"{name}: {found[name].mean():.2f}" in figure.words
    drawn = [c[0].get_xdata()[0] for c in right.containers]
    np.testing.assert_allclose(drawn, [s.mean() for s in found.values()])
    over = figure_slopes({"x": {1.0: found["a, ntk, T = 1"], 2.0: found["a, orthonormal, T = 1"]}})
    np.testing.assert_allclose(over.figure.axes[0].containers[0][0].get_ydata(), [s.mean() for s in found.values()])
    run = drift_run("contrastive", "ntk", 8, [0.5, 1.0], seeds=[1, 2])
    moving = figure_moving([run])
    np.testing.assert_allclose(moving.figure.axes[0].lines[-1].get_ydata(), run.drift.mean(1))
    times, m = torch.arange(9.0), torch.rand(9, 2, 3, generator=torch.Generator().manual_seed(0))
    products = figure_products(times, {"Grassmann": {"width 8": m}}, {"Grassmann": m})
    np.testing.assert_allclose(products.figure.axes[0].lines[0].get_ydata(), m[:, 0, 0])
    assert "below 1e-10" in products.words
