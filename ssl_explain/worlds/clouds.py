"""Gaussian points with Gaussian clouds of views: the smallest world with variance between and within points."""

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require
from ssl_explain.records import Views, record


@record
class Clouds:
    """Gaussian points x ~ N(0, diag(between²)), each with a Gaussian cloud of views x' ~ N(x, q²·diag(within²)).

    The strength q of the augmentation scales the clouds: at q = 0 all views of a point are equal.

    Raises:
        ValueError: standard deviations that are negative, not finite, or of unequal length.
        TypeError: standard deviations that are not floating-point tensors.

    Example:
        >>> world = Clouds(between=torch.tensor([2.0, 1.0]), within=torch.tensor([0.0, 1.0]))
        >>> world.draw(5, views=3, strength=1.0, generator=torch.Generator().manual_seed(0)).x.shape
        torch.Size([5, 3, 2])
    """

    between: Float[Tensor, " d"]
    within: Float[Tensor, " d"]

    def __post_init__(self) -> None:
        """Check that both hold standard deviations of the same directions."""
        for name, value in (("between", self.between), ("within", self.within)):
            require.finite(name, require.tensor(name, value, "d", "one standard deviation per direction"))
            if (value < 0).any():
                require.fail(name, "hold one standard deviation ≥ 0 per direction", value.tolist(), "0 is no variance")
        same, expected = self.between.shape == self.within.shape, f"have {self.dimension} directions"
        require.that(same, "within", expected, len(self.within), "list the same directions in both")

    @property
    def dimension(self) -> int:
        """Number of directions: the input dimension of a network."""
        return len(self.between)

    def draw(self, n: int, *, views: int = 2, strength: float = 1.0, generator: torch.Generator) -> Views:
        """Draw ``n`` points and ``views`` views of each.

        Raises:
            ValueError: n or views below 1, more than there is room for, strength outside [0, 1].
            TypeError: n, views or strength that are not numbers, no generator.
        """
        require.draw(n, views, self.dimension, generator)
        q = require.number("strength", strength, 0, 1, "0 is no augmentation, 1 the whole cloud")
        one, many, dtype = (n, 1, self.dimension), (n, views, self.dimension), self.between.dtype
        points = torch.randn(one, generator=generator, device=generator.device, dtype=dtype) * self.between
        clouds = torch.randn(many, generator=generator, device=generator.device, dtype=self.within.dtype) * self.within
        return Views(points + q * clouds)
