"""What is kept of a run: values of users' functions, checked and without their graph, and steps that are whole.

A step is written down as what its tensors must become, and then carried out. Carrying it out twice does no harm, so
an interrupt at any moment can be made good.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ssl_explain import require
from ssl_explain.records import INTERRUPTED

Values = Sequence[tuple[Tensor, Tensor]]
"""Tensors, and what they must become."""

STOPPED = "stopped at step {}" + INTERRUPTED


def nothing_left() -> None:
    """What is left to do for a step that is whole."""


@torch.no_grad()
def put(values: Values) -> None:
    """Give every tensor its value, in place; to do it twice does no harm."""
    for tensor, value in values:
        tensor.copy_(value)


def measured(name: str, value: object, like: Tensor | None = None) -> Tensor:
    """A copy of what a user's function returned, without its graph; whole numbers become floating-point ones.

    Raises:
        TypeError: no tensor, or one of complex numbers.
        ValueError: another shape than that of ``like``, the value before.
    """
    tensor = require.instance(name, value, Tensor, "let it return a tensor: torch.tensor(value)")
    if tensor.is_complex():
        raise TypeError(f"`{name}` must return real numbers, got {tensor.dtype}; return .abs() or two numbers.")
    if like is not None and tensor.shape != like.shape:
        raise ValueError(
            f"`{name}` must return one shape all the time, got {tuple(tensor.shape)} after {tuple(like.shape)}; "
            "only equal shapes can be stacked."
        )
    return tensor.detach().to(tensor.dtype if tensor.is_floating_point() else torch.float64, copy=True)


def loss_of(name: str, value: object) -> Tensor:
    """A loss, if gradients can be taken of it.

    Raises:
        TypeError: no floating-point tensor.
        ValueError: a tensor without a graph.
    """
    loss = require.instance(name, value, Tensor, "return the loss itself, not loss.item()")
    if not loss.requires_grad:
        raise ValueError(
            f"`{name}` must depend on weights that learn, got a loss without a graph; return it before .detach()."
        )
    return loss


def with_loss(losses: Tensor, index: int, loss: Tensor) -> Tensor:
    """Write a loss at its place, in one tensor that doubles: thousands of small ones would fragment the memory."""
    if index == len(losses):
        longer = loss.new_empty(max(256, 2 * index), *loss.shape)
        if index:
            longer[:index] = losses
        losses = longer
    losses[index] = loss
    return losses
