"""Lecture mode: the notebooks on a projector, code hidden, explorers live, on this machine and without a network."""

import argparse
import asyncio
import atexit
import html
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

import tornado.ioloop
import tornado.web
from course import ONLY_IN_LAB, ROUTE, lessons, notebooks, on_route
from jupyter_server.base.handlers import JupyterHandler
from nbconvert.filters.markdown_mistune import MarkdownWithMath
from site_text import PageRenderer, render
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
TOOLS = Path(__file__).resolve().parent
ASSETS = TOOLS / "lecture_assets"
PORT = 8866
POLICY = (  # anywidget imports the JavaScript of our pictures from a blob
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "script-src-elem 'self' 'unsafe-inline' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'self'"
)


class LectureRenderer(PageRenderer):
    """Text cells with formulas in MathML; a link leads to the live notebook, or to the list of them."""

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """A link inside the lecture."""
        if url.endswith("NOTATION.md"):  # the lecture serves notebooks only
            return text
        url = "/" if url.endswith("README.md") else url
        return f'<a href="{html.escape(url)}">{text}</a>'


def text(source: str) -> str:
    """A text cell as HTML."""
    return MarkdownWithMath(renderer=LectureRenderer()).render(ONLY_IN_LAB.sub("", source))


def plan() -> str:
    """The lecture of 45 minutes, minute by minute, as the course map has it; its links open the live notebooks."""
    section = (FOLDER / "README.md").read_text(encoding="utf-8").split("\n## 45 minutes\n")[1].split("\n## ")[0]
    return re.sub(r'href="(\w+\.ipynb)', r'target="_blank" href="/voila/render/\1', text(section))


def landing(states: dict[str, str]) -> str:
    """The first page: every notebook with its question, and the plan of a lecture."""
    style = (ASSETS / "landing.css").read_text(encoding="utf-8")
    route, others = on_route(lessons())
    told = {"groups": {"45 minutes": route, "All others": others}, "states": states, "plan": plan()}
    return render("lecture_assets/landing.html.j2", styles=[style], **told)


class LandingHandler(JupyterHandler):
    """Serves the first page to requests with the token."""

    @tornado.web.authenticated
    def get(self) -> None:
        """Answer with the list of notebooks."""
        self.finish(landing(self.settings["voila"].states()))


class LabHandler(JupyterHandler):
    """Leads to JupyterLab, with the reader's copy of the first notebook; it starts when it is first asked for."""

    @tornado.web.authenticated
    async def get(self) -> None:
        """Answer with the address once it listens."""
        self.redirect(await self.settings["voila"].laboratory())


class ShutdownHandler(VoilaShutdownKernelHandler):
    """Stops the kernel of a closed page, which cannot send the XSRF token any more."""

    def check_xsrf_cookie(self) -> None:
        """Accept the request: the id of the kernel is secret enough."""


