"""The commands `images` and `image-sweep`: what they print, write and resume, and one sentence for what cannot be."""

import json
import re

import pytest
from tables import files

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
        "dataset": "stl10", "net": "conv", "loss": "frozen", "strength": 2.0, "temperature": 0.3, "extra": 0.5,
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
