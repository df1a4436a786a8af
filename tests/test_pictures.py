"""Worlds of real pictures, and the archives they are read from: what is not what it should be is refused whole."""

import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
from dataclasses import replace

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssl_explain.worlds import archives
from ssl_explain.worlds.augment import Recipe
from ssl_explain.worlds.pictures import PictureWorld, cifar10, digits, stl10


@pytest.fixture
def as_a_user():
    """Without the shape checks of the tests, which would speak first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def tiny(n=5, c=1, side=6, **options):
    images = torch.rand(n, c, side, side, generator=torch.Generator().manual_seed(3))
    return PictureWorld(images, torch.arange(n, dtype=torch.uint8), **options)


# --- the world ----------------------------------------------------------------------------------------------


def test_digits_are_whole_and_split_once():
    train, test = digits("train"), digits("test")
    assert (len(train), len(test)) == (1197, 600)
    assert train.shape == (1, 8, 8)
    assert train.dimension == 64
    assert train.images.dtype == torch.float32
    assert (train.images.min(), train.images.max()) == (0, 1)
    assert set(train.labels.tolist()) == set(test.labels.tolist()) == set(range(10))
    assert torch.bincount(test.labels.int()).min() > 50
    train.images.zero_()
    assert digits("train").images.any()  # nobody spoils the digits for others


def test_without_strength_a_view_is_the_picture_itself(g):
    world = tiny()
    views = world.draw(4, views=3, strength=0.0, generator=g)
    (labels,) = views.latents
    expected = world.inputs()[labels[:, 0].long()]
    assert all(torch.equal(views.x[:, a], expected) for a in range(3))
    assert len(labels.unique()) == 4  # no picture twice


@pytest.mark.parametrize("c", [1, 3])
def test_views_differ_and_come_flattened(c, g):
    views = tiny(c=c).draw(5, views=2, strength=1.0, generator=g)
    assert views.x.shape == (5, 2, 36 * c)
    assert views.x.dtype == torch.float32
    assert views.latents[0].shape == (5, 1)
    assert views.latents[0].dtype == torch.uint8
    assert not torch.isclose(views.x[:, 0], views.x[:, 1]).all(-1).any()


def test_same_seed_same_bits(seeded):
    world = tiny()
    a, b, c = (world.draw(4, strength=0.7, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(a.x, b.x)
    assert torch.equal(a.latents[0], b.latents[0])
    assert not torch.equal(a.x, c.x)


def test_every_picture_comes_equally_often(seeded):
    g, world, n = seeded(0), tiny(10), 400
    drawn = torch.cat([world.draw(3, strength=0.0, generator=g).latents[0].flatten() for _ in range(n)])
    share = torch.bincount(drawn.int(), minlength=10) / n
    assert (share - 0.3).abs().max() < 4.5 * (0.3 * 0.7 / n) ** 0.5


@given(st.floats(0, 50), st.booleans())
def test_inputs_are_standardised_picture_by_picture(strength, colour):
    world = tiny(8, 3 if colour else 1)
    x = world.draw(8, strength=strength, generator=torch.Generator().manual_seed(0)).x
    assert torch.isfinite(x).all()
    assert x.mean(-1).abs().max() < 1e-4
    assert x.square().mean(-1).max() < 1 + 1e-4


def test_standardising_removes_brightness_and_contrast_and_nothing_else():
    world = tiny()
    bright = 0.5 + 0.4 * world.images
    torch.testing.assert_close(world.as_input(bright), world.as_input(world.images), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(world.inputs().square().mean(-1), torch.ones(5), rtol=1e-4, atol=0)
    assert torch.equal(world.as_input(torch.full((1, 6, 6), 0.5)), torch.zeros(36))
    assert torch.equal(replace(world, standardise=False).inputs(), world.images.flatten(1))


def test_the_recipe_decides_what_views_may_differ_in(seeded):
    nothing = Recipe(False, False, False, False, False)
    still = tiny(recipe=nothing).draw(5, strength=3.0, generator=seeded(0)).x
    assert torch.equal(still, tiny().draw(5, strength=0.0, generator=seeded(0)).x)


def test_strength_runs_to_where_the_shape_of_a_digit_is_lost(seeded):
    """The nearest neighbour among the pictures themselves: nearly always right for mild views, at chance from 5 on."""
    known, test = digits("train"), digits("test")
    right = []
    for strength in (0.0, 0.5, 1.0, 2.0, 5.0):
        views = test.draw(600, views=1, strength=strength, generator=seeded(0))
        nearest = torch.cdist(views.x[:, 0], known.inputs()).argmin(1)
        right.append((known.labels[nearest] == views.latents[0][:, 0]).float().mean().item())
    assert right == sorted(right, reverse=True)
    assert right[0] > 0.95
    assert right[1] > 0.9
    assert 0.6 < right[2] < 0.9
    assert right[-1] < 0.17


def test_labels_are_optional_and_never_in_the_views(g):
    plain = replace(tiny(), labels=None)
    assert plain.draw(3, strength=0.0, generator=g).latents is None


def test_a_grid_of_views_shows_one_change_growing(seeded):
    world = tiny()
    grid = world.views_of((4, 0), (0.0, 0.5, 2), generator=seeded(1))
    assert grid.shape == (2, 3, 1, 6, 6)
    assert torch.equal(grid[:, 0], world.images[[4, 0]])
    assert torch.equal(grid[:, 2:], world.views_of((4, 0), (2.0,), generator=seeded(1)))
    assert not torch.equal(grid[:, 1], grid[:, 2])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 1}, "`n` must be an integer from 2 to 5, got 1; a batch of one has no other picture"),
        ({"n": 6}, "`n` must be an integer from 2 to 5, got 6; .* no picture is drawn twice"),
        ({"views": 0}, "`views` must be an integer ≥ 1, got 0"),
        ({"strength": -0.1}, r"`strength` must lie in \[0, inf\), got -0.1"),
        ({"strength": float("nan")}, r"`strength` must lie in \[0, inf\), got nan"),
    ],
)
def test_draw_refuses(options, words, g):
    given = {"n": 3, "views": 2, "strength": 0.5} | options
    before = g.get_state()
    with pytest.raises(ValueError, match=words):
        tiny().draw(given.pop("n"), generator=g, **given)
    assert torch.equal(g.get_state(), before)  # nothing half-done


@pytest.mark.parametrize(
    ("indices", "strengths", "words"),
    [
        ((5,), (0.0,), "`indices` must be an integer from 0 to 4, got 5"),
        ((-1,), (0.0,), "`indices` must be an integer from 0 to 4, got -1"),
        ((0,), (0.0, -1.0), r"`strength` must lie in \[0, inf\), got -1"),
        ((), (0.0,), "`indices` and `strengths` must not be empty"),
    ],
)
def test_a_grid_refuses(indices, strengths, words, g):
    with pytest.raises(ValueError, match=words):
        tiny().views_of(indices, strengths, generator=g)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (
            torch.zeros(5, 8, 8),
            r"`images` must have shape \(pictures, 1 or 3 channels, height, width\), got \(5, 8, 8\)",
        ),
        (torch.zeros(5, 2, 8, 8), r"`images` must have shape .* got \(5, 2, 8, 8\)"),
        (torch.zeros(1, 1, 8, 8), r"`images` must have shape .* got \(1, 1, 8, 8\); at least two pictures"),
        (torch.zeros(5, 1, 8, 3), r"`images` must have shape .* got \(5, 1, 8, 3\)"),
        (torch.full((5, 1, 8, 8), 16.0), r"`images` must lie in \[0, 1\], got 16 to 16"),
        (torch.full((5, 1, 8, 8), -0.5), r"`images` must lie in \[0, 1\], got -0.5 to -0.5"),
        (torch.full((5, 1, 8, 8), float("nan")), "`images` must hold finite numbers only"),
    ],
)
def test_wrong_pictures_are_refused(images, words, as_a_user):
    with pytest.raises(ValueError, match=words):
        PictureWorld(images)


def test_labels_must_fit(as_a_user):
    with pytest.raises(ValueError, match=r"`labels` must hold one label for each of 5 images, got shape \(4,\)"):
        replace(tiny(), labels=torch.zeros(4, dtype=torch.uint8))


def test_an_unknown_split_of_the_digits_is_refused():
    with pytest.raises(ValueError, match="`split` must be one of train, test, got 'all'"):
        digits("all")


def test_kornia_waits_until_a_view_is_changed():
    code = """
