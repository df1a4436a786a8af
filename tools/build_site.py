"""Build the static site: a folder of pages that need neither a server, nor a kernel, nor a network."""

import argparse
import ast
import contextlib
import io
import os
import shutil
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import nbformat
from course import ONLY_IN_LAB, lesson, notebooks, on_route
from page_policy import digest, policy
from site_frames import play
from site_pages import LIVE, code, live_section, outputs, player_section, question_section, reveal_section, tree_section
from site_text import markdown, render, stops
from working_copies import replace_file

from ssl_explain.kit.explorer import Explorer
from ssl_explain.kit.prediction import Prediction, Reveal
from ssl_explain.lessons.start_here.explorer import TreeExplorer
from ssl_explain.lessons.start_here.two_trees import TwoTrees
from ssl_explain.lessons.why_the_root.race_explorer import RaceExplorer

ROOT = Path(__file__).resolve().parent.parent
ASSETS = Path(__file__).resolve().parent / "site_assets"
SHOWN_IN_LAB = ROOT / "ssl_explain" / "lessons" / "start_here"  # the tree's view is that of the notebook
SHARED = ("tree.css", "engine.js", "svg.js", "link.js")  # what every page shares that computes something itself
SCRIPTS = {
    "story": ("story.css", "story.js"),
    "tree": (*SHARED, "bounds.js", "tree_view.js", "tree_page.js"),
    **{
        name: (*SHARED, "live.css", f"{name}.js", f"{name}_view.js", "live_page.js")
        for name in ("ring", "plane", "grassmann")
    },
}
WORKERS = 2
LIMIT = 25e6  # bytes of the whole site


