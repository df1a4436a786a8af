"""The directions explorer: the patterns of pixels that grow, and how the augmentation changes them."""

import functools
from dataclasses import dataclass, replace

from ssl_explain.kit.controls import with_progress
from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice
from ssl_explain.lessons.real_images.directions import directions, one_of, overlap, points_of, students, views_at
from ssl_explain.lessons.real_images.picture import DirectionsPicture
from ssl_explain.lessons.real_images.record import DirectionsSweep
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.worlds.pictures import digits

STRENGTHS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 6.0)
TRAINED = {"untrained": 0.0, "trained, q = 0": 0.0, "trained, q = 0.5": 0.5}


@dataclass(frozen=True)
class DirectionsState(State):
    """Every setting of the directions explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    strength: float = choice(
        0.5, STRENGTHS, label="strength q", tip="of the views that the operator averages over; 0: views are pictures"
    )
    network: str = choice(
        "untrained", tuple(TRAINED), label="network", tip="200 steps of InfoNCE; s is the strength it was trained with"
    )


@functools.cache
def student(network: str) -> ReLUNet:
    """Ten encoders side by side, trained as the name says."""
    return students(digits(), TRAINED[network], steps=0 if network == "untrained" else 200)


def sweep_of(network: str, run: int = 0, strengths: tuple[float, ...] = STRENGTHS) -> DirectionsSweep:
    """Directions over all strengths; views of a strength above 0 are drawn twice, to measure the effect of chance."""
    world = digits()
    net, chosen = one_of(student(network), run), points_of(world, run + 1)
    first = directions(net, views_at(world, chosen, 0.0, views=1), world.shape[1:])
    found, redrawn = [first], [1.0]
    for strength in strengths[1:]:
        here, again = (
            directions(net, views_at(world, chosen, strength, seed=k), world.shape[1:], first) for k in (1, 2)
        )
        found.append(here)
        redrawn.append(overlap(here.vectors, again.vectors))
    return DirectionsSweep(tuple(found), strengths, tuple(redrawn), 0, network)


@functools.cache
def all_sweeps() -> dict[str, DirectionsSweep]:
    """The sweeps of all networks: a few seconds when the first explorer is made, no wait later."""
    return {network: sweep_of(network) for network in with_progress(TRAINED, "training students")}


class DirectionsExplorer(Explorer[DirectionsState]):
    """The six strongest eigenvectors of OP as pictures, at strength 0 and at the one chosen.

    Example:
        >>> directions_explorer(DirectionsState(strength=0.0)).record.now.overlap
        1.0
    """

    picture = DirectionsPicture
    main_controls = ("strength", "network")
    presets = {"no augmentation": {"strength": 0.0}, "mild": {"strength": 0.5}, "violent": {"strength": 4.0}}

    def compute(self, state: DirectionsState) -> DirectionsSweep:
        """Look it up."""
        return replace(all_sweeps()[state.network], shown=STRENGTHS.index(state.strength))


directions_explorer = factory(
    DirectionsExplorer,
    "Watch the strongest directions of the operator turn from strokes to blobs as augmentation grows.",
)
