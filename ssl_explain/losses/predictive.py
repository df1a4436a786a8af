"""What learning without negatives asks for: predict what the other tower says of the other view, and nothing else."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_explain import require
from ssl_explain.losses.contrastive import Objective
from ssl_explain.records import Terms, Views

PairLoss = Callable[[Tensor, Tensor], Tensor]


class TwoTowers(Protocol):
    """Anything that makes a prediction from one view and a target from another."""

    def pair(self, x: Tensor, *, first: int = 0, second: int = 1) -> tuple[Tensor, Tensor]:
        """Prediction and target, (n, d_top) each; no gradient runs through the target."""


def _alike(prediction: Tensor, target: Tensor) -> None:
    for name, value in (("prediction", prediction), ("target", target)):
        require.tensor(name, value, "*n d", "one vector per point")
    if prediction.shape != target.shape:
        raise ValueError(
            f"`target` must have the shape of the prediction, {tuple(prediction.shape)}, got {tuple(target.shape)}; "
            "give the predictor the width of the output."
        )


def squared_terms(prediction: Float[Tensor, "*n d"], target: Float[Tensor, "*m d"]) -> Terms:
    """½‖P f - f+‖² term by term: size ½‖P f‖², agreement -⟨P f, f+⟩, aim ½‖f+‖² (which no gradient sees).

    Raises:
        ValueError: two shapes.
        TypeError: what is no floating-point tensor.
    """
    _alike(prediction, target)
    values = {
        "size": prediction.square().sum(-1) / 2,
        "agreement": -(prediction * target).sum(-1),
        "aim": target.square().sum(-1) / 2,
    }
    return Terms(values, dict.fromkeys(values, 1.0))


def half_square(prediction: Float[Tensor, "*n d"], target: Float[Tensor, "*m d"]) -> Float[Tensor, "*n"]:
    """The distance that the theory of BYOL writes: L = ½‖P f - f+‖².

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578, earlier version.

    Raises:
        ValueError: two shapes.
        TypeError: what is no floating-point tensor.

    Example:
        >>> half_square(torch.tensor([[1.0, 1.0]]), torch.tensor([[0.0, 1.0]]))
        tensor([0.5000])
    """
    _alike(prediction, target)
    return (prediction - target).square().sum(-1) / 2


def cosine(prediction: Float[Tensor, "*n d"], target: Float[Tensor, "*m d"]) -> Float[Tensor, "*n"]:
    """The distance that BYOL and SimSiam train with: L = 1 - cos(P f, f+) = ½‖P f/‖P f‖ - f+/‖f+‖‖².

    Source: Grill et al. (2020), arXiv 2006.07733; Chen, He (2020), arXiv 2011.10566.

    Raises:
        ValueError: two shapes.
        TypeError: what is no floating-point tensor.

    Example:
        >>> cosine(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
        tensor([1.])
    """
    _alike(prediction, target)
    return 1 - nn.functional.cosine_similarity(prediction, target, dim=-1)


def predictive(loss: PairLoss = half_square, *, symmetric: bool = False) -> Objective:
    """Make a training objective of a distance: prediction from view 1 against target of view 2, mean over the batch.

    ``symmetric`` adds the other direction and halves the sum, as BYOL and SimSiam do.

    Raises:
        ValueError: fewer than two views, no points.
        TypeError: a loss that is no function, another word than True or False for `symmetric`; the objective: a network
            without two towers, no views.
    """
    require.function("loss", loss, "pass the function itself, such as half_square")
    require.flags(symmetric=symmetric)
    return partial(_predict, loss, symmetric)


def _predict(loss: PairLoss, symmetric: bool, net: nn.Module, views: Views) -> Tensor:
    """The mean distance of prediction and target over a batch."""
    if not hasattr(net, "pair"):
        raise TypeError(f"`net` must have two towers, got {type(net).__name__}; wrap it in a DualNet.")
    n, a = require.instance("views", views, Views, "draw them from a world").x.shape[-3:-1]
    if a < 2:
        raise ValueError(f"`views` must hold two views per point, got {a}; draw with views=2.")
    require.integer("number of points", n, 1, "draw a larger batch")
    ways = ((0, 1), (1, 0)) if symmetric else ((0, 1),)
    towers: TwoTowers = net  # type: ignore[assignment]
    return torch.stack([loss(*towers.pair(views.x, first=i, second=j)).mean() for i, j in ways]).mean()


def decayed(objective: Objective, rate: float) -> Objective:
    """Add weight decay: L + ½η Σ‖θ‖² over everything that learns, so that the gradient gains η θ.

    Raises:
        ValueError: a negative rate.
    """
    eta = require.single("rate", rate, "0 is no decay")
    return partial(_with_decay, objective, eta)


def _with_decay(objective: Objective, eta: float, net: nn.Module, views: Views) -> Tensor:
    """An objective and half the decay of all squared weights."""
    learned = [p for p in net.parameters() if p.requires_grad]
    return objective(net, views) + eta / 2 * torch.stack([p.square().sum() for p in learned]).sum()