class Lecture(Voila):
    """Voilà with our first page and our templates in front of its own."""

    first = ""  # where the browser opens: the first page, or a notebook
    lab: subprocess.Popen[bytes] | None = None  # JupyterLab, once somebody has asked for it
    lab_port = 0

    def setup_template_dirs(self) -> None:
        """Search our folder first."""
        super().setup_template_dirs()
        self.template_paths.insert(0, str(ASSETS))

    def init_handlers(self) -> Any:
        """Our page instead of the list of files."""
        ours = [("/", LandingHandler), ("/lab", LabHandler), (r"/voila/api/shutdown/(.*)", ShutdownHandler)]
        return [*ours, *super().init_handlers()]

    def init_settings(self) -> dict[str, Any]:
        """Accept only local host names, which prevents DNS rebinding."""
        return {**super().init_settings(), "allow_remote_access": False}

    def states(self) -> dict[str, str]:
        """Which notebooks have been executed beforehand."""
        pools = getattr(self.kernel_manager, "_pools", {})
        return {name: "ready" if self._warm(pool) else "warming up" for name, pool in pools.items() if pool}

    @staticmethod
    def _warm(pool: list[Any]) -> bool:
        started = [item.result() for item in pool if item.done() and not item.exception()]
        return any(item["task"].done() for item in started)

    @property
    def display_url(self) -> str:
        """The address with the token, which gives access to the notebooks."""
        return f"http://127.0.0.1:{self.port}/{self.first}?token={self.token}"

    async def laboratory(self) -> str:
        """The address of a JupyterLab that runs; it is started if there is none, and ends with the lecture."""
        if self.lab is None or self.lab.poll() is not None:
            subprocess.run([sys.executable, str(TOOLS / "working_copies.py")], check=True)
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.lab_port = free.getsockname()[1]
            command = [str(Path(sys.executable).with_name("jupyter-lab")), "--no-browser", "--ip=127.0.0.1"]
            command += [
                f"--port={self.lab_port}",
                "--ServerApp.port_retries=0",
                f"--ServerApp.root_dir={FOLDER.parent}",
            ]
            command += ["--allow-root"] if hasattr(os, "getuid") and os.getuid() == 0 else []
            known = {**os.environ, "JUPYTER_TOKEN": self.token}  # every user can see a command line
            self.lab = subprocess.Popen(command, env=known, stderr=subprocess.DEVNULL)
            atexit.register(self.lab.terminate)
        for _ in range(300):
            with socket.socket() as there:
                if there.connect_ex(("127.0.0.1", self.lab_port)) == 0:
                    break
            await asyncio.sleep(0.2)
        return f"http://127.0.0.1:{self.lab_port}/lab/tree/my_notebooks/{notebooks()[0].name}?token={self.token}"

    def listen(self) -> None:
        """Print the address once the server answers, then serve."""
        word = f"{'Open' if self.first else 'Lecture'}: {self.display_url}\nCtrl-C here ends it."
        tornado.ioloop.IOLoop.current().add_callback(lambda: print(word, flush=True))
        super().listen()

    def launch_browser(self) -> None:
        """Open the first page through a private file, since every user can see the command line of a browser."""
        folder = FOLDER.parent / "build"  # a browser in a sandbox may not see the folder for temporary files
        folder.mkdir(exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".html", dir=folder)
        atexit.register(Path(name).unlink, missing_ok=True)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={html.escape(self.display_url)}">\n')
        webbrowser.open(Path(name).as_uri())


def preheated(wanted: str) -> list[str]:
    """File names of the notebooks to start beforehand.

    Raises:
        ValueError: a number that no notebook has.
    """
    names = {path.name[:2]: path.name for path in notebooks()}
    groups = {"none": (), "route": ROUTE, "all": tuple(names)}
    chosen = groups.get(wanted, tuple(number.strip() for number in wanted.split(",")))
    if not names.keys() >= set(chosen):
        raise ValueError(f"`--preheat` must be none, route, all or numbers such as 00,05, got {wanted!r}; see --help.")
    return [names[number] for number in chosen]


def settings(warm: list[str], *, port: int, browser: bool, token: str) -> Config:
    """The configuration of Voilà."""
    pools = {"default": {"pool_size": 0}, **{name: {"pool_size": 1} for name in warm}}
    place = {"ip": "127.0.0.1", "port": port, "open_browser": browser, "root_dir": str(FOLDER), "token": token}
    quiet = {"log_level": "ERROR", "tornado_settings": {"headers": {"Content-Security-Policy": POLICY}}}
    look = {"template": "lab", "theme": "light", "strip_sources": True, "show_tracebacks": True}
    locked = {"allow_template_override": "NO", "allow_theme_override": "NO"}
    return Config(
        Lecture=place | quiet,
        VoilaConfiguration=look | locked | {"preheat_kernel": bool(warm)},
        VoilaExecutor={"timeout": 300},
        VoilaKernelManager={"kernel_pools_config": pools},
        TemplateExporter={"filters": {"lecture_text": text}},
    )


def main() -> int:
    """Parse the command line and serve until interrupted."""
    parser = argparse.ArgumentParser(description="Show the notebooks on a projector.")
    parser.add_argument(
        "--preheat",
        help="notebooks to run beforehand: route (default: those of the 45 minutes), none, all, or numbers: 00,05; "
        "each takes about half a GB of memory, and as much again while it is open",
    )
    parser.add_argument("--start", action="store_true", help="open the first notebook alone, alive and without code")
    parser.add_argument("--port", type=int, default=PORT, help=f"first port to try (default: {PORT})")
    parser.add_argument("--no-browser", action="store_true", help="open no browser; the address is printed")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # several notebooks share the processor
    os.environ.pop("MPLBACKEND", None)  # notebooks choose their own backend
    try:
        warm = preheated(options.preheat or ("00" if options.start else "route"))
    except ValueError as problem:
        parser.error(str(problem))
    config = settings(warm, port=options.port, browser=not options.no_browser, token=secrets.token_urlsafe(24))
    app = Lecture(config=config)
    app.first = f"voila/render/{notebooks()[0].name}" if options.start else ""
    app.initialize([])
    app.start()
    return 0


if __name__ == "__main__":
    sys.exit(main())