class Reader:
    """Runs the cells of one notebook and turns them into HTML."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.questions: dict[int, int] = {}
        self.explorers = list[tuple[str, str]]()  # view of the page or "", section

    def run(self, source: str) -> Any:
        """Execute a cell; the value of its last line, if that is an expression."""
        tree = ast.parse(source)
        last = tree.body[-1] if tree.body else None
        expression = ast.Expression(last.value) if isinstance(last, ast.Expr) else None
        if expression:
            tree.body.pop()
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(tree, "cell", "exec"), self.names)
            return eval(compile(expression, "cell", "eval"), self.names) if expression else None

    def cell(self, cell: nbformat.NotebookNode) -> str:
        """One cell as HTML."""
        if cell.cell_type == "markdown":
            return markdown(ONLY_IN_LAB.sub("", cell.source), live=True)
        value, tags = self.run(cell.source), cell.metadata.get("tags", [])
        if isinstance(value, Explorer | TwoTrees):
            return code(cell.source) + self._explorer(value)
        if isinstance(value, Prediction):
            number = self.questions.setdefault(id(value), len(self.questions) + 1)
            return question_section(number, value.question)
        if isinstance(value, Reveal) and (section := self._reveal(value)):
            return section
        shown = "" if "exercise" in tags else outputs(cell)  # a stub says "not attempted yet"; here nobody can
        return code(cell.source) + (shown.replace('class="out"', 'class="out check"') if "check" in tags else shown)

    def _explorer(self, value: Explorer[Any] | TwoTrees) -> str:
        number = len(self.explorers) + 1
        if isinstance(value, TreeExplorer | RaceExplorer | TwoTrees):
            view, section = "tree", tree_section(number, value)
        elif type(value) in LIVE:
            view, section = LIVE[type(value)][0], live_section(number, value)
        else:
            view, section = "", player_section(number, play(value))
        self.explorers.append((view, section))
        return section

    def _reveal(self, value: Reveal) -> str:
        for guess in list(self.names.values()):
            if isinstance(guess, Prediction) and guess._reveal is value and guess._measured:
                return reveal_section(self.questions[id(guess)], guess.question, guess._measured)
        return value.page


def asset(name: str) -> str:
    """The text of a style or a script."""
    return next(folder / name for folder in (ASSETS, SHOWN_IN_LAB) if (folder / name).exists()).read_text("utf-8")


def page(title: str, body: str, links: list[tuple[str, str]], views: Iterable[str] = (), more: str = "") -> str:
    """A whole page: styles and scripts inside, and a policy that blocks everything from outside (but ``more``)."""
    names = ["page.css", "player.js", *dict.fromkeys(name for view in views for name in SCRIPTS[view])]
    names.sort(key=lambda name: name.endswith("_page.js"))  # they come last: they begin at once
    styles, scripts = ([asset(n) for n in names if n.endswith(end)] for end in (".css", ".js"))
    shell = {"title": title, "styles": styles, "scripts": scripts, "body": body, "links": links}
    return render("site_assets/page.html.j2", policy=policy(scripts, " ".join(map(digest, styles)), more=more), **shell)


def build(path: Path, folder: Path, links: list[tuple[str, str]]) -> tuple[str, float]:
    """Write the page of one notebook; its name and the seconds it took."""
    begin = time.monotonic()
    import torch

    torch.set_num_threads(1)
    notebook = nbformat.read(path, as_version=4)
    os.chdir(path.parent)
    reader, parts = Reader(), []
    for number, cell in enumerate(notebook.cells, 1):
        try:
            parts.append(reader.cell(cell))
        except Exception as error:
            raise RuntimeError(f"cell {number} of {path.name}: {error!r}") from error
    views = sorted({view for view, _ in reader.explorers if view})
    parts.insert(1, render("site_assets/note.html.j2", views=views))
    title = lesson(path, notebook).title
    replace_file(folder / f"{path.stem}.html", page(title, "".join(parts), links, views).encode())
    computed = [one for one in reader.explorers if one[0] and 'class="tree alone"' not in one[1]]
    for view, section in computed[:1]:  # without navigation, for a page of somebody else
        (folder / "embed").mkdir(exist_ok=True)
        replace_file(folder / "embed" / f"{path.stem}.html", page(title, section, [], [view]).encode())
    return path.name, time.monotonic() - begin


def contents(paths: list[Path]) -> str:
    """The body of the first page: what this is about, and every notebook with its question."""
    about = markdown((ASSETS / "index.md").read_text("utf-8"))
    route, others = on_route(map(lesson, paths))
    return about + render("site_assets/cards.html.j2", groups={"45 minutes": route, "All others": others})


def story(links: list[tuple[str, str]]) -> str:
    """The page of the lecture of 45 minutes, stop by stop."""
    body = render("site_assets/story.html.j2", stops=stops())
    return page("45 minutes", body, links, ["story"], more="frame-src 'self' file:; ")


def main() -> int:
    """Parse the command line, build all pages side by side, say how large they are."""
    parser = argparse.ArgumentParser(description="Build the static site from the notebooks.")
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks (default: all in notebooks/)")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", help="folder (default: build/site)")
    options = parser.parse_args()
    everything = notebooks()
    paths = [path.resolve() for path in options.paths] or everything
    fresh = options.out.resolve().with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    links = [("Contents", "index.html"), *((path.stem[:2], f"{path.stem}.html") for path in everything)]
    links.append(("Notation", "NOTATION.html"))
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(build, path, fresh, links) for path in paths]:
            name, took = done.result()
            print(f"{name}: {took:.0f} s", flush=True)
    sheet = markdown((ROOT / "notebooks" / "NOTATION.md").read_text(encoding="utf-8"))
    replace_file(fresh / "NOTATION.html", page("Notation", sheet, links).encode())
    replace_file(fresh / "story.html", story(links[:1]).encode())
    replace_file(fresh / "index.html", page("ssl_explain", contents(everything), links).encode())
    size = sum(file.stat().st_size for file in fresh.rglob("*.html"))
    print(f"{len(paths) + 3} pages, {size / 1e6:.1f} MB in {os.path.relpath(options.out)}")
    if size > LIMIT:
        print(f"too large: more than {LIMIT / 1e6:.0f} MB; keep fewer pictures (MOST in tools/site_frames.py)")
        return 1
    shutil.rmtree(options.out, ignore_errors=True)
    fresh.rename(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
