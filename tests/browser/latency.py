"""How long from a key press on a control until the new picture is painted, in a real JupyterLab.

python tests/browser/latency.py 00_start_here.ipynb [--presses 36] [--all] [--shots folder]
python tests/browser/latency.py --beside [--presses 36]

Runs all cells of a copy of the notebook, focuses the first slider of its first explorer (with ``--all`` every slider
and every row of buttons of every explorer, one after the other) and presses keys, one at a time. Prints a line of
JSON per control: p50 and p95 in ms, presses that painted nothing, frames without a picture, frames in which the
height of the output changed; at the end every JavaScript error.

With ``--beside`` explorers and a bare anywidget, which shows frames made before, are pressed in turn in one notebook:
``above_p50_ms`` and ``above_p95_ms`` say how much later an explorer's picture comes.
"""

import argparse
import json
import os
import statistics
from pathlib import Path

import nbformat
from lab import LiveExplorer, Notebook, Server, chromium, jupyter_lab
from playwright.sync_api import BrowserContext, Locator, TimeoutError

BARE = """
import anywidget, ipywidgets, traitlets
from ssl_explain.lessons.byol_solved import modes_explorer

class Bare(anywidget.AnyWidget):
    _esm = \'\'\'export default { render({ model, el }) {
        const canvas = el.appendChild(document.createElement("canvas"));
        canvas.className = "ssl-picture";
        const show = async () => {
            const bitmap = await createImageBitmap(new Blob([model.get("frame")]));
            [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
            canvas.getContext("2d").drawImage(bitmap, 0, 0);
            canvas.dataset.frame = model.get("number");
        };
        model.on("change:number", show);
        show();
    } }\'\'\'
    frame, number = traitlets.Bytes().tag(sync=True), traitlets.Int().tag(sync=True)

source, frames = modes_explorer(), []
for value in source.state.controls()["p"].values():
    source.state = source.state.change(p=value)
    frames.append(source.view.jpeg)
bare, slider = Bare(frame=frames[0]), ipywidgets.IntSlider(max=len(frames) - 1, description="frame")

def moved(change):
    with bare.hold_sync():
        bare.frame, bare.number = frames[change["new"]], bare.number + 1

slider.observe(moved, "value")
ipywidgets.VBox([slider, bare])
"""
BESIDE = {
    "modes": ("from ssl_explain.lessons.byol_solved import modes_explorer\nmodes_explorer()", "start p"),
    "tree": ("from ssl_explain.lessons.start_here import tree_explorer\ntree_explorer()", "augmentation q"),
    "operator": ("from ssl_explain.lessons.covariance_operator import operator_explorer\noperator_explorer()", "layer"),
}
QUIET = 200  # ms without a further picture: the answer to a key press is complete
SILENT = 1000  # ms without any picture: the press painted nothing
WARM_UP = 4
SETTLED = f"window.__probe.paints.length && performance.now() - window.__probe.paints.at(-1) > {QUIET}"


