"""The Grassmann explorer: columns that are free to merge, or kept orthonormal."""

import dataclasses
import functools
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.kit.streaming import TimedExplorer
from ssl_explain.lessons.collapse_and_grassmannian.experiment import free_flow, orthonormalise, span_flow, take_steps
from ssl_explain.lessons.collapse_and_grassmannian.kernel_features import between_weights, rbf_kernel, root_of
from ssl_explain.lessons.collapse_and_grassmannian.picture import SpanPicture
from ssl_explain.lessons.collapse_and_grassmannian.record import SpanFlow
from ssl_explain.seeds import generators
from ssl_explain.subspaces import principal_angles

SPAN = 24.0  # the time shown, in units of 1 / largest |eigenvalue|
LEFT, ORTHONORMAL, SIMPLE, PULL, KERNEL = "free", "orthonormal", "L_simp", "pull only", "RBF kernel"
SPECTRA = {
    "even": (1.0, 0.8, 0.6, 0.4, 0.2, 0.0),
    "two equal": (1.0, 1.0, 0.6, 0.4, 0.2, 0.0),
    "one large": (1.0, 0.35, 0.3, 0.25, 0.2, 0.15),
}
PLAIN = {"columns": LEFT, "objective": SIMPLE, "spectrum": "even", "k": 3, "step_size": 0.1}
POINTS, VIEWS = 8, 3
KERNEL_POINTS = 1  # a seed, whose second stream draws the views; starts use the first stream of their own seed


@dataclass(frozen=True)
class GrassmannState(State):
    """Every setting of the Grassmann explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    columns: str = choice(LEFT, (LEFT, ORTHONORMAL), label="columns", tip="free to merge, or kept orthonormal")
    objective: str = choice(
        SIMPLE, (SIMPLE, PULL), label="objective", tip="L_simp pulls and pushes: C ≥ 0; pull only: r₊ alone, C ≤ 0"
    )
    spectrum: str = choice(
        "even", (*SPECTRA, KERNEL), label="eigenvalues of C", tip="six directions, or kernel features of 24 views"
    )
    k: int = slider(3, 1, 4, 1, label="columns k", tip="how many features")
    step_size: float = choice(0.1, (0.1, 0.3, 1.0, 3.0), label="step size dt", tip="small steps follow the closed form")
    seed: int = slider(1, 1, 20, 1, label="seed", tip="another random start")
    time: int = slider(0, 0, 100, 1, label="time, % of the run", tip="0: the start; 100: the end")


@functools.lru_cache(maxsize=16)
def spectrum_of(state: GrassmannState) -> Float[Tensor, " d"]:
    """The eigenvalues of C in falling order, scaled to a largest absolute value of 1."""
    pull = state.objective == PULL
    if state.spectrum != KERNEL:
        values = torch.tensor(SPECTRA[state.spectrum], dtype=torch.float64)
        return 0.8 * (values - values[-1]) - 1 if pull else values
    _, g = generators(KERNEL_POINTS, 2)
    points = torch.linspace(-2, 2, POINTS, dtype=torch.float64).view(-1, 1, 1)
    views = points + 0.3 * torch.randn(POINTS, VIEWS, 1, generator=g, dtype=torch.float64)
    root, _ = root_of(rbf_kernel(views.flatten(0, 1), scale=0.7))
    weights = between_weights(POINTS, VIEWS)
    if pull:
        size = len(weights)
        same_point = torch.block_diag(*[torch.full((VIEWS, VIEWS), 1 / VIEWS, dtype=torch.float32).double()] * POINTS)
        weights = 2 * same_point / size - 2 * torch.eye(size, dtype=torch.float64) / size
    values = torch.linalg.eigvalsh(root.mT @ weights @ root).flip(0)
    values = values / values.abs().max()
    return values.clamp(max=0) if pull else values.clamp(min=0)


@functools.lru_cache(maxsize=32)
def flow_of(state: GrassmannState) -> SpanFlow:
    """The whole run of a state."""
    values, tight = spectrum_of(state.change(columns=LEFT, k=1, step_size=0.1, seed=1)), state.columns == ORTHONORMAL
    c, top = torch.diag(values), torch.eye(len(values), dtype=torch.float64)[:, : state.k]
    draw = torch.randn(len(values), state.k, generator=torch.Generator().manual_seed(state.seed), dtype=torch.float64)
    start, steps, every = orthonormalise(draw), round(SPAN / state.step_size), 4 if state.step_size == 0.1 else 1
    columns = take_steps(c, start, step_size=state.step_size, steps=steps, orthonormal=tight, every=every)
    times = torch.arange(len(columns), dtype=torch.float64) * state.step_size * every
    predicted = span_flow(c, start, times)
    reached = columns if tight else orthonormalise(columns / columns.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-300))
    return SpanFlow(
        times, values, columns, predicted if tight else free_flow(c, start, times),
        principal_angles(reached, top), principal_angles(predicted, top),
        principal_angles(reached, predicted)[:, -1], tight, state.step_size, len(times) - 1,
        f"columns {state.columns}, {state.objective}, eigenvalues {state.spectrum}",
    )  # fmt: skip


class GrassmannExplorer(TimedExplorer[GrassmannState]):
    """Columns of features over time, with Play, which moves the time; the whole flow is computed in advance.

    Example:
        >>> grassmann_explorer(GrassmannState(columns="orthonormal", k=2, time=0)).record.angles.shape
        torch.Size([61, 2])
    """

    picture = SpanPicture
    main_controls = ("time", "columns")
    presets = {
        "columns merge": PLAIN,
        "orthonormal: all k found": {**PLAIN, "columns": ORTHONORMAL},
        "pull only: everything dies": {**PLAIN, "objective": PULL},
        "two equal eigenvalues": {**PLAIN, "spectrum": "two equal"},
    }

    def compute(self, state: GrassmannState) -> SpanFlow:
        """Look up the run of these settings, at the chosen time."""
        run = flow_of(state.change(time=0))
        return dataclasses.replace(run, shown=round(state.time / 100 * (len(run.times) - 1)))


grassmann_explorer = factory(GrassmannExplorer, "Watch columns of features merge, die, or stay apart.")
