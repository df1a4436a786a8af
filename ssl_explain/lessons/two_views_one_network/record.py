"""A loss over the energies, and outputs during training."""

from jaxtyping import Float
from torch import Tensor

from ssl_explain.records import Trace, record


@record
class CloudRun:
    """Views in the plane and a network's outputs for them: ``trace.values[i]`` holds the outputs after ``steps[i]``.

    ``between`` and ``within`` are the variances of the outputs between and within points; ``step`` is the one shown.
    """

    name: str
    inputs: Float[Tensor, "n a 2"]
    trace: Trace
    between: Float[Tensor, " t"]
    within: Float[Tensor, " t"]
    step: int


@record
class Landscape:
    """A loss over the plane of energies, and its partial derivatives at one point.

    ``surface[i, j]`` is the loss where the nearest r- is ``grid[i]`` and r+ is ``grid[j]``. ``energies`` holds r+, then
    every r_k-; ``slopes`` the partial derivatives in the same order. ``along`` is the loss where r+ alone moves over
    the grid, then where all negatives move together. ``reach`` is the largest energy that outputs can have.
    """

    name: str
    grid: Float[Tensor, " g"]
    surface: Float[Tensor, "g g"]
    along: Float[Tensor, "2 g"]
    energies: Float[Tensor, " k"]
    slopes: Float[Tensor, " k"]
    value: float
    reach: float = float("inf")
