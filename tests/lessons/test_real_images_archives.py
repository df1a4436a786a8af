"""The archives that pictures are read from, tiny ones in the published layout: what is not as published is refused."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from ssl_explain.lessons.real_images import archives
from ssl_explain.lessons.real_images.archives import cifar10, stl10


def pixels(n, side, seed):
    return np.random.default_rng(seed).integers(0, 256, (n, 3, side, side), dtype=np.uint8)


def cifar_members(per_batch=3):
    """Label, then planes row by row, as https://www.cs.toronto.edu/~kriz/cifar.html has it."""
    members = {"cifar-10-batches-bin/batches.meta.txt": b"airplane\n"}
    for k, name in enumerate(["test_batch", *(f"data_batch_{k}" for k in range(1, 6))]):
        images, labels = pixels(per_batch, 32, k), (np.arange(per_batch) + 3 * k) % 10
        rows = [bytes([label]) + image.tobytes() for label, image in zip(labels, images, strict=True)]
        members[f"cifar-10-batches-bin/{name}.bin"] = b"".join(rows)
    return members


def stl_members(n=4):
    """Planes column by column, labels from 1 to 10 in a file of their own."""
    members = {"stl10_binary/class_names.txt": b"airplane\n"}
    for seed, part in enumerate(("test", "train", "unlabeled")):
        planes = pixels(n + seed, 96, seed).swapaxes(2, 3)
        members[f"stl10_binary/{part}_X.bin"] = planes.tobytes()
        members[f"stl10_binary/{part}_y.bin"] = bytes(range(10, 10 - n - seed, -1))
    del members["stl10_binary/unlabeled_y.bin"]
    return members


def write(folder, which, members, monkeypatch):
    """Write an archive, publish its checksum, and give its path."""
    archive = getattr(archives, which)
    path = folder / archive.file
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    publish(path, which, monkeypatch)
    return path


def publish(path, which, monkeypatch):
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setattr(archives, which, replace(getattr(archives, which), md5=digest))


