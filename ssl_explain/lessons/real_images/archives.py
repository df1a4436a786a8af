"""Published archives of pictures: the checksum is compared, then members are read, and nothing is unpacked to disk."""

import hashlib
import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ssl_explain import require
from ssl_explain.worlds.augment import EVERYTHING, Recipe
from ssl_explain.worlds.pictures import PictureWorld

LARGEST = 2**32  # bytes of a member; the largest published one has 2.8 GB
FOLDER = "SSL_EXPLAIN_DATA"  # the environment variable that names the folder of the archives
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
STL10_CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")


@dataclass(frozen=True)
class Archive:
    """A published file: its title, name, checksum and home page."""

    title: str
    file: str
    md5: str
    home: str

    def how_to_get(self) -> str:
        """How to get these pictures."""
        return f"download {self.file} ({self.title}) from {self.home} and put it there as it is, without unpacking it"


CIFAR10 = Archive(
    "CIFAR-10, binary version, 162 MB",
    "cifar-10-binary.tar.gz",
    "c32a1d4ab5d03f1284b67883e8d87530",
    "https://www.cs.toronto.edu/~kriz/cifar.html",
)
STL10 = Archive(
    "STL-10, binary files, 2.5 GB",
    "stl10_binary.tar.gz",
    "91f7769df0f17e558f3565bffb0c7dfb",
    "https://cs.stanford.edu/~acoates/stl10/",
)


def find(archive: Archive, folder: str | Path | None = None) -> Path:
    """Where the archive lies: in ``folder``, or else in the folder that SSL_EXPLAIN_DATA names.

    Raises:
        FileNotFoundError: no folder is named, or the archive is not in it.
    """
    named, remedy = folder or os.environ.get(FOLDER), archive.how_to_get()
    if not named:
        remedy += f": into a folder that you name here or in the environment variable {FOLDER}"
        require.fail("folder", f"name the folder of {archive.file}", "none", remedy, FileNotFoundError)
    path = Path(named).expanduser() / archive.file
    got = f"{path.parent}, where it is not"
    require.that(path.is_file(), "folder", f"hold {archive.file}", got, remedy, FileNotFoundError)
    return path


def read_members(
    archive: Archive, names: Sequence[str], *, folder: str | Path | None = None, most: int | None = None
) -> list[tuple[int, bytes]]:
    """Check the archive, then give size and bytes of each member named, its first ``most`` bytes if that is set.

    The file is read from its start to the last member needed.

    Raises:
        FileNotFoundError: the archive is not there.
        ValueError: its checksum is another, it breaks off, or a member is missing.
    """
    path = find(archive, folder)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        got = f"{digest} ({path.stat().st_size:,} bytes): it is another file, damaged or unfinished"
        expected, remedy = f"have the published MD5 {archive.md5}", archive.how_to_get()
        require.that(digest == archive.md5, archive.file, expected, got, remedy)
        file.seek(0)
        try:
            found = _scan(file, set(names), most)
        except Exception as error:  # damage raises TarError, zlib.error, TypeError, …
            raise ValueError(f"`{archive.file}` must be a whole tar.gz archive, got {error}; {remedy}.") from error
    missing = [name for name in names if name not in found]
    require.that(not missing, archive.file, f"hold {', '.join(missing)}", "an archive without", "compare its home")
    return [found[name] for name in names]


def _scan(file: IO[bytes], wanted: set[str], most: int | None) -> dict[str, tuple[int, bytes]]:
    """Read the wanted regular files from a tar stream."""
    found: dict[str, tuple[int, bytes]] = {}
    with tarfile.open(fileobj=file, mode="r|gz") as stream:
        for member in stream:
            if not 0 <= member.size <= LARGEST:  # tarfile would try to read so many bytes
                raise tarfile.ReadError(f"{member.name!r:.80} claims to have {member.size:,} bytes")
            name = member.name.removeprefix("./")
            content = stream.extractfile(member) if member.isfile() and name in wanted else None
            if content is not None:
                size = member.size if most is None else min(most, member.size)
                found[name] = (member.size, content.read(size))
                if len(found[name][1]) != size:
                    raise EOFError(f"{name} breaks off")
            if found.keys() == wanted:
                break
    return found


