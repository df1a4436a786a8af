"""Predictions and exercises of notebook 06."""

import math

import torch
from torch import Tensor

from ssl_explain.kit.exercise import exercise, guided
from ssl_explain.kit.prediction import question

who_is_faster = question("""
    Same start, two runs: in one the bottom trains alone, in the other both layers train. Whose bottom grows faster?

    [alone] the bottom alone: no top takes work off it
        That would be so if there were a fixed amount of work to share. Here there is none: a larger output only makes
        every gradient larger.
    [same] both equally fast: a layer moves by its own gradient
        True at the very first step. But the bottom's gradient passes through the top's weights, and these learn.
    [both] the bottom that trains together with the top
        The gradient of the bottom passes through W₂. As W₂ turns to the hidden neurons that tell points apart, and
        grows, the same features at the bottom pay more.
""")

how_it_ends = question("""
    With both layers free and nothing to hold the weights, how does the growth go on?

    [saturates] it slows down and settles
        That assumes that something stops it. Nothing does: the loss L = r+ - r- has no lower bound.
    [exponential] exponentially: a fixed doubling time
        That is what one layer does while its gates stand. With two layers each speeds up the other, so the doubling
        time shrinks.
    [blow_up] ever faster, infinite after a finite time
        Each layer's rate grows with the other layer. Like ẇ = w³, this reaches infinity in finite time.
""")


@exercise("A top three times as large", "easy", 3)
@guided(
    "The bottom's connection is f₀ times J₁, and J₁ contains W₂.",
    "OP is the variance of the connection.",
    given=lambda _: (torch.tensor([[2.0, 0.5], [0.5, 1.0]]), 3.0),
    mistakes=lambda right, op, factor: {
        "The connection grows by the factor; the operator holds it twice.": factor * op,
        "The operator of the bottom contains J₁ = D₂ W₂ D₁: it does feel the top.": op,
        "Four powers are what both layers together would give; here only the top has grown.": factor**4 * op,
    },
)
def rate_of_the_bottom(op: Tensor, factor: float) -> Tensor:
    """The bottom's operator after all weights of the top have been multiplied by a factor."""
    return factor**2 * op


@exercise("When is it infinite?", "medium", 6)
@guided(
    "Separate the variables: dw / w³ = 2 b dt.",
    "Integrate from w to infinity.",
    given=lambda _: (0.5, 0.3),
    mistakes=lambda right, w, b: {
        "Half of that: ∫ dw/w³ = -1/(2w²), and there is a 2 in the rate as well.": 2 * right,
        "That is a doubling time of exponential growth, with the rate of the start. The rate grows on the way.": (
            math.log(2) / (2 * b * w**2)
        ),
        "A larger start blows up earlier: w belongs below the line, squared.": w**2 / (4 * b),
    },
)
def blow_up_time(w: float, b: float) -> float:
    """When ẇ = 2·b·w³ from w reaches infinity: two layers of one neuron each, equal at the start."""
    return 1 / (4 * b * w**2)


@exercise("Paired over seeds", "easy", 4)
@guided(
    "A seed is its own control: compare within it.",
    "Divide first, summarise afterwards.",
    given=lambda _: (
        torch.tensor([3.0, 4.4, 2.6, 10.5, 9.0, 2.4]).double(),
        torch.tensor([1.0, 4.0, 2.0, 10.0, 3.0, 1.5]).double(),
    ),
    mistakes=lambda right, both, alone: {
        "You compare the two medians. Seeds differ by themselves: divide seed by seed, then take the median.": (
            both.quantile(0.5) / alone.quantile(0.5)
        ),
        "That is the mean of the ratios: a single seed can move it far. Take the median.": (both / alone).mean(),
        "With an even number of seeds torch.median takes the lower middle; quantile(0.5) takes the mean of both.": (
            (both / alone).median()
        ),
        "The other way round: both layers over the bottom alone.": (alone / both).quantile(0.5),
    },
)
def paired_median(both: Tensor, alone: Tensor) -> Tensor:
    """The median over seeds of how much further the bottom is with both layers free; both and alone are (seeds,)."""
    return (both / alone).quantile(0.5)


def _mistakes_interval(right: tuple[float, float], values: Tensor) -> dict[str, Tensor]:
    half = 1.96 * values.std() / 20**0.5
    return {
        "That is the interval of the mean. Of the median ask which ranks a fair coin can reach.": (
            torch.stack([values.mean() - half, values.mean() + half])
        ),
        "That is where 95 % of the values lie, not the median: it does not shrink with more seeds.": (
            values.quantile(torch.tensor([0.025, 0.975]))
        ),
        "One rank too far in: count P(Binomial(n, ½) < k), and keep it below 2.5 %.": values[[6, 13]],
    }


@exercise("How sure is a median?", "hard", 10)
@guided(
    "Each value lies below the true median like a fair coin falls.",
    "The k-th smallest lies above it with probability P(Binomial(n, ½) < k).",
    "Take the largest k for which that is at most 2.5 %; do the same from above.",
    given=lambda _: (torch.arange(1.0, 21.0) ** 2,),
    mistakes=_mistakes_interval,
)
def interval_of_median(values: Tensor) -> tuple[float, float]:
    """A 95 % interval of the median by ranks: the k-th smallest and the k-th largest value."""
    n = len(values)
    k = max(k for k in range(1, n) if sum(math.comb(n, j) for j in range(k)) / 2**n <= 0.025)
    ordered = values.sort().values
    return float(ordered[k - 1]), float(ordered[n - k])


exercises = {
    "rate": rate_of_the_bottom,
    "blow_up": blow_up_time,
    "paired": paired_median,
    "interval": interval_of_median,
}
