"""The modes explorer: start one mode of linear BYOL anywhere, and see whether it survives."""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.byol_solved import modes as byol_modes
from ssl_explain.lessons.byol_solved.experiment import Rates, Spread, invariant, isotropic, matrix_training
from ssl_explain.lessons.byol_solved.picture import PlanePicture
from ssl_explain.lessons.byol_solved.record import ByolRun, PhasePlane

LENGTH = 32.0  # of training, in units of time
EVERY = 8  # times of the prediction per time of training
TIMES = torch.cat([
    torch.linspace(0, LENGTH, 321, dtype=torch.float32), LENGTH * torch.linspace(1, 5, 41, dtype=torch.float32)[1:] ** 2
]).double()  # fmt: skip
COLUMNS = torch.linspace(-0.3, 1.2, 31, dtype=torch.float64)
COPY = math.inf
SECOND = (0.8, 0.4)
DEPARTURES = ("none", "large steps", "stretched data", "P not symmetric")


@dataclass(frozen=True)
class ModesState(State):
    """Every setting of the modes explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    eta: float = slider(0.1, 0.0, 0.3, 0.01, label="weight decay η", tip="on W and on P")
    noise: float = choice(0.0, (0.0, 0.25, 0.5, 1.0), label="noise σ²", tip="variance of the views of one point")
    alpha: float = choice(1.0, (0.7, 1.0, 1.5, 2.0, 4.0), label="predictor speed α", tip="1: P moves as fast as W")
    beta: float = choice(
        COPY,
        (COPY, 1.0, 0.3, 0.1, 0.03),
        label="target rate β",
        tip="how fast the target follows; copy: at once",
        names={COPY: "copy"},
    )
    p: float = slider(0.3, -0.2, 1.1, 0.05, label="start p", tip="of the predictor in this mode")
    w2: float = slider(0.5, 0.05, 1.4, 0.05, label="start w²", tip="of W Wᵀ in this mode")
    turn: int = choice(0, (0, 15, 30, 45), label="turn P by (°)", tip="0: P shares its eigenvectors with W Wᵀ")
    departure: str = choice(
        "none", DEPARTURES, label="leave the theory", tip="one assumption that does not hold in training"
    )

    @property
    def rates(self) -> Rates:
        """The rates of predictor, decay and target."""
        return Rates(self.alpha, self.eta, None if self.beta == COPY else self.beta)


def rotation(degrees: float, size: int = 2) -> Tensor:
    """A rotation of the first two axes."""
    turned, angle = torch.eye(size, dtype=torch.float64), math.radians(degrees)
    rows = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    turned[:2, :2] = torch.tensor(rows, dtype=torch.float32)
    return turned


def data_of(state: ModesState) -> Spread:
    """Isotropic data in three inputs, or stretched along directions that are not those of the weights."""
    data = isotropic(3, state.noise)
    if state.departure != "stretched data":
        return data
    turned = rotation(40, 3)
    between = turned @ torch.diag(torch.tensor([1.6, 0.7, 0.7], dtype=torch.float64)) @ turned.mT
    return Spread((between + between.mT) / 2, data.within)


@functools.lru_cache(maxsize=64)
def training_of(state: ModesState) -> ByolRun:
    """Two outputs, three inputs, trained in gradient steps: the chosen mode, and a second one that is fixed."""
    p, w2 = (torch.tensor(pair, dtype=torch.float64) for pair in zip((state.p, state.w2), SECOND, strict=True))
    turned = rotation(state.turn)
    predictor = turned @ p.diag() @ turned.mT
    if state.departure == "P not symmetric":
        predictor = predictor + torch.tensor([[0, 0.5], [-0.5, 0]], dtype=torch.float64)
    rate, every = (0.8, 1) if state.departure == "large steps" else (0.1, EVERY)
    return matrix_training(
        w2.sqrt().diag() @ torch.eye(2, 3, dtype=torch.float64), predictor, spread=data_of(state), rates=state.rates,
        learning_rate=rate, steps=round(LENGTH / rate), every=every,
    )  # fmt: skip


@functools.lru_cache(maxsize=64)
def plane_of(noise: float, rates: Rates) -> tuple[Tensor, Tensor]:
    """The separatrix over all columns, and the arrows at ω = 1."""
    grid = torch.meshgrid(
        torch.linspace(0.1, 1.4, 8, dtype=torch.float64),
        torch.linspace(-0.2, 1.1, 11, dtype=torch.float64),
        indexing="ij",
    )
    w2, p = (axis.flatten() for axis in grid)
    velocity = byol_modes.mode_velocity(p, w2, torch.ones_like(p), noise, rates)
    return byol_modes.basin_boundary(COLUMNS, noise=noise, rates=rates), torch.stack([p, w2, *velocity[:2]])


def phase_plane(state: ModesState) -> PhasePlane:
    """Plane, prediction and training of one setting."""
    run = training_of(state)
    trained = byol_modes.modes_of(run, torch.eye(2, dtype=torch.float64))  # W Wᵀ starts diagonal
    p, w2 = trained.predictor[0], trained.size[0]
    predicted = byol_modes.quick_flow(p, w2, noise=state.noise, rates=state.rates, times=TIMES)
    beside = predicted.size[:321:EVERY][: len(trained.times)]
    edge, arrows = plane_of(state.noise, state.rates)
    fixed = byol_modes.fixed_points(state.noise, state.eta)
    lives = bool(fixed) and bool(predicted.predictor[-1, 0] > fixed[0])  # at the end of the path
    return PhasePlane(
        state.alpha, state.eta, state.noise, state.rates.target, byol_modes.threshold(state.noise),
        fixed, COLUMNS, edge, arrows, predicted, trained,
        invariant(run, state.alpha).diagonal(dim1=-2, dim2=-1), lives,
        float((trained.size - beside).abs().max()), LENGTH, setting_of(state),
    )  # fmt: skip


def setting_of(state: ModesState) -> str:
    """How training departs from the theory, in words."""
    words = [f"P turned by {state.turn}°"] * (state.turn > 0) + [state.departure] * (state.departure != "none")
    return ", ".join(words) or "aligned start"


class ModesExplorer(Explorer[ModesState]):
    """The plane of one mode, and two modes over time.

    Example:
        >>> modes_explorer(ModesState(eta=0.26)).record.survives
        False
    """

    picture = PlanePicture
    on_pick = {"plane": ("p", "w2")}
    main_controls = ("departure", "beta", "eta", "p")
    presets = {
        "survives": {"eta": 0.1, "beta": COPY, "p": 0.3, "w2": 0.5, "turn": 0, "departure": "none"},
        "starts too small": {"eta": 0.2, "beta": COPY, "p": 0.1, "w2": 0.1, "turn": 0, "departure": "none"},
        "just above the threshold": {"eta": 0.26, "beta": COPY, "p": 0.3, "w2": 0.5, "turn": 0, "departure": "none"},
        "slow target": {"eta": 0.2, "beta": 0.03, "p": 0.1, "w2": 0.1, "turn": 0, "departure": "none"},
    }

    def compute(self, state: ModesState) -> PhasePlane:
        """Compute basins, prediction and training."""
        return phase_plane(state)


modes_explorer = factory(ModesExplorer, "Start a mode of linear BYOL anywhere on its plane, and see whether it lives.")