READ = {"CIFAR10": (cifar10, cifar_members), "STL10": (stl10, stl_members)}
BOTH = pytest.mark.parametrize("which", READ)


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Write an archive, whole or with other members, or damaged, and publish its checksum before or after that."""

    def put(which, members=None, damage=None, *, known=False):
        path = write(tmp_path, which, members or READ[which][1](), monkeypatch)
        if damage:
            path.write_bytes(damage(path.read_bytes()))
        if known:
            publish(path, which, monkeypatch)
        return READ[which][0], path

    return put


def test_checksums_are_the_published_ones():
    assert archives.CIFAR10.md5 == "c32a1d4ab5d03f1284b67883e8d87530"
    assert archives.STL10.md5 == "91f7769df0f17e558f3565bffb0c7dfb"


def test_cifar_pictures_are_read_row_by_row(put, tmp_path):
    put("CIFAR10")
    train, test = cifar10("train", folder=tmp_path), cifar10("test", folder=str(tmp_path))
    expected = np.concatenate([pixels(3, 32, k) for k in range(1, 6)])
    assert np.array_equal((train.images * 255).round().numpy(), expected)
    assert np.array_equal((test.images * 255).round().numpy(), pixels(3, 32, 0))
    assert train.labels.tolist() == [(k + 3 * b) % 10 for b in range(1, 6) for k in range(3)]
    assert train.names[9] == "truck"
    assert train.shape == (3, 32, 32)


def test_stl_pictures_stand_upright(put, tmp_path):
    put("STL10")
    for seed, split in enumerate(("test", "train", "unlabeled")):
        world = stl10(split, folder=tmp_path)
        assert np.array_equal((world.images * 255).round().numpy(), pixels(4 + seed, 96, seed))
        if split == "unlabeled":
            assert world.labels is None
        else:
            assert world.labels.tolist() == [9 - k for k in range(4 + seed)]


def test_a_left_edge_is_stored_first_in_stl(put, tmp_path):
    members = stl_members(2)
    columns = bytes([255] * 96 + [0] * 96 * 95)  # the first 96 bytes are the left column
    members["stl10_binary/test_X.bin"] = columns * 3 * 2
    put("STL10", members)
    image = stl10("test", folder=tmp_path).images[0]
    assert (image[:, :, 0] == 1).all()
    assert (image[:, :, 1:] == 0).all()


@BOTH
def test_the_first_pictures_are_the_first_of_all(which, put, tmp_path):
    read, _ = put(which)
    every, few = read("train", folder=tmp_path), read("train", folder=tmp_path, first=4)
    assert torch.equal(few.images, every.images[:4])
    assert torch.equal(few.labels, every.labels[:4])
    assert len(read("train", folder=tmp_path, first=100)) == len(every)
    with pytest.raises(ValueError, match="`first` must be an integer ≥ 2, got 1"):
        read("train", folder=tmp_path, first=1)


@BOTH
def test_the_environment_names_the_folder(which, put, tmp_path, monkeypatch):
    read, path = put(which)
    monkeypatch.setenv("SSL_EXPLAIN_DATA", str(tmp_path))
    before = path.read_bytes(), sorted(tmp_path.iterdir())
    world = read("test")
    assert world.draw(2, strength=1.0, generator=torch.Generator().manual_seed(0)).x.shape == (2, 2, world.dimension)
    assert (path.read_bytes(), sorted(tmp_path.iterdir())) == before  # nothing unpacked, nothing written


@BOTH
def test_a_missing_archive_is_explained(which, tmp_path, monkeypatch):
    read, archive = READ[which][0], getattr(archives, which)
    monkeypatch.delenv("SSL_EXPLAIN_DATA", raising=False)
    for folder in (None, tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError) as error:
            read("train", folder=folder)
        assert f"download {archive.file}" in str(error.value)
        assert archive.home in str(error.value)
        assert ("SSL_EXPLAIN_DATA" in str(error.value)) == (folder is None)


@BOTH
@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b + b"x", lambda b: b[:99] + b"!" + b[100:]])
def test_another_checksum_is_refused(which, damage, put, tmp_path):
    read, _ = put(which, damage=damage)
    with pytest.raises(ValueError, match=r"must have the published MD5 .* damaged or unfinished; download"):
        read("test", folder=tmp_path)


@BOTH
@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[: len(b) // 2],
        lambda b: b"no archive at all",
        lambda b: b"",
        lambda b: gzip.compress(gzip.decompress(b)[:-90_000]),
    ],
)
def test_a_broken_archive_is_refused_whatever_its_checksum(which, damage, put, tmp_path):
    read, _ = put(which, damage=damage, known=True)
    split = "train" if which == "CIFAR10" else "unlabeled"  # what stands last
    with pytest.raises(ValueError, match=r"must be a whole tar\.gz archive, got"):
        read(split, folder=tmp_path)


CIFAR_TEST, STL_X, STL_Y = "cifar-10-batches-bin/test_batch.bin", "stl10_binary/test_X.bin", "stl10_binary/test_y.bin"


@pytest.mark.parametrize(
    ("which", "name", "content", "words"),
    [
        ("CIFAR10", CIFAR_TEST, None, "must hold cifar-10-batches-bin/test_batch.bin, got an archive without"),
        ("CIFAR10", CIFAR_TEST, bytes(3 * 3073 - 1), "must consist of records of 3,073 bytes, got 9,218 bytes in all"),
        ("CIFAR10", CIFAR_TEST, b"", "must consist of records of 3,073 bytes, got 0 bytes in all"),
        ("CIFAR10", CIFAR_TEST, bytes([10] * 3073 * 2), "must hold labels from 0 to 9, got 10 to 10"),
        ("STL10", STL_X, bytes(3 * 64 * 64), "must consist of records of 27,648 bytes, got 12,288"),
        ("STL10", STL_Y, None, "must hold stl10_binary/test_y.bin, got an archive without"),
        ("STL10", STL_Y, b"\1\2\3", "must hold one label per picture, got 3 labels for 4 pictures"),
        ("STL10", STL_Y, b"\0\1\2\3", "must hold labels from 1 to 10, got 0 to 3"),
    ],
)
def test_members_of_another_size_are_refused(which, name, content, words, put, tmp_path):
    members = READ[which][1]()
    del members[name]
    read, _ = put(which, members | ({} if content is None else {name: content}))
    with pytest.raises(ValueError, match=words):
        read("test", folder=tmp_path)


@BOTH
def test_an_unknown_split_is_refused_first(which, tmp_path):
    with pytest.raises(ValueError, match=r"`split` must be one of train, test.*, got 'all'"):
        READ[which][0]("all", folder=tmp_path)


def test_a_link_in_place_of_a_member_is_not_followed(tmp_path, monkeypatch):
    path = tmp_path / archives.CIFAR10.file
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo(CIFAR_TEST)
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(entry)
    publish(path, "CIFAR10", monkeypatch)
    with pytest.raises(ValueError, match="got an archive without"):
        cifar10("test", folder=tmp_path)
