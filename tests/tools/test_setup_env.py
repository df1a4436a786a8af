"""The environment is made once, renewed when something has changed, and never left half-made in silence."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "setup_env.py"


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("setup_env", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\n[project]\nname = "p"\n[tool.ruff]\na = 1\n'
    )
    (tmp_path / "constraints.txt").write_text("a==1\ntorch==2.13.0\n")
    return tmp_path


@pytest.fixture
def world(tool, project, monkeypatch):
    """set_up with an instant pip; what it was asked to do is collected in ``calls``."""
    calls = []

    def make_environment(command, check):
        env = Path(command[-1])
        version = ".".join(map(str, sys.version_info[:3]))
        (env / "pyvenv.cfg").write_text(f"version = {version}\nexecutable = {tool.base_interpreter()}\n")
        calls.append("venv")

    monkeypatch.setattr(tool.subprocess, "run", make_environment)
    monkeypatch.setattr(
        tool, "install", lambda env, root, constraints, extras, *, quiet: calls.append(("pip", *extras))
    )

    def set_up(*extras):
        calls.clear()
        tool.set_up(project / ".venv", project, project / "constraints.txt", list(extras))
        return list(calls)

    return set_up


def test_a_second_start_installs_nothing_and_test_tools_come_on_top(world):
    assert world() == ["venv", ("pip",)]
    assert world() == []
    world()
    assert world("test") == [("pip", "test")]
    assert world("test") == []
    assert world() == []


def test_a_new_constraint_is_installed_and_a_linter_setting_is_not(world, project):
    world()
    config = project / "pyproject.toml"
    config.write_text(config.read_text().replace("a = 1", "a = 2"))
    assert world() == []
    config.write_text(config.read_text().replace('name = "p"', 'name = "p"\ndependencies = ["b"]'))
    assert world() == [("pip",)]
    (project / "constraints.txt").write_text("a==2\n")
    assert world() == [("pip",)]
    assets = project / "tools" / "lab_assets"
    assets.mkdir(parents=True)
    (assets / "stay.js").write_text("1;")  # a copy of it lies in the environment
    assert world() == [("pip",)]
    assert world() == []


@pytest.mark.parametrize("failure", [subprocess.CalledProcessError(1, "pip"), KeyboardInterrupt()])
def test_an_interrupted_installation_is_begun_afresh(world, tool, monkeypatch, failure):
    def fail(*_, **__):
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(tool, "install", fail)
        with pytest.raises(type(failure)):
            world()
    assert world() == ["venv", ("pip",)]
    assert world() == []


@pytest.mark.parametrize("stage", ["rmtree", "venv"])
def test_a_rebuild_that_is_stopped_is_begun_afresh(world, project, tool, monkeypatch, stage):
    def stop(*_, **__):
        raise KeyboardInterrupt

    world()
    (project / ".venv" / "pyvenv.cfg").write_text("version = 2.7\n")
    with monkeypatch.context() as patch:
        patch.setattr(
            tool.shutil if stage == "rmtree" else tool.subprocess, "rmtree" if stage == "rmtree" else "run", stop
        )
        with pytest.raises(KeyboardInterrupt):
            world()
    assert world() == ["venv", ("pip",)]


def test_two_set_ups_do_not_run_together(tool, project, monkeypatch):
    asked = []
    real = tool.fcntl.flock

    def flock(handle, how):
        asked.append(how)
        if how & tool.fcntl.LOCK_NB:
            real(handle, how)

    monkeypatch.setattr(tool.fcntl, "flock", flock)
    with tool.one_at_a_time(project), tool.one_at_a_time(project):
        pass
    assert asked == [tool.fcntl.LOCK_EX | tool.fcntl.LOCK_NB] * 2 + [tool.fcntl.LOCK_EX]


def test_an_environment_of_another_place_or_version_is_made_again_and_one_made_by_hand_kept(world, project, tool):
    world()
    config = project / ".venv" / "pyvenv.cfg"
    good = config.read_text()
    config.write_text(good.replace(str(tool.base_interpreter()), sys.prefix + "/elsewhere"))
    assert world() == ["venv", ("pip",)]
    config.write_text(good.replace(f"version = {sys.version_info[0]}", "version = 2"))
    assert world() == ["venv", ("pip",)]
    note = project / ".venv" / "ssl_explain.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "root": "elsewhere"}))
    assert world() == ["venv", ("pip",)]
    world()
    (project / ".venv" / "ssl_explain.json").unlink()
    assert world() == [("pip",)]


def test_newest_keeps_only_torch_and_lowest_takes_the_lower_ends(tool, project):
    target = tool.torch_only(project, project / "build" / "newest.txt")
    assert target.read_text() == "torch==2.13.0\n"
    config = project / "pyproject.toml"
    ranges = (
        'dependencies = ["torch>=2.6,<3", "b>=1.2,<4"]\n[project.optional-dependencies]\ntest = ["p[x]", "c>=7,<9"]'
    )
    config.write_text(config.read_text().replace('name = "p"', f'name = "p"\n{ranges}'))
    target = tool.lowest_only(project, project / "build" / "lowest.txt")
    assert target.read_text() == "torch==2.13.0\nb==1.2\nc==7\n"


def test_lowest_and_newest_at_once_are_refused(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["setup_env.py", "--lowest", "--newest"])
    with pytest.raises(SystemExit):
        tool.main()
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_failure_ends_in_one_sentence(tool, monkeypatch, capsys):
    def fail(*_):
        raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr(tool, "set_up", fail)
    monkeypatch.setattr(sys, "argv", ["setup_env.py"])
    assert tool.main() == 1
    assert capsys.readouterr().err == (
        "ssl_explain: setting up .venv failed, the reason is above; "
        "once it is removed, the same command starts afresh.\n"
    )


def test_jupyterlab_finds_settings_and_extension(tool, tmp_path, monkeypatch):
    """The extension, its folder and the name under which its script registers are called the same."""
    monkeypatch.setattr(tool.subprocess, "run", lambda *_, **__: None)
    for _ in range(2):
        tool.install(tmp_path, SCRIPT.parent.parent, tmp_path / "constraints.txt", [], quiet=True)
    share = tmp_path / "share" / "jupyter"
    assert json.loads((share / "lab" / "settings" / "overrides.json").read_text()) == tool.LAB_SETTINGS
    (about,) = (share / "labextensions").glob("*/package.json")
    said = json.loads(about.read_text(encoding="utf-8"))
    assert said["name"] == about.parent.name
    script = about.parent / said["jupyterlab"]["_build"]["load"]
    assert f'["{said["name"]}"] = ' in script.read_text(encoding="utf-8")


def test_a_disk_that_cannot_be_written_is_the_reason_that_is_said(tool, monkeypatch, capsys):
    def fail(*_):
        raise OSError(30, "Read-only file system", "build")

    monkeypatch.setattr(tool, "set_up", fail)
    monkeypatch.setattr(sys, "argv", ["setup_env.py"])
    assert tool.main() == 1
    assert capsys.readouterr().err.startswith(
        "ssl_explain: setting up .venv failed: [Errno 30] Read-only file system: 'build'; once it is removed"
    )
