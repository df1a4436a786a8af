"""Two tables over seeds on handwritten digits: which strength of augmentation helps, and which loss.

Every score stands beside that of raw pixels and of the untrained network. Digits test the theory, not usefulness.

400 steps are the plateau at strength 0.5 (mlp, 12 seeds: from step 200 to 1,200 the probe of the output moves by less
than .01). Without augmentation there is none: the probe of the output goes on falling (.87 at step 400, .63 at 1,200).
"""

import argparse
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ssl_explain import require
from ssl_explain.dynamics.partial_results import Cell
from ssl_explain.dynamics.sweep import sweep
from ssl_explain.lessons.real_images.experiment import (
    LEARNING_RATE,
    STEPS,
    TEMPERATURE,
    Evaluation,
    Kind,
    Student,
    picture_loss,
    picture_run,
)
from ssl_explain.losses.contrastive import Loss
from ssl_explain.torch_modes import own_modes
from ssl_explain.worlds.pictures import digits

STRENGTHS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
SETTINGS = (
    ("raw", 0.0, 0.0),
    ("untrained", 0.0, 0.0),
    ("simple", 0.0, 0.0),
    *(("triplet", tau, 0.0) for tau in (0.1, 0.2, 0.5)),
    *(("nce", tau, 0.0) for tau in (0.1, 0.2, 0.5)),
    *(("frozen", tau, extra) for tau in (0.1, 0.2, 0.5) for extra in (0.0, 0.5)),
)  # loss, temperature, extra
MILD = 0.5  # the strength at which losses are compared
RATES = {"triplet": 5.0}  # its gradients are small when averaged over 255 negatives: at 1, 400 steps are too few
SEEDS, SEED = 12, 1
KINDS: tuple[Kind, ...] = ("mlp", "conv")
DEFAULTS = {"about": None, "kinds": list(KINDS), "seeds": SEEDS, "steps": STEPS, "seed": SEED}

SCORES = ("probe", "neighbours")
STRENGTH_COLUMNS = ("kind", "strength", "seed", "when", "layer", *SCORES)
LOSS_COLUMNS = ("loss", "temperature", "extra", "seed", "layer", *SCORES)


@lru_cache(maxsize=1)
@own_modes()
def evaluation() -> Evaluation:
    """The probe and the neighbours of the digits, one for all seeds of a block: it scores the raw pixels once."""
    return Evaluation(digits("train"), digits("test"))


def _raw() -> tuple[str, float, float]:
    linear, near = (round(float(score), 4) for score in evaluation().raw)
    return "pixels", linear, near


def _rows(net: Student) -> Iterator[tuple[str, float, float]]:
    """Layer, probe, neighbours of a network."""
    for layer, scores in zip(Evaluation.LAYERS, evaluation()(net).tolist(), strict=True):
        yield layer, *(round(score, 4) for score in scores)


def _trained(
    kind: Kind, loss: Loss | None, strength: float, seed: int, steps: int, rate: float = LEARNING_RATE
) -> Student:
    """The network of a seed after so many steps.

    Raises:
        ValueError: the loss or the next update is not finite.
    """
    run = picture_run(digits("train"), kind=kind, loss=loss, strength=strength, seed=seed, learning_rate=rate)
    run.advance(steps)
    if run.stopped:
        raise ValueError(f"`strength` must let training finish, got {strength:g}: {run.stopped}.")
    return run.net  # type: ignore[return-value]


def strength_block(kind: Kind, strength: float, *, seeds: int, steps: int, seed: int) -> Iterator[dict[str, Cell]]:
    """Train one network per seed with InfoNCE: its hidden layer and output before and after, and the raw pixels.

    The pixels are the same for all seeds: one row.

    Raises:
        ValueError: no seeds, no steps, a strength below 0, another kind of network.
    """
    require.integer("seeds", seeds, 1, "an interval needs two or more")
    require.integer("steps", steps, 1, "take at least one step")
    yield dict(zip(STRENGTH_COLUMNS, (kind, strength, seed, "raw", *_raw()), strict=True))
    for own in range(seed, seed + seeds):
        for when, taken in (("untrained", 0), ("trained", steps)):
            for row in _rows(_trained(kind, None, strength, own, taken)):
                yield dict(zip(STRENGTH_COLUMNS, (kind, strength, own, when, *row), strict=True))


def loss_block(setting: tuple[str, float, float], *, seeds: int, steps: int, seed: int) -> Iterator[dict[str, Cell]]:
    """Train one network per seed at strength 0.5 with batch negatives; "raw" and "untrained" are the baselines.

    The setting is (loss, τ, ε), 0 where the loss has no such thing. The learning rate is 1, for the triplet loss 5.

    Raises:
        ValueError: no seeds, no steps, another loss.
    """
    require.integer("seeds", seeds, 1, "an interval needs two or more")
    require.integer("steps", steps, 1, "take at least one step")
    name, temperature, extra = setting
    if name == "raw":
        yield dict(zip(LOSS_COLUMNS, (*setting, seed, *_raw()), strict=True))
        return
    if name == "untrained":
        loss, steps = None, 0
    else:
        loss = picture_loss(name, temperature=temperature or TEMPERATURE, extra=extra)  # type: ignore[arg-type]
    for own in range(seed, seed + seeds):
        for row in _rows(_trained("mlp", loss, MILD, own, steps, RATES.get(name, LEARNING_RATE))):
            yield dict(zip(LOSS_COLUMNS, (*setting, own, *row), strict=True))


def picture_table(
    about: str,
    folder: Path,
    *,
    seeds: int = SEEDS,
    steps: int = STEPS,
    seed: int = SEED,
    kinds: Sequence[Kind] = ("mlp",),
    **work: Any,
) -> dict[str, list[Cell]]:
    """One whole table, "strength" or "losses", written to pictures_strength.csv or pictures_losses.csv in ``folder``.

    ``kinds`` of networks are for the first: the losses are compared on "mlp". ``work`` says who works on it, see
    :func:`ssl_explain.dynamics.sweep.sweep`.

    Raises:
        ValueError: another table, whatever a block or a sweep rejects.
    """
    if about not in ("strength", "losses"):
        raise ValueError(f"`about` must be one of strength, losses, got {about!r}.")
    grid: dict[str, Sequence[object]] = {"setting": list(SETTINGS)}
    if about == "strength":
        grid = {"kind": list(kinds), "strength": list(STRENGTHS)}
    words = f"python -m ssl_explain image-sweep {about} --seeds {seeds} --steps {steps} --seed {seed}"
    words += f" --kinds {' '.join(kinds)}" * (about == "strength")
    return sweep(
        strength_block if about == "strength" else loss_block,
        grid,
        folder / f"pictures_{about}.csv",
        fixed={"seeds": seeds, "steps": steps, "seed": seed},
        command=words,
        seeds=f"{seeds} students, seeds {seed} to {seed + seeds - 1}",
        **work,
    )


def options(sub: argparse.ArgumentParser) -> None:
    """The options of ``image-sweep`` itself."""
    sub.add_argument("about", choices=("strength", "losses"), help="which table")
    tip = f"students, for the table of strengths (default: {' '.join(KINDS)})"
    sub.add_argument("--kinds", nargs="+", choices=KINDS, help=tip)
    sub.add_argument("--seeds", type=int, help=f"students per setting (default: {SEEDS})")
    sub.add_argument("--steps", type=int, help=f"training steps (default: {STEPS})")
    sub.add_argument("--seed", type=int, help=f"the first seed (default: {SEED})")
