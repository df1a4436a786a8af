"""The prediction and the exercise of notebook 00."""

import torch
from torch import Tensor

from ssl_explain.kit import exercise as kit
from ssl_explain.kit.prediction import question

without_augmentation = question("""
    Set q = 0: the two views of a point are now the same picture. What becomes of the root?

    [rises] its correlation rises just the same
        With free outputs it need not fall, since the root is a large direction. But here outputs are normalised: points
        can be told apart by any detail, details are many, and nothing singles out the root.
    [stays] it stays where it started
        That would be so if equal views gave no gradient. The pull has none, true, but the push still moves the network.
    [falls] it falls
        Outputs are normalised, so pushing all points apart rewards every difference alike. There are many more details
        of the leaves than roots, so they crowd the root out.
""")


def _neuron(g: torch.Generator) -> tuple[Tensor, Tensor]:
    z = torch.randint(0, 2, (200,), generator=g).double()
    return 3 - z + torch.rand(200, generator=g).double(), z


def _mistakes_correlation(right: Tensor, f: Tensor, z: Tensor) -> dict[str, Tensor]:
    centred_f = f - f.mean()
    centred_z = z - z.mean()
    return {
        "Nearly: a neuron that is silent when the cause is on knows it as well. Take the absolute value.": (
            (centred_f @ centred_z) / (centred_f.norm() * centred_z.norm())
        ),
        "You compare f and z themselves. Subtract their means first: what counts is how they vary together.": (
            (f @ z).abs() / (f.norm() * z.norm())
        ),
        "This is the covariance: it grows when f is scaled. Divide by both norms.": (centred_f @ centred_z).abs(),
    }


@kit.exercise("How well does a neuron know a cause?", "easy", 3)
@kit.guided(
    "A neuron knows a cause if it changes when the cause changes: centre both first.",
    "Correlation is the inner product of the centred vectors, divided by both of their norms.",
    "A neuron that switches off when the cause switches on knows it just as well: take the absolute value.",
    given=_neuron,
    mistakes=_mistakes_correlation,
)
def correlation(f: Tensor, z: Tensor) -> Tensor:
    """|correlation| between the activations f (n,) of one neuron and a cause z (n,)."""
    f, z = f - f.mean(), z - z.mean()
    return (f @ z).abs() / (f.norm() * z.norm())


exercise = correlation