def _records(name: str, member: tuple[int, bytes], length: int) -> np.ndarray:
    """Cut a member into records of ``length`` bytes, one a row."""
    size, content = member
    whole = size > 0 and size % length == 0
    expected = f"consist of records of {length:,} bytes"
    require.that(whole, name, expected, f"{size:,} bytes in all", "compare its home")
    count = len(content) - len(content) % length
    return np.frombuffer(content, dtype=np.uint8, count=count).reshape(-1, length)


def _labels(name: str, values: np.ndarray, low: int) -> UInt8[Tensor, " picture"]:
    """Labels counted from 0."""
    if len(values) and not (values.min() >= low and values.max() <= low + 9):
        got = f"{values.min()} to {values.max()}"
        require.fail(name, f"hold labels from {low} to {low + 9}", got, "compare its home")
    return torch.from_numpy(values - np.uint8(low))


def cifar10(
    split: str = "train", *, folder: str | Path | None = None, first: int | None = None, recipe: Recipe = EVERYTHING
) -> PictureWorld:
    """Pictures and labels of CIFAR-10: 50,000 to train and 10,000 to test, 3 × 32 × 32.

    A record is one label, then the red, green and blue planes, each row by row.

    Raises:
        FileNotFoundError: the archive is not there.
        ValueError: another checksum, a broken archive, records of another size, labels above 9.
    """
    batches = {"train": tuple(f"data_batch_{k}" for k in range(1, 6)), "test": ("test_batch",)}
    names = [f"cifar-10-batches-bin/{batch}.bin" for batch in _one_of(split, batches)]
    members = read_members(CIFAR10, names, folder=folder, most=_bytes(first, 3073))
    rows = [_records(name, member, 3073) for name, member in zip(names, members, strict=True)]
    records = np.concatenate(rows)[:first]
    labels = _labels(CIFAR10.file, records[:, 0], 0)
    return PictureWorld(_pictures(records[:, 1:].reshape(-1, 3, 32, 32)), labels, CIFAR10_CLASSES, recipe)


def stl10(
    split: str = "train", *, folder: str | Path | None = None, first: int | None = None, recipe: Recipe = EVERYTHING
) -> PictureWorld:
    """Pictures and labels of STL-10, 3 × 96 × 96: 5,000 to train, 8,000 to test, 100,000 unlabeled ones without.

    Each of the planes red, green, blue is stored column by column. All unlabeled pictures take 11 GB of memory;
    ``first`` takes fewer.

    Raises:
        FileNotFoundError: the archive is not there.
        ValueError: another checksum, a broken archive, records of another size, labels outside 1 to 10.
    """
    parts = {"train": ("train_X", "train_y"), "test": ("test_X", "test_y"), "unlabeled": ("unlabeled_X",)}
    names = [f"stl10_binary/{part}.bin" for part in _one_of(split, parts)]
    length = 3 * 96 * 96
    members = read_members(STL10, names, folder=folder, most=_bytes(first, length))
    planes = _records(names[0], members[0], length)[:first].reshape(-1, 3, 96, 96)
    if len(names) == 1:
        return PictureWorld(_pictures(planes.swapaxes(2, 3)), None, STL10_CLASSES, recipe)
    many, pictures = members[1][0], members[0][0] // length
    got = f"{many:,} labels for {pictures:,} pictures"
    require.that(many == pictures, names[1], "hold one label per picture", got, "compare their home")
    labels = _records(names[1], members[1], 1)[:first, 0]
    return PictureWorld(_pictures(planes.swapaxes(2, 3)), _labels(names[1], labels, 1), STL10_CLASSES, recipe)


def _bytes(first: int | None, length: int) -> int | None:
    """How much of a member holds its first records."""
    return None if first is None else length * require.integer("first", first, 2, "leave it out to read all pictures")


def _one_of(split: str, parts: dict[str, tuple[str, ...]]) -> Sequence[str]:
    if not isinstance(split, str) or split not in parts:
        raise ValueError(f"`split` must be one of {', '.join(parts)}, got {split!r}; there is no other.")
    return parts[split]


def _pictures(planes: np.ndarray) -> Float[Tensor, "picture c h w"]:
    """Bytes to numbers in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(planes)).float().div_(255)