def towards(handle: Locator, press: int) -> str:
    """Six presses to the right, six to the left; the other way at the end of the range."""
    low, now, high = (float(handle.get_attribute(f"aria-value{part}") or 0) for part in ("min", "now", "max"))
    right = (press // 6) % 2 == 0
    return "ArrowRight" if (right and now < high) or now <= low else "ArrowLeft"


def aim(control: Locator, press: int) -> str:
    """Focus what takes the key, and say which key: the handle of a slider, or the buttons one after the other."""
    handle, buttons = control.locator(".noUi-handle"), control.locator("button")
    target = handle if handle.count() else buttons.nth((press + 1) % buttons.count())
    target.focus()
    return towards(handle, press) if handle.count() else "Space"


def one_press(explorer: LiveExplorer, control: Locator, press: int) -> float | None:
    """Milliseconds from the key to the last picture it caused; None if it caused none."""
    page, key = explorer.page, aim(control, press)
    page.evaluate("window.__probe.keys = []; window.__probe.paints = []")
    page.keyboard.press(key)
    try:
        page.wait_for_function(SETTLED, timeout=SILENT)
    except TimeoutError:
        return None
    return float(page.evaluate("window.__probe.paints.at(-1) - window.__probe.keys[0]"))


def measure(explorer: LiveExplorer, control: Locator, presses: int) -> dict[str, object]:
    """Press and summarise."""
    for press in range(WARM_UP):
        one_press(explorer, control, press)
    explorer.page.evaluate("window.__probe.clear()")
    times = [one_press(explorer, control, press) for press in range(presses)]
    seen = [time for time in times if time is not None]
    counts = explorer.page.evaluate("(({frames, blank, jumps}) => ({frames, blank, jumps}))(window.__probe)")
    p50, p95 = (round(time, 1) for time in _quantiles(seen)) if seen else (None, None)
    return {"p50_ms": p50, "p95_ms": p95, "n": len(seen), "silent": times.count(None), **counts}


def survey(notebook: Notebook, presses: int, every: bool, shots: Path | None) -> None:
    """Measure the controls and print one line for each; a picture of the screen before the first and after each."""
    for number, explorer in enumerate(notebook.explorers()):
        if number and not every:
            break
        _shoot(explorer, shots, f"{number}")
        explorer.open_drawer()
        for label, control in list(explorer.controls().items())[: None if every else 1]:
            result = measure(explorer, control, presses)
            load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
            print(json.dumps({"explorer": number, "control": label, **result, "load": load}), flush=True)
            _shoot(explorer, shots, f"{number}-{label.replace(' ', '_')}")


def _quantiles(times: list[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def beside(context: BrowserContext, server: Server, presses: int) -> None:
    """Press the sliders of explorers and that of a bare widget in turn, and compare."""
    cells = [nbformat.v4.new_code_cell(code) for code in (BARE, *(code for code, _ in BESIDE.values()))]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(book, server.root / "notebooks" / "beside.ipynb")
    notebook = Notebook(context, server, "beside.ipynb")
    assert notebook.run_all() == []
    areas = [explorer.area for explorer in notebook.explorers()]
    labels = {"bare": "frame"} | {name: label for name, (_, label) in BESIDE.items()}
    times: dict[str, list[float]] = {name: [] for name in labels}
    for turn in range(presses // 6 + 1):
        for (name, label), area in zip(labels.items(), areas, strict=True):
            explorer = LiveExplorer(notebook.page, area)
            control = area.locator(".widget-slider").filter(has_text=label).first
            told = [one_press(explorer, control, press + 6 * turn) for press in range(6)]
            times[name] += [time for time in told if time is not None and turn]  # the first turn warms up
    bare = _quantiles(times.pop("bare"))
    print(json.dumps({"bare_p50_ms": round(bare[0], 1), "bare_p95_ms": round(bare[1], 1)}))
    for name, seen in times.items():
        p50, p95 = _quantiles(seen)
        above = {"above_p50_ms": round(p50 - bare[0], 1), "above_p95_ms": round(p95 - bare[1], 1)}
        print(json.dumps({"explorer": name, "p50_ms": round(p50, 1), "p95_ms": round(p95, 1), "n": len(seen), **above}))
    print(json.dumps({"js_errors": notebook.errors}))
    notebook.close()


def _shoot(explorer: LiveExplorer, folder: Path | None, name: str) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        explorer.area.screenshot(path=folder / f"{name}.png")


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", nargs="?", help="name of a notebook in notebooks/")
    parser.add_argument("--beside", action="store_true", help="explorers beside a bare widget")
    parser.add_argument("--all", action="store_true", help="every control of every explorer")
    parser.add_argument("--presses", type=int, default=36)
    parser.add_argument("--shots", type=Path, help="folder for pictures of the screen")
    parser.add_argument("--width", type=int, default=1400, help="of the window, in pixels")
    options = parser.parse_args()
    with jupyter_lab() as server, chromium(options.width) as context:
        if options.beside:
            return beside(context, server, options.presses)
        notebook = Notebook(context, server, options.notebook)
        notebook.run_all()
        survey(notebook, options.presses, options.all, options.shots)
        print(json.dumps({"notebook": options.notebook, "js_errors": notebook.errors}))
        notebook.close()


if __name__ == "__main__":
    main()
