"""Make the moving picture of the README: `python tools/moving_picture.py` films the tree of notebook 00 in training."""

import io
from pathlib import Path

import torch
from PIL import Image
from site_frames import at_marks

from ssl_explain.lessons.start_here.explorer import tree_explorer
from ssl_explain.lessons.start_here.state import TreeState
from ssl_explain.results import write_whole

OUT = Path(__file__).resolve().parent.parent / "docs" / "explorer.gif"
MARKS = (0, 5, 10, 15, 20, 30, 40, 50, 65, 80, 100, 130, 160, 200, 250, 300, 400, 500)  # dense where much changes
MOMENT, FIRST, LAST = 220, 1200, 2500  # milliseconds per frame


def main() -> None:
    """With augmentation, then without."""
    torch.set_num_threads(1)
    pictures = []
    for strength in (0.5, 0.0):
        explorer = tree_explorer(TreeState(seed=2, strength=strength, budget=500), controls=("strength",), levels=(0,))
        pictures += [Image.fromarray(explorer.view.pixels()).convert("RGB") for _ in at_marks(explorer, MARKS)]
    times = [FIRST, *[MOMENT] * (len(MARKS) - 2), LAST] * 2
    palette = pictures[len(MARKS) - 1].quantize(96, dither=Image.Dither.NONE)
    frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0, optimize=True)
    write_whole(OUT, buffer.getvalue())
    print(f"{OUT.name}: {OUT.stat().st_size / 1e6:.2f} MB, {len(frames)} frames")


if __name__ == "__main__":
    main()
