"""Values and steps of a run: values of users' functions are checked and detached, steps survive an interrupt.

A step is first computed as pairs of tensors and new values, and then assigned. Assigning twice changes nothing, so
an interrupted step can be completed.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ssl_explain import require
from ssl_explain.records import INTERRUPTED

Values = Sequence[tuple[Tensor, Tensor]]
"""Tensors with their new values."""

STOPPED = "stopped at step {}" + INTERRUPTED


def nothing_pending() -> None:
    """Complete a step that is complete."""


@torch.no_grad()
def assign(values: Values) -> None:
    """Assign the values in place; doing it twice changes nothing."""
    for tensor, value in values:
        tensor.copy_(value)


def measured(name: str, value: object, like: Tensor | None = None) -> Tensor:
    """A detached copy of the value of a user's function; integers become floating-point numbers.

    Raises:
        TypeError: no tensor, or one of complex numbers.
        ValueError: another shape than that of ``like``, the value before.
    """
    tensor = require.instance(name, value, Tensor, "let it return a tensor: torch.tensor(value)")
    if tensor.is_complex():
        require.fail(name, "return real numbers", tensor.dtype, "return .abs() or two numbers", TypeError)
    if like is not None and tensor.shape != like.shape:
        got = f"{tuple(tensor.shape)} after {tuple(like.shape)}"
        require.fail(name, "return one shape all the time", got, "only equal shapes can be stacked")
    return tensor.detach().to(tensor.dtype if tensor.is_floating_point() else torch.float64, copy=True)


def differentiable(name: str, value: object) -> Tensor:
    """Return a loss if it has a gradient.

    Raises:
        TypeError: no floating-point tensor.
        ValueError: a tensor without a graph.
    """
    loss = require.instance(name, value, Tensor, "return the loss itself, not loss.item()")
    if not loss.requires_grad:
        remedy = "return it before .detach()"
        require.fail(name, "depend on weights that learn", "a loss without a graph", remedy)
    return loss


def with_loss(losses: Tensor, index: int, loss: Tensor) -> Tensor:
    """Store a loss in one tensor that doubles when full, since thousands of small tensors fragment the memory."""
    if index == len(losses):
        longer = loss.new_empty(max(256, 2 * index), *loss.shape)
        if index:
            longer[:index] = losses
        losses = longer
    losses[index] = loss
    return losses
