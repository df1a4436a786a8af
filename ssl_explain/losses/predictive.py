"""Losses without negatives: one tower predicts the output of the other tower for another view."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_explain import require
from ssl_explain.losses.contrastive import Objective
from ssl_explain.records import Views

PairLoss = Callable[[Tensor, Tensor], Tensor]


def _check_shapes(prediction: Tensor, target: Tensor) -> None:
    for name, value in (("prediction", prediction), ("target", target)):
        require.tensor(name, value, "*n d", "one vector per point")
    if prediction.shape != target.shape:
        expected = f"have the shape of the prediction, {tuple(prediction.shape)}"
        remedy = "give the predictor the width of the output"
        require.fail("target", expected, tuple(target.shape), remedy)


def half_square(prediction: Float[Tensor, "*n d"], target: Float[Tensor, "*m d"]) -> Float[Tensor, "*n"]:
    """The distance in the theory of BYOL: L = ½‖P f - f+‖².

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578, earlier version.

    Raises:
        ValueError: two shapes.
        TypeError: arguments that are not floating-point tensors.

    Example:
        >>> half_square(torch.tensor([[1.0, 1.0]]), torch.tensor([[0.0, 1.0]]))
        tensor([0.5000])
    """
    _check_shapes(prediction, target)
    return (prediction - target).square().sum(-1) / 2


def cosine(prediction: Float[Tensor, "*n d"], target: Float[Tensor, "*m d"]) -> Float[Tensor, "*n"]:
    """The distance that BYOL and SimSiam train with: L = 1 - cos(P f, f+) = ½‖P f/‖P f‖ - f+/‖f+‖‖².

    Source: Grill et al. (2020), arXiv 2006.07733; Chen, He (2020), arXiv 2011.10566.

    Raises:
        ValueError: two shapes.
        TypeError: arguments that are not floating-point tensors.

    Example:
        >>> cosine(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
        tensor([1.])
    """
    _check_shapes(prediction, target)
    return 1 - nn.functional.cosine_similarity(prediction, target, dim=-1)


def predictive(loss: PairLoss = half_square, *, symmetric: bool = False) -> Objective:
    """Make a training objective of a distance: prediction from view 1 against target of view 2, mean over the batch.

    ``symmetric`` adds the other direction and halves the sum, as BYOL and SimSiam do.

    Raises:
        ValueError: fewer than two views, no points.
        TypeError: a loss that is not a function, a flag that is not a bool; the objective: a network without two
            towers, no views.
    """
    require.function("loss", loss, "pass the function itself, such as half_square")
    require.flags(symmetric=symmetric)
    return partial(_predict, loss, symmetric)


def _predict(loss: PairLoss, symmetric: bool, net: nn.Module, views: Views) -> Tensor:
    """The mean distance of prediction and target over a batch."""
    pair = getattr(net, "pair", None)
    if pair is None:
        require.fail("net", "have two towers", type(net).__name__, "wrap it in a DualNet", TypeError)
    n, a = require.instance("views", views, Views, "draw them from a world").x.shape[-3:-1]
    require.that(a >= 2, "views", "hold two views per point", a, "draw with views=2")
    require.integer("number of points", n, 1, "draw a larger batch")
    directions = ((0, 1), (1, 0)) if symmetric else ((0, 1),)
    return torch.stack([loss(*pair(views.x, first=i, second=j)).mean() for i, j in directions]).mean()


def decayed(objective: Objective, rate: float) -> Objective:
    """Add weight decay, L + ½η Σ‖θ‖² over all trained parameters, which adds η θ to the gradient.

    Raises:
        ValueError: a negative rate.
    """
    eta = require.single("rate", rate, "0 is no decay")
    return partial(_with_decay, objective, eta)


def _with_decay(objective: Objective, eta: float, net: nn.Module, views: Views) -> Tensor:
    """The objective plus weight decay."""
    learned = [p for p in net.parameters() if p.requires_grad]
    return objective(net, views) + eta / 2 * torch.stack([p.square().sum() for p in learned]).sum()