import sys, torch
from ssl_explain.worlds.pictures import PictureWorld
world, g = PictureWorld(torch.ones(9, 1, 8, 8)), torch.Generator()
world.draw(5, strength=0.0, generator=g)
before = "kornia" in sys.modules
world.draw(5, strength=0.1, generator=g)
print(before, "kornia" in sys.modules)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "True"]


# --- the archives: tiny ones, in the published layout ---------------------------------------------------------


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


def test_checksums_are_the_published_ones():
    assert archives.CIFAR10.md5 == "c32a1d4ab5d03f1284b67883e8d87530"
    assert archives.STL10.md5 == "91f7769df0f17e558f3565bffb0c7dfb"


def test_cifar_pictures_are_read_row_by_row(tmp_path, monkeypatch):
    write(tmp_path, "CIFAR10", cifar_members(), monkeypatch)
    train, test = cifar10("train", folder=tmp_path), cifar10("test", folder=str(tmp_path))
    expected = np.concatenate([pixels(3, 32, k) for k in range(1, 6)])
    assert np.array_equal((train.images * 255).round().numpy(), expected)
    assert np.array_equal((test.images * 255).round().numpy(), pixels(3, 32, 0))
    assert train.labels.tolist() == [(k + 3 * b) % 10 for b in range(1, 6) for k in range(3)]
    assert train.names[9] == "truck"
    assert train.shape == (3, 32, 32)


