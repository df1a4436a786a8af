"""Checkpoints and archives under fire: arbitrary bytes, lying sizes; a result or the documented error, no pickle."""

import gzip
import hashlib
import io
import json
import struct
import tarfile
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from fuzz import DEEP, NOISE, REFUSED, SOME, as_a_user, bomb, damaged, outcome
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.torch import save

from ssl_explain import Ring, Training, contrastive
from ssl_explain.lessons.real_images import archives
from ssl_explain.lessons.real_images.checkpoint import KEY, _checksum, load_checkpoint, save_checkpoint
from ssl_explain.networks.relu import ReLUNet


@pytest.fixture(autouse=True, scope="module")
def user():
    with as_a_user():
        yield


# --- checkpoints ---------------------------------------------------------------------------------------------

HERE = {"seed": 1}


def run():
    net = ReLUNet((8, 2), generator=torch.Generator().manual_seed(0))
    options = {"learning_rate": 0.1, "generator": torch.Generator().manual_seed(1), "batch": 4}
    return Training(net, Ring(8), contrastive(), measure=lambda net: torch.zeros(1), **options)


def whole_checkpoint():
    with TemporaryDirectory() as folder:
        path = Path(folder, "epoch-00001.safetensors")
        save_checkpoint(path, run(), HERE)
        return path.read_bytes()


CHECKPOINT = whole_checkpoint()
(HEADER,) = struct.unpack("<Q", CHECKPOINT[:8])
STATE = torch.Generator().manual_seed(1).get_state()
WEIGHTS = {"weights.0": torch.zeros(1, 2, 8)}


def checkpoint(content):
    """Load it: the run is where the file says, or as it was."""
    fresh = run()
    weights, state = fresh.net.weights[0].clone(), fresh.generator.get_state()
    with TemporaryDirectory() as folder:
        path = Path(folder, "epoch-00001.safetensors")
        path.write_bytes(content)
        if outcome(lambda: load_checkpoint(path, fresh, HERE)) is REFUSED:
            assert torch.equal(fresh.net.weights[0], weights)
            assert torch.equal(fresh.generator.get_state(), state)
            assert fresh.step == 0
        assert path.read_bytes() == content


def signed(tensors, settings=HERE):
    """A checkpoint whose checksum is right, whatever it holds."""
    note = {"format": 1, "settings": settings, "sha256": _checksum(tensors, settings)}
    return save(tensors, {KEY: json.dumps(note)})


STEPS = st.sampled_from(
    [torch.tensor([-1]), torch.tensor([2**60]), torch.tensor([1, 2]), torch.tensor([0.5]), torch.empty(0).long(),
     torch.tensor([7]), torch.tensor(7), torch.ones(1, 1).bool()]
)  # fmt: skip
DAMAGED = damaged(CHECKPOINT) | damaged(CHECKPOINT[: 8 + HEADER]).map(lambda b: b + CHECKPOINT[8 + HEADER :])


@SOME
@given(DAMAGED, NOISE, STEPS)
@example(struct.pack("<Q", 2**63) + CHECKPOINT[8:], b"[]", torch.tensor([1]))
@example(struct.pack("<Q", 10**8) + CHECKPOINT[8:], b"3", torch.tensor([1]))
@example(CHECKPOINT[:8] + CHECKPOINT[8:].replace(b"[1,2,8]", b"[9,9,9]"), DEEP, torch.tensor([1]))
@example(signed(WEIGHTS | {"generator": STATE[:-9], "step": torch.tensor([1])}), b"null", torch.tensor([1]))
@example(signed(WEIGHTS | {"generator": STATE.float(), "step": torch.tensor([1])}), b'{"format": 1}', torch.tensor([1]))
@example(signed(WEIGHTS, [1, 2]), b'{"format": 2}', torch.tensor([1]))
def test_a_checkpoint_is_loaded_whole_or_the_run_stays(content, note, step):
    checkpoint(content)
    checkpoint(save(WEIGHTS, {KEY: note.decode("latin-1")}))
    checkpoint(signed(WEIGHTS | {"generator": STATE, "step": step}))


# --- archives ------------------------------------------------------------------------------------------------

NAME = "cifar-10-batches-bin/test_batch.bin"
RECORDS = b"".join(bytes([k]) * 3073 for k in range(3))


def tar(*entries):
    """Member headers and contents, as they are given: a size may lie."""
    blocks = b""
    for entry, content in entries:
        blocks += entry.tobuf(format=tarfile.GNU_FORMAT) + content + b"\0" * (-len(content) % 512)
    return blocks + b"\0" * 1024


def entry(name=NAME, size=3 * 3073, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info


WHOLE = tar((entry("readme"), b"x" * len(RECORDS)), (entry(), RECORDS))
LONG = [(entry("././@LongLink", 9, tarfile.GNUTYPE_LONGNAME), b"aaaaaaaa\0")] * 3000


def archive(content):
    """Read the archive with the checksum it has: pictures of the documented shape, or refused."""
    published = replace(archives.CIFAR10, md5=hashlib.md5(content).hexdigest())
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(archives, "CIFAR10", published)
        Path(folder, published.file).write_bytes(content)
        for first in (None, 2):
            found = outcome(lambda first=first: archives.cifar10("test", folder=folder, first=first))
            if found is not REFUSED:
                assert found.images.shape == (len(found.labels), 3, 32, 32)
                assert found.labels.max() <= 9


@SOME
@given(damaged(WHOLE), damaged(gzip.compress(WHOLE, 1, mtime=0)))
@example(WHOLE, b"")
@example(WHOLE, b"\x1f\x8b\x08")
@example(tar((entry(size=2**60), RECORDS)), b"\x1f\x8b")
@example(tar((entry("x", 2**60), b"")), gzip.compress(b""))
@example(tar((entry(kind=tarfile.SYMTYPE), b""), (entry(kind=tarfile.DIRTYPE), b"")), b"")
@example(tar(*LONG, (entry(), RECORDS)), b"")
@example(tar((entry("p", 13, tarfile.XHDTYPE), b"13 size=-9999\n"), (entry(), RECORDS)), b"")
@example(tar((entry("p", 16, tarfile.XHDTYPE), b"16 size=abcdefg\n"), (entry(), RECORDS)), b"")
def test_an_archive_is_read_whole_or_refused(inside, outside):
    archive(gzip.compress(inside, 1))
    archive(outside)


def test_nothing_is_unpickled(tmp_path):
    checkpoint(content := bomb(tmp_path / "ran"))
    archive(content)
    with io.BytesIO() as packed, tarfile.open(fileobj=packed, mode="w:gz") as folder:
        folder.addfile(entry(size=len(content)), io.BytesIO(content))
        folder.close()
        archive(packed.getvalue())
    assert not (tmp_path / "ran").exists()
