"""Open every static page with the network cut and say what is wrong with it: `python tests/browser/site_report.py`.

One line per page: requests (there must be none), formulas drawn, complaints of the console, violations that axe-core
finds (if `npm install --prefix build axe-core` has put it there), milliseconds from a slider to the picture.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from lab import chromium
from playwright.sync_api import BrowserContext, Page

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "build" / "node_modules" / "axe-core" / "axe.min.js"
FORMULAS = """() => [...document.querySelectorAll('math')]
    .filter(formula => formula.checkVisibility() && formula.getBoundingClientRect().height < 5).length"""
MOVE = """slider => new Promise(done => {
    const screen = slider.closest('.player').querySelector('img'), before = screen.src;
    slider.value = (Number(slider.value) + 1) % (Number(slider.max) + 1);
    const begin = performance.now();
    slider.dispatchEvent(new Event('input'));
    screen.decode().then(() => requestAnimationFrame(() => done([performance.now() - begin, screen.src !== before])));
})"""


def open_page(context: BrowserContext, path: Path) -> tuple[Page, list[str]]:
    """A page without a network, and the list that its complaints and requests go to."""
    context.set_offline(True)
    page, wrong = context.new_page(), []
    page.on("request", lambda request: request.url.startswith(("file:", "data:")) or wrong.append(request.url))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url[:100]}"))
    page.on("console", lambda message: message.type in ("error", "warning") and wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(path.resolve().as_uri())
    return page, wrong


def scripted(
    context: BrowserContext, file: Path, scripts: dict[str, str], mistake: tuple[str, str, str] | None = None
) -> Page:
    """A page with scripts inside, as those of the site have them; ``mistake`` is planted in one of them."""
    if mistake:
        name, right, wrong = mistake
        assert scripts[name].count(right) == 1, right
        scripts = scripts | {name: scripts[name].replace(right, wrong)}
    body = "".join(f"<script>{script}</script>\n" for script in scripts.values())
    file.write_text(f'<!doctype html><meta charset="utf-8"><title>{file.stem}</title>\n{body}', encoding="utf-8")
    page, complaints = open_page(context, file)
    assert complaints == []
    return page


def moves(page: Page, presses: int = 5) -> list[float]:
    """Milliseconds from a slider to the decoded picture in the next frame, for every slider."""
    times = []
    for slider in page.query_selector_all(".player input"):
        for _ in range(presses):
            took, _changed = slider.evaluate(MOVE)
            times.append(took)
    return times


def violations(page: Page) -> list[str]:
    """Serious and critical findings of axe-core, with the first element of each."""
    page.evaluate(AXE.read_text(encoding="utf-8"))  # not as a script of the page: its policy allows none
    found = page.evaluate("() => axe.run({iframes: false})")["violations"]
    serious = [finding for finding in found if finding["impact"] in ("serious", "critical")]
    return [f"{finding['id']}: {finding['nodes'][0]['html'][:120]}" for finding in serious]


def report(context: BrowserContext, path: Path) -> dict[str, Any]:
    """All of it for one page."""
    page, wrong = open_page(context, path)
    times = moves(page)
    row = {
        "page": path.name,
        "MB": round(path.stat().st_size / 1e6, 2),
        "wrong": wrong,
        "formulas": page.locator("math").count(),
        "not drawn": page.evaluate(FORMULAS),
        "pictures without words": page.locator("img:not([alt]), img[alt='']").count(),
        "axe": violations(page) if AXE.is_file() else "not asked",
        "slider ms p50": round(statistics.median(times)) if times else None,
        "slider ms max": round(max(times)) if times else None,
    }
    page.close()
    return row


def main() -> int:
    """Parse the command line; 1 if a page has a fault."""
    parser = argparse.ArgumentParser(description="Check the static pages in a browser without a network.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "build" / "site")
    folder, bad = parser.parse_args().folder, 0
    with chromium() as context:
        for path in sorted(folder.glob("*.html")):
            row = report(context, path)
            faults = [row["wrong"], row["not drawn"], row["pictures without words"], AXE.is_file() and row["axe"]]
            bad += any(faults)
            print(json.dumps(row, ensure_ascii=False), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
