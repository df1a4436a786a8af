"""What a world gives and a network makes of it."""

from dataclasses import field

from jaxtyping import Float, UInt8
from torch import Tensor

from ssl_explain import _require
from ssl_explain._record import record


@record
class Views:
    """Several augmented views of each of ``n`` data points.

    ``latents`` is kept for measuring only: no network and no loss ever sees it.
    A leading ``runs`` axis, where present, holds independent worlds side by side.

    Raises:
        ValueError: x without its three axes.
        TypeError: x that is no floating-point tensor, latents that are no tuple.
    """

    x: Float[Tensor, "*runs n a d"]
    latents: tuple[UInt8[Tensor, "*runs n _"], ...] | None = None

    def __post_init__(self) -> None:
        """Check what every loss relies on."""
        _require.tensor("x", self.x, "*runs n a d", "points, views, inputs: the draw of a world has this shape")
        if self.latents is not None:
            _require.instance("latents", self.latents, tuple, "one tensor per level")


@record
class ForwardPass:
    """What one forward pass leaves behind: everything that backpropagation through it needs.

    ``layer_inputs[l]`` is what layer ``l + 1`` reads, ``gates[l]`` its 0/1 derivative, ``weights[l]`` its matrices;
    a dense layer is the case of a single node. ``output`` is the network's last word.
    """

    layer_inputs: tuple[Float[Tensor, "*batch _node _d_in"], ...]
    gates: tuple[Float[Tensor, "*batch _node _d_out"], ...]
    weights: tuple[Float[Tensor, "*runs _node _d_out _d_in"], ...]
    output: Float[Tensor, "*batch d_top"]


@record
class PairLaw(Views):
    """Every view that a world can show, once, and how often two views of one point come together.

    ``x`` has one row per pattern (its view axis has length one); ``joint[i, j]`` is the probability that the two views
    of a point are patterns i and j. It is symmetric, and its row sums are the probabilities of single views.
    """

    joint: Float[Tensor, "*runs pattern pattern"] = field(kw_only=True)
