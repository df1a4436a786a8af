"""How far does the tangent kernel of a two-layer network move: does that depend on the loss, or on the scale?

f(x) = c·W_2 h(W_1 x) on 40 inputs (20 points with two views each, ‖x‖² = 1 on average), by gradient flow in Euler
steps. Two scales: "ntk", all weights ~ N(0, 1) and c = 1/√width; "orthonormal", c = 1, both layers orthonormal and
kept so (project, step, QR). Two losses: "supervised", half the squared distance to the outputs of a teacher, and
"contrastive", minus half the variance between points.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.dynamics.partial_results import Cell
from ssl_explain.dynamics.steppers import euler, solve
from ssl_explain.dynamics.sweep import sweep
from ssl_explain.lessons.collapse_and_grassmannian.experiment import orthonormalise, project
from ssl_explain.lessons.collapse_and_grassmannian.record import Drift
from ssl_explain.seeds import generators

Layers = tuple[Tensor, Tensor]

DIMENSION, POINTS, VIEWS, OUTPUTS, NOISE = 8, 20, 2, 2, 0.5
STEP_SIZE = 0.05
WIDTHS = (32, 64, 128, 256, 512)
SCALES, LOSSES = ("ntk", "orthonormal"), ("supervised", "contrastive")
TIMES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
UNBOUNDED = (1.0, 2.0, 4.0)  # contrastive at the ntk scale: outputs grow without bound
SEEDS, SEED = 20, 1
COLUMNS = ("loss", "scale", "width", "seed", "time", "drift")


def drift_data(seeds: Sequence[int]) -> tuple[Float[Tensor, "runs n d"], Float[Tensor, "runs n k"]]:
    """Inputs, the views of a point in adjacent rows, and the outputs of a teacher; one world per seed."""
    worlds = []
    for seed in seeds:
        g, _ = generators(seed, 2)
        sizes = torch.linspace(1.5, 0.5, DIMENSION, dtype=torch.float64)
        points = torch.randn(POINTS, 1, DIMENSION, generator=g, dtype=torch.float64) * sizes
        noise = torch.randn(POINTS, VIEWS, DIMENSION, generator=g, dtype=torch.float64)
        x = (points + NOISE * noise).flatten(0, 1)
        x = x / x.square().sum(-1).mean().sqrt()
        worlds.append((x, torch.tanh(x @ torch.randn(DIMENSION, OUTPUTS, generator=g, dtype=torch.float64))))
    x, y = (torch.stack(parts) for parts in zip(*worlds, strict=True))
    return x, y


def first_layers(
    scale: str, width: int, seeds: Sequence[int]
) -> tuple[Float[Tensor, "runs m d"], Float[Tensor, "runs k m"], float]:
    """W_1, W_2 and c of a scale; one network per seed, from another stream than the world of that seed.

    Raises:
        ValueError: another scale; orthonormal layers that are narrower than their inputs.
    """
    if scale not in SCALES:
        raise ValueError(f"`scale` must be one of {', '.join(SCALES)}, got {scale!r}; these two are compared.")
    require.integer("width", width, DIMENSION, f"{DIMENSION} orthonormal columns need as many dimensions")
    drawn = []
    for seed in seeds:
        _, g = generators(seed, 2)
        shapes = ((width, DIMENSION), (OUTPUTS, width))
        drawn.append([torch.randn(shape, generator=g, dtype=torch.float64) for shape in shapes])
    bottom, top = (torch.stack(layer) for layer in zip(*drawn, strict=True))
    if scale == "ntk":
        return bottom, top, width**-0.5
    return orthonormalise(bottom), orthonormalise(top.mT).mT, 1.0


def tangent_kernel(
    bottom: Float[Tensor, "*runs m d"], top: Float[Tensor, "*runs k m"], x: Float[Tensor, "*runs n d"], c: float = 1.0,
    *, linear: bool = False,
) -> Float[Tensor, "*runs k k n n"]:  # fmt: skip
    """The kernel of all weights: K_op(x, x') = ⟨∂f_o(x)/∂W, ∂f_p(x')/∂W⟩.

    The bottom gives c²·(xᵀx')·Σ_m W_2om W_2pm h'_m(x) h'_m(x'), the top c²·h(x)ᵀh(x') where o = p.
    """
    h, gates = _hidden(bottom, x, linear)
    pairs = top.unsqueeze(-2) * top.unsqueeze(-3)
    below = (gates[..., None, None, :, :] * pairs.unsqueeze(-2)) @ gates[..., None, None, :, :].mT
    eye = torch.eye(top.shape[-2], dtype=top.dtype)[..., None, None]
    return c**2 * (below * (x @ x.mT)[..., None, None, :, :] + eye * (h @ h.mT)[..., None, None, :, :])


def drift_run(
    loss: str, scale: str, width: int, times: Sequence[float], *, seeds: Sequence[int], linear: bool = False,
    step_size: float = STEP_SIZE,
) -> Drift:  # fmt: skip
    """Train one network per seed, side by side, and measure the drift of their kernels at the given times.

    Raises:
        ValueError: another loss or scale, a width below 8, times that do not rise or are no multiples of the step.

    Example:
        >>> drift_run("contrastive", "orthonormal", 16, [1.0], seeds=[1, 2], linear=True).drift.round(decimals=12)
        tensor([[0., 0.]], dtype=torch.float64)
    """
    if loss not in LOSSES:
        raise ValueError(f"`loss` must be one of {', '.join(LOSSES)}, got {loss!r}; these two are compared.")
    steps = _steps(times, step_size)
    x, y = drift_data(seeds)
    bottom, top, c = first_layers(scale, width, seeds)
    target = y if loss == "supervised" else None
    first = tangent_kernel(bottom, top, x, c, linear=linear)
    moved, layers = [], (bottom, top.mT)  # as columns

    def speed(layers: Layers) -> Layers:
        down, up = ascent(layers[0], layers[1].mT, x, target, c, linear=linear)
        return (down, up.mT) if scale == "ntk" else (project(layers[0], down), project(layers[1], up.mT))

    def step(layers: Layers, h: float) -> Layers:
        bottom, top = euler(speed, layers, h)
        return (bottom, top) if scale == "ntk" else (orthonormalise(bottom), orthonormalise(top))

    for before, after in pairwise([0, *steps]):
        many = after - before
        bottoms, tops = solve(step, layers, step_size=step_size, steps=many, every=many)
        layers = bottoms[-1], tops[-1]
        change = tangent_kernel(bottoms[-1], tops[-1].mT, x, c, linear=linear) - first
        moved.append(change.flatten(1).norm(dim=1) / first.flatten(1).norm(dim=1))
    setting = f"{loss}, {scale}, {'linear' if linear else 'ReLU'}"
    return Drift(torch.tensor(times, dtype=torch.float64), torch.stack(moved), width, setting)


def ascent(
    bottom: Float[Tensor, "*runs m d"], top: Float[Tensor, "*runs k m"], x: Float[Tensor, "*runs n d"],
    y: Float[Tensor, "*runs n k"] | None, c: float, *, linear: bool = False,
) -> tuple[Float[Tensor, "*runs m d"], Float[Tensor, "*runs k m"]]:  # fmt: skip
    """Minus the gradients of the loss: -½ E‖y - f‖² with targets y, else ½ tr V_x[f̄] over points of two views."""
    h, gates = _hidden(bottom, x, linear)
    f = c * h @ top.mT
    if y is not None:
        delta = y - f
    else:
        means = f.unflatten(-2, (-1, VIEWS)).mean(-2)
        delta = (means - means.mean(-2, keepdim=True)).repeat_interleave(VIEWS, -2)
    delta = delta * (c / x.shape[-2])
    return ((delta @ top) * gates).mT @ x, delta.mT @ h


def drift_block(loss: str, scale: str, width: int, *, seeds: int, seed: int) -> Iterator[dict[str, Cell]]:
    """The rows of one setting: one per time and seed, the drift to four digits.

    Raises:
        ValueError: no seeds; whatever :func:`drift_run` rejects.
    """
    require.integer("seeds", seeds, 1, "an interval needs two or more")
    own = range(seed, seed + seeds)
    times = UNBOUNDED if (loss, scale) == ("contrastive", "ntk") else TIMES
    run = drift_run(loss, scale, width, times, seeds=own)
    for time, drifts in zip(times, run.drift.tolist(), strict=True):
        for one, drift in zip(own, drifts, strict=True):
            yield dict(zip(COLUMNS, (loss, scale, width, one, time, float(f"{drift:.4g}")), strict=True))


def kernel_drift_table(folder: Path, *, seeds: int = SEEDS, seed: int = SEED, **work: Any) -> dict[str, list[Cell]]:
    """The whole table, losses × scales × widths, written to kernel_drift.csv in ``folder``.

    ``work`` says who works on it, see :func:`ssl_explain.dynamics.sweep.sweep`.

    Raises:
        ValueError: no seeds; whatever a sweep rejects.
    """
    return sweep(
        drift_block,
        {"loss": list(LOSSES), "scale": list(SCALES), "width": list(WIDTHS)},
        folder / "kernel_drift.csv",
        fixed={"seeds": seeds, "seed": seed},
        command=f"python -m ssl_explain table kernel-drift --seeds {seeds} --seed {seed}",
        seeds=f"{seeds} worlds and networks, seeds {seed} to {seed + seeds - 1}",
        **work,
    )


def log_slopes(
    widths: Sequence[float] | Float[Tensor, " widths"], drift: Float[Tensor, "widths runs"]
) -> Float[Tensor, " runs"]:
    """The least-squares slope of log drift on log width, run by run: 0 is a drift that does not depend on the width.

    Example:
        >>> log_slopes([10, 100], torch.tensor([[0.3, 0.3], [0.03, 0.3]])).round(decimals=3)
        tensor([-1.,  0.])
    """
    x = torch.as_tensor(widths, dtype=drift.dtype).log()
    x = (x - x.mean()).unsqueeze(-1)
    return (x * drift.log()).sum(0) / x.square().sum()


def _hidden(bottom: Tensor, x: Tensor, linear: bool) -> tuple[Tensor, Tensor]:
    """Activations and gates of the hidden layer."""
    z = x @ bottom.mT
    return (z, torch.ones_like(z)) if linear else (z.relu(), (z > 0).to(z.dtype))


def _steps(times: Sequence[float], step_size: float) -> list[int]:
    """After how many steps the times are reached."""
    require.number("step_size", step_size, 0, float("inf"), "small steps follow the flow", open_low=True)
    steps = [round(time / step_size) for time in times]
    exact = all(abs(n * step_size - time) < 1e-9 for n, time in zip(steps, times, strict=True))
    if not steps or not exact or any(b <= a for a, b in pairwise([0, *steps])):
        raise ValueError(f"`times` must rise and be multiples of {step_size:g}, got {list(times)}; measure at others.")
    return steps
