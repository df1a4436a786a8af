"""Views of pictures: turned, cropped, recoloured, blurred and partly erased, all by one strength."""

from dataclasses import dataclass, fields
from math import ceil, inf, pi
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require

CHANCES = {"affine": 5, "crop": 3, "colour": 4, "blur": 1, "erase": 4}  # uniform numbers behind each part of a view


@dataclass(frozen=True)
class Recipe:
    """Which parts of an augmentation are switched on: all, unless said otherwise.

    ``colour`` does nothing to pictures of one channel.

    Raises:
        TypeError: anything but True and False, such as a strength.

    Example:
        >>> Recipe(erase=False, colour=False).parts
        ('affine', 'crop', 'blur')
    """

    affine: bool = True
    crop: bool = True
    erase: bool = True
    blur: bool = True
    colour: bool = True

    def __post_init__(self) -> None:
        """A strength belongs to the draw of a view, not here."""
        require.flags(**vars(self))

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of what is switched on."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name))


EVERYTHING = Recipe()


@dataclass(frozen=True)
class Reach:
    """How far each change may go at one strength: in proportion to it, until it can go no further.

    ``angle``, ``shear`` and ``hue`` are in radians, ``shift`` and ``hole`` shares of a side, ``blur`` in pixels;
    ``zoom``, ``window``, ``contrast`` and ``saturation`` are logarithms of factors.

    What is left of a digit, by nearest neighbour among pictures that are not augmented: .96 of the views are put into
    the right class at strength 0, .93 at 0.5, .79 at 1, .40 at 2, .14 at 4, and from 5 on .13, little above the .10 of
    chance.
    """

    angle: float
    shear: float
    zoom: float
    shift: float
    window: float
    hole: float
    blur: float
    brightness: float
    contrast: float
    saturation: float
    hue: float

    @classmethod
    def at(cls, strength: float, side: int) -> "Reach":
        """The reach of a strength on pictures whose shorter side has ``side`` pixels.

        Raises:
            ValueError: a strength that is negative, infinite or NaN.

        Example:
            >>> Reach.at(0.5, side=8).shift, Reach.at(100, side=8).shift
            (0.03, 0.5)
        """
        s = check_strength(strength)
        return cls(
            angle=min(pi / 12 * s, pi),
            shear=min(pi / 24 * s, pi / 4),
            zoom=min(0.1 * s, 0.7),
            shift=min(0.06 * s, 0.5),
            window=min(0.2 * s, 1.4),
            hole=min(0.25 * s, 1.0),
            blur=min(0.025 * s, 0.25) * side,
            brightness=min(0.1 * s, 0.8),
            contrast=min(0.25 * s, 2.0),
            saturation=min(0.4 * s, 3.0),
            hue=min(pi / 10 * s, pi),
        )


def check_strength(strength: float) -> float:
    """Return a strength that is a finite number ≥ 0.

    Raises:
        ValueError: a strength that is negative, infinite or NaN.
    """
    remedy = "0 gives back the picture, 0.5 is mild, at 5 the shape of a digit is lost"
    return require.number("strength", strength, 0, inf, remedy)


def chances(n: int, *, generator: torch.Generator) -> Float[Tensor, "n chance"]:
    """All that chance decides about ``n`` views, uniform in [0, 1): the same for every strength and recipe."""
    return torch.rand(n, sum(CHANCES.values()), generator=generator, device=generator.device, dtype=torch.float32)


def augment(
    pictures: Float[Tensor, "n c h w"],
    strength: float,
    *,
    recipe: Recipe = EVERYTHING,
    generator: torch.Generator,
) -> Float[Tensor, "n c h w"]:
    """One view of each picture: strength 0 gives it back bit for bit, and the larger it is, the less is left.

    Raises:
        ValueError: a strength that is negative, infinite or NaN.
        ImportError: kornia is not installed.

    Example:
        >>> g = torch.Generator().manual_seed(0)
        >>> augment(torch.rand(5, 1, 8, 8, generator=g), 1.0, generator=g).shape
        torch.Size([5, 1, 8, 8])
    """
    check_strength(strength)  # before anything is drawn
    return change(pictures, chances(len(pictures), generator=generator), strength, recipe)


