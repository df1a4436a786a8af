"""The commands `images` and `image-sweep`: what they print, write and resume, and one sentence for what cannot be."""

import json
import re

import pytest

from ssl_explain import __main__ as command
from ssl_explain.lessons.real_images import command as images
from ssl_explain.lessons.real_images import table as picture_tables
from ssl_explain.lessons.real_images.command import ImageSettings, train_on_images
from ssl_explain.results import read_table

QUICK = ["images", "--batch", "32", "--first", "100", "--seed", "3", "--epochs", "2"]
ROW = re.compile(r"(raw pixels|(?:un)?trained, (?:hidden|output)) +(\d\.\d{3}) +(\d\.\d{3})")


def said(capsys, *words):
    command.main(words)
    return capsys.readouterr().out


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_it_prints_the_scores_of_the_run_beside_both_baselines(capsys):
    lines = said(capsys, *QUICK).splitlines()
    assert lines[0] == "digits, 6 steps at strength 0.5: share of test pictures recognised"
    result = train_on_images(ImageSettings(batch=32, first=100, seed=3), epochs=2, progress=False)
    expected = [result.raw, *result.untrained, *result.trained]
    found = [ROW.fullmatch(line) for line in lines[2:]]
    assert [match[1] for match in found] == [
        "raw pixels", "untrained, hidden", "untrained, output", "trained, hidden", "trained, output",
    ]  # fmt: skip
    for match, scores in zip(found, expected, strict=True):
        assert (match[2], match[3]) == tuple(f"{score:.3f}" for score in scores.tolist())


def test_every_option_reaches_the_run(monkeypatch, capsys, tmp_path):
    seen = {}

    def stand_in(settings, **options):
        seen.update(vars(settings), **options)
        raise ValueError("enough")

    monkeypatch.setattr("ssl_explain.lessons.real_images.command.train_on_images", stand_in)
    given = {
        "dataset": "stl10", "net": "conv", "loss": "frozen", "strength": 2.0, "temperature": 0.3, "beta": 0.5,
        "epochs": 7, "batch": 64, "learning_rate": 0.2, "seed": 9, "device": "cuda", "first": 500,
    }  # fmt: skip
    words = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    with pytest.raises(SystemExit, match="enough"):
        command.main(["images", *words, "--data", str(tmp_path), "--out", str(tmp_path / "out"), "--resume"])
    assert seen == given | {"folder": tmp_path, "out": tmp_path / "out", "resume": True}


def test_a_bar_counts_epochs_on_the_other_stream(capsys):
    command.main(QUICK)
    assert "2/2" in capsys.readouterr().err


def test_stopped_and_resumed_it_ends_alike(tmp_path, capsys, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    expected = said(capsys, *QUICK, "--out", str(whole))
    save, calls = images.save_checkpoint, []

    def interrupted(*arguments):
        save(*arguments)
        calls.append(arguments)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(images, "save_checkpoint", interrupted)
    with pytest.raises(SystemExit) as end:
        command.main([*QUICK, "--out", str(cut)])
    assert end.value.code == 130
    assert f"The finished epochs lie in {cut}: the same command with --resume goes on" in capsys.readouterr().out
    assert list(files(cut)) == ["epoch-00001.safetensors"]
    assert said(capsys, *QUICK, "--out", str(cut), "--resume") == expected
    assert files(cut) == files(whole)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--strength", "-1"], "`strength` must lie in [0, inf), got -1.0"),
        (["--strength", "nan"], "`strength` must lie in [0, inf), got nan"),
        (["--batch", "1"], "`batch` must be an integer from 2 to 1197, got 1"),
        (["--batch", "1198"], "`batch` must be an integer from 2 to 1197, got 1198"),
        (["--epochs", "0"], "`epochs` must be an integer ≥ 1, got 0"),
        (["--first", "1"], "`first` must be an integer ≥ 2, got 1"),
        (["--temperature", "0"], "`temperature` must lie in (0, inf), got 0.0"),
        (["--loss", "frozen", "--beta", "-1"], "`beta` must lie in [0, inf), got -1.0"),
        (["--beta", "1"], "`beta` must be 0 for the loss nce"),
        (["--learning-rate", "-1"], "`learning_rate` must lie in"),
        (["--seed", "-1"], "`seed` must be an integer from 0 to"),
        (["--device", "abacus"], "`device` must be one that this PyTorch"),
        (["--resume"], "`resume` must come with `out`"),
        (["--dataset", "cifar10"], "`folder` must name the folder of cifar-10-binary.tar.gz, got none; download"),
        (["--dataset", "stl10"], "`folder` must name the folder of stl10_binary.tar.gz, got none; download"),
    ],
)
def test_a_bad_value_ends_with_one_sentence_and_writes_nothing(words, sentence, tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_EXPLAIN_DATA", raising=False)
    out = [] if "--resume" in words else ["--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as end:
        command.main(["images", *words, *out])
    assert str(end.value).startswith(f"ssl_explain: {sentence}")
    assert "\n" not in str(end.value)
    assert list(tmp_path.iterdir()) == []


UNREADABLE = """images --dataset faces; images --loss l2; images --net resnet; images --batch many
    image-sweep --seeds 3; image-sweep colour; --depth 3 images; --depth 3 image-sweep losses"""


@pytest.mark.parametrize("words", re.split("; |\n", UNREADABLE))
def test_what_cannot_be_read_ends_with_the_usage(words, capsys):
    with pytest.raises(SystemExit) as end:
        command.main(words.split())
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("usage:")


@pytest.mark.parametrize("name", ["images", "image-sweep"])
def test_help_ends_well(name, capsys):
    with pytest.raises(SystemExit) as end:
        command.main([name, "--help"])
    assert end.value.code == 0
    assert "(default: " in " ".join(capsys.readouterr().out.split())


def test_an_image_sweep_writes_a_table_whose_command_makes_it_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(picture_tables, "STRENGTHS", (0.0, 0.5))
    words = ["image-sweep", "strength", "--kinds", "mlp", "--seeds", "2", "--steps", "2", "--workers", "1"]
    text = said(capsys, *words, "--out", str(tmp_path / "new"))
    path = tmp_path / "new" / "pictures_strength.csv"
    assert text == f"{path}: {2 * (1 + 2 * 4)} rows\n"
    assert len(read_table(path)["seed"]) == 18
    manifest = json.loads(path.with_suffix(".json").read_text())
    command.main([*manifest["command"].split()[3:], "--workers", "1", "--out", str(tmp_path)])
    assert files(tmp_path / "new")[path.name] == (tmp_path / path.name).read_bytes()
