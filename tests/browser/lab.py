"""A real JupyterLab and a real Chromium, on copies: nothing here touches the notebooks that are committed."""

import atexit
import contextlib
import functools
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(PROJECT / "tools"))  # some run this as a script
LAB_SETTINGS = import_module("setup_env").LAB_SETTINGS
PROBE = (Path(__file__).parent / "probe.js").read_text(encoding="utf-8")
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = """no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-component-update
    disable-sync"""
PATIENCE = 180_000  # ms: the machine may be slow; a condition that never comes fails the test anyway

SESSION = "window.jupyterapp?.shell.currentWidget?.sessionContext"
IDLE = f"{SESSION}?.session?.kernel?.status === 'idle'"
OUTPUTS = "window.jupyterapp.shell.currentWidget.content.model.toJSON().cells.flatMap(cell => cell.outputs || [])"
CELL = """const notebook = window.jupyterapp.shell.currentWidget.content;
    const place = notebook.widgets.findIndex(cell => cell.model.sharedModel.getSource().includes(source));"""
SCROLL = f"source => {{ {CELL} return notebook.scrollToItem(place, 'start') }}"
SHOWN = f"""source => {{ {CELL}
    const [page, cell] = [notebook.outerNode, notebook.widgets[place].node].map(node => node.getBoundingClientRect());
    return cell.height > 0 && cell.bottom > page.top && cell.top < page.bottom;
}}"""
PICTURE = "canvas.ssl-picture"  # the live one: a still picture in an output is an image


def find_chromium() -> str | None:
    """The browser that the variable CHROMIUM names, or the first of the usual ones."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def journeys(untried: str) -> list[pytest.MarkDecorator]:
    """The marks of a file of journeys; without a browser it is skipped, and says so."""
    remedy = f"Set CHROMIUM=/path/to/it, or put {', '.join(NAMES[:-1])} or {NAMES[-1]} on PATH."
    skipped = pytest.mark.skipif(find_chromium() is None, reason=f"{untried}: no Chromium found. {remedy}")
    return [pytest.mark.browser, skipped]


@dataclass
class Server:
    """A JupyterLab that answers, and the folder that it serves."""

    root: Path
    address: str
    token: str

    def url(self, notebook: str) -> str:
        """Where a notebook opens, in a workspace of its own."""
        return f"{self.address}/lab/tree/notebooks/{notebook}?token={self.token}&reset"

    def beginning(self, notebook: str, end: str) -> str:
        """Cut a notebook off before the first cell that starts with ``end``; the name of what is left."""
        path = self.root / "notebooks" / notebook
        content = json.loads(path.read_text(encoding="utf-8"))
        starts = ["".join(cell["source"]).startswith(end) for cell in content["cells"]]
        content["cells"] = content["cells"][: starts.index(True)]
        path.with_name(f"beginning_{notebook}").write_text(json.dumps(content), encoding="utf-8")
        return f"beginning_{notebook}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    begin = time.monotonic()
    while time.monotonic() - begin < PATIENCE / 1000:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')}")


@contextlib.contextmanager
def jupyter_lab() -> Iterator[Server]:
    """Serve a copy of the notebooks and their data on 127.0.0.1 with a token; our settings lie in a private folder."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home, token, port = Path(folder), secrets.token_hex(16), _free_port()
        root = home / "course"
        for part in ("notebooks", "data"):
            shutil.copytree(PROJECT / part, root / part, ignore=shutil.ignore_patterns(".*"))
        private = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
        shutil.copytree(PROJECT / "tools" / "lab_assets", home / "data/labextensions/ssl-explain")
        for plugin, settings in LAB_SETTINGS.items():
            path = home / "config/lab/user-settings" / f"{plugin.replace(':', '/')}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(settings), encoding="utf-8")
        environment = {**os.environ, **private, "IPYTHONDIR": str(home / "ipython")}
        environment.pop("MPLBACKEND", None)  # a notebook chooses for itself
        command = [
            str(Path(sys.executable).parent / "jupyter-lab"), "--no-browser", "--ip=127.0.0.1", f"--port={port}",
            f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}",
            "--LabApp.expose_app_in_browser=True",
        ]  # fmt: skip
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--allow-root")
        log = home / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            server = Server(root, f"http://127.0.0.1:{port}", token)
            _wait_until_it_answers(process, f"{server.address}/api?token={token}", log)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@functools.cache
def _browser() -> Browser:
    """The Chromium of this process, which ends with it."""
    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    return playwright.chromium.launch(executable_path=find_chromium(), args=[f"--{flag}" for flag in FLAGS.split()])


@contextlib.contextmanager
def chromium(width: int = 1400, height: int = 1000) -> Iterator[BrowserContext]:
    """An empty profile in Chromium that watches what is painted (see probe.js)."""
    with _browser().new_context(viewport={"width": width, "height": height}) as context:
        context.set_default_timeout(PATIENCE)
        context.add_init_script(PROBE)
        yield context


