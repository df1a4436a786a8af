"""Predictions and exercises of notebook 05."""

import torch
from torch import Tensor

from ssl_explain.kit.exercise import exercise, guided
from ssl_explain.kit.prediction import question

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
WEIGHT = torch.tensor([0.5, -0.2, 0.4, -0.6, 0.1, -0.3]).double()


@exercise("What does this neuron prefer?", "easy", 4)
@guided(
    "A neuron fires max(wᵀx, 0) on a view x.",
    "Average over the views of each object, subtract, and take the half.",
    given=lambda _: (WEIGHT, VIEWS),
    mistakes=lambda right, w, x: {
        "The sign: s is the first object minus the second.": -right,
        "That is the whole difference. The selectivity is half of it.": 2 * right,
        "Without the ReLU both means are equal under full shifts. Let the neuron fire first, then average.": (
            ((x @ w).mean(1)[0] - (x @ w).mean(1)[1]) / 2
        ),
        "You sum over the views. The expectation is their mean.": 6 * right,
    },
)
def selectivity(w: Tensor, x: Tensor) -> Tensor:
    """Half of what a ReLU neuron w (d,) fires more for the first object; x (2, shifts, d) holds all views of both."""
    f = (x @ w).relu().mean(1)
    return (f[0] - f[1]) / 2


def _mistakes_delta(right: Tensor, w: Tensor, x: Tensor) -> dict[str, Tensor]:
    gates = (x @ w > 0).double().unsqueeze(-1)
    fired = (gates * x).sum(1) / gates.sum(1)
    return {
        "The sign: Δ is the first object minus the second.": -right,
        "The gate is missing: without it both mean views are equal. Count only views that make the neuron fire.": (
            x.mean(1)[0] - x.mean(1)[1]
        ),
        "You divide by the number of views that fire. A silent view counts too, as zero: divide by all views.": (
            fired[0] - fired[1]
        ),
        "You average the activations. The connection of a weight is its input, where the gate is open.": (
            2 * selectivity(w, x) * torch.ones(6).double()
        ),
    }


@exercise("The difference that moves the weights", "medium", 6)
@guided(
    "The connection of one neuron is its input where the gate is open, and zero elsewhere.",
    "Average it over all views of each object, silent ones included.",
    given=lambda _: (WEIGHT, VIEWS),
    mistakes=_mistakes_delta,
)
def delta(w: Tensor, x: Tensor) -> Tensor:
    """Δ = K̄(11) - K̄(101) of a ReLU neuron w (d,): the mean view, counting those that make it fire."""
    gates = (x @ w > 0).to(x.dtype).unsqueeze(-1)
    means = (gates * x).mean(1)
    return means[0] - means[1]


@exercise("The operator of two points", "medium", 4)
@guided(
    "With two equally likely points the mean lies half-way.",
    "torch.outer makes a matrix of two vectors.",
    given=lambda _: (delta(WEIGHT, VIEWS),),
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


exercises = {"selectivity": selectivity, "delta": delta, "operator": operator, "identity_share": identity_share}
