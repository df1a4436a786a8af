"""Training on pictures: same seed same bits, cut and resumed too; what is wrong with a checkpoint is said."""

import builtins
import importlib
import json
import os
import shutil
import struct
from dataclasses import replace

import pytest
import torch
from refusals import refused
from tables import files

from ssl_explain import digits
from ssl_explain.lessons.real_images import command as images
from ssl_explain.lessons.real_images.checkpoint import checkpoint_path, epochs_in, load_checkpoint, save_checkpoint
from ssl_explain.lessons.real_images.command import ImageSettings, train_on_images
from ssl_explain.lessons.real_images.experiment import features, picture_loss, picture_run, picture_student
from ssl_explain.worlds.pictures import PictureWorld

QUICK = ImageSettings(batch=32, first=100, seed=3)  # three steps per epoch
WAYS = [{}, {"strength": 0.0}, {"net": "conv"}, {"loss": "frozen", "extra": 0.5}, {"loss": "simple"}]


def train(settings=QUICK, **options):
    return train_on_images(settings, progress=False, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with the checkpoints of three epochs; copy it before you break it."""
    folder = tmp_path_factory.mktemp("finished")
    train(epochs=3, out=folder)
    return folder


@pytest.fixture
def place(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "place")


def test_one_file_per_epoch_and_nothing_else(finished, tmp_path):
    assert sorted(files(finished)) == [f"epoch-0000{k}.safetensors" for k in (1, 2, 3)]
    assert epochs_in(finished) == [1, 2, 3]
    assert epochs_in(finished / "nowhere") == []
    for name in (".epoch-00003.safetensors.ab12cd34", "epoch-3.safetensors", "notes.txt"):
        (tmp_path / name).write_text("")
    assert epochs_in(tmp_path) == []
    assert checkpoint_path(tmp_path, 123456).name == "epoch-123456.safetensors"


@pytest.mark.gate(5)
@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("cut", [1, 2])
def test_a_resumed_run_ends_with_the_bytes_of_an_uncut_one(tmp_path, way, cut):
    settings = replace(QUICK, **way)
    whole = train(settings, epochs=3, out=tmp_path / "whole")
    train(settings, epochs=cut, out=tmp_path / "cut")
    resumed = train(settings, epochs=3, out=tmp_path / "cut", resume=True)
    assert files(tmp_path / "cut") == files(tmp_path / "whole")
    assert torch.equal(whole.trained, resumed.trained)
    assert torch.equal(whole.untrained, resumed.untrained)
    assert (whole.steps, resumed.steps) == (9, 9)


def test_a_run_is_resumed_from_nothing_from_its_end_and_from_the_epoch_before(place, tmp_path, finished):
    train(epochs=3, out=tmp_path / "new", resume=True)
    assert files(tmp_path / "new") == files(finished)
    for _ in range(2):
        assert train(epochs=3, out=place, resume=True).steps == 9
        assert files(place) == files(finished)
        checkpoint_path(place, 3).unlink()  # moved away, it is made again


def test_a_checkpoint_holds_what_it_says(finished):
    from safetensors import safe_open

    with safe_open(checkpoint_path(finished, 2), framework="pt") as file:
        assert set(file.keys()) == {"weights.0", "weights.1", "generator", "step"}
        assert file.get_tensor("generator").dtype == torch.uint8
        assert file.get_tensor("step").item() == 6
        note = json.loads(file.metadata()["ssl_explain"])
    assert note["settings"]["pictures"] == 100
    assert note["settings"]["strength"] == 0.5


@pytest.mark.parametrize("cut", [0, 7, 100, -1])
def test_a_truncated_checkpoint_is_named_and_left_alone(place, cut):
    last = checkpoint_path(place, 3)
    last.write_bytes(last.read_bytes()[:cut])
    before = files(place)
    with pytest.raises(ValueError, match=r"epoch-00003\.safetensors` must be a whole checkpoint, got .*move it away"):
        train(epochs=4, out=place, resume=True)
    assert files(place) == before


def test_flipped_bytes_are_found_wherever_they_are(place):
    last = checkpoint_path(place, 3)
    content, run = last.read_bytes(), QUICK.run(digits())
    for position in range(0, len(content), 4001):
        last.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(ValueError, match=r"epoch-00003\.safetensors` must"):
            load_checkpoint(last, run, {})
    assert run.step == 0


def test_a_file_of_something_else_or_in_another_format_is_named(place):
    from safetensors.torch import save

    last = checkpoint_path(place, 3)
    kept, other = last.read_bytes(), "a file of something else; move"
    (size,) = struct.unpack("<Q", kept[:8])
    header = kept[8 : 8 + size].replace(rb"{\"format\": 1", rb"{\"format\": 2")
    files_of = {save({"x": torch.zeros(2)}): other, save({"x": torch.zeros(2)}, {"format": "pt"}): other}
    for content, got in (files_of | {kept[:8] + header + kept[8 + size :]: "format 2"}).items():
        last.write_bytes(content)
        with pytest.raises(ValueError, match=f"must be a checkpoint in format 1, got {got}"):
            train(epochs=4, out=place, resume=True)
        assert last.read_bytes() == content


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"strength": 0.25}, "strength 0.5 there and 0.25 here"),
        ({"net": "conv"}, "net mlp there and conv here"),
        ({"first": 90}, "first 100 there and 90 here, pictures 100 there and 90 here"),
        ({"seed": 4, "loss": "simple"}, "loss nce there and simple here, seed 3 there and 4 here"),
    ],
)
def test_other_settings_are_named(place, change, difference):
    before = files(place)
    with pytest.raises(ValueError, match=f"must be a checkpoint of the same settings, got {difference}; give the"):
        train(replace(QUICK, **change), epochs=4, out=place, resume=True)
    assert files(place) == before


def test_weights_of_another_network_are_named_before_anything_moves(tmp_path):
    path = tmp_path / "epoch-00001.safetensors"
    save_checkpoint(path, picture_run(digits(), kind="conv"), {"same": 1})
    run = picture_run(digits())
    weights, state = [w.clone() for w in run.net.parameters()], run.generator.get_state()
    with pytest.raises(ValueError, match="must hold weights for this network"):
        load_checkpoint(path, run, {"same": 1})
    assert all(torch.equal(a, b) for a, b in zip(weights, run.net.parameters(), strict=True))
    assert torch.equal(state, run.generator.get_state())


def test_what_is_in_the_way_is_said_before_anything_is_computed(place, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="`epochs` must be at least 3, got 2"):
        train(epochs=2, out=place, resume=True)
    monkeypatch.setattr(images, "digits", lambda _: pytest.fail("read first"))
    with pytest.raises(ValueError, match=r"`out` must hold no checkpoints, got .*resume from them"):
        train(epochs=4, out=place)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match="`out` must be a folder, got the file"):
        train(out=tmp_path / "file")
    with pytest.raises(ValueError, match="`resume` must come with `out`"):
        train(resume=True)
    with pytest.raises(ValueError, match="`epochs` must be an integer ≥ 1"):
        train(epochs=0)


@pytest.mark.parametrize("failing", ["replace", "fsync"])
def test_a_write_that_fails_leaves_the_folder_as_it_was(place, monkeypatch, failing):
    before = files(place)

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="no space left"):
        train(epochs=4, out=place, resume=True)
    assert files(place) == before


def test_without_safetensors_the_remedy_is_said_and_training_alone_works(monkeypatch, tmp_path):
    importlib.import_module("kornia")  # it imports safetensors itself
    real = builtins.__import__

    def missing(name, *rest):
        if name.startswith("safetensors"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"needs safetensors, .* in the checkout: pip install -e '\.\[images\]'"):
        train(out=tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert train(epochs=1).steps == 3


def test_a_run_that_breaks_down_keeps_what_was_sound(tmp_path, monkeypatch):
    advance = images.Training.advance

    def breaking(run, steps=1):
        if run.step >= 3:
            run.learning_rate = float("inf")
        advance(run, steps)

    monkeypatch.setattr(images.Training, "advance", breaking)
    result = train(epochs=3, out=tmp_path)
    assert result.stopped.startswith("stopped at step 3")
    assert epochs_in(tmp_path) == [1]


@pytest.mark.parametrize("kind", ["mlp", "conv"])
def test_the_same_seed_is_the_same_student_whatever_else_is_chosen(kind):
    one = picture_run(digits(), kind=kind, seed=2)
    two = picture_run(digits(), kind=kind, seed=2, strength=2.0, batch=64, loss=picture_loss("simple"))
    other = picture_run(digits(), kind=kind, seed=3)
    for a, b, c in zip(*(run.net.parameters() for run in (one, two, other)), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_features_of_many_positions_are_averaged(g):
    world = digits()
    net = picture_student(world, "conv", generator=g)
    x = world.inputs()[:5]
    _, second, top = net.activations(x)  # 8 x 8 x 16, 4 x 4 x 32, 64
    assert torch.equal(features(net, x, 1), second.flatten(1))
    assert features(net, x, 0).shape == (5, 1024)
    assert torch.equal(features(net, x), top.flatten(1))
    big = picture_student(PictureWorld(torch.zeros(2, 1, 16, 16)), "conv", generator=g)
    assert features(big, torch.rand(3, 256, generator=g), -2).shape == (3, 32)


test_bad_settings_are_named = refused(
    (lambda: picture_run(digits(), kind="transformer"), "kind"),
    (lambda: picture_loss("simple", extra=0.5), "`extra` must be 0 for the loss simple"),
    (lambda: picture_loss("triplet", extra=0.5), "`extra` must be 0 for the loss triplet"),
    (lambda: ImageSettings(dataset="faces"), "`dataset` must be one of"),
    error=(ValueError, TypeError),
)


@pytest.mark.parametrize("kind", ["mlp", "conv"])
def test_coloured_pictures_pass_through_everything(monkeypatch, tmp_path, seeded, kind):
    """A stand-in for CIFAR-10: as large, as coloured, and its classes differ in colour."""

    def coloured(split, folder, first):
        g = seeded(len(split))
        labels = torch.arange(first) % 3
        tint = torch.eye(3)[labels].view(-1, 3, 1, 1)
        return PictureWorld((tint + torch.rand(first, 3, 32, 32, generator=g)) / 2, labels.to(torch.uint8))

    monkeypatch.setitem(images.WORLDS, "cifar10", coloured)
    settings = ImageSettings(dataset="cifar10", net=kind, first=40, batch=16)
    result = train(settings, epochs=1, out=tmp_path)
    assert result.raw.tolist() == [1.0, 1.0]
    assert result.steps == 2
    assert result.trained.isfinite().all()
    assert torch.equal(train(settings, epochs=1, out=tmp_path, resume=True).trained, result.trained)


def test_a_resumed_trace_counts_on_and_admits_what_it_does_not_know(place):
    settings = {**vars(QUICK), "pictures": 100}
    run = QUICK.run(images._first(digits(), 100))
    load_checkpoint(checkpoint_path(place, 3), run, settings)
    assert run.trace().steps.tolist() == [9]
    run.advance(300)
    trace = run.trace()
    assert trace.steps[-1] == 309
    assert trace.losses[:9].isnan().all()
    assert trace.losses[9:].isfinite().all()
    assert len(trace.losses) == 309
