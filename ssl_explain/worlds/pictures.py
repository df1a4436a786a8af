"""Real pictures, and the handwritten digits that come with scikit-learn."""

from dataclasses import replace
from functools import lru_cache

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ssl_explain import require
from ssl_explain.records import Views, record
from ssl_explain.torch_modes import own_modes
from ssl_explain.worlds.augment import EVERYTHING, Recipe, chances, change, check_strength

DIGITS_TO_TRAIN = 1197  # the other 600 are for testing


@record
class PictureWorld:
    """A set of pictures; a view is a picture after an augmentation of strength q ≥ 0.

    ``images`` lie in [0, 1]. A network reads every view flattened, its pixels standardised to mean 0 and variance 1
    (``standardise``): a network without biases cannot subtract brightness, which is most of what raw pixels share (the
    cosine of two digits is .69 before and .49 after). Each picture is standardised alone, so nothing leaks from a test
    set, and all pictures have the same weight in the covariance operator.
    ``labels`` are for measuring: no network and no loss reads them.

    Raises:
        ValueError: images of another form or range, fewer than two of them, labels of another number.
        TypeError: images that are not floating-point, labels that are not uint8 tensors, another kind of recipe.

    Example:
        >>> world = PictureWorld(torch.rand(9, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
        >>> world.draw(5, views=2, strength=0.0, generator=torch.Generator().manual_seed(0)).x.shape
        torch.Size([5, 2, 64])
    """

    images: Float[Tensor, "picture c h w"]
    labels: UInt8[Tensor, " picture"] | None = None
    names: tuple[str, ...] = ()
    recipe: Recipe = EVERYTHING
    standardise: bool = True

    def __post_init__(self) -> None:
        """Check images, labels and recipe."""
        require.tensor("images", self.images, "*picture c h w", "divide whole numbers by the largest value")
        require.instance("recipe", self.recipe, Recipe, "such as Recipe(erase=False)")
        shape = tuple(self.images.shape)
        if len(shape) != 4 or shape[0] < 2 or shape[1] not in (1, 3) or min(shape[2:]) < 4:
            expected = "have shape (pictures, 1 or 3 channels, height, width)"
            require.fail("images", expected, shape, "at least two pictures of at least 4 × 4 pixels")
        low, high = require.finite("images", self.images).aminmax()
        inside = bool(low >= 0 and high <= 1)
        require.that(inside, "images", "lie in [0, 1]", f"{low:g} to {high:g}", "divide by the largest value")
        if self.labels is None:
            return
        if getattr(self.labels, "dtype", None) != torch.uint8:
            remedy = "convert with .to(torch.uint8)"
            require.fail("labels", "be a uint8 tensor", f"{self.labels!r:.80}", remedy, TypeError)
        one_each, expected = self.labels.shape == shape[:1], f"hold one label for each of {len(self)} images"
        got, remedy = f"shape {tuple(self.labels.shape)}", "leave them out if nothing is measured"
        require.that(one_each, "labels", expected, got, remedy)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one picture."""
        c, h, w = self.images.shape[1:]
        return c, h, w

    @property
    def dimension(self) -> int:
        """Number of pixels times channels: the input dimension of a network."""
        return self.images[0].numel()

    def to(self, device: torch.device | str) -> "PictureWorld":
        """The same world with its pictures on another device."""
        labels = None if self.labels is None else self.labels.to(device)
        return replace(self, images=self.images.to(device), labels=labels)

    def as_input(self, images: Float[Tensor, "*batch c h w"]) -> Float[Tensor, "*batch d"]:
        """Pictures as a network reads them; a constant picture becomes zero.

        Raises:
            ValueError: pictures without their three axes.
            TypeError: pictures that are not floating-point tensors.
        """
        require.tensor("images", images, "*batch c h w", "one picture has channels, height and width")
        x = images.flatten(-3)
        if not self.standardise:
            return x
        x = x - x.mean(-1, keepdim=True)
        return x / x.square().mean(-1, keepdim=True).sqrt().clamp_min(0.01)

    def inputs(self) -> Float[Tensor, "picture d"]:
        """All pictures, not augmented, as a network reads them."""
        return self.as_input(self.images)

    def draw(self, n: int, *, views: int = 2, strength: float, generator: torch.Generator) -> Views:
        """Draw ``n`` different pictures and ``views`` views of each; ``latents[0]`` holds their labels, if any.

        Raises:
            ValueError: n below 2 or above the number of pictures, views below 1, more views than there is room for, a
                strength below 0, or NaN.
            TypeError: n, views or strength that are not numbers, no generator.
            ImportError: a strength above 0 without kornia.
        """
        remedy = "a batch of one has no other picture to differ from, and no picture is drawn twice"
        require.integer("n", n, 2, remedy, high=len(self))
        require.draw(n, views, self.dimension, generator)
        check_strength(strength)
        chosen = torch.randperm(len(self), generator=generator, device=generator.device)[:n].to(self.images.device)
        originals = self.images[chosen].to(generator.device).repeat_interleave(views, dim=0)
        seen = change(originals, chances(len(originals), generator=generator), strength, self.recipe)
        x = self.as_input(seen).unflatten(0, (n, views))
        return Views(x, None if self.labels is None else (self.labels[chosen].to(x.device).unsqueeze(-1),))


def digits(split: str = "train", *, recipe: Recipe = EVERYTHING) -> PictureWorld:
    """Handwritten digits of 8 × 8 grey pixels: the first 1,197 to train, the other 600 to test.

    They test the theory, but not learning: the nearest neighbour in raw pixels is of the same class for .97 of the test
    pictures. The split keeps scikit-learn's order; with a random split that share is .99.

    Raises:
        ValueError: another split.
        TypeError: another kind of recipe.

    Example:
        >>> len(digits("train")), digits("test").images.shape
        (1197, torch.Size([600, 1, 8, 8]))
    """
    images, labels = _digits()
    halves = {"train": slice(None, DIGITS_TO_TRAIN), "test": slice(DIGITS_TO_TRAIN, None)}
    known = isinstance(split, str) and split in halves
    require.that(known, "split", "be one of train, test", repr(split), "there is no other split")
    names = tuple(str(digit) for digit in range(10))
    return PictureWorld(images[halves[split]].clone(), labels[halves[split]].clone(), names, recipe)


@lru_cache(maxsize=1)
@own_modes()
def _digits() -> tuple[Float[Tensor, "picture 1 8 8"], UInt8[Tensor, " picture"]]:
    """Images and labels of all 1,797 digits, read once."""
    from sklearn.datasets import load_digits  # it takes a second to import

    pixels, labels = load_digits(return_X_y=True)
    images = torch.from_numpy(pixels).float().div_(16).view(-1, 1, 8, 8)
    return images, torch.from_numpy(labels).to(torch.uint8)
