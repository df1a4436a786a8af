"""Checkpoints of training: weights, random numbers and step in one safetensors file per epoch, moved into place whole.

``epoch-00003.safetensors`` holds the weights by their names in the network, ``generator`` (the state of the random
numbers, bytes) and ``step``; its metadata hold format, settings and a checksum. An unexpected file is
named and stays as it is.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ssl_explain import require
from ssl_explain.dynamics.training import Training
from ssl_explain.results import write_whole

FORMAT = 1
LATEST = 2**28  # steps: more losses would not fit into memory
KEY = "ssl_explain"  # a single metadata key: safetensors does not fix the order of several
NAME = re.compile(r"epoch-(\d{5,})\.safetensors")

Settings = Mapping[str, int | float | str | None]


def require_safetensors() -> Any:
    """The library of the format, imported only when a checkpoint is written or read.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import safetensors.torch
    except ImportError as error:
        raise ImportError(
            "a checkpoint needs safetensors, which is not installed; run in the checkout: "
            "pip install -e '.[images]' -c constraints.txt."
        ) from error
    return safetensors


def checkpoint_path(folder: Path, epoch: int) -> Path:
    """Where the checkpoint after an epoch lies.

    Example:
        >>> checkpoint_path(Path("out"), 3).name
        'epoch-00003.safetensors'
    """
    return folder / f"epoch-{epoch:05d}.safetensors"


def epochs_in(folder: Path) -> list[int]:
    """The epochs that have a checkpoint in a folder, in order; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(int(match[1]) for path in folder.iterdir() if (match := NAME.fullmatch(path.name)))


def _checksum(tensors: Mapping[str, Tensor], settings: object) -> str:
    """The checksum of names, shapes, types, bytes and settings."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name in sorted(tensors):
        x = tensors[name].contiguous()
        digest.update(f"{name} {tuple(x.shape)} {x.dtype}".encode())
        digest.update(x.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save_checkpoint(path: Path, training: Training, settings: Settings) -> None:
    """Write the state of a run; an error leaves the folder as it was.

    Raises:
        ImportError: safetensors is not installed.
        OSError: the file cannot be written.
    """
    library = require_safetensors()
    tensors = {name: w.detach().cpu().contiguous() for name, w in training.net.state_dict().items()}
    tensors |= {"generator": training.generator.get_state(), "step": torch.tensor([training.step])}
    said = dict(settings)
    note = {"format": FORMAT, "settings": said, "sha256": _checksum(tensors, said)}
    metadata = {KEY: json.dumps(note, sort_keys=True)}
    write_whole(path, library.torch.save(tensors, metadata))


def load_checkpoint(path: Path, training: Training, settings: Settings) -> None:
    """Restore a run from a checkpoint: on a CPU its further steps have the bits of an uninterrupted run.

    The run changes only after every check has passed.

    Raises:
        ImportError: safetensors is not installed.
        FileNotFoundError: no such file.
        ValueError: a damaged file, one of something else, or one of other settings; it stays as it is.
    """
    tensors, said = _read(path)
    differing, remedy = _differences(said, settings), "give the settings that it was made with, or another place"
    require.that(not differing, str(path), "be a checkpoint of the same settings", differing, remedy)
    nothing = torch.empty(0)
    state, step = tensors.pop("generator", nothing), tensors.pop("step", nothing)
    own = training.net.state_dict()
    if not _goes_on(state, step, training.generator.device) or {k: (w.shape, w.dtype) for k, w in own.items()} != {
        k: (w.shape, w.dtype) for k, w in tensors.items()
    }:
        raise ValueError(f"`{path}` must hold weights for this network, got {sorted(tensors)}; {_REMEDY}.")
    training.restart_at(int(step), tensors, state)


def _goes_on(state: Tensor, step: Tensor, device: torch.device) -> bool:
    """Whether random numbers can go on from this state, and steps count on from there."""
    try:
        torch.Generator(device).set_state(state)
    except (RuntimeError, TypeError):
        return False
    return step.shape in {(), (1,)} and step.dtype == torch.int64 and 0 <= int(step) < LATEST


_REMEDY = "move it away (the run then goes on from the epoch before), or write to another place"


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, object]]:
    """The tensors and the settings of a checkpoint, after all checks of the file."""
    library = require_safetensors()
    if not path.is_file():
        raise FileNotFoundError(f"`path` must name a checkpoint, got no {path}.")
    try:
        with library.safe_open(path, framework="pt") as file:
            note = json.loads((file.metadata() or {}).get(KEY, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no mapping
    except (library.SafetensorError, OSError, ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"`{path}` must be a whole checkpoint, got {error}; {_REMEDY}.") from error
    version = note.get("format") if isinstance(note, dict) else None
    if version != FORMAT:
        got = "a file of something else" if version is None else f"format {version!r:.80}"
        raise ValueError(f"`{path}` must be a checkpoint in format {FORMAT}, got {got}; {_REMEDY}.")
    said = note.get("settings")
    if not isinstance(said, dict) or note.get("sha256") != _checksum(tensors, said):
        raise ValueError(f"`{path}` must match its checksum, got another; {_REMEDY}.")
    return tensors, said


def _differences(there: Mapping[str, object], here: Settings) -> str:
    """In words, what differs between two sets of settings."""
    names = sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))
    return ", ".join(f"{name} {there.get(name)} there and {here.get(name)} here" for name in names)
