"""Make the moving picture of the README: `python tests/browser/moving_picture.py` films a page, a pointer drags q.

The clock of the page is ours, so that a slow machine films the same run.
"""

import io
from pathlib import Path

from lab import chromium  # it puts tools/ on the path
from PIL import Image
from playwright.sync_api import FloatRect

from ssl_explain.lessons.start_here.state import TreeState
from ssl_explain.lessons.start_here.two_trees import two_trees
from ssl_explain.results import write_whole

OUT = Path(__file__).resolve().parents[2] / "docs" / "explorer.gif"
MOMENT, WAIT = 80, 900  # milliseconds per picture; of the last one more
STOPS = [(0.5, 26), (0.0, 12), (0.0, 24), (1.0, 12), (1.0, 12)]  # where q is dragged to, in how many pictures
ARROW = (
    '<svg width="22" height="26"><path d="M2 2V21L7 16L11 24L14 22L11 15H18Z" stroke="#fff" stroke-width="2"/></svg>'
)
POINTER = """arrow => {
    document.querySelectorAll('.presets, .more').forEach(part => part.remove());
    const pointer = document.body.appendChild(document.createElement('div'));
    pointer.innerHTML = arrow;
    const move = (x, y) => pointer.style.cssText = `position: fixed; pointer-events: none; left: ${x}px; top: ${y}px`;
    addEventListener('mousemove', event => move(event.clientX - 2, event.clientY - 2));
}"""


def film() -> list[Image.Image]:
    """Play with two views that differ, drag q to 0, and then to 1."""
    from build_site import page
    from site_pages import tree_section

    body = tree_section(1, two_trees(TreeState(seed=2)))
    pictures = []
    with chromium() as context:
        assert context.browser is not None
        screen = context.browser.new_page(
            viewport={"width": 1120, "height": 800}, device_scale_factor=1.3, bypass_csp=True
        )
        screen.clock.install(time=0)
        screen.clock.pause_at(1000)
        screen.set_content(page("Tree", body, [], ["tree"]))
        screen.evaluate(POINTER, ARROW)
        screen.clock.run_for(100)

        def box(part: str) -> FloatRect:
            found = screen.locator(part).first.bounding_box()
            assert found is not None
            return found

        frame, slider, floor = box(".tree"), box(".tree input"), box(".trees")
        clip: FloatRect = {**frame, "height": floor["y"] + floor["height"] + 8 - frame["y"]}

        def at(q: float) -> tuple[float, float]:
            return slider["x"] + 9 + q * (slider["width"] - 18), slider["y"] + slider["height"] / 2

        def shoot() -> None:
            screen.clock.run_for(MOMENT)
            pictures.append(Image.open(io.BytesIO(screen.screenshot(clip=clip))).convert("RGB"))

        play = screen.get_by_role("button", name="Play")
        play.hover()
        shoot()
        play.click()
        q = 0.5
        for goal, count in STOPS:
            for k in range(count):
                now = q + (goal - q) * (k + 1) / count
                screen.mouse.move(*at(now))
                if goal != q and k == 0:
                    screen.mouse.down()
                shoot()
            screen.mouse.up()
            q = goal
    return pictures


def main() -> None:
    """Film, and write with one palette."""
    pictures = film()
    wide, high = pictures[0].size
    some = Image.new("RGB", (wide, 5 * high))  # a palette for what is seen at any time
    for k in range(5):
        some.paste(pictures[k * (len(pictures) - 1) // 4], (0, k * high))
    palette = some.quantize(64, dither=Image.Dither.NONE)
    frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    times = [*[MOMENT] * (len(frames) - 1), WAIT]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0, optimize=True)
    write_whole(OUT, buffer.getvalue())
    print(f"{OUT.name}: {OUT.stat().st_size / 1e6:.2f} MB, {len(frames)} frames, {sum(times) / 1000:.1f} s")


if __name__ == "__main__":
    main()
