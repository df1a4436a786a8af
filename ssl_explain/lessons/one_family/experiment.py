"""Which directions a linear network learns: the same start and world, under each loss."""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.lessons.one_family.members import Member, moments
from ssl_explain.lessons.one_family.record import FamilyRun, FamilyView, Frontier
from ssl_explain.subspaces import principal_angles

LONGEST_TURN = 0.1  # largest relative change of W per step; this only rescales time
FIRST_PREDICTOR = 0.5
DEAD = 0.02  # smallest singular value that counts, as a share of the largest; rows that are copies have smaller ones
EMPTY = 1e-16  # smallest squared column that counts, as a share of the largest: below is rounding


BETWEEN = torch.tensor([4.0, 2.5, 1.6, 1.0, 0.6, 0.3, 0.2, 0.12], dtype=torch.float64)
WITHIN = torch.tensor([6.0, 0.5, 0.2, 2.5, 0.03, 0.8, 4.0, 0.05], dtype=torch.float64)
"""Variances of the world of notebook 13: large or small between points, large or small within."""


def start_weights(
    runs: int, outputs: int, directions: int, *, generator: torch.Generator, scale: float = 0.3
) -> Float[Tensor, "runs k d"]:
    """Small random weights W ~ N(0, scale²) in double precision, for as many runs.

    Raises:
        ValueError: no runs, no outputs, more outputs than directions, a scale that is not positive.
    """
    require.integer("runs", runs, 1, "ask for at least one")
    require.integer("directions", directions, 1, "a world has a direction")
    require.integer("outputs", outputs, 1, "a linear network learns no more directions", high=directions)
    require.number("scale", scale, 0, float("inf"), "small weights start near linear growth; try 0.3", open_low=True)
    shape = (runs, outputs, directions)
    return scale * torch.randn(shape, generator=generator, device=generator.device, dtype=torch.float64)


@torch.no_grad()
def train_member(
    member: Member,
    start: Float[Tensor, "runs k d"],
    between: Float[Tensor, "*#runs d"],
    within: Float[Tensor, "*#runs d"],
    *,
    steps: int,
    every: int = 1,
) -> FamilyRun:
    """Follow the loss from given weights, by steps that change W by a tenth at most; every ``every``-th is kept.

    ``between`` and ``within`` are variances per direction, on the axes of the input: for all runs, or for each.
    A_b and A_w are averaged over the steps since the one kept before: VICReg's hinge switches from step to step.

    Raises:
        ValueError: no steps, none of them kept.
    """
    require.integer("steps", steps, 1, "training takes a step")
    require.integer("every", every, 1, "1 keeps every step", high=steps)
    b, c = (variance.expand(len(start), -1).unsqueeze(1) for variance in (between, within))
    weights, on_between, on_within, predictors = (
        torch.stack(part) for part in _follow(member, start, b, c, steps, every)
    )
    times = every * torch.arange(len(weights), dtype=start.dtype)
    return FamilyRun(
        member.name, b.squeeze(1), c.squeeze(1), times, weights, on_between, on_within, predictors, overlap(weights),
        member.decay,
    )  # fmt: skip


@torch.inference_mode()
def _follow(member: Member, w: Tensor, b: Tensor, c: Tensor, steps: int, every: int) -> Iterable[tuple[Tensor, ...]]:
    """W, A_b, A_w and P of the kept steps. Inference mode, for a step is thirty operations on tiny matrices."""
    kept, since = [], []
    p = FIRST_PREDICTOR * torch.eye(w.shape[1], dtype=w.dtype, device=w.device).expand(len(w), -1, -1)
    for step in range(steps + 1):
        on_b, on_c = w * b, w * c
        m, n = on_b.bmm(w.mT), on_c.bmm(w.mT)
        forces = member.forces(m, n, p)
        since.append(forces)
        if step % every == 0:
            kept.append((w, *(torch.stack(part).mean(0) for part in zip(*since, strict=True)), p))
            since = []
        change = forces[0].bmm(on_b) + forces[1].bmm(on_c)
        if member.decay:
            change = change - member.decay * w
        h = (LONGEST_TURN * size(w) / size(change).clamp_min(1e-300)).clamp_max(member.step)
        if member.predictor:
            p = p + h * (member.predictor * (m - p.bmm(m + n)) - member.decay * p)
        w = w + h * change
        if member.orthonormal:
            w = torch.linalg.qr(w.mT)[0].mT
    return zip(*kept, strict=True)


def size(w: Float[Tensor, "*runs k d"]) -> Float[Tensor, "*runs 1 1"]:
    """The Frobenius norm of each run."""
    return torch.linalg.vector_norm(w, dim=(-2, -1), keepdim=True)


def overlap(w: Float[Tensor, "*runs k d"]) -> Float[Tensor, "*runs d"]:
    """How much of each input direction lies in the row space of W: between 0 and 1, the rank of W in all.

    Singular values below 2 % of the largest count as zero: rows that have become copies add nothing.

    Example:
        >>> overlap(torch.tensor([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0]])).round(decimals=3).tolist()
        [0.5, 0.5, 0.0]
    """
    return learned(w).square().sum(-2)


def learned(w: Float[Tensor, "*runs k d"]) -> Float[Tensor, "*runs k d"]:
    """An orthonormal basis of the row space of W, one row each; rows of zeros where W has copies."""
    _, values, rows = torch.linalg.svd(w, full_matrices=False)
    return rows * (values > DEAD * values[..., :1]).unsqueeze(-1)


