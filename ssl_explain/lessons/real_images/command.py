"""The command `images`: train a network on real pictures, keep a checkpoint per epoch, score its features.

Scores on digits test the theory, not usefulness: raw pixels score nearly as well.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import Tensor
from tqdm.auto import tqdm

from ssl_explain import require
from ssl_explain.dynamics.training import Training
from ssl_explain.lessons.real_images.archives import cifar10, stl10
from ssl_explain.lessons.real_images.checkpoint import (
    checkpoint_path,
    epochs_in,
    load_checkpoint,
    require_safetensors,
    save_checkpoint,
)
from ssl_explain.lessons.real_images.experiment import (
    BATCH,
    LEARNING_RATE,
    TEMPERATURE,
    Evaluation,
    Kind,
    LossName,
    picture_loss,
    picture_run,
)
from ssl_explain.records import record
from ssl_explain.torch_modes import own_modes
from ssl_explain.worlds.pictures import PictureWorld, digits

SCORED = 2000  # pictures to fit a probe on, and as many to score: more take minutes and change the second digit


@dataclass(frozen=True)
class ImageSettings:
    """What decides the bits of a run: two runs of the same settings on one CPU end with the same bits.

    Raises:
        ValueError: another dataset, fewer than two pictures.
    """

    dataset: str = "digits"
    net: Kind = "mlp"
    loss: LossName = "nce"
    strength: float = 0.5
    temperature: float = TEMPERATURE
    extra: float = 0.0
    batch: int = BATCH
    learning_rate: float = LEARNING_RATE
    seed: int = 0
    device: str = "cpu"
    first: int | None = None

    def __post_init__(self) -> None:
        if self.dataset not in WORLDS:
            raise ValueError(f"`dataset` must be one of {', '.join(WORLDS)}, got {self.dataset!r}.")
        if self.first is not None:
            require.integer("first", self.first, 2, "leave it out for all pictures")

    def worlds(self, folder: str | Path | None = None) -> tuple[PictureWorld, PictureWorld]:
        """Pictures to train on and pictures to test; CIFAR-10 and STL-10 from ``folder`` or $SSL_EXPLAIN_DATA."""
        train, test = (WORLDS[self.dataset](split, folder, self.first) for split in ("train", "test"))
        return train, test

    def run(self, world: PictureWorld) -> Training:
        """A run that has not started."""
        loss = picture_loss(self.loss, temperature=self.temperature, extra=self.extra)
        same = {name: getattr(self, name) for name in ("strength", "learning_rate", "batch", "seed", "device")}
        return picture_run(world, kind=self.net, loss=loss, **same)


def _first(world: PictureWorld, n: int | None) -> PictureWorld:
    """The same world with its first pictures only."""
    return replace(world, images=world.images[:n], labels=None if world.labels is None else world.labels[:n])


WORLDS: dict[str, Callable[[str, str | Path | None, int | None], PictureWorld]] = {
    "digits": lambda split, folder, first: _first(digits(split), first),
    "cifar10": lambda split, folder, first: cifar10(split, folder=folder, first=first),
    "stl10": lambda split, folder, first: stl10(split, folder=folder, first=first),
}


@record
class ImageResult:
    """Scores of raw pixels, (probe, neighbours), and of the network before and after, (hidden or output, the same)."""

    raw: Tensor
    untrained: Tensor
    trained: Tensor
    steps: int
    stopped: str | None

    def table(self) -> str:
        """The scores as lines to print."""
        rows = [("raw pixels", self.raw)]
        for when, scores in (("untrained", self.untrained), ("trained", self.trained)):
            rows += [(f"{when}, {layer}", row) for layer, row in zip(Evaluation.LAYERS, scores, strict=True)]
        lines = [f"{'':<20}{'probe':>7}{'neighbours':>12}"]
        lines += [f"{name:<20}{float(linear):7.3f}{float(near):12.3f}" for name, (linear, near) in rows]
        return "\n".join(lines)


@own_modes()
def train_on_images(
    settings: ImageSettings,
    *,
    epochs: int = 100,
    out: Path | None = None,
    resume: bool = False,
    folder: str | Path | None = None,
    progress: bool = True,
) -> ImageResult:
    """Train for ``epochs`` epochs of len(pictures) // batch steps; keep a checkpoint of each in ``out``, if given.

    ``resume`` goes on from the last checkpoint there, if there is one, and ends with the bits of an uncut run (on a
    CPU, with the same number of threads). Scores come from the first 2,000 pictures of each split.

    Raises:
        ValueError: settings that cannot be; checkpoints in the way, damaged ones, or ones of other settings.
        FileNotFoundError: the pictures are not there.
        ImportError: kornia or safetensors is needed and not installed.
    """
    require.integer("epochs", epochs, 1, "an epoch shows as many pictures as there are")
    _check_place(out, resume)
    train, test = settings.worlds(folder)
    run, per_epoch = settings.run(train), max(1, len(train) // settings.batch)
    evaluate = Evaluation(_first(train, SCORED), _first(test, SCORED))
    untrained = evaluate(run.net)  # type: ignore[arg-type]
    said, done = {**asdict(settings), "pictures": len(train)}, 0
    if out is not None and (there := epochs_in(out)):
        done = there[-1]
        load_checkpoint(checkpoint_path(out, done), run, said)
        if done > epochs:
            raise ValueError(f"`epochs` must be at least {done}, got {epochs}; so many are finished in {out}.")
    with tqdm(total=epochs, initial=done, disable=not progress, unit="epoch") as bar:
        for epoch in range(done + 1, epochs + 1):
            run.advance(per_epoch)
            if run.stopped:
                break
            if out is not None:
                save_checkpoint(checkpoint_path(out, epoch), run, said)
            bar.update()
    return ImageResult(evaluate.raw, untrained, evaluate(run.net), run.step, run.stopped)  # type: ignore[arg-type]


def _check_place(out: Path | None, resume: bool) -> None:
    """Check, before anything is computed, that checkpoints can be written and that none is in the way."""
    if out is None:
        if resume:
            raise ValueError("`resume` must come with `out`, got none; name the folder of the checkpoints.")
        return
    require_safetensors()
    if out.exists() and not out.is_dir():
        raise ValueError(f"`out` must be a folder, got the file {out}; name another.")
    if epochs_in(out) and not resume:
        raise ValueError(f"`out` must hold no checkpoints, got {out} with some; resume from them, or name another.")


CHOICES = {"dataset": list(WORLDS), "net": ["mlp", "conv"], "loss": ["simple", "triplet", "nce", "frozen"]}
DEFAULTS = asdict(ImageSettings()) | {"epochs": 100, "out": None, "resume": False, "folder": None}


def options(sub: argparse.ArgumentParser) -> None:
    """The options of ``images``."""
    for name, kind, tip in (
        ("dataset", str, "cifar10 and stl10: from their archives, see --data"),
        ("net", str, "mlp has one hidden layer, conv two convolutions"),
        ("loss", str, "frozen: the stop-gradient surrogate of InfoNCE"),
        ("strength", float, "of the augmentation; 0: none, 5: the shape of a digit is lost"),
        ("temperature", float, "of the loss, in units of the energy"),
        ("extra", float, "extra pull of the loss frozen"),
        ("epochs", int, "an epoch shows as many pictures as there are"),
        ("batch", int, "pictures per step: each is the negative of all others"),
        ("learning-rate", float, "of plain gradient descent"),
        ("seed", int, "of the student and of all draws"),
        ("device", str, '"cuda" trains on a GPU, whose draws are others'),
    ):
        default = DEFAULTS[name.replace("-", "_")]
        sub.add_argument(f"--{name}", type=kind, choices=CHOICES.get(name), help=f"{tip} (default: {default})")
    sub.add_argument("--first", type=int, metavar="N", help="take the first N pictures only (default: all)")
    sub.add_argument("--data", dest="folder", type=Path, help="folder of the archives (default: $SSL_EXPLAIN_DATA)")
    sub.add_argument("--out", type=Path, help="folder for a checkpoint per epoch (default: none is kept)")
    sub.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")


def images(arguments: argparse.Namespace) -> None:
    """Train a network on real pictures; print its scores beside those of raw pixels and of the untrained network."""
    options = vars(arguments).copy()
    own = {name: options.pop(name) for name in ("epochs", "out", "resume", "folder")}
    settings = ImageSettings(**options)
    try:
        result = train_on_images(settings, **own)
    except KeyboardInterrupt:
        if own["out"]:
            print(
                f"Stopped. The finished epochs lie in {own['out']}: the same command with --resume goes on from there."
            )
        raise
    print(
        f"{settings.dataset}, {result.steps} steps at strength {settings.strength:g}: share of test pictures recognised"
    )
    print(result.table())
    if result.stopped:
        print(result.stopped)
