"""Real pictures, and the handwritten digits that come with scikit-learn."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ssl_explain import require
from ssl_explain.modes import own_modes
from ssl_explain.records import Views, record
from ssl_explain.worlds.augment import EVERYTHING, Recipe, chances, change, check_strength

DIGITS_TO_TRAIN = 1197  # the other 600 are for testing


@record
class PictureWorld:
    """A set of pictures; a view of one is what an augmentation of strength s ≥ 0 makes of it.

    ``images`` lie in [0, 1]. A network reads every view flattened, its pixels brought to mean 0 and variance 1
    (``standardise``). The reason: a network without biases cannot subtract brightness, and brightness is most of what
    raw pixels share (two digits have a cosine of .69, after this of .49). It needs the one picture only, so nothing of
    a test set leaks, and every picture weighs the same in the covariance operator.
    ``labels`` are for measuring: no network and no loss ever sees them.

    Raises:
        ValueError: images of another form or range, fewer than two of them, labels of another number.
        TypeError: images that are no floating-point tensor, labels that are no uint8 tensor, another kind of recipe.

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
        """Check the form of what was read."""
        require.tensor("images", self.images, "*picture c h w", "divide whole numbers by the largest value")
        require.instance("recipe", self.recipe, Recipe, "such as Recipe(erase=False)")
        shape = tuple(self.images.shape)
        if len(shape) != 4 or shape[0] < 2 or shape[1] not in (1, 3) or min(shape[2:]) < 4:
            raise ValueError(
                f"`images` must have shape (pictures, 1 or 3 channels, height, width), got {shape}; "
                "at least two pictures of at least 4 × 4 pixels."
            )
        require.finite("images", self.images)
        low, high = self.images.aminmax()
        if low < 0 or high > 1:
            raise ValueError(f"`images` must lie in [0, 1], got {low:g} to {high:g}; divide by the largest value.")
        if self.labels is not None and getattr(self.labels, "dtype", None) != torch.uint8:
            raise TypeError(f"`labels` must be a uint8 tensor, got {self.labels!r:.80}; convert with .to(torch.uint8).")
        if self.labels is not None and self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"`labels` must hold one label for each of {len(self)} images, got shape {tuple(self.labels.shape)}; "
                "leave them out if nothing is measured."
            )

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
        """Pictures as a network reads them; an even one, without anything to see, becomes zero.

        Raises:
            ValueError: pictures without their three axes.
            TypeError: pictures that are no floating-point tensor.
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
            TypeError: n, views or strength that are no numbers, no generator.
            ImportError: a strength above 0 without kornia.
        """
        remedy = "a batch of one has no other picture to differ from"
        require.integer("n", n, 2, f"{remedy}, and no picture is drawn twice", high=len(self))
        require.integer("views", views, 1, "ask for at least one view")
        check_strength(strength)
        require.generator(generator)
        require.room("views", n * views * self.dimension, "draw fewer at a time")
        chosen = torch.randperm(len(self), generator=generator, device=generator.device)[:n].to(self.images.device)
        originals = self.images[chosen].to(generator.device).repeat_interleave(views, dim=0)
        seen = change(originals, chances(len(originals), generator=generator), strength, self.recipe)
        x = self.as_input(seen).unflatten(0, (n, views))
        return Views(x, None if self.labels is None else (self.labels[chosen].to(x.device).unsqueeze(-1),))

    def views_of(
        self, indices: Sequence[int], strengths: Sequence[float], *, generator: torch.Generator
    ) -> Float[Tensor, "picture strength c h w"]:
        """A grid to look at: one row per picture, one column per strength; along a row one change goes further.

        Raises:
            ValueError: an index without a picture, a strength below 0, or NaN; an empty grid, or one too large to hold.
            TypeError: indices or strengths that are no sequences of numbers, no generator.
            ImportError: a strength above 0 without kornia.
        """
        for name, given in (("indices", indices), ("strengths", strengths)):
            if not isinstance(given, Sequence) or isinstance(given, str):
                raise TypeError(f"`{name}` must be a sequence of numbers, got {given!r:.80}; try a list.")
        if not len(indices) or not len(strengths):
            raise ValueError(
                f"`indices` and `strengths` must not be empty, got {indices} and {strengths}; "
                "ask for at least one view."
            )
        require.generator(generator)
        require.room("indices", len(indices) * len(strengths) * self.dimension, "ask for a smaller grid")
        for index in indices:
            require.integer("indices", index, 0, "count the pictures from 0", high=len(self) - 1)
        for strength in strengths:
            check_strength(strength)
        decided = chances(len(indices), generator=generator)
        originals = self.images[list(indices)].to(generator.device)
        return torch.stack([change(originals, decided, strength, self.recipe) for strength in strengths], dim=1)


def digits(split: str = "train", *, recipe: Recipe = EVERYTHING) -> PictureWorld:
    """Handwritten digits of 8 × 8 grey pixels: the first 1,197 to train, the other 600 to test.

    They test a theory and are useless as a test of learning: the nearest neighbour in raw pixels is of the same class
    for .97 of the test pictures. The split keeps scikit-learn's order; a random one makes it .99.

    Raises:
        ValueError: another split.
        TypeError: another kind of recipe.

    Example:
        >>> len(digits("train")), digits("test").images.shape
        (1197, torch.Size([600, 1, 8, 8]))
    """
    images, labels = _digits()
    halves = {"train": slice(None, DIGITS_TO_TRAIN), "test": slice(DIGITS_TO_TRAIN, None)}
    if not isinstance(split, str) or split not in halves:
        raise ValueError(f"`split` must be one of train, test, got {split!r}; there is no third one.")
    names = tuple(str(digit) for digit in range(10))
    return PictureWorld(images[halves[split]].clone(), labels[halves[split]].clone(), names, recipe)


@lru_cache(maxsize=1)
@own_modes()
def _digits() -> tuple[Float[Tensor, "picture 1 8 8"], UInt8[Tensor, " picture"]]:
    """The 1,797 digits, read once."""
    from sklearn.datasets import load_digits  # takes a second to import: only who wants digits waits for it

    pixels, labels = load_digits(return_X_y=True)
    images = torch.from_numpy(pixels).float().div_(16).view(-1, 1, 8, 8)
    return images, torch.from_numpy(labels).to(torch.uint8)
