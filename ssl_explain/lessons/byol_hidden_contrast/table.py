"""A table over seeds on handwritten digits: which part of BYOL keeps it from collapsing.

Predictor × centring × target × re-initialised predictor, and weight decay. Raw pixels, the untrained network and
InfoNCE stand beside them. Student, strength (0.5) and number of steps (400) are the same everywhere. One rate, 0.3,
serves every setting of BYOL: chosen where all parts are at work, tuned for none of them. InfoNCE keeps its own, 1.

400 steps are a plateau of the probe where outputs are centred and nothing decays: to step 600 it moves by less than
.01 (one seed, linear and mlp). Decay has none: the effective rank goes on rising (9.8 at step 400, 13.7 at 600, mlp
with BatchNorm), and so does the between share where nothing is centred (.70 and .80, linear with EMA).
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ssl_explain import require
from ssl_explain.dynamics.partial_results import Cell
from ssl_explain.dynamics.sweep import sweep
from ssl_explain.lessons.byol_hidden_contrast.two_towers import (
    between_share,
    dual_run,
    filled_directions,
    forget_if_broken,
    open_student,
)
from ssl_explain.lessons.real_images.experiment import OUTPUTS, STEPS, Evaluation, picture_run
from ssl_explain.lessons.real_images.table import evaluation
from ssl_explain.networks.dual import NO_CENTRING, Centring, MakePredictor, linear_predictor, mlp_predictor
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.torch_modes import own_modes
from ssl_explain.worlds.pictures import digits

Setting = tuple[str, str, str, str, int, float]

PREDICTORS: Mapping[str, MakePredictor | None] = {
    "none": None,
    "linear": linear_predictor(OUTPUTS),
    "mlp": mlp_predictor(OUTPUTS),
}
CENTRINGS = {"none": NO_CENTRING, "mean": Centring(), "BatchNorm": Centring(scale=True)}
TARGETS = {"shared": None, "EMA": 0.99}  # what an EMA target keeps of itself at each step
EVERY, OFTEN, SELDOM = 50, 10, 100  # steps; 50 are eleven times through the pictures
DECAY, RATE, STRENGTH = 0.02, 0.3, 0.5
BASELINES = ("raw", "untrained", "InfoNCE")
SETTINGS: tuple[Setting, ...] = (
    *((name, "none", "none", "shared", 0, 0.0) for name in BASELINES),
    *(
        ("BYOL", predictor, centring, target, every, 0.0)
        for predictor in PREDICTORS
        for centring in CENTRINGS
        for target in TARGETS
        for every in ((0, EVERY) if PREDICTORS[predictor] else (0,))
    ),
    *(("BYOL", predictor, "mean", "EMA", every, 0.0) for predictor in ("linear", "mlp") for every in (OFTEN, SELDOM)),
    *(
        ("BYOL", predictor, centring, target, 0, DECAY)
        for predictor in ("linear", "mlp")
        for centring, target in (("none", "shared"), ("none", "EMA"), ("mean", "EMA"))
    ),
)  # method, predictor, centring, target, re-initialised every so many steps (0: never), weight decay
SEEDS, SEED = 10, 1
VIEWS = 0  # the seed of the views that all networks are measured on; training uses other seeds

COLUMNS = (
    "method", "predictor", "centring", "target", "reinitialise", "decay", "seed", "layer",
    "probe", "neighbours", "moment", "between", "rank",
)  # fmt: skip


@lru_cache(maxsize=1)
@own_modes()
def _views() -> Tensor:
    """Two views of every training picture, the same for all networks."""
    world = digits("train")
    return world.draw(len(world), views=2, strength=STRENGTH, generator=torch.Generator().manual_seed(VIEWS)).x


def _life(f: Tensor) -> tuple[float, float, float]:
    """E‖f‖², between share and effective rank."""
    return float(f.double().square().sum(-1).mean()), between_share(f), filled_directions(f)


def _digits(*numbers: float) -> tuple[float, ...]:
    return tuple(float(f"{x:.4g}") for x in numbers)


def _raw() -> tuple[Cell, ...]:
    _, share, rank = _life(_views())
    return "pixels", *_digits(*evaluation().raw.tolist(), 1.0, share, rank)


@torch.no_grad()
def _lives(net: ReLUNet) -> list[tuple[float, float, float]]:
    """The same three measures for every layer that is scored."""
    layers = net.activations(_views())
    return [_life(layers[k].flatten(2)) for k in Evaluation.LAYERS.values()]


def _rows(net: ReLUNet, start: ReLUNet) -> Iterator[tuple[Cell, ...]]:
    """Layer, probe, neighbours, second moment relative to the start, between share, effective rank."""
    scored = zip(Evaluation.LAYERS, evaluation()(net).tolist(), _lives(net), _lives(start), strict=True)
    for layer, scores, (moment, share, rank), (first, _, _) in scored:
        yield layer, *_digits(*scores, moment / first, share, rank)


def _trained(setting: Setting, seed: int, steps: int) -> ReLUNet:
    """The online tower of a seed after so many steps; weights of 0 if the run diverged."""
    method, predictor, centring, target, every, decay = setting
    if method == "InfoNCE":
        run = picture_run(digits("train"), strength=STRENGTH, seed=seed)
    else:
        run = dual_run(
            digits("train"), predictor=PREDICTORS[predictor], centring=CENTRINGS[centring], momentum=TARGETS[target],
            reinitialise_every=every, decay=decay, strength=STRENGTH, learning_rate=RATE, seed=seed,
        )  # fmt: skip
    run.advance(steps)
    tower: ReLUNet = run.net if method == "InfoNCE" else run.net.online  # type: ignore[assignment]
    forget_if_broken(run, tower)
    tower.normalise = False  # measure every output at its own length, also where the loss normalised it
    return tower


def byol_block(setting: Setting, *, seeds: int, steps: int, seed: int) -> Iterator[dict[str, Cell]]:
    """Train one network per seed; scores, second moment, between share and rank of its hidden layer and output.

    The setting is (method, predictor, centring, target, re-initialise, decay), or a baseline. A run that diverges
    counts as a network whose output is always 0.

    Raises:
        ValueError: no seeds, no steps, a seed below 1.
        KeyError: another predictor, centring or target.
    """
    require.integer("seeds", seeds, 1, "an interval needs two or more")
    require.integer("steps", steps, 1, "take at least one step")
    require.integer("seed", seed, VIEWS + 1, f"{VIEWS} draws the views that networks are measured on")
    if setting[0] == "raw":
        yield dict(zip(COLUMNS, (*setting, seed, *_raw()), strict=True))
        return
    for own in range(seed, seed + seeds):
        start = open_student(digits("train"), generator=torch.Generator().manual_seed(own))
        net = start if setting[0] == "untrained" else _trained(setting, own, steps)
        for row in _rows(net, start):
            yield dict(zip(COLUMNS, (*setting, own, *row), strict=True))


def byol_table(folder: Path, *, seeds: int = SEEDS, seed: int = SEED, **work: Any) -> dict[str, list[Cell]]:
    """The whole table, written to byol_ablation.csv in ``folder``.

    ``work`` says who works on it, see :func:`ssl_explain.dynamics.sweep.sweep`.

    Raises:
        ValueError: whatever a block or a sweep rejects.
    """
    return sweep(
        byol_block,
        {"setting": list(SETTINGS)},
        folder / "byol_ablation.csv",
        fixed={"seeds": seeds, "steps": STEPS, "seed": seed},
        command=f"python -m ssl_explain table byol --seeds {seeds} --seed {seed}",
        seeds=f"{seeds} students, seeds {seed} to {seed + seeds - 1}",
        **work,
    )
