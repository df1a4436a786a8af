"""Predictions and exercises of notebook 05."""

import torch
from torch import Tensor

from ssl_explain.kit.exercise import exercise, guided
from ssl_explain.kit.prediction import question
from ssl_explain.lessons.selectivity_amplification.experiment import expected_update

linear_learns = question("""
    Two objects, 11 and 101, shifted anywhere on the ring. What does a linear neuron learn?

    [object] to tell the two objects apart
        That assumes that what differs between the objects reaches the neuron's mean. But every cell is on equally often
        for both, and a linear neuron sees only such means.
    [place] the place of the object
        That would be so if place varied between points. Under full shifts it varies between views of one point.
    [nothing] nothing at all: its weights stand still
        Averaged over all shifts both objects look the same, so nothing varies between points, and only what varies
        between points moves weights.
""")

first_preference = question("""
    A random ReLU neuron fires a little more for 101 than for 11. What becomes of this preference?

    [random] anything: it depends on what the loss needs
        That assumes that the loss prefers a sign. It only asks for variance between points, which either sign gives, so
        nothing pulls a neuron across zero.
    [grows] it grows and keeps its sign
        The gradient is proportional to the preference itself: whatever is there is amplified, nothing else.
    [shared] all neurons end up preferring the same object
        That would need neurons that know of each other. Under this loss each neuron moves on its own.
""")

small_shifts = question("""
    Now let views shift by at most a quarter of the ring (q = 0.5), under L_simp. What do most ReLU neurons end up
    telling apart?

    [object] the object, as before
        That assumes that only the name of the object is worth knowing. But the place now differs between points as
        well, and it differs far more.
    [place] the place
        What varies most between points and survives the views wins. Small shifts do not remove the place.
    [both] half of them this, half of them that
        That assumes that object and place vary about as much between points. So they do for shifts of about a third of
        the ring; for smaller ones the place varies far more.
""")

WORLD = torch.tensor([[1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0]]).double()
VIEWS = torch.stack([torch.stack([row.roll(k) for k in range(6)]) for row in WORLD])  # (object, shift, cell)
WEIGHTS = torch.tensor([[0.5, -0.2, 0.4, -0.6, 0.1, -0.3], [-0.4, 0.5, 0.2, 0.3, -0.6, 0.1]]).double()


def _mistakes_pull(right: Tensor, w: Tensor, x: Tensor) -> dict[str, Tensor]:
    free = expected_update(x)(w)
    gates = (x @ w.T > 0).to(w)
    second = torch.einsum("xvn,xvc->nc", (x @ w.T) * gates, x) / (x.shape[0] * x.shape[1])
    return {
        "That is the update of L_simp. The pull of 1.5 r+ leaves half of the variance within points in the loss.": free,
        "The sign: the loss charges the variance within points, so its update takes it away.": 2 * free - right,
        "That is the pull alone. Add the update of L_simp, 2·OP·w.": right - free,
        "You took away twice as much: half of the variance, times the 2 of its derivative, is 1.": 2 * right - free,
        "The mean is missing: a variance compares each response with the mean response of its point.": free - second,
    }


@exercise("A stronger pull", "medium", 10)
@guided(
    "E r+ is the variance within points, E r- that and the variance between them: ½ within - between is left.",
    "The derivative of the variance of f over views is 2 E[(f - E f) ∂f/∂w]; ∂f/∂w is the view where the gate is open.",
    "Take the mean over all views of both objects, and subtract it from update(w, x) above.",
    given=lambda _: (WEIGHTS, VIEWS),
    mistakes=_mistakes_pull,
)
def stronger_pull(w: Tensor, x: Tensor) -> Tensor:
    """Minus the gradient of E[1.5 r+ - r-] for each neuron; w (neurons, cells), x (objects, views, cells)."""
    f = (x @ w.T).relu()
    apart = (f - f.mean(1, keepdim=True)) * (f > 0)
    within = torch.einsum("xvn,xvc->nc", apart, x) / (x.shape[0] * x.shape[1])
    gates = (f > 0).to(w)
    means = torch.einsum("xvn,xvc->xnc", gates, x) / x.shape[1]
    delta = means[0] - means[1]
    return 0.5 * delta * (delta * w).sum(-1, keepdim=True) - within


@exercise("The operator of two points", "medium", 4)
@guided(
    "With two equally likely points the mean lies half-way.",
    "torch.outer makes a matrix of two vectors.",
    given=lambda _: (torch.tensor([0.3, -0.1, 0.0, 0.2]).double(),),
    mistakes=lambda right, d: {
        "Each point lies Δ/2 from their mean: square the half.": 4 * right,
        "Nearly: the variance divides by the number of points, not by one less.": 2 * right,
        "That is the diagonal alone. An operator mixes cells: take the outer product.": torch.diag(d * d) / 4,
    },
)
def operator(delta: Tensor) -> Tensor:
    """OP = V_x[K̄] of a world of two equally likely points whose mean connections differ by delta (d,)."""
    return torch.outer(delta, delta) / 4


@exercise("Object or place?", "medium", 6)
@guided(
    "What the object explains is what is left after averaging over places.",
    "Divide its variance by the variance over all points.",
    given=lambda _: (torch.tensor([[0.9, 0.1, 0.2, 0.4], [0.1, 0.3, 0.0, 0.1]]).double(),),
    mistakes=lambda right, f: {
        "That is the share of the place. Average over places first; what is left differs by object.": (
            (f.mean(0) - f.mean()).square().mean() / (f - f.mean()).square().mean()
        ),
        "This is a variance, not yet a share: divide by the variance over all points.": (
            (f.mean(1) - f.mean()).square().mean()
        ),
        "That is what the object does not explain: one minus the share.": 1 - right,
    },
)
def identity_share(f: Tensor) -> Tensor:
    """Part of the variance between points that the object explains; f (2, place) are the mean responses."""
    of_objects = f.mean(1)
    return (of_objects - f.mean()).square().mean() / (f - f.mean()).square().mean()


exercises = {"pull": stronger_pull, "operator": operator, "identity_share": identity_share}
