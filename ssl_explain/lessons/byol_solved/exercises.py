"""Predictions and exercises of notebook 11."""

import math

import torch
from torch import Tensor

from ssl_explain.kit.exercise import exercise, guided
from ssl_explain.kit.prediction import question

what_survives = question("""
    P is turned, so that it no longer shares its eigenvectors with W Wᵀ. Which statement still holds?

    [both] both: a turn is only another basis
        It would be, if W turned as well. Here only P turns: its modes are now mixtures of those of W.
    [modes] the equations of the modes, but not the invariant
        The other way round. The modes assume shared eigenvectors, the invariant assumes nothing.
    [invariant] the invariant, but not the equations of the modes
        Both gradients hold the same error E: the invariant needs no more. The modes need shared eigenvectors.
""")

how_it_dies = question("""
    Weight decay rises, very slowly, while a mode of good size keeps standing at its fixed point. With noise σ² = 0 its
    predictor begins at p = 1. How does the mode die?

    [fades] it shrinks to zero, and at the threshold it is gone
        It would if the pull stayed the same. It is p·e, and shrinks with p: below half of p the decay wins.
    [half] it shrinks to about half its p, then falls to zero at once
        p+ and p- meet at p = 1/(2(1+σ²)). There both vanish, and nothing is left to stand on.
    [stays] it stays near p = 1, then falls to zero at once
        It does fall at once, but it has moved before: p+ depends on η at every η.
""")

slow_target = question("""
    A start is too small: with the present weights as target it dies. Now the target follows slowly instead. The
    threshold and both fixed points stay as they are. And the start?

    [same] it dies as before: the fixed points decide
        They decide where it can end. From where it gets there is another question.
    [dies] it dies sooner: an old target is a bad one
        The old target remembers larger weights. That is just what a shrinking mode needs.
    [survives] it survives: the target waits for the predictor
        While p is small, the weights shrink. A slow target keeps asking for their first size, until p has grown.
""")


@exercise("How noisy may views be?", "easy", 4)
@guided(
    "A mode can stand if η is at most 1/(4(1+σ²)).",
    "At the largest σ² the two are equal: solve for σ².",
    given=lambda _: (0.1,),
    mistakes=lambda right, decay: {
        "That is 1 + σ²: views have the variance 1 between points as well.": 1 / (4 * decay),
        "You put η where σ² stands. The threshold is a decay; solve it for the noise.": 1 / (4 * (1 + decay)),
        "η is the height of the maximum, 1/(4(1+σ²)), not its place, 1/(2(1+σ²)).": 1 / (2 * decay) - 1,
    },
)
def most_noise(decay: float) -> float:
    """The largest σ² at which a mode can still stand: there p(1 - (1+σ²)p) just reaches η."""
    return 1 / (4 * decay) - 1


@exercise("Which one attracts?", "easy", 4)
@guided(
    "On the parabola, in units with α = 1, w² = p².",
    "Put it into ṗ = w²(1 - (1+σ²)p) - ηp and differentiate.",
    given=lambda _: (torch.tensor([0.1, 0.25, 0.7]), 0.5, 0.1),
    mistakes=lambda right, p, noise, decay: {
        "The decay -ηp has a derivative too.": right + decay,
        "That is ṗ itself. Its sign says where p goes, its derivative whether p comes back.": (
            p**2 * (1 - 1.5 * p) - decay * p
        ),
        "You hold w² fixed. On the parabola w² moves with p: put in w² = p² first.": -1.5 * p**2 - decay,
        "Without noise. Here σ² = 0.5.": 2 * p - 3 * p**2 - decay,
    },
)
def slope(p: Tensor, noise: float, decay: float) -> Tensor:
    """The derivative of ṗ = p²(1 - (1+σ²)p) - ηp along the parabola: negative where a fixed point attracts."""
    return 2 * p - 3 * (1 + noise) * p**2 - decay


def _mistakes_square(right: Tensor, w: Tensor, p: Tensor, end: Tensor, alpha: float) -> dict[str, Tensor]:
    gained = end.T @ end - p.T @ p
    return {
        "P comes transposed first: PᵀP. For a symmetric P you would not have seen it.": (
            w @ w.T + (end @ end.T - p @ p.T) / alpha
        ),
        "A fast predictor moves more, so its square counts less: divide by α.": w @ w.T + alpha * gained,
        "Both squares grow together. You let one shrink as the other grows.": w @ w.T - gained / alpha,
        "That needs decay. Without it the difference at the start is never forgotten.": end.T @ end / alpha,
    }


@exercise("Where the weights must end", "medium", 5)
@guided(
    "Without decay one matrix is the same at the start and at the end.",
    "It is W Wᵀ - PᵀP/α. Write it down for both times, and solve for W Wᵀ at the end.",
    given=lambda _: (
        torch.tensor([[1.0, 0.5, 0.0], [0.2, 0.0, 1.0]]),
        torch.tensor([[0.5, 0.3], [0.0, 1.0]]),
        torch.tensor([[1.2, 0.1], [0.4, 0.9]]),
        2.0,
    ),
    mistakes=_mistakes_square,
)
def final_square(w: Tensor, p: Tensor, p_end: Tensor, alpha: float) -> Tensor:
    """W Wᵀ at the end of a run without decay: W Wᵀ - PᵀP/α is what it was at the start."""
    return w @ w.T + (p_end.T @ p_end - p.T @ p) / alpha


@exercise("How long a start is remembered", "easy", 3)
@guided(
    "At time t, Γ is e^{-2ηt} times its start.",
    "Set the factor equal to the share, and take the logarithm.",
    given=lambda _: (0.05, 0.01),
    mistakes=lambda right, decay, share: {
        "Weights fall as e^{-ηt}. Γ holds their squares.": math.log(1 / share) / decay,
        "That is the logarithm to base ten.": math.log10(1 / share) / (2 * decay),
        "A time is positive: it is log(1/share).": math.log(share) / (2 * decay),
    },
)
def forgotten(decay: float, share: float) -> float:
    """When Γ has fallen to a share of its start: e^{-2ηt} = share."""
    return math.log(1 / share) / (2 * decay)


def _mistakes_needed(right: float, alpha: float, noise: float, decay: float) -> dict[str, float]:
    low, high = ((1 + sign * math.sqrt(1 - 5 * decay)) / 2.5 for sign in (-1, 1))
    return {
        "That is p-, the predictor. Asked is w², on the parabola.": low,
        "That is the upper fixed point, where survivors end.": high**2 / alpha,
        "On the parabola w² = p²/α: the predictor's speed is missing.": low**2,
    }


@exercise("Waiting for the predictor", "hard", 10)
@guided(
    "Hold the target's weights w_a fixed. W and P settle first, with w² = p²/α.",
    "They settle where p(w_a - (1+σ²)pw) = ηw, with w = p/√α.",
    "Then w_a follows w slowly: it grows if w > w_a; find where w = w_a.",
    given=lambda _: (2.0, 0.25, 0.15),
    mistakes=_mistakes_needed,
)
def needed(alpha: float, noise: float, decay: float) -> float:
    """The w² that a start must have if the target hardly moves: that of the lower fixed point, p-²/α."""
    k = 1 + noise
    low = (1 - math.sqrt(1 - 4 * k * decay)) / (2 * k)
    return low**2 / alpha


exercises = {"noise": most_noise, "slope": slope, "square": final_square, "forgotten": forgotten, "needed": needed}
