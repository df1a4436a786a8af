"""The audit of the pinned versions is red unless every one of them was asked about and nothing was found."""

import os
import shutil

import audit
import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")


def auditor(folder, script):
    """A program that stands for pip-audit, in an environment that needs no installation."""
    program = folder / "bin" / "pip-audit"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("code", [0, 1, 3])
def test_it_is_green_only_if_the_auditor_is(tmp_path, monkeypatch, capfd, code):
    auditor(tmp_path, f'echo "asked: $*"; exit {code}')
    monkeypatch.setattr(audit, "FOLDER", tmp_path)
    assert audit.main() == code
    asked, told = capfd.readouterr()
    assert "--strict" in asked, "or a version that nobody knows would pass"
    assert asked.strip().endswith(f"--requirement {audit.ROOT / 'constraints.txt'}")
    assert ("the audit is red" in told) == bool(code)


def test_an_auditor_that_cannot_be_installed_or_started_is_red(tmp_path, monkeypatch, capfd):
    false = shutil.which("false")
    monkeypatch.setattr(audit, "base_interpreter", lambda: false)
    monkeypatch.setattr(audit, "FOLDER", tmp_path / "audit")
    assert audit.main() == 1
    assert "connect to the network" in capfd.readouterr().err
    auditor(tmp_path, "exit 0").chmod(0o644)
    monkeypatch.setattr(audit, "FOLDER", tmp_path)
    assert audit.main() == 1
    assert "the audit is red" in capfd.readouterr().err
