"""Views, directions of the operator and training on real pictures."""

from jaxtyping import Float
from torch import Tensor

from ssl_explain.records import Trace, record


@record
class PictureViews:
    """A few pictures and their views: ``grid[:, 0]`` are the pictures, the rest are views.

    ``kept`` is the share of views that still lie nearest to a picture of their own class: over ``strengths`` with all
    parts switched on, and ``kept_now`` for what is shown.
    """

    grid: Float[Tensor, "picture column h w"]
    names: tuple[str, ...]
    strength: float
    parts: tuple[str, ...]
    strengths: tuple[float, ...]
    kept: Float[Tensor, " strength"]
    kept_now: float


@record
class Directions:
    """The strongest directions of OP of the bottom layer; ``values`` are shares of its trace, which is ``total``.

    An eigenvector has a row of pixels for every neuron; ``pictures[k]`` is the one picture that all these rows come
    closest to being multiples of, and ``share_of_one[k]`` is how much of the eigenvector it carries. ``roughness`` is
    the squared difference of neighbouring pixels over twice the squared pixels. Two figures compare with a reference:
    ``survives`` is the trace in units of the other trace, ``overlap`` the mean squared cosine of the principal angles.
    """

    values: Float[Tensor, " k"]
    pictures: Float[Tensor, "k h w"]
    share_of_one: Float[Tensor, " k"]
    roughness: Float[Tensor, " k"]
    vectors: Float[Tensor, "d_weights k"]
    total: float
    survives: float
    overlap: float


@record
class DirectionsSweep:
    """Directions of one network over strengths; ``shown`` is the index of the strength shown.

    The first one is the reference of all. ``redrawn[i]`` is the overlap with the directions at the same strength
    when all views are drawn again: the effect of chance alone.
    """

    sweep: tuple[Directions, ...]
    strengths: tuple[float, ...]
    redrawn: tuple[float, ...]
    shown: int
    network: str

    @property
    def now(self) -> Directions:
        """The directions at the strength shown."""
        return self.sweep[self.shown]


@record
class PictureTraining:
    """An encoder that learns from pictures; ``trace.values`` hold the probe of its output, the first one untrained.

    ``weights`` are those of a few neurons of the bottom layer, each laid out like a picture; ``raw`` is the same probe
    of the pixels. ``spectra`` holds the shares of the variance of the output along its principal directions,
    untrained and now. ``step`` may be later than that of the last probe; ``before`` is the previous run.
    """

    trace: Trace
    weights: Float[Tensor, "neuron h w"]
    raw: float
    spectra: Float[Tensor, "2 d"]
    step: int
    strength: float
    loss: str
    budget: int
    before: Trace | None = None
