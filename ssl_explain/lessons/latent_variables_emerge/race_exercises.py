"""Predictions and the exercise of the second half of notebook 08: the race between levels."""

import torch
from torch import Tensor

from ssl_explain.kit.exercise import exercise, guided
from ssl_explain.kit.prediction import question

bottom_operator = question("""
    Outputs have length one, and the loss is L_simp. While all levels learn, what becomes of the largest eigenvalue of
    the operators at level 1?

    [grows] it grows: the layers above learn, and layers help each other
        That is right where outputs may grow. With outputs of length one the gradient is at right angles to the weights
        of every layer, so no layer above can help by growing longer.
    [stays] it stays: level 1 is nearly finished from the start
        Level 1 itself hardly moves. But its operator contains the weights and gates above it, and those move.
    [falls] it falls
        The weights above stay as long as they were, but the gates change: every top neuron specialises and is silent on
        more patterns. Where it is silent, nothing below reaches the output through it.
""")

weak_polarity = question("""
    Now children listen badly to their parents: |ρ| from 0.3 to 0.5. Which level is furthest below its ceiling after 40
    steps?

    [root] the root
        It starts lowest, and all it gets has passed through three weak edges: what two views share fades like the
        square of the product of polarities. It keeps rising, but needs longest.
    [middle] the middle level
        That assumes that the worst place is between two levels that learn. With clear causes the middle does end as low
        as the root. But weakness multiplies from level to level, and the root is at the end of it.
    [bottom] level 1: it sits right on the noise
        That assumes that noise counts against the network. The ceiling knows the noise already, and a random neuron
        reads two leaves not much worse than the best one.
""")


def _patterns(g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    up, down = (torch.rand(8, generator=g, dtype=torch.float64) for _ in range(2))
    up, down = up / up.sum(), down / down.sum()  # P(pattern | z = 1), P(pattern | z = 0)
    return (up + down) / 2, torch.randn(8, 3, generator=g, dtype=torch.float64).relu(), (up - down) / (up + down)


@exercise("Selectivity without sampling", "medium", 6)
@guided(
    "For a fair z = ±1, ½(E[f | z = 1] - E[f | z = -1]) is E[f·z].",
    "f depends on the pattern alone, so E[f·z] = E[f·E[z | pattern]].",
    "An expectation over patterns is a sum, weighted by p.",
    given=_patterns,
    mistakes=lambda right, p, f, m: {
        "That counts all patterns alike. Weigh every pattern by its probability p.": (f * m.unsqueeze(-1)).mean(0),
        "Nearly: that is E[f | z = 1] - E[f | z = 0]. The selectivity is half of it.": 2 * right,
        "You took the more likely value of z on every pattern. m also says how likely it is: use m itself.": (
            p @ (f * m.sign().unsqueeze(-1))
        ),
        "That is the mean activation. Where does the cause come in? Through its posterior mean m.": p @ f,
    },
)
def selectivity(p: Tensor, f: Tensor, m: Tensor) -> Tensor:
    """s_j = ½(E[f_j | z = 1] - E[f_j | z = 0]) as a sum over leaf patterns, for a fair cause z."""
    return (p.unsqueeze(-1) * f * m.unsqueeze(-1)).sum(0)


exercises = {"selectivity": selectivity}