def angle(first: Float[Tensor, "*runs k d"], second: Float[Tensor, "*runs l d"]) -> Float[Tensor, "*runs"]:
    """The largest principal angle between two row spaces, in degrees; of the smaller one if their ranks differ.

    See :func:`ssl_explain.subspaces.principal_angles`.

    Example:
        >>> angle(torch.eye(3)[:2], torch.eye(3)[1:]).item()  # one direction is shared, the other at right angles
        90.0
    """
    bases = [learned(w).reshape(-1, *w.shape[-2:]) for w in (first, second)]
    pairs = ((rows[rows.any(-1)].mT for rows in pair) for pair in zip(*bases, strict=True))
    return torch.stack([principal_angles(*pair)[-1] for pair in pairs]).rad2deg().view(first.shape[:-2])


def best_rate(
    on_between: Float[Tensor, "*#grid k k"], on_within: Float[Tensor, "*#grid k k"], decay: float,
    between: Float[Tensor, "*#grid"], within: Float[Tensor, "*#grid"],
) -> Float[Tensor, "*grid"]:  # fmt: skip
    """The largest growth rate of a direction that W does not use: the largest eigenvalue of b A_b + σ² A_w, minus η.

    ``between`` and ``within`` are its variances b and σ². Its column c of W obeys ċ = (b A_b + σ² A_w - η) c.
    """
    force = on_between * between[..., None, None] + on_within * within[..., None, None]
    return torch.linalg.eigvalsh((force + force.mT) / 2)[..., -1] - decay


def family_view(
    member: Member, run: FamilyRun, moment: int, which: int, strength: float, grid: Float[Tensor, " g"]
) -> FamilyView:
    """One moment of one run of a batch: growth rates d/dt log‖c_i‖ of the columns of W, the border, the terms."""
    w, a, c, p = (part[moment, which] for part in (run.weights, run.on_between, run.on_within, run.predictors))
    between, within, k = run.between[which], run.within[which], len(w)
    moved, sizes = a @ (w * between) + c @ (w * within), w.square().sum(0)
    rates = (w * moved).sum(0) / sizes.clamp_min(1e-300) - run.decay
    empty = sizes < EMPTY * sizes.max()
    rates = torch.where(empty, best_rate(a, c, run.decay, between, within), rates)
    terms = member.law(*moments(w, between, within), p)
    share = between / (between + within)
    return FamilyView(
        run.loss, int(run.steps[moment]), strength, between, within,
        rates=rates,
        overlap=run.overlap[moment, which], on_between=a, on_within=c,
        grid=grid, border=border_of(a.unsqueeze(0), c.unsqueeze(0), run.decay, grid)[0],
        loudest=_first(between, k), steadiest=_first(share, k),
        terms={name: terms.weights[name] * float(value) for name, value in terms.values.items()},
    )  # fmt: skip


def _first(values: Float[Tensor, " d"], k: int) -> tuple[int, ...]:
    """The indices of the k largest; none if the next one is as large as the last of them."""
    order = values.argsort(descending=True)
    tie = k < len(values) and bool(values[order[k - 1]] - values[order[k]] < 1e-9)
    return () if tie else tuple(sorted(order[:k].tolist()))


def border_of(
    on_between: Float[Tensor, "runs k k"], on_within: Float[Tensor, "runs k k"], decay: float, grid: Float[Tensor, " g"]
) -> Float[Tensor, "runs g"]:
    """The largest within variance at which an empty direction grows, for each between variance: 0 if none does.

    Bisection in log σ², from 1e-6 to 1e6, above which it counts as infinite: the rate falls as σ² grows.
    """
    a, c = on_between.unsqueeze(1), on_within.unsqueeze(1)
    low = torch.full((len(a), len(grid)), -6.0, dtype=grid.dtype)
    high = -low
    for _ in range(24):
        middle = (low + high) / 2
        grows = best_rate(a, c, decay, grid.expand(middle.shape), 10**middle) > 0
        low, high = torch.where(grows, middle, low), torch.where(grows, high, middle)
    border = 10**low
    return border.masked_fill(border > 1e5, float("inf")).masked_fill(border < 1e-5, 0)


def frontier(runs: Sequence[FamilyRun], grid: Float[Tensor, " g"], *, last: int) -> Frontier:
    """The directions that each loss learned in batched runs in one world, and the borders of growth at the end.

    A_b and A_w are averaged over the last ``last`` kept steps. The border is the largest within variance at which a new
    direction would grow, the median over runs.

    Raises:
        ValueError: no runs, fewer kept steps than ``last``.
    """
    if not runs or not 1 <= last <= len(runs[0].weights):
        raise ValueError(f"`last` must be from 1 to the number of kept steps, got {last} for {len(runs)} run(s).")
    kept = torch.stack([run.overlap[-1].mean(0) for run in runs])
    spread = torch.stack([run.overlap[-1].std(0) for run in runs])
    first = runs[0]
    means = [[part[-last:].mean(0) for part in (run.on_between, run.on_within)] for run in runs]
    border = [
        border_of(a, c, run.decay, grid).median(0).values for run, (a, c) in zip(runs, means, strict=True)
    ]  # fmt: skip
    return Frontier(
        tuple(run.loss for run in runs), first.between[0], first.within[0], kept, spread, grid, torch.stack(border),
        len(first.between), first.weights.shape[-2],
    )  # fmt: skip