def change(
    pictures: Float[Tensor, "n c h w"], decided: Float[Tensor, "n chance"], strength: float, recipe: Recipe
) -> Float[Tensor, "n c h w"]:
    """The views that these chances decide: at a larger strength the same chances go further the same way.

    Raises:
        ValueError: a strength that is negative, infinite or NaN.
        ImportError: kornia is not installed.
    """
    reach = Reach.at(strength, min(pictures.shape[-2:]))
    if strength == 0 or not recipe.parts:
        return pictures
    u = dict(zip(CHANCES, decided.to(pictures.dtype).split(list(CHANCES.values()), dim=1), strict=True))
    views = pictures
    if recipe.affine or recipe.crop:
        views = _move(views, u["affine"] if recipe.affine else None, u["crop"] if recipe.crop else None, reach)
    if recipe.colour and views.shape[1] == 3:
        views = _recolour(views, u["colour"], reach)
    if recipe.blur:
        views = _blur(views, u["blur"], reach)
    if recipe.erase:
        views = _erase(views, u["erase"], reach)
    return views.clamp(0, 1)  # sums of weights may round to a little more than 1


def _kornia() -> Any:
    """The library of picture transforms, imported when a view is made and not before: it takes a second."""
    try:
        import kornia
    except ImportError as error:
        raise ImportError(
            "`strength` above 0 needs kornia, which is not installed; run in the checkout: "
            "pip install -e '.[images]' -c constraints.txt."
        ) from error
    return kornia


def _move(x: Tensor, affine: Tensor | None, crop: Tensor | None, reach: Reach) -> Tensor:
    """Turn, shear, zoom and shift, then show a window of the outcome: one matrix, applied once; outside is black."""
    size = x.new_tensor([x.shape[-1], x.shape[-2]])
    linear, offset = torch.eye(2).to(x).expand(len(x), 2, 2), x.new_zeros(len(x), 2)
    if affine is not None:
        either = 2 * affine - 1
        angle, slant, grow = reach.angle * either[:, 0], (reach.shear * either[:, 1]).tan(), reach.zoom * either[:, 2]
        cos, sin = angle.cos(), angle.sin()
        turn = torch.stack([cos, cos * slant - sin, sin, sin * slant + cos], dim=1).view(-1, 2, 2)
        linear, offset = turn * grow.exp().view(-1, 1, 1), reach.shift * size * either[:, 3:]
    if crop is not None:
        side = (-reach.window * crop[:, :1]).exp()  # the window is this share of the picture, anywhere inside it
        away = (1 - side) * (size - 1) / 2 * (2 * crop[:, 1:] - 1)
        linear, offset = linear / side.unsqueeze(-1), (offset - away) / side
    centre = (size - 1) / 2
    matrix = torch.cat([linear, (offset + centre - linear @ centre).unsqueeze(-1)], dim=-1)
    warp = _kornia().geometry.transform.warp_affine
    return warp(x, matrix, tuple(x.shape[-2:]), padding_mode="zeros", align_corners=True)


def _recolour(x: Tensor, u: Tensor, reach: Reach) -> Tensor:
    """Brightness, contrast, saturation, hue, one after another."""
    enhance, either = _kornia().enhance, 2 * u - 1
    x = enhance.adjust_brightness(x, reach.brightness * either[:, 0])
    x = enhance.adjust_contrast_with_mean_subtraction(x, (reach.contrast * either[:, 1]).exp())
    x = enhance.adjust_saturation_with_gray_subtraction(x, (reach.saturation * either[:, 2]).exp().view(-1, 1, 1, 1))
    return enhance.adjust_hue(x, reach.hue * either[:, 3])


def _blur(x: Tensor, u: Tensor, reach: Reach) -> Tensor:
    """A Gaussian of any width up to the reach, cut off at twice the reach."""
    half = min(ceil(2 * reach.blur), min(x.shape[-2:]) - 1)
    sigma = (reach.blur * u).clamp_min(0.01).expand(-1, 2)  # so narrow a Gaussian changes nothing
    return _kornia().filters.gaussian_blur2d(x, 2 * half + 1, sigma)


def _erase(x: Tensor, u: Tensor, reach: Reach) -> Tensor:
    """Blacken the pixels whose centres lie in a rectangle somewhere inside the picture."""
    side = reach.hole * u[:, :2]
    low = (1 - side) * u[:, 2:]
    inside = []
    for axis in (0, 1):
        pixels = x.shape[2 + axis]
        place = (torch.arange(pixels, device=x.device, dtype=x.dtype) + 0.5) / pixels
        inside.append((place >= low[:, axis, None]) & (place < (low + side)[:, axis, None]))
    hole = inside[0].unsqueeze(2) & inside[1].unsqueeze(1)
    return x.masked_fill(hole.unsqueeze(1), 0.0)
