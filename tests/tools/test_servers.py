"""Both servers answer on this machine alone, by its own name, to whoever holds the token."""

import asyncio
import http.client
import json
import os
import re
import shlex
import socket
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import url2pathname
from uuid import uuid4

import lecture
import pytest
from lecture_server import lecture as serving

ROOT = Path(__file__).resolve().parents[2]
KERNEL = f"/api/kernels/{uuid4()}"
GUARDED = ("/", "/lab", "/voila/render/00_start_here.ipynb", KERNEL, f"{KERNEL}/channels", "/?token=guessed")
SETTINGS = """
import json, sys
from jupyter_server.serverapp import ServerApp
app = ServerApp()
app.initialize(sys.argv[1:], find_extensions=False, new_httpserver=False)
names = ("ip", "allow_remote_access", "allow_origin", "allow_origin_pat", "disable_check_xsrf")
print(json.dumps({"token": len(app.identity_provider.token), **{name: getattr(app, name) for name in names}}))
"""


def ask(address, path, **headers):
    """Status, cookie and body of one answer; a redirection is not followed."""
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode("utf-8", errors="replace")
    finally:
        connection.close()


def test_a_lecture_answers_on_this_machine_to_its_token_and_by_its_name():
    with serving() as printed:
        address = urlsplit(printed)
        token = parse_qs(address.query)["token"][0]
        assert address.hostname == "127.0.0.1"
        assert len(token) >= 32
        with pytest.raises(OSError, match=r".*"):  # a server on all interfaces would answer here as well
            socket.create_connection(("127.0.0.2", address.port), timeout=5).close()
        for path in GUARDED:
            status, headers, body = ask(address, path)
            assert status in (302, 403), path
            assert headers.get("Location", "/login").startswith("/login"), path
            assert not re.search('cards|ipynb"|jp-Cell', body), path
        status, headers, body = ask(address, f"/?token={token}")
        assert (status, 'class="cards"' in body) == (200, True)
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "httponly" in headers["Set-Cookie"].lower()
        name = f"elsewhere.example:{address.port}"
        for path in (f"/?token={token}", f"/voila/render/00_start_here.ipynb?token={token}"):
            assert ask(address, path, Host=name)[0] == 403, path


def test_neither_cookies_nor_the_token_are_there_to_be_read(monkeypatch):
    first, second = lecture.Lecture().cookie_secret, lecture.Lecture().cookie_secret
    assert len(first) >= 32
    assert first != second
    opened = []
    monkeypatch.setattr(lecture.webbrowser, "open", opened.append)
    app = lecture.Lecture(config=lecture.settings([], port=1, browser=True, token="secret"))
    app.launch_browser()
    assert "secret" not in opened[0]
    page = Path(url2pathname(urlsplit(opened[0]).path))
    try:
        assert f'url={app.display_url}"' in page.read_text(encoding="utf-8")
        assert os.name == "nt" or stat.S_IMODE(page.stat().st_mode) == 0o600
    finally:
        page.unlink()


def test_jupyterlab_starts_once_and_its_token_is_in_no_command_line(monkeypatch):
    started = []

    class Server:
        def __init__(self, command, env, stderr):
            started.append(command)
            assert env["JUPYTER_TOKEN"] == "secret"
            assert "secret" not in " ".join(command)
            port = next(int(word.partition("=")[2]) for word in command if word.startswith("--port="))
            self.socket = socket.create_server(("127.0.0.1", port))

        def poll(self):
            return None

        def terminate(self):
            self.socket.close()

    monkeypatch.setattr(lecture.subprocess, "Popen", Server)
    monkeypatch.setattr(lecture.subprocess, "run", lambda *_, **__: None)
    app = lecture.Lecture(config=lecture.settings([], port=1, browser=False, token="secret"))
    first, second = (asyncio.run(app.laboratory()) for _ in range(2))
    app.lab.terminate()
    assert first == second
    assert len(started) == 1
    assert "--ip=127.0.0.1" in started[0]
    assert first.endswith("/lab/tree/my_notebooks/00_start_here.ipynb?token=secret")
    app.first = "voila/render/00_start_here.ipynb"
    assert app.display_url.endswith("/voila/render/00_start_here.ipynb?token=secret")


def test_make_lab_leaves_every_guard_of_jupyterlab_up(tmp_path):
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").split("\nlab: ")[1].split("\n\n")[0]
    options = [word for word in shlex.split(recipe.split("jupyter-lab")[1]) if word.startswith("--")]
    assert options
    private = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    done = subprocess.run(
        [sys.executable, "-c", SETTINGS, *options, "--allow-root"],
        cwd=ROOT, env={**clean, **private}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found.pop("token") >= 32
    assert found.pop("ip") == "127.0.0.1"
    assert not any(found.values()), found
