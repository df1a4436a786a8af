"""Open every static page with the network cut and print a table: `python tests/browser/site_report.py`.

Size; milliseconds until a page has loaded, and from opening it until its first network trains or its first flow moves
after one click; pictures a second while it does; smallest text on a phone (of a picture: its share of its own size, in
which text has 12 px), and pixels by which a page is wider than the phone; complaints and requests; formulas not drawn;
violations that axe-core finds (if `npm install --prefix build axe-core` has put it there); slider to picture. Below the
table stands what is wrong.
"""

import argparse
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


# Play: milliseconds since the page was opened when the first picture changes, and changed pictures a second after it.
PLAY = """tree => new Promise(done => {
    let first = 0, pictures = 0, changed = false;
    const look = now => {
        if (changed) { first = first || now; pictures += 1; changed = false; }
        if (!first || now < first + 2000) return requestAnimationFrame(look);
        tree.querySelector('.play').click();
        done([Math.round(first), Math.round(pictures / 2)]);
    };
    new MutationObserver(() => (changed = true)).observe(
        tree, {subtree: true, attributes: true, attributeFilter: ['d', 'cx', 'r']});
    tree.querySelector('.play').click();
    requestAnimationFrame(look);
})"""
SMALLEST = """() => new Promise(done => {
    let frames = 5;  // a view that has another width draws itself again in one of the next frames
    const next = () => (frames-- ? requestAnimationFrame(next) : done());
    next();
}).then(() => Math.min(...[...document.querySelectorAll('body *')].map(element => {
    if (!element.checkVisibility()) return 99;
    if (element.tagName === 'IMG') return element.closest('.cards') ? 99 : 12 * element.width / element.naturalWidth;
    const text = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    const svg = element.ownerSVGElement;
    const scale = svg ? svg.getBoundingClientRect().width / svg.width.baseVal.value : 1;
    return text && !element.closest('script, title') ? scale * parseFloat(getComputedStyle(element).fontSize) : 99;
}).map(x => Math.round(10 * x) / 10)))"""


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


def report(context: BrowserContext, path: Path) -> tuple[dict[str, Any], list[str]]:
    """One line of the table for a page, and what is wrong with it."""
    page, wrong = open_page(context, path)
    ready, tree = round(page.evaluate("performance.now()")), page.locator(".tree")
    click, rate = tree.first.evaluate(PLAY) if tree.count() else ("", "")
    times = moves(page)
    undrawn, silent = page.evaluate(FORMULAS), page.locator("img:not([alt]), img[alt='']").count()
    found = violations(page) if AXE.is_file() else []
    page.set_viewport_size({"width": 390, "height": 844})
    small, wide = page.evaluate(SMALLEST), page.evaluate("() => document.documentElement.scrollWidth - 390")
    row = {
        "page": path.stem[:24].ljust(24), "kB": round(path.stat().st_size / 1e3), "ready ms": ready, "click ms": click,
        "pictures/s": rate, "text px": small, "wider px": wide, "wrong": len(wrong), "undrawn": undrawn,
        "no words": silent, "axe": len(found) if AXE.is_file() else "?",
        "slider ms": round(statistics.median(times)) if times else "",
    }  # fmt: skip
    page.close()
    bad = [f"text of {small} px"] * (small < 12) + [f"{wide} px too wide"] * (wide > 0)
    bad += [f"{undrawn} formulas not drawn"] * (undrawn > 0) + [f"{silent} pictures without words"] * (silent > 0)
    return row, wrong + found + bad


def main() -> int:
    """Parse the command line; 1 if a page has a fault."""
    parser = argparse.ArgumentParser(description="Check the static pages in a browser without a network.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "build" / "site")
    folder, faults = parser.parse_args().folder, []
    paths = sorted(folder.glob("*.html")) + sorted(folder.glob("embed/*.html"))
    with chromium() as context:
        for path in paths:
            row, wrong = report(context, path)
            if path == paths[0]:
                print(" | ".join(row))
            print(" | ".join(str(value).rjust(len(name)) for name, value in row.items()), flush=True)
            faults += [f"{path.name}: {one}" for one in wrong]
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