def test_stl_pictures_stand_upright(tmp_path, monkeypatch):
    write(tmp_path, "STL10", stl_members(), monkeypatch)
    for seed, split in enumerate(("test", "train", "unlabeled")):
        world = stl10(split, folder=tmp_path)
        assert np.array_equal((world.images * 255).round().numpy(), pixels(4 + seed, 96, seed))
        if split == "unlabeled":
            assert world.labels is None
        else:
            assert world.labels.tolist() == [9 - k for k in range(4 + seed)]


def test_a_left_edge_is_stored_first_in_stl(tmp_path, monkeypatch):
    members = stl_members(2)
    columns = bytes([255] * 96 + [0] * 96 * 95)  # the first 96 bytes are the left column
    members["stl10_binary/test_X.bin"] = columns * 3 * 2
    write(tmp_path, "STL10", members, monkeypatch)
    image = stl10("test", folder=tmp_path).images[0]
    assert (image[:, :, 0] == 1).all()
    assert (image[:, :, 1:] == 0).all()


@BOTH
def test_the_first_pictures_are_the_first_of_all(which, tmp_path, monkeypatch):
    read, members = READ[which]
    write(tmp_path, which, members(), monkeypatch)
    every, few = read("train", folder=tmp_path), read("train", folder=tmp_path, first=4)
    assert torch.equal(few.images, every.images[:4])
    assert torch.equal(few.labels, every.labels[:4])
    assert len(read("train", folder=tmp_path, first=100)) == len(every)
    with pytest.raises(ValueError, match="`first` must be an integer ≥ 2, got 1"):
        read("train", folder=tmp_path, first=1)


@BOTH
def test_the_environment_names_the_folder(which, tmp_path, monkeypatch):
    read, members = READ[which]
    path = write(tmp_path, which, members(), monkeypatch)
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
def test_another_checksum_is_refused(which, damage, tmp_path, monkeypatch):
    read, members = READ[which]
    path = write(tmp_path, which, members(), monkeypatch)
    path.write_bytes(damage(path.read_bytes()))
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
def test_a_broken_archive_is_refused_whatever_its_checksum(which, damage, tmp_path, monkeypatch):
    read, members = READ[which]
    path = write(tmp_path, which, members(), monkeypatch)
    path.write_bytes(damage(path.read_bytes()))
    publish(path, which, monkeypatch)
    split = "train" if which == "CIFAR10" else "unlabeled"  # what stands last
    with pytest.raises(ValueError, match=r"must be a whole tar\.gz archive, got"):
        read(split, folder=tmp_path)


def without(members, name):
    return {key: value for key, value in members.items() if key != name}


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
def test_members_of_another_size_are_refused(which, name, content, words, tmp_path, monkeypatch):
    read, make = READ[which]
    members = without(make(), name) | ({} if content is None else {name: content})
    write(tmp_path, which, members, monkeypatch)
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
