"""Two towers on real pictures: learning without negatives, and measures of collapse.

The network and its learning rate are those of the runs with InfoNCE, without the normalisation of the output. The loss
does not depend on that length: what can collapse is the direction.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_explain import require
from ssl_explain.dynamics.training import Training
from ssl_explain.lessons.real_images.experiment import SCALE, PictureSettings, picture_student
from ssl_explain.lessons.real_images.probe import spectrum
from ssl_explain.losses.predictive import PairLoss, cosine, decayed, predictive
from ssl_explain.networks.dual import NO_CENTRING, Centring, DualNet, MakePredictor
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.subspaces import effective_rank
from ssl_explain.torch_modes import own_modes
from ssl_explain.worlds.pictures import PictureWorld


def open_student(world: PictureWorld, *, generator: torch.Generator, scale: float = SCALE) -> ReLUNet:
    """The network with one hidden layer, without normalised outputs, for the pictures of a world.

    Example:
        >>> from ssl_explain.worlds.pictures import digits
        >>> net = open_student(digits(), generator=torch.Generator().manual_seed(0))
        >>> net.normalise, [tuple(w.shape) for w in net.weights]
        (False, [(1, 256, 64), (1, 64, 256)])
    """
    return picture_student(world, generator=generator, scale=scale, normalise=False)  # type: ignore[return-value]


@own_modes()
def dual_run(
    world: PictureWorld,
    *,
    predictor: MakePredictor | None = None,
    centring: Centring = NO_CENTRING,
    momentum: float | None = None,
    reinitialise_every: int = 0,
    decay: float = 0.0,
    loss: PairLoss = cosine,
    scale: float = SCALE,
    **settings: Any,
) -> Training:
    """A run of two towers that has not started; each view predicts the other. ``settings``: :class:`PictureSettings`.

    After each step the target follows; after every ``reinitialise_every`` steps (0: never) the predictor is drawn
    again. Network, predictor and all draws come from one seed, in this order: the same seed gives the same untrained
    network whatever else is chosen, and a run that is cut into pieces ends with the same bits.

    Raises:
        ValueError: whatever world, towers or training reject; a batch larger than the set of pictures.
        ImportError: a strength above 0 without kornia (when a step is taken).

    Example:
        >>> from ssl_explain.networks.dual import linear_predictor
        >>> from ssl_explain.worlds.pictures import digits
        >>> run = dual_run(digits(), predictor=linear_predictor(64), centring=Centring(), momentum=0.99, strength=0.0)
        >>> run.advance(3)
        >>> run.step, run.net(digits().inputs()).shape
        (3, torch.Size([1197, 64]))
    """
    require.integer("reinitialise_every", reinitialise_every, 0, "0 never draws the predictor anew")
    own = PictureSettings(**settings)
    generator = own.generator()
    student = open_student(world, generator=generator, scale=scale)
    net = DualNet(student, predictor, generator=generator, centring=centring, momentum=momentum)

    def after_step(step: int) -> None:
        net.follow()
        if reinitialise_every and step % reinitialise_every == 0:
            net.redraw_predictor(generator)

    objective = decayed(predictive(loss, symmetric=True), decay)
    return own.training(net, world, objective, generator, after_step=after_step)


def between_share(f: Float[Tensor, "n 2 d"]) -> float:
    """The share of a network's output that varies between points: V_x[f̄] / E‖f‖², 0 for a constant output.

    V_x[f̄] is estimated from two views of every point, E⟨f(x_1) - m_1, f(x_2) - m_2⟩: independent parts of the two
    views cancel, so a share of 0 may come out a little below 0. Outputs of 0 have the share 0.

    Example:
        >>> between_share(torch.tensor([[[1.0, 1.0], [1.0, 1.0]], [[-1.0, 1.0], [-1.0, 1.0]]]))
        0.5
    """
    f = require.finite("f", f).double()
    moment = f.square().sum(-1).mean()
    centred = f - f.mean(0)
    return float((centred[:, 0] * centred[:, 1]).sum(-1).mean() / moment) if moment > 0 else 0.0


def filled_directions(f: Float[Tensor, "*n d"]) -> float:
    """The effective rank of the :func:`spectrum` of outputs, and 0 if all are equal."""
    flat = require.finite("f", f).double().flatten(0, -2)
    return float(effective_rank(spectrum(flat))) if bool((flat != flat[0]).any()) else 0.0


@torch.no_grad()
def forget_if_broken(run: Training, tower: nn.Module) -> None:
    """Set the weights to 0 if the run has stopped, or if they are not finite."""
    if run.stopped or not all(weight.isfinite().all() for weight in tower.parameters()):
        for weight in tower.parameters():
            weight.zero_()
