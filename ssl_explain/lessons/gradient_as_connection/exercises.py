"""Predictions and exercises of notebook 02."""

import torch
from torch import Tensor

from ssl_explain.kit.exercise import exercise, guided
from ssl_explain.kit.prediction import question

which_layers = question("""
    Multiply the connection of a layer with that layer's own weights: K_lᵀ vec(W_l). Where is it the output f_L?

    [top] at the top layer only: there the output is linear in the weights
        That assumes that gates below the top spoil it. But while they stay as they are, the output is linear in the
        weights of every single layer.
    [bottom] at the bottom layer only: it alone sees the input itself
        That assumes that K must hold the input x. It holds what its layer reads: any f_{l-1} will do, as long as it
        does not depend on W_l.
    [all] at every layer
        A ReLU network without biases is homogeneous: double the weights of one layer and the output doubles. So the
        slope times the weights is the output itself.
""")

one_or_both = question("""
    The same pair, once with the second view frozen, once with both views moving. How do the gradients compare?

    [twice] both towers: exactly twice as large, since r is symmetric
        That assumes that both towers contribute the same. r is symmetric, but the two views are not: other inputs,
        other gates. Only on average over swapped pairs is it twice as large.
    [another] another direction altogether, in general
        One tower leaves K₁ in front, both leave K₁ - K₂. What is common to both views drops out, and with it much of
        the gradient.
    [same] the same: freezing the target only saves work
        That would be so if the target did not depend on W. Through it, the gradient has a second term.
""")


def _case(g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    w1, w2 = torch.randn(5, 4, generator=g).double(), torch.randn(3, 5, generator=g).double()
    return torch.randn(4, generator=g).double(), w1, w2


def _first_layer(g: torch.Generator) -> tuple[Tensor, Tensor]:
    x, w1, _ = _case(g)
    return w1, x


def _input_and_jacobian(g: torch.Generator) -> tuple[Tensor, Tensor]:
    x, w1, w2 = _case(g)
    return x, jacobian(x, w1, w2)


@exercise("Which gates are open?", "easy", 3)
@guided(
    "A neuron is open where its pre-activation is positive.",
    "Compare, then turn True and False into numbers.",
    given=_first_layer,
    mistakes=lambda right, w1, x: {
        "These are the activations. A gate only says whether the neuron is open: 0 or 1.": (w1 @ x).relu(),
        "The other way round: open means that the pre-activation is positive.": 1 - right,
        "These are signs. A closed gate is 0, not -1: nothing passes.": (w1 @ x).sign(),
    },
)
def gates(weight: Tensor, f: Tensor) -> Tensor:
    """D_l as 0 and 1, (d_out,): which neurons of a layer are open on the input f (d_in,)."""
    return (weight @ f > 0).to(f.dtype)


@exercise("The Jacobian of two layers", "easy", 5)
@guided(
    "f₂ = W₂ D₁ f̃₁: read off what stands in front of f̃₁.",
    "Multiplying by a diagonal matrix from the right scales columns: w2 * gates.",
    given=_case,
    mistakes=lambda right, x, w1, w2: {
        "The gates are missing: through a closed neuron nothing reaches the top.": w2,
        "You scale by the activations. A gate passes the slope on with factor 0 or 1.": w2 * (w1 @ x).relu(),
        "You went on to the input. J₁ ends at the pre-activation of layer 1.": right @ w1,
    },
)
def jacobian(x: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    """J_1 = W_2 D_1 of a two-layer network with a linear top, (d_top, d_out)."""
    return w2 * (w1 @ x > 0)


@exercise("The connection in one line", "medium", 5)
@guided(
    "Each entry is a product of one entry of f and one of J.",
    "torch.einsum writes it down as it reads.",
    given=_input_and_jacobian,
    mistakes=lambda right, x, j: {
        "The top output comes last: what is summed over in K Kᵀ is the last axis.": right.movedim(-1, 0),
        "Own input before top output: (o, i) must stand side by side, as in weight.flatten().": right.mT,
        "Own output before own input: that is the order of weight.flatten().": right.transpose(0, 1),
        "These are the right numbers as a matrix. Here, keep o, i and t on axes of their own.": right.flatten(0, 1),
        "One output at a time: do not sum over t.": right.sum(-1, keepdim=True).expand_as(right),
    },
)
def connection(f: Tensor, j: Tensor) -> Tensor:
    """K[o, i, t] = f[i] · J[t, o] of a layer input f (d_in,) and a Jacobian J (d_top, d_out)."""
    return torch.einsum("i,to->oit", f, j)


def _mistakes_pair(right: Tensor, k1: Tensor, k2: Tensor, weight: Tensor) -> dict[str, Tensor]:
    outputs = torch.einsum("oit,oi->t", k1 - k2, weight)
    return {
        "This is the gradient through the first tower alone. Here the second view moves too.": k1 @ outputs,
        "The sign of the second tower: it enters r with a minus, so its connection is subtracted.": (k1 + k2) @ outputs,
        "You summed over the own input as well. Contract the top output, and nothing else.": (
            torch.einsum("oit,pit,pi->oi", k1 - k2, k1 - k2, weight)
        ),
    }


@exercise("The gradient of a pair", "hard", 8)
@guided(
    "First the difference of the outputs, (K₁ - K₂)ᵀ vec(W): one number per top output.",
    "Then back along the same difference: sum over the top output.",
    "einsum with the letters oit, oi → t, and then a plain product with @.",
    given=lambda g: (
        torch.randn(4, 5, 3, generator=g).double(),
        torch.randn(4, 5, 3, generator=g).double(),
        torch.randn(4, 5, generator=g).double(),
    ),
    mistakes=_mistakes_pair,
)
def pair_gradient(k1: Tensor, k2: Tensor, weight: Tensor) -> Tensor:
    """∂r/∂W through both towers, (o, i): (K_1 - K_2)(K_1 - K_2)ᵀ vec(W); k1, k2 are (o, i, t)."""
    difference = k1 - k2
    outputs = torch.einsum("oit,oi->t", difference, weight)
    return difference @ outputs


exercises = {"gates": gates, "jacobian": jacobian, "connection": connection, "pair": pair_gradient}
