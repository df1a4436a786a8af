"""The views explorer: views of digits, and the share of views that are still recognised."""

import functools
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.factory import factory
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.real_images.picture import ViewsPicture
from ssl_explain.lessons.real_images.record import PictureViews
from ssl_explain.seeds import generators
from ssl_explain.worlds.augment import EVERYTHING, Recipe, augment, chances, change
from ssl_explain.worlds.pictures import PictureWorld, digits

SHOWN = (0, 2, 3, 5, 8)  # the digits in the grid
COLUMNS = 8  # views of each
ASKED = slice(None, None, 2)  # every other test picture, 300 in all
STRENGTHS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0)
PARTS = {"turn and shift": "affine", "crop": "crop", "erase": "erase", "blur": "blur"}
ALL = "all at once"


@dataclass(frozen=True)
class ViewsState(State):
    """Every setting of the views explorer.

    Raises:
        ValueError: a value that its control does not offer.
    """

    strength: float = slider(
        1.0, 0, 6, 0.25, label="strength q", tip="0: a view is its picture; from 5 on the shape is lost"
    )
    seed: int = slider(1, 1, 20, 1, label="seed", tip="other pictures, other chances")
    parts: str = choice(
        ALL, (ALL, *PARTS), label="parts", tip="turn includes shear and zoom; erase blackens a rectangle"
    )


def recipe_of(state: ViewsState) -> Recipe:
    """The chosen part, or all of them; colour has no effect on grey pictures."""
    on = {part: state.parts in (ALL, name) for name, part in PARTS.items()}
    return Recipe(**on, colour=False)


def share_kept(strength: float, recipe: Recipe, seed: int = 1) -> float:
    """The share of views of test digits whose nearest training picture is of their class."""
    inputs, labels, images, wanted = asked()
    _, g = generators(seed, 2)
    views = digits().as_input(augment(images, strength, recipe=recipe, generator=g))
    nearest = (views @ inputs.T).argmax(1)  # inputs are normalised, so the nearest has the largest x·x'
    return float((labels[nearest] == wanted).double().mean())


@functools.cache
def asked() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Reference inputs and labels; test images and labels to augment."""
    train, test = digits("train"), digits("test")
    return train.inputs(), labels_of(train), test.images[ASKED], labels_of(test)[ASKED]


def labels_of(world: PictureWorld) -> Tensor:
    """The labels of a world."""
    if world.labels is None:
        raise ValueError("`world` must have labels, got pictures without; take the digits.")
    return world.labels


@functools.cache
def kept_curve() -> Float[Tensor, " strength"]:
    """The share kept over all strengths, every part on."""
    return torch.tensor([share_kept(strength, EVERYTHING) for strength in STRENGTHS], dtype=torch.float32)


@functools.cache
def chosen(seed: int) -> tuple[Float[Tensor, "picture 1 h w"], Float[Tensor, "views chance"]]:
    """One picture of each digit shown, and the random numbers of its views."""
    world = digits("train")
    g, _ = generators(seed, 2)
    order = torch.randperm(len(world), generator=g)
    rows = [int(order[labels_of(world)[order] == digit][0]) for digit in SHOWN]
    return world.images[rows], chances(len(SHOWN) * COLUMNS, generator=g)


class ViewsExplorer(Explorer[ViewsState]):
    """A grid of digits and their views beside the share of views that are still recognised.

    Example:
        >>> record = views_explorer(ViewsState(strength=0.0)).record
        >>> bool((record.grid == record.grid[:, :1]).all())  # strength 0 gives every picture back
        True
    """

    picture = ViewsPicture
    main_controls = ("strength", "parts")
    presets = {
        "mild": {"strength": 0.5, "parts": ALL},
        "violent": {"strength": 4.0, "parts": ALL},
        "only turn and shift": {"strength": 2.0, "parts": "turn and shift"},
        "only erase": {"strength": 2.0, "parts": "erase"},
    }

    def compute(self, state: ViewsState) -> PictureViews:
        """Compute the views, and how many of another 300 are recognised."""
        recipe = recipe_of(state)
        images, decided = chosen(state.seed)
        views = change(images.repeat_interleave(COLUMNS, dim=0), decided, state.strength, recipe)
        grid = torch.cat([images, views.view(len(SHOWN), COLUMNS, *images.shape[2:])], dim=1)
        return PictureViews(
            grid,
            tuple(str(digit) for digit in SHOWN),
            state.strength,
            tuple(part for part in recipe.parts if part != "colour"),
            STRENGTHS,
            kept_curve(),
            share_kept(state.strength, recipe),
        )


views_explorer = factory(ViewsExplorer, "Turn an augmentation up until nobody can tell the digits any more.")
