"""Training that streams into a real JupyterLab: pictures and steps per second, Pause, and the way to the first picture.

python tests/browser/streaming.py [--repeat 3]

``start_s`` counts from the JupyterLab command to the first picture of notebook 00 that moves (Run All, then Play).
The other figures come from a notebook with the full explorer and, beside it in the same kernel, the bare training
loop with the same settings: ``share`` is the one's steps per second by the other's. Prints JSON, medians.
"""

import argparse
import json
import os
import re
import statistics
import time

import nbformat
from lab import LiveExplorer, Notebook, Server, chromium, jupyter_lab
from playwright.sync_api import BrowserContext

FIRST = "00_start_here.ipynb"
BARE = """
import time, torch
from ssl_explain.lessons.start_here import TreeState, tree_explorer
from ssl_explain.lessons.start_here.state import run_of
torch.set_num_threads(1)
state = TreeState(budget=3000)
training = run_of(state).training
training.advance(100)
begin = time.perf_counter()
training.advance(1000)
print("bare", 1000 / (time.perf_counter() - begin))
"""
PICTURES = 25
MOMENT = "[window.__probe.paints.length, window.__probe.paints.at(-1)]"
PAUSE = """area => new Promise(done => {
    const pause = [...area.querySelectorAll('button')].find(button => button.innerText.includes('Pause'));
    const begin = performance.now();
    const look = () => pause.disabled ? done(performance.now() - begin) : requestAnimationFrame(look);
    pause.click();
    look();
})"""


def first_moving_picture(context: BrowserContext) -> float:
    """Seconds from the command to the first picture that moves."""
    begin = time.monotonic()
    with jupyter_lab() as server:
        notebook = Notebook(context, server, FIRST)
        notebook.start_all()
        explorer = notebook.explorer
        explorer.button("Play").click()
        explorer.wait_for_paints(1)
        seconds = time.monotonic() - begin
        notebook.close()
    return seconds


def steps(explorer: LiveExplorer) -> int:
    """The step that the picture shows."""
    found = re.match(r"After (\d+) steps", explorer.words)
    return int(found[1]) if found else 0


def one_run(notebook: Notebook) -> dict[str, float]:
    """The bare loop first, then Play for some pictures, then Pause."""
    notebook.run_all()
    bare = next(float(o["text"].split()[1]) for o in notebook.outputs() if str(o.get("text")).startswith("bare"))
    explorer = notebook.explorer
    explorer.button("Play").click()
    explorer.wait_for_paints(3)
    (n, begin), first = explorer.page.evaluate(MOMENT), steps(explorer)
    explorer.wait_for_paints(PICTURES)
    (m, end), last = explorer.page.evaluate(MOMENT), steps(explorer)
    pause = explorer.area.evaluate(PAUSE)
    blank = explorer.page.evaluate("window.__probe.blank")
    seconds = (end - begin) / 1000
    speed = (last - first) / seconds
    pictures = (m - n) / seconds
    return {"pictures_per_s": pictures, "steps_per_s": speed, "bare_steps_per_s": bare, "share": speed / bare,
            "pause_ms": pause, "blank": blank}  # fmt: skip


def scratch(server: Server) -> str:
    """A notebook with the bare loop and the full explorer."""
    cells = [nbformat.v4.new_code_cell(code) for code in (BARE, "explorer = tree_explorer(state)\nexplorer")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(book, server.root / "notebooks" / "scratch.ipynb")
    return "scratch.ipynb"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    with chromium() as context:
        starts = [first_moving_picture(context) for _ in range(repeat)]
        with jupyter_lab() as server:
            notebook = Notebook(context, server, scratch(server))
            runs = [one_run(notebook) for _ in range(repeat)]
            errors = notebook.errors
            notebook.close()
    result = {name: round(statistics.median(run[name] for run in runs), 3) for name in runs[0]}
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    print(json.dumps({"start_s": round(statistics.median(starts), 2), **result, "js_errors": errors, "load": load}))


if __name__ == "__main__":
    main()
