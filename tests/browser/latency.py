"""How long from a key press on a slider until the new picture is painted, in a real JupyterLab.

python tests/browser/latency.py 00_start_here.ipynb [--slider 0] [--presses 36] [--shots folder]

Runs all cells of a copy of the notebook, focuses the n-th slider of its first explorer and presses the arrow keys,
one press at a time. Prints JSON: p50 and p95 in ms, presses that painted nothing, frames without a picture,
frames in which the height of the output changed, and every JavaScript error.
"""

import argparse
import json
import os
import statistics
from pathlib import Path

from lab import LiveExplorer, Notebook, chromium, jupyter_lab
from playwright.sync_api import Locator, TimeoutError

QUIET = 200  # ms without a further picture: the answer to a key press is complete
SILENT = 3000  # ms without any picture: the press painted nothing
WARM_UP = 4
SETTLED = f"window.__probe.paints.length && performance.now() - window.__probe.paints.at(-1) > {QUIET}"


def towards(handle: Locator, press: int) -> str:
    """Six presses to the right, six to the left; the other way at the end of the range."""
    low, now, high = (float(handle.get_attribute(f"aria-value{part}") or 0) for part in ("min", "now", "max"))
    right = (press // 6) % 2 == 0
    return "ArrowRight" if (right and now < high) or now <= low else "ArrowLeft"


def one_press(explorer: LiveExplorer, handle: Locator, press: int) -> float | None:
    """Milliseconds from the key to the last picture it caused; None if it caused none."""
    page = explorer.page
    key = towards(handle, press)
    page.evaluate("window.__probe.keys = []; window.__probe.paints = []")
    page.keyboard.press(key)
    try:
        page.wait_for_function(SETTLED, timeout=SILENT)
    except TimeoutError:
        return None
    return float(page.evaluate("window.__probe.paints.at(-1) - window.__probe.keys[0]"))


def measure(explorer: LiveExplorer, slider: int, presses: int) -> dict[str, object]:
    """Press and summarise."""
    handle = explorer.area.locator(".noUi-handle").nth(slider)
    handle.focus()
    for press in range(WARM_UP):
        one_press(explorer, handle, press)
    explorer.page.evaluate("window.__probe.clear()")
    times = [one_press(explorer, handle, press) for press in range(presses)]
    seen = sorted(time for time in times if time is not None)
    counts = explorer.page.evaluate("(({frames, blank, jumps}) => ({frames, blank, jumps}))(window.__probe)")
    p50 = round(statistics.median(seen), 1) if seen else None
    p95 = round(seen[min(len(seen) - 1, int(0.95 * len(seen)))], 1) if seen else None
    return {"p50_ms": p50, "p95_ms": p95, "n": len(seen), "silent": times.count(None), **counts}


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", help="name of a notebook in notebooks/")
    parser.add_argument("--slider", type=int, default=0, help="which slider of the explorer (default: the first, 0)")
    parser.add_argument("--presses", type=int, default=36)
    parser.add_argument("--shots", type=Path, help="folder for screenshots before and after")
    options = parser.parse_args()
    with jupyter_lab() as server, chromium() as context:
        notebook = Notebook(context, server, options.notebook)
        notebook.run_all()
        explorer = notebook.explorer
        if options.shots:
            options.shots.mkdir(parents=True, exist_ok=True)
            notebook.page.screenshot(path=options.shots / "before.png")
        result = measure(explorer, options.slider, options.presses)
        if options.shots:
            notebook.page.screenshot(path=options.shots / "after.png")
        load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
        print(json.dumps({"notebook": options.notebook, **result, "js_errors": notebook.errors, "load": load}))
        notebook.close()


if __name__ == "__main__":
    main()
