"""Predictions and exercises of notebook 10."""

import torch
from torch import Tensor

from ssl_explain.kit.exercise import exercise, guided
from ssl_explain.kit.prediction import question

no_predictor = question("""
    No negatives, no predictor (P = 1), the target held still, the mean removed. What becomes of the output?

    [grows] it grows: holding the target still is what prevents collapse
        Holding the target still removes one half of the pull, not the pull. Nothing pushes.
    [stands] it stands still: prediction and target are the same network
        They read two different views. The loss is the distance between these two outputs, and it pulls.
    [shrinks] it shrinks in every direction in which views differ
        With P = 1 the update is minus the variance within points, and nothing else.
""")

which_grow = question("""
    Mean removed, predictor P = p·1 with p = 0.7. Which directions grow?

    [all] all of them: p < 1 is what counts
        p < 1 makes the term between points positive. It must also beat the loss within points.
    [none] none: the predictor only scales the output
        The prediction is scaled, the target is not. That asymmetry is what leaves something between points.
    [signal] only those whose signal fraction is above p
        p·b - p²(b + σ²) is positive exactly if p < b / (b + σ²): the closer p is to 1, the less noise is allowed.
""")

resets = question("""
    Every 25 steps a learned predictor is drawn anew, as large as usual (p = 1). What becomes of the output?

    [nothing] hardly anything: the predictor is quickly learned again
        That depends on which is quicker. Until it is learned again, a random predictor shrinks the weights.
    [dies] it shrinks until nothing is left
        A random matrix points the wrong way as often as the right one. Each time the weights pay for it.
    [grows] it grows: every reset is fresh energy
        A reset brings no energy. The output grows only where p is below a signal fraction, and 1 is above all.
""")


@exercise("Does this direction grow?", "easy", 3)
@guided(
    "Agreement of the two towers: p times what they share.",
    "Size of the prediction: p² times all variance.",
    given=lambda _: (0.6, 3.0, 0.5),
    mistakes=lambda right, p, b, sigma2: {
        "The prediction p·f has the square p²(b + σ²): p meets itself there.": p * b - p * (b + sigma2),
        "The size term holds all variance, b + σ²: a single view is predicted from, not the mean of many.": (
            p * b - p**2 * b
        ),
        "The sign: agreement lets the weights grow, size shrinks them.": -right,
        "View noise is not in the agreement: two views of a point share b alone.": (p - p**2) * (b + sigma2),
    },
)
def growth_rate(p: float, b: float, sigma2: float) -> float:
    """Growth rate of a direction with variances b between points and σ² within, predictor p·1, mean removed."""
    return p * b - p**2 * (b + sigma2)


@exercise("When does the mean take over?", "medium", 6)
@guided(
    "Without centring ‖x̿‖² joins agreement and size: the mean grows at the rate p‖x̿‖² - p²(‖x̿‖² + σ²_mean).",
    "Set that equal to the growth rate of the other direction, and solve for ‖x̿‖².",
    given=lambda _: (0.4, 2.0, 0.5, 1.1),
    mistakes=lambda right, p, b, sigma2, sigma2_mean: {
        "That holds if both directions have the same noise: a different one shifts it.": b,
        "The sign: more noise along the mean makes it slower, so it needs a larger offset.": 2 * b - right,
        "Divide by what is left of p‖x̿‖² - p²‖x̿‖²: the factor is p(1 - p), not p.": b + p * (sigma2_mean - sigma2),
        "From there the mean grows at all. Asked is when it grows faster than the other direction.": (
            p / (1 - p) * sigma2_mean
        ),
    },
)
def takeover(p: float, b: float, sigma2: float, sigma2_mean: float) -> float:
    """Squared offset from which the mean outgrows the direction (b, σ²); its own has noise sigma2_mean, no signal."""
    return b + p / (1 - p) * (sigma2_mean - sigma2)


def _mistakes_gradient(right: Tensor, f: Tensor, target: Tensor, p: Tensor) -> dict[str, Tensor]:
    error = (f - f.mean(0)) @ p.T - (target - target.mean(0))
    return {
        "The mean of the loss is over the batch: divide by n.": 5 * right,
        "On the way back the error passes through P transposed, in rows: error @ P.": error @ p.T / 5,
        "The error passes through the predictor on its way back to f.": error / 5,
        "Nothing is centred here. Take the mean of the batch from f and from the target.": (f @ p.T - target) @ p / 5,
        "The target loses its mean as well.": ((f - f.mean(0)) @ p.T - target) @ p / 5,
    }


@exercise("The gradient of a centred pair, by hand", "medium", 8)
@guided(
    "Write the error e = P(f - mean) - (target - mean); the loss is ½‖e‖², averaged over the batch.",
    "The errors of the batch sum to zero, so the path through the mean adds nothing.",
    given=lambda g: (
        *(torch.randn(2, 5, 3, generator=g, dtype=torch.float64) + 1),
        torch.randn(3, 3, generator=g, dtype=torch.float64),
    ),
    mistakes=_mistakes_gradient,
)
def gradient_of_outputs(f: Tensor, target: Tensor, predictor: Tensor) -> Tensor:
    """∂/∂f of the batch mean of ½‖P(f - mean) - (target - mean)‖²; f and target are (n, d)."""
    error = (f - f.mean(0)) @ predictor.T - (target - target.mean(0))
    return error @ predictor / len(f)


def _mistakes_largest(right: Tensor, between: Tensor, within: Tensor) -> dict[str, Tensor]:
    top = torch.linalg.eigvalsh(between)[-1]
    return {
        "You divide along the diagonal. Directions may be mixed: look for the best v.": (
            (between.diagonal() / (between + within).diagonal()).max()
        ),
        "The strongest direction need not be the cleanest: the quotient is what counts, not its numerator.": (
            top / (top + torch.linalg.eigvalsh(within)[0])
        ),
        "That is the signal-to-noise ratio b / σ². The predictor sees b + σ².": (
            torch.linalg.eigvals(torch.linalg.solve(within, between)).real.max()
        ),
        "The smallest quotient belongs to the direction that stops first; asked is the last one.": (
            torch.linalg.eigvals(torch.linalg.solve(between + within, between)).real.min()
        ),
    }


@exercise("The largest p, with mixed directions", "hard", 12)
@guided(
    "Some direction grows if vᵀ(p·C_b - p²(C_b + C_w))v > 0 for some v.",
    "That is p < vᵀC_b v / vᵀ(C_b + C_w)v: look for the v that makes the quotient largest.",
    "It is the largest eigenvalue of (C_b + C_w)⁻¹C_b; a Cholesky factor of C_b + C_w makes it symmetric.",
    given=lambda _: (torch.tensor([[2.0, 0.8], [0.8, 1.0]]).double(), torch.tensor([[1.5, 0.0], [0.0, 0.2]]).double()),
    mistakes=_mistakes_largest,
)
def largest_p(between: Tensor, within: Tensor) -> Tensor:
    """The largest p at which some direction can grow; between and within are (d, d) covariances, not both diagonal."""
    total = torch.linalg.cholesky(between + within)
    half = torch.linalg.solve_triangular(total, between, upper=False)
    return torch.linalg.eigvalsh(torch.linalg.solve_triangular(total, half.mT, upper=False))[-1]


exercises = {"rate": growth_rate, "takeover": takeover, "gradient": gradient_of_outputs, "largest": largest_p}
