"""Which patterns of pixels grow: the strongest directions of the bottom layer's operator, read as pictures.

Several small networks are trained side by side, so that every figure comes with its interval over seeds. Networks,
choice of pictures and views use three independent streams of a seed.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ssl_explain.dynamics.training import Training
from ssl_explain.lessons.real_images.experiment import picture_loss
from ssl_explain.lessons.real_images.record import Directions
from ssl_explain.losses.contrastive import contrastive
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.operators.covariance import CovarianceOperator, covariance_operator
from ssl_explain.records import Views, record
from ssl_explain.seeds import generators
from ssl_explain.torch_modes import own_modes
from ssl_explain.worlds.augment import augment
from ssl_explain.worlds.pictures import PictureWorld

HIDDEN, OUTPUTS, SCALE = 24, 8, 0.2  # small, so that an operator takes milliseconds
POINTS, VIEWS, SHOWN = 32, 8, 6


@record
class SideBySide:
    """The same world for several runs at once: each gets pictures of its own, no picture is drawn twice in a step."""

    world: PictureWorld
    runs: int

    def draw(self, n: int, *, views: int, strength: float, generator: torch.Generator) -> Views:
        """Draw n pictures and their views for each run."""
        drawn = self.world.draw(self.runs * n, views=views, strength=strength, generator=generator)
        return Views(drawn.x.unflatten(0, (self.runs, n)))


@own_modes()
def students(
    world: PictureWorld, strength: float, *, runs: int = 10, steps: int = 200, batch: int = 64, seed: int = 1
) -> ReLUNet:
    """Small networks side by side, trained with InfoNCE on normalised outputs; 0 steps: untrained.

    The same seed gives the same untrained networks, whatever the strength.

    Raises:
        ValueError: no runs, more pictures in a step than there are, a negative number of steps or strength.
    """
    g, _, _ = generators(seed, 3)
    net = ReLUNet(
        (world.dimension, HIDDEN, OUTPUTS), generator=g, scale=SCALE, linear_top=True, runs=runs, normalise=True
    )
    objective = contrastive(picture_loss("nce"), negatives="batch")
    run = Training(
        net, SideBySide(world, runs), objective, learning_rate=1.0, generator=g,
        measure=lambda net: net.weights[0].new_zeros(runs), strength=strength, batch=batch, measure_every=max(steps, 1),
    )  # fmt: skip
    run.advance(steps)
    return net


def one_of(net: ReLUNet, run: int, *, normalise: bool = False) -> ReLUNet:
    """One network of several, in double precision, without normalised outputs: the setting of the theory."""
    return with_weights([weight[run] for weight in net.weights], normalise=normalise, linear_top=net.linear_top)


@torch.no_grad()
def with_weights(
    weights: Sequence[Tensor], *, normalise: bool, linear_top: bool = True, runs: int | None = None
) -> ReLUNet:
    """A network in double precision with these weights, or ``runs`` copies of it side by side."""
    widths = (weights[0].shape[-1], *(weight.shape[-2] for weight in weights))
    net = ReLUNet(widths, generator=torch.Generator(), normalise=normalise, linear_top=linear_top, runs=runs).double()
    for mine, theirs in zip(net.weights, weights, strict=True):
        mine.copy_(theirs.expand_as(mine))
    return net


def views_at(
    world: PictureWorld, chosen: Int[Tensor, " n"], strength: float, *, views: int = VIEWS, seed: int = 1
) -> Views:
    """Views of chosen pictures in double precision: a finite world, each view equally likely."""
    _, _, g = generators(seed, 3)
    seen = augment(world.images[chosen].repeat_interleave(views, dim=0), strength, recipe=world.recipe, generator=g)
    return Views(world.as_input(seen).unflatten(0, (len(chosen), views)).double())


def points_of(world: PictureWorld, seed: int, n: int = POINTS) -> Int[Tensor, " n"]:
    """The same n pictures for the same seed."""
    _, g, _ = generators(seed, 3)
    return torch.randperm(len(world), generator=g)[:n]


def bottom_operator(net: ReLUNet, views: Views, layer: int = 1) -> CovarianceOperator:
    """The covariance operator of a layer of a single network without normalised outputs."""
    return covariance_operator(net.forward_pass(views.x), layer)


def as_pictures(
    vectors: Float[Tensor, "d_weights k"], shape: tuple[int, int]
) -> tuple[Float[Tensor, "k h w"], Float[Tensor, " k"]]:
    """The leading picture of each eigenvector, of norm 1, and its share of the eigenvector.

    An eigenvector has a row of pixels for every neuron: a matrix. The picture is its first right singular vector,
    the share its first squared singular value, as the eigenvector has norm 1.

    Example:
        >>> pattern = torch.tensor([[0.6], [0.8]])
        >>> picture, share = as_pictures((torch.tensor([[1.0], [0.0]]) @ pattern.T).reshape(-1, 1), (2, 1))
        >>> [round(x, 3) for x in picture.flatten().tolist()], share.tolist()
        ([0.6, 0.8], [1.0])
    """
    matrices = vectors.mT.unflatten(-1, (-1, shape[0] * shape[1]))
    _, values, right = torch.linalg.svd(matrices, full_matrices=False)
    first = right[:, 0]
    signs = first.gather(1, first.abs().argmax(1, keepdim=True)).sign()  # eigenvectors have no sign: fix one
    return (first * signs).unflatten(-1, shape), values[:, 0] ** 2


def roughness(pictures: Float[Tensor, "*k h w"]) -> Float[Tensor, "*k"]:
    """Squared differences of neighbouring pixels over twice the squared pixels, summed over both directions.

    0 for a constant picture, about 2 for independent pixels.

    Example:
        >>> roughness(torch.ones(1, 8, 8)).item()
        0.0
    """
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).square().sum((-2, -1))
    across = (pictures[..., 1:] - pictures[..., :-1]).square().sum((-2, -1))
    return (down + across) / (2 * pictures.square().sum((-2, -1)))


def overlap(a: Float[Tensor, "d k"], b: Float[Tensor, "d k"]) -> float:
    """The mean squared cosine of the principal angles between two spaces, each given by orthonormal columns.

    1 if they are equal, k / d on average if one of them is random.

    Example:
        >>> overlap(torch.eye(4)[:, :2], torch.eye(4)[:, 1:3])
        0.5
    """
    return float((a.mT @ b).square().sum() / a.shape[1])


def directions(
    net: ReLUNet, views: Views, shape: tuple[int, int], reference: Directions | None = None, *, k: int = SHOWN
) -> Directions:
    """The k strongest directions of OP of the bottom layer as pictures, compared with a ``reference``.

    Raises:
        ValueError: k below 1 or above the number of weights; whatever the operator rejects.
    """
    operator = bottom_operator(net, views)
    values, vectors = operator.eigh(k)
    pictures, share = as_pictures(vectors, shape)
    total = operator.trace()
    return Directions(
        values=values / total,
        pictures=pictures,
        share_of_one=share,
        roughness=roughness(pictures),
        vectors=vectors,
        total=total,
        survives=1.0 if reference is None else total / reference.total,
        overlap=1.0 if reference is None else overlap(reference.vectors, vectors),
    )
