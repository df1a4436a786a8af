"""Augmentation of pictures by affine maps, crops, colour, blur and erasing, all with one strength."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import ceil, inf, pi
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain import require

CHANCES = {"affine": 5, "crop": 3, "colour": 4, "blur": 1, "erase": 4}  # uniform numbers that each part uses


@dataclass(frozen=True)
class Recipe:
    """Which parts of an augmentation are switched on; by default all of them.

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
        """Check that all are True or False."""
        require.flags(**vars(self))

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of what is switched on."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name))


EVERYTHING = Recipe()


REACH = {
    "angle": (pi / 12, pi),
    "shear": (pi / 24, pi / 4),
    "zoom": (0.1, 0.7),
    "shift": (0.06, 0.5),
    "window": (0.2, 1.4),
    "hole": (0.25, 1.0),
    "blur": (0.025, 0.25),
    "brightness": (0.1, 0.8),
    "contrast": (0.25, 2.0),
    "saturation": (0.4, 3.0),
    "hue": (pi / 10, pi),
}
"""The largest change of each kind per unit of strength, and its limit.

``angle``, ``shear`` and ``hue`` are in radians, ``shift``, ``hole`` and ``blur`` shares of a side;
``zoom``, ``window``, ``contrast`` and ``saturation`` are logarithms of factors.

The nearest neighbour among pictures that are not augmented has the right class for .96 of the views of a digit at
strength 0, .93 at 0.5, .79 at 1, .40 at 2, .14 at 4, and from 5 on .13, little above the .10 of chance.
"""


def check_strength(strength: float) -> float:
    """Return a strength that is a finite number ≥ 0.

    Raises:
        ValueError: a strength that is negative, infinite or NaN.
    """
    remedy = "0 gives back the picture, 0.5 is mild, at 5 the shape of a digit is lost"
    return require.number("strength", strength, 0, inf, remedy)


def chances(n: int, *, generator: torch.Generator) -> Float[Tensor, "n chance"]:
    """The uniform random numbers behind ``n`` views, the same for every strength and recipe."""
    return torch.rand(n, sum(CHANCES.values()), generator=generator, device=generator.device, dtype=torch.float32)


def augment(
    pictures: Float[Tensor, "n c h w"], strength: float, *, recipe: Recipe = EVERYTHING, generator: torch.Generator
) -> Float[Tensor, "n c h w"]:
    """One view of each picture; strength 0 returns the picture bit for bit, larger ones change it more.

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
    pictures: Float[Tensor, "n c h w"], uniform: Float[Tensor, "n chance"], strength: float, recipe: Recipe
) -> Float[Tensor, "n c h w"]:
    """Views from the numbers ``uniform`` of :func:`chances`: a larger strength scales the same changes.

    Raises:
        ValueError: a strength that is negative, infinite or NaN.
        ImportError: kornia is not installed.
    """
    s = check_strength(strength)
    reach = {name: min(slope * s, limit) for name, (slope, limit) in REACH.items()}
    if s == 0 or not recipe.parts:
        return pictures
    u = dict(zip(CHANCES, uniform.to(pictures.dtype).split(list(CHANCES.values()), dim=1), strict=True))
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
    """Import kornia when the first view is made, since that takes a second."""
    try:
        import kornia
    except ImportError as error:
        raise ImportError(
            "`strength` above 0 needs kornia, which is not installed; run in the checkout: "
            "pip install -e '.[images]' -c constraints.txt."
        ) from error
    return kornia


def _move(x: Tensor, affine: Tensor | None, crop: Tensor | None, reach: Mapping[str, float]) -> Tensor:
    """Rotate, shear, zoom and shift, then crop: one affine map, applied once; outside is black."""
    size = x.new_tensor([x.shape[-1], x.shape[-2]])
    linear, offset = torch.eye(2).to(x).expand(len(x), 2, 2), x.new_zeros(len(x), 2)
    if affine is not None:
        either = 2 * affine - 1
        angle, slant = reach["angle"] * either[:, 0], (reach["shear"] * either[:, 1]).tan()
        cos, sin = angle.cos(), angle.sin()
        turn = torch.stack([cos, cos * slant - sin, sin, sin * slant + cos], dim=1).view(-1, 2, 2)
        linear = turn * (reach["zoom"] * either[:, 2]).exp().view(-1, 1, 1)
        offset = reach["shift"] * size * either[:, 3:]
    if crop is not None:
        side = (-reach["window"] * crop[:, :1]).exp()  # of the crop, as a share of the picture
        away = (1 - side) * (size - 1) / 2 * (2 * crop[:, 1:] - 1)
        linear, offset = linear / side.unsqueeze(-1), (offset - away) / side
    centre = (size - 1) / 2
    matrix = torch.cat([linear, (offset + centre - linear @ centre).unsqueeze(-1)], dim=-1)
    warp = _kornia().geometry.transform.warp_affine
    return warp(x, matrix, tuple(x.shape[-2:]), padding_mode="zeros", align_corners=True)


def _recolour(x: Tensor, u: Tensor, reach: Mapping[str, float]) -> Tensor:
    """Brightness, contrast, saturation, hue, one after another."""
    enhance, either = _kornia().enhance, 2 * u - 1
    x = enhance.adjust_brightness(x, reach["brightness"] * either[:, 0])
    x = enhance.adjust_contrast_with_mean_subtraction(x, (reach["contrast"] * either[:, 1]).exp())
    x = enhance.adjust_saturation_with_gray_subtraction(x, (reach["saturation"] * either[:, 2]).exp().view(-1, 1, 1, 1))
    return enhance.adjust_hue(x, reach["hue"] * either[:, 3])


def _blur(x: Tensor, u: Tensor, reach: Mapping[str, float]) -> Tensor:
    """A Gaussian of a random width up to the reach, cut off at twice the reach."""
    side = min(x.shape[-2:])
    widest = reach["blur"] * side
    half = min(ceil(2 * widest), side - 1)
    sigma = (widest * u).clamp_min(0.01).expand(-1, 2)  # so narrow a Gaussian changes nothing
    return _kornia().filters.gaussian_blur2d(x, 2 * half + 1, sigma)


def _erase(x: Tensor, u: Tensor, reach: Mapping[str, float]) -> Tensor:
    """Set the pixels whose centres lie in a random rectangle to 0."""
    side = reach["hole"] * u[:, :2]
    low = (1 - side) * u[:, 2:]
    inside = []
    for axis in (0, 1):
        pixels = x.shape[2 + axis]
        place = (torch.arange(pixels, device=x.device, dtype=x.dtype) + 0.5) / pixels
        inside.append((place >= low[:, axis, None]) & (place < (low + side)[:, axis, None]))
    hole = inside[0].unsqueeze(2) & inside[1].unsqueeze(1)
    return x.masked_fill(hole.unsqueeze(1), 0.0)
