"""How good is a prediction that freezes the pair weights? True and predicted update on a finite world."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ssl_explain import require
from ssl_explain.dynamics.flow import flow
from ssl_explain.lessons.losses_reweigh_pairs.record import Residue
from ssl_explain.losses.contrastive import Loss
from ssl_explain.losses.weights import pull_and_push
from ssl_explain.networks.layers import LayeredReLU
from ssl_explain.operators.connection import connection
from ssl_explain.records import ForwardPass, Trace, Views
from ssl_explain.torch_modes import own_modes

Sets = Int[Tensor, "sets h"]


def negative_sets(n: int, a: int, negatives: int = 1, *, generator: torch.Generator | None = None) -> Sets:
    """Sets of negatives among the n·a views of a finite world; view (i, c) has the number i·a + c.

    One negative: every view once, so that a mean over sets is the exact expectation. More: n·a drawn sets, in which
    every view still is the k-th negative exactly once.

    Raises:
        ValueError: no negatives, or several without a generator to draw them.

    Example:
        >>> negative_sets(2, 2).flatten().tolist()
        [0, 1, 2, 3]
    """
    require.integer("negatives", negatives, 1, "a contrastive loss needs something to push away")
    if negatives == 1:
        return torch.arange(n * a).unsqueeze(-1)
    if generator is None:
        raise ValueError("`generator` must be given for several negatives, got None; their sets are drawn.")
    return torch.stack([torch.randperm(n * a, generator=generator) for _ in range(negatives)], dim=-1)


def _energies(f: Float[Tensor, "*runs m d"]) -> Float[Tensor, "*runs m m"]:
    return 0.5 * (f.unsqueeze(-2) - f.unsqueeze(-3)).square().sum(-1)


def expected_loss(f: Float[Tensor, "*runs n a d"], loss: Loss, sets: Sets) -> Float[Tensor, "*runs"]:
    """E L of outputs f: over points, both views and the sets of negatives (the same view or point may come again)."""
    n, a = f.shape[-3:-1]
    r = _energies(f.flatten(-3, -2)).unflatten(-2, (n, a))  # (*runs, n, a, n·a)
    own = torch.arange(n * a).view(n, a)
    positive = r.gather(-1, own.unsqueeze(1).expand(*r.shape[:-1], a))
    shape = (*positive.shape, len(sets))  # (*runs, n, a, a, sets)
    negative = r[..., sets].unsqueeze(-3).expand(*shape, sets.shape[-1])
    return loss(positive.unsqueeze(-1).expand(shape), negative).flatten(-4).mean(-1)


def frozen_weights(f: Float[Tensor, "*runs n a d"], loss: Loss, sets: Sets) -> Float[Tensor, "*runs n n"]:
    """ξ(x, x'): how hard the anchor x pushes x' away, at mean outputs and r+ = 0.

    With one negative this is ``pair_weights``. With more, the negatives of an anchor compete, and ξ is not
    symmetric.
    """
    n, a = f.shape[-3:-1]
    r = _energies(f.detach().mean(-2)).flatten(0, -2)[..., sets // a]  # (runs·n, sets, h)
    _, push = pull_and_push(loss, torch.zeros_like(r[..., 0]).flatten(), r.flatten(0, -2))
    weights = torch.zeros(len(r), n, dtype=f.dtype)
    weights.index_add_(1, (sets // a).flatten(), -push.reshape(len(r), -1))
    return (weights * n / len(sets)).view(*f.shape[:-3], n, n)


def frozen_loss(f: Float[Tensor, "*runs n a d"], weights: Float[Tensor, "*runs n n"]) -> Float[Tensor, "*runs"]:
    """E[ξ(x, x')·(r+ - r-)] with ξ frozen: its descent direction is the prediction.

    Averaged over views r+ - r- = -½‖f̄(x) - f̄(x')‖² + ½(v(x) - v(x')), v the spread of a point; the second part
    cancels where ξ is symmetric.
    """
    spread = (f - f.mean(-2, keepdim=True)).square().sum(-1).mean(-1)
    unbalanced = 0.5 * (spread.unsqueeze(-1) - spread.unsqueeze(-2))
    return (weights * (unbalanced - _energies(f.mean(-2)))).flatten(-2).mean(-1)


@own_modes()
def measure_residue(net: LayeredReLU, views: Views, loss: Loss, sets: Sets, layer: int = 1) -> Residue:
    """True update of a layer (autograd on the expected loss, both towers) and the one predicted with ξ frozen.

    Networks side by side (``runs``) each get a result of their own. On normalised
    outputs the prediction is the same frozen loss.

    Source: Tian, Yu, Chen, Ganguli (2020), arXiv 2010.00578.
    """
    f, weight = net(views.x), net.weights[layer - 1]
    xi = frozen_weights(f, loss, sets)
    (true,) = torch.autograd.grad(-expected_loss(f, loss, sets).sum(), weight, retain_graph=True)
    (predicted,) = torch.autograd.grad(-frozen_loss(f, xi).sum(), weight)
    true, predicted, f = true.flatten(-3), predicted.flatten(-3), f.detach()
    spread = (f - f.mean(-2, keepdim=True)).square().sum(-1).flatten(-2).mean(-1)
    tiny = torch.finfo(true.dtype).tiny
    cosine = (true * predicted).sum(-1) / (true.norm(dim=-1) * predicted.norm(dim=-1)).clamp_min(tiny)
    error = (true - predicted).norm(dim=-1) / true.norm(dim=-1).clamp_min(tiny)
    return Residue(xi, true, predicted, spread, cosine, error)


def frozen_operator(forward: ForwardPass, layer: int, weights: Float[Tensor, "n n"]) -> Float[Tensor, "d d"]:
    """The operator behind the frozen loss: E[ξ ((K̄ - K̄')(K̄ - K̄')ᵀ + V_{·|x'}[K] - V_{·|x}[K])], dense, any ξ.

    Positive semi-definite where ξ is symmetric, since then the two variances cancel.
    """
    k = connection(forward, layer).detach().flatten(-3, -2)  # (n, a, D, d_top)
    n, a = k.shape[:2]
    means = k.mean(1)
    within = torch.einsum("nadt,naet->nde", k - means.unsqueeze(1), k - means.unsqueeze(1)) / a
    both = (weights + weights.mT) / 2
    laplacian = 2 * (torch.diag(both.sum(1)) - both)
    means = means - means.mean(0)
    between = torch.einsum("ndt,nm,met->de", means, laplacian, means)
    return (between + torch.einsum("n,nde->de", weights.sum(0) - weights.sum(1), within)) / n**2


def residue_over_training(
    net: LayeredReLU,
    views: Views,
    loss: Loss,
    *,
    steps: int,
    step_size: float,
    measure_every: int = 10,
    watch: Callable[[LayeredReLU], None] | None = None,
) -> Trace:
    """Train on the expected loss with one negative; measure layer 1.

    ``values`` hold the spread, the between-point variance, cosine, relative error and size of the true update.

    ``watch`` is called with the network at every measurement.
    """
    sets = negative_sets(*views.x.shape[-3:-1])

    def measure(net: LayeredReLU) -> Tensor:
        if watch is not None:
            watch(net)
        residue, f = measure_residue(net, views, loss, sets), net(views.x).detach()
        between = f.var((-3, -2), correction=0).sum(-1) - residue.spread
        size = residue.true.norm(dim=-1)
        return torch.stack([residue.spread, between, residue.cosine, residue.error, size], dim=-1)

    def total(net: LayeredReLU, views: Views) -> Tensor:
        return expected_loss(net(views.x), loss, sets).sum()

    return flow(
        net, views, steps=steps, step_size=step_size, measure=measure, loss=total, measure_every=measure_every
    )  # fmt: skip
