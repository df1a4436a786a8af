"""The connection K_l: the derivative of the output with respect to the weights of layer l."""

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.records import ForwardPass

LARGEST = 2**30  # numbers of a connection: 4 GiB in single precision; the largest object of the theory


def jacobian(forward: ForwardPass, layer: int) -> Float[Tensor, "*batch d_top node d_out"]:
    """J_l = ∂f_L/∂f̃_l of every input, by recursion from the top: J_L = D_L, J_l = J_{l+1} W_{l+1} D_l.

    ``d_top`` runs over all outputs, before any normalisation.

    Raises:
        ValueError: a layer that the network does not have, weights that are not finite, several runs at once.
    """
    check(forward, layer)
    return unchecked_jacobian(forward, layer)


def check(forward: ForwardPass, layer: int) -> None:
    """Check that a forward pass has a connection of this layer.

    Raises:
        ValueError: a layer that the network does not have, weights that are not finite, several runs at once.
        TypeError: no forward pass, a layer that is not an integer.
    """
    depth = len(require.instance("forward", forward, ForwardPass, "pass net.forward_pass(x)").weights)
    require.integer("layer", layer, 1, f"the bottom layer is 1, the top layer of this network is {depth}", high=depth)
    for number, weight in enumerate(forward.weights, 1):
        require.finite(f"weights of layer {number}", weight)
        if weight.ndim != 3:
            got = f"{weight.shape[0]} runs side by side"
            require.fail("forward", "come from a single network", got, "take one of them")


def unchecked_jacobian(forward: ForwardPass, layer: int) -> Float[Tensor, "*batch d_top node d_out"]:
    """:func:`jacobian` without the checks."""
    top = forward.gates[-1]
    j = torch.diag_embed(top.flatten(-2)).unflatten(-1, top.shape[-2:])
    for gates, weight in zip(reversed(forward.gates[layer - 1 : -1]), reversed(forward.weights[layer:]), strict=True):
        j = _through(j, weight).unflatten(-1, gates.shape[-2:]) * gates.unsqueeze(-3)
    return j


def _through(j: Float[Tensor, "*batch d_top node d_out"], weight: Tensor) -> Float[Tensor, "*batch d_top inputs"]:
    """J W: from the outputs of a layer to all of its inputs, node after node."""
    if weight.shape[-3] == 1:
        return j.squeeze(-2) @ weight.squeeze(-3)
    return (j.unsqueeze(-2) @ weight).flatten(-3)


def connection(forward: ForwardPass, layer: int) -> Float[Tensor, "*batch d_out d_in d_top"]:
    """K_l[o, i, t] = f_{l-1}[i] · J_l[t, o], the derivative of output t with respect to weight (o, i) of layer l.

    Rows (o, i) stand in the order of ``weight.flatten()``; K K'ᵀ sums over the *top* outputs.
    A layer of several nodes has a node axis in front of ``d_out``.

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578.

    Raises:
        ValueError: a layer that the network does not have, weights that are not finite, several runs at once, more
            points than there is room for.
        TypeError: no forward pass, a layer that is not an integer.

    Example:
        >>> from ssl_explain.networks.relu import ReLUNet
        >>> net = ReLUNet((3, 4, 2), generator=torch.Generator().manual_seed(0), normalise=False)
        >>> k, w = connection(net.forward_pass(torch.ones(5, 3)), layer=1), net.weights[0].squeeze(0)
        >>> torch.allclose(torch.einsum("noit,oi->nt", k, w), net(torch.ones(5, 3)), atol=1e-6)
        True
    """
    check(forward, layer)
    width = forward.layer_inputs[layer - 1].shape[-1]
    outputs = forward.gates[-1].shape[-2:].numel()
    require.room("forward", forward.gates[layer - 1].numel() * width * outputs, "take fewer points", most=LARGEST)
    j = unchecked_jacobian(forward, layer).movedim(-3, -1)  # node, d_out, d_top
    k = forward.layer_inputs[layer - 1][..., None, :, None] * j.unsqueeze(-2)
    return k.squeeze(-4)