class Notebook:
    """An open notebook: run it, find its explorer, watch its picture."""

    def __init__(self, context: BrowserContext, server: Server, name: str) -> None:
        """Open it in a new tab and wait for its kernel."""
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)[:300]))
        self.page.goto(server.url(name))
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        self.page.wait_for_function(IDLE)

    def start_all(self, command: str = "notebook:run-all-cells") -> None:
        """Start running every cell."""
        run = f"window.jupyterapp.commands.execute('{command}').then(() => {{ window.__ran = true }})"
        self.page.evaluate(f"{{ window.__ran = false; {run}; 1 }}")

    def run_all(self, *, restart: bool = False) -> list[str]:
        """Run every cell, in a new kernel if asked, wait for the last one, return the errors that cells ended with."""
        self.start_all("notebook:restart-run-all" if restart else "notebook:run-all-cells")
        if restart:
            self.page.locator(".jp-Dialog button.jp-mod-accept").click()
        return self._errors()

    def _errors(self) -> list[str]:
        self.page.wait_for_function("window.__ran === true", timeout=3 * PATIENCE)
        return [f"{o['ename']}: {o['evalue']}" for o in self.outputs() if o["output_type"] == "error"]

    def ask(self, expression: str) -> str:
        """What Python's expression is in the kernel."""
        request = f"{SESSION}.session.kernel.requestExecute({{code: '', user_expressions: {{asked: expression}}}})"
        answer = self.page.evaluate(
            f"expression => {request}.done.then(reply => reply.content.user_expressions.asked)", expression
        )
        assert answer["status"] == "ok", f"{expression}: {answer.get('evalue')}"
        return str(answer["data"]["text/plain"])

    def outputs(self) -> list[dict[str, Any]]:
        """Every output of every cell, as it would be saved."""
        return list(self.page.evaluate(OUTPUTS))

    @property
    def explorer(self) -> "LiveExplorer":
        """The first explorer of the notebook."""
        return next(self.explorers())

    def explorers(self) -> "Iterator[LiveExplorer]":
        """Every explorer of the notebook, from top to bottom."""
        areas = self.page.locator(".jp-Cell-outputArea").filter(has=self.page.locator(PICTURE))
        areas.first.wait_for()
        return (LiveExplorer(self.page, area) for area in areas.all())

    def scroll_to(self, source: str) -> None:
        """Bring the cell that contains ``source`` to the top of the page, and wait until it is there."""
        self.page.evaluate(SCROLL, source)
        self.wait_until_shown(source)

    def wait_until_shown(self, source: str) -> None:
        """Wait until the cell that contains ``source`` is on the page."""
        self.page.wait_for_function(SHOWN, arg=source)

    def save(self) -> None:
        """Save it, as JupyterLab does by itself every two minutes."""
        self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")

    def close(self) -> None:
        """Stop the kernel and close the tab."""
        self.page.evaluate(f"{SESSION}.shutdown()")
        self.page.close()


class LiveExplorer:
    """Controls and picture of one explorer, as the browser has them."""

    def __init__(self, page: Page, area: Locator) -> None:
        """Start watching its output."""
        self.page, self.area = page, area
        self.picture = area.locator(PICTURE)
        area.evaluate("area => { area.scrollIntoView(); window.__probe.watch(area) }")

    @property
    def words(self) -> str:
        """The alternative text of the picture at this moment."""
        return self.picture.get_attribute("aria-label") or ""

    def button(self, label: str) -> Locator:
        """A button by what is written on it."""
        return self.area.locator("button").filter(has_text=re.compile(rf"^\W*{label}\W*$"))

    def open_drawer(self) -> None:
        """Show the settings that are not in view at first."""
        more = self.button("more settings")
        if more.count():
            more.click()
            self.button("fewer settings").wait_for()

    def controls(self) -> dict[str, Locator]:
        """Every slider and every row of buttons that belongs to a setting, by its description."""
        widgets = self.area.locator(".widget-slider, .widget-toggle-buttons").all()
        return {widget.locator(".widget-label").inner_text().strip(): widget for widget in widgets}

    def slider(self, label: str) -> Locator:
        """The handle of a slider by its description."""
        return self.area.locator(".widget-slider").filter(has_text=label).locator(".noUi-handle")

    def press(self, target: Locator, key: str) -> None:
        """Use a control without a mouse."""
        target.focus()
        self.page.keyboard.press(key)

    def wait_for_words(self, part: str) -> None:
        """Wait until the alternative text contains something."""
        self.area.locator(f'{PICTURE}[aria-label*="{part}"]').wait_for()

    def paints(self) -> int:
        """How many pictures were painted since the watch began."""
        return int(self.page.evaluate("window.__probe.paints.length"))

    def wait_for_paints(self, more: int) -> None:
        """Wait until that many further pictures were painted."""
        self.page.wait_for_function("n => window.__probe.paints.length >= n", arg=self.paints() + more)
