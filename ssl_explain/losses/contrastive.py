"""Contrastive losses: views of one point close, views of different points apart.

Every loss is a function of energies r = ½‖f(a) - f(b)‖² with ∂L/∂r+ > 0, ∂L/∂r_k- < 0, ∂L/∂r+ + Σ_k ∂L/∂r_k- = 0.
Losses are called in every step: they check shapes, but not every number. NaN in, NaN out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_explain import require
from ssl_explain.records import Views

Loss = Callable[[Tensor, Tensor], Tensor]
Objective = Callable[[nn.Module, Views], Tensor]


@dataclass(frozen=True)
class Named:
    """An objective with a name for the trace."""

    name: str
    objective: Objective

    def __call__(self, net: nn.Module, views: Views) -> Tensor:
        """The objective itself."""
        return self.objective(net, views)


def require_negatives(r_neg: Tensor) -> Tensor:
    """Return the energies of the negatives if there are any."""
    if r_neg.shape[-1] == 0:
        require.fail("r_neg", "hold at least one negative per point", "none", "a pull without a push collapses")
    return r_neg


def check_energies(r_pos: Tensor, r_neg: Tensor) -> None:
    """Check that energies belong together, since PyTorch would broadcast over missing axes.

    Raises:
        ValueError: other shapes than (*batch, n) and (*batch, n, h).
        TypeError: arguments that are not floating-point tensors.
    """
    lead = require.tensor("r_neg", r_neg, "*batch n h", "one row of negative energies per point").shape[:-1]
    if require.tensor("r_pos", r_pos, "*batch n", "one energy per point").shape != lead:
        expected, got = f"have one row for each of {tuple(r_pos.shape)} positives", f"shape {tuple(r_neg.shape)}"
        require.fail("r_neg", expected, got, "its last axis counts the negatives")


def outputs(net: nn.Module, views: Views) -> Tensor:
    """The output of the network for every view."""
    f = require.instance("net", net, nn.Module, "a network maps (..., d) to (..., d_top)")(views.x)
    if not isinstance(f, Tensor) or f.shape[:-1] != views.x.shape[:-1]:
        expected = f"give one vector for each of {tuple(views.x.shape[:-1])} views"
        got = tuple(f.shape) if isinstance(f, Tensor) else type(f).__name__
        require.fail("net", expected, got, "a network maps (..., d) to (..., d_top)")
    return f


def simple_contrastive(
    r_pos: Float[Tensor, "*batch n"], r_neg: Float[Tensor, "*batch n h"]
) -> Float[Tensor, "*batch n"]:
    """Constant pull on the positive and push on the negatives: L = r+ - mean_k r_k-.

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578.

    Raises:
        ValueError: no negatives, shapes that do not belong together.
        TypeError: energies that are not floating-point tensors.

    Example:
        >>> simple_contrastive(torch.tensor([1.0]), torch.tensor([[3.0]]))
        tensor([-2.])
    """
    check_energies(r_pos, r_neg)
    return r_pos - require_negatives(r_neg).mean(-1)


def soft_triplet(
    r_pos: Float[Tensor, "*batch n"],
    r_neg: Float[Tensor, "*batch n h"],
    *,
    temperature: float = 0.1,
    margin: float = 0.0,
) -> Float[Tensor, "*batch n"]:
    """Push a negative until it is ``margin`` farther than the positive: L = mean_k τ log(1 + e^{(r+ - r_k- + r0)/τ}).

    ``temperature`` τ and ``margin`` r0 are in units of the energy r.

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578.

    Raises:
        ValueError: temperature not positive, margin negative, no negatives, shapes that do not belong together.
        TypeError: energies that are not floating-point tensors.

    Example:
        >>> round(soft_triplet(torch.zeros(1), torch.zeros(1, 1), temperature=1.0).item(), 4)  # log 2
        0.6931
    """
    tau = require.single("temperature", temperature, "try 0.1", open_low=True)
    r0 = require.single("margin", margin, "0 is no margin")
    check_energies(r_pos, r_neg)
    return tau * nn.functional.softplus((r_pos.unsqueeze(-1) - require_negatives(r_neg) + r0) / tau).mean(-1)


def info_nce(
    r_pos: Float[Tensor, "*batch n"], r_neg: Float[Tensor, "*batch n h"], *, temperature: float = 0.1
) -> Float[Tensor, "*batch n"]:
    """Classify the positive among the negatives: L = -τ log[ e^{-r+/τ} / (e^{-r+/τ} + Σ_k e^{-r_k-/τ}) ].

    Cross-entropy has no prefactor τ: at τ = 0.1, a learning rate of 0.1 here is 0.01 there.

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578.

    Raises:
        ValueError: temperature not positive, no negatives, shapes that do not belong together.
        TypeError: energies that are not floating-point tensors.

    Example:
        >>> round(info_nce(torch.zeros(1), torch.zeros(1, 3), temperature=1.0).item(), 4)  # log(1 + H)
        1.3863
    """
    tau = require.single("temperature", temperature, "try 0.1", open_low=True)
    check_energies(r_pos, r_neg)
    energies = torch.cat([r_pos.unsqueeze(-1), require_negatives(r_neg)], dim=-1)
    return -tau * nn.functional.log_softmax(energies / -tau, dim=-1)[..., 0]


READS: dict[Callable[..., Tensor], tuple[str, ...]] = {
    simple_contrastive: (),
    info_nce: ("temperature",),
    soft_triplet: ("temperature", "margin"),
}
MENU = dict(zip(("L_simp", "InfoNCE", "soft triplet"), READS, strict=True))


def loss_called(name: str, **settings: float) -> Loss:
    """The loss with this name in a menu, with those of the settings that it has.

    Raises:
        KeyError: another name.

    Example:
        >>> loss_called("InfoNCE", temperature=0.5, margin=1.0).keywords
        {'temperature': 0.5}
    """
    loss = MENU[name]
    own = {key: value for key, value in settings.items() if key in READS[loss]}
    return partial(loss, **own) if own else loss


def contrastive(loss: Loss = info_nce, negatives: int | Literal["batch"] = 1) -> Objective:
    """Make a training objective of a loss: energies between two views, averaged over the batch.

    The positive of point i is its second view; its k-th negative is the second view of point i + k (cyclic), so a
    negative is always a view of an independent point. ``negatives="batch"`` takes all other points.
    The objective returns one number, or one per run where the views carry a ``runs`` axis.

    Raises:
        ValueError: no negatives, more negatives than other points in the batch, or fewer than two views; a batch whose
            pairs would not fit into memory.
        TypeError: a loss that is not a function, negatives that are not a number; the objective: no network, no views.

    Example:
        >>> objective = contrastive(simple_contrastive)
        >>> points = torch.tensor([[[0.0], [0.0]], [[2.0], [2.0]]])
        >>> objective(nn.Identity(), Views(points)).item()
        -2.0
    """
    require.function("loss", loss, "pass the function itself, such as info_nce")
    if not (isinstance(negatives, str) and negatives == "batch"):
        require.integer("negatives", negatives, 1, 'a contrastive loss needs something to push away; try 1 or "batch"')
    return partial(_contrast, loss, negatives)


def _contrast(loss: Loss, negatives: int | Literal["batch"], net: nn.Module, views: Views) -> Tensor:
    """The mean loss over a batch."""
    n, a = require.instance("views", views, Views, "draw them from a world").x.shape[-3:-1]
    h = n - 1 if negatives == "batch" else negatives
    if a < 2 or n <= h or h < 1:
        expected, got = f"hold two views of more than {max(int(h), 1)} points", f"{a} view(s) of {n} point(s)"
        require.fail("views", expected, got, "draw a larger batch or ask for fewer negatives")
    f = outputs(net, views)
    require.room("views", n * (n if negatives == "batch" else h * f.shape[-1]), "draw a smaller batch")
    first, second, *_ = f.unbind(-2)
    start = torch.arange(n, device=f.device)
    partners = (start.unsqueeze(-1) + torch.arange(h + 1, device=f.device)) % n  # column 0: the positive
    if negatives == "batch":  # all pairs: one matrix product, without a copy of the outputs per pair
        centre = second.detach().mean(-2, keepdim=True)  # far from 0 the difference of squares loses digits
        first, second = first - centre, second - centre
        squares = first.square().sum(-1, keepdim=True) + second.square().sum(-1).unsqueeze(-2)
        every = (squares / 2 - first @ second.mT).clamp_min(0)
        energies = every.gather(-1, partners.expand(every.shape))
    else:
        apart = first.unsqueeze(-2) - second.index_select(-2, partners.flatten()).unflatten(-2, partners.shape)
        energies = 0.5 * (apart * apart).sum(-1)
    r_pos, r_neg = energies.split([1, h], -1)
    return loss(r_pos.squeeze(-1), r_neg).mean(-1)
