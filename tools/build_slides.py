"""Build the slides: one file per notebook, that needs neither a server nor a network."""

import argparse
import html
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from course import FOLDER, ONLY_IN_LAB, Lesson, lesson, lessons, notebooks, section
from nbformat import NotebookNode
from page_policy import digest, policy
from site_text import image, markdown, render, stops
from slide_text import lines_of, paragraphs, rendered, sheets
from slide_types import TYPES, has_picture
from working_copies import replace_file

ROOT = Path(__file__).resolve().parent.parent
ASSETS = Path(__file__).resolve().parent / "slides_assets"
SHORT = 4.2  # lines; a slide with fewer gets larger type
PRESS = re.compile(r"\s*Now \*\*press Play\.\*\*\s*")  # a slide has no explorer to play


@dataclass
class Slide:
    """One slide: its content, and the notes for the speaker."""

    body: str
    kind: str = "slide"  # or "subslide": below the one before
    notes: list[str] = field(default_factory=list)
    style: str = "sheet"


def picture(cell: NotebookNode) -> tuple[str, list[str]]:
    """The first picture of a cell, and its words for the speaker."""
    for output in cell.outputs:
        if "image/png" in output.get("data", {}):
            words = html.escape(output.data.get("text/plain", ""), quote=True)
            return image(output.data), [f"<p>{words}</p>"] if words else []
    raise ValueError(f"a picture was expected in the outputs of the cell {cell.source[:60]!r}; run `make notebooks`.")


def printed(cell: NotebookNode) -> str:
    """The last text output of a cell."""
    shown = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return next((text for text in reversed(shown) if text), "")


class Deck:
    """The slides of one notebook, in order."""

    def __init__(self, nb: NotebookNode, about: Lesson) -> None:
        """Make the slides of all cells."""
        self.about = about
        self.slides: list[Slide] = []
        self.section = about.title
        self.questions: dict[str, tuple[str, list[str]]] = {}
        for cell in nb.cells:
            kind = cell.metadata.get("slideshow", {}).get("slide_type")
            if kind not in TYPES:
                raise ValueError(
                    f"`slide_type` must be one of {TYPES}, got {kind!r} in a cell of {about.path.name}; "
                    f"run `python tools/slide_types.py notebooks/{about.path.name}`."
                )
            self._remember(cell)
            self._show(cell, kind)

    def _remember(self, cell: NotebookNode) -> None:
        """Keep a question for the slide that answers it."""
        name = re.search(r"(\w+) = (predict|sketch)\(", cell.source)
        if name and cell.cell_type == "code" and printed(cell):
            question, *options = printed(cell).splitlines()
            question = question.partition("?")[0] + "?" if name[2] == "sketch" else question
            self.questions[name[1]] = (question, [option.replace("( )", "", 1).strip() for option in options])

    def _show(self, cell: NotebookNode, kind: str) -> None:
        tags = set(cell.metadata.get("tags", []))
        if kind == "notes":
            for slide in self.slides[-1:]:
                slide.notes.append(markdown(ONLY_IN_LAB.sub("", cell.source)))
        elif kind != "skip" and "first-screen" in tags:
            self.slides.append(Slide(render("slides_assets/title.html.j2", about=self.about), style="sheet title"))
        elif kind != "skip":
            text, answers = cell.cell_type == "markdown", tags & {"predict", "reveal"}
            (self._text if text else self._poll if answers else self._picture)(cell, kind)

    def _text(self, cell: NotebookNode, kind: str) -> None:
        blocks = paragraphs(PRESS.sub("", ONLY_IN_LAB.sub("", cell.source)))
        if blocks[0].startswith("#"):
            self.section = blocks[0].lstrip("# ")
            head = markdown(f"## {self.section}")
            blocks = blocks[1:]
        else:
            head = f'<p class="kicker">{self._kicker()}</p>\n'
        blocks = [block for block in blocks if not block.startswith("**Next")]
        pages = sheets(blocks)
        for number, page in enumerate(pages):
            short = "sheet short" if sum(map(lines_of, page)) < SHORT else "sheet"
            self.slides.append(Slide(head + rendered(page), "subslide" if number else kind, style=short))
        if "speaker" in cell.metadata:
            note = render("slides_assets/note.html.j2", told=section(self.section, cell.metadata["speaker"]))
            self.slides[-len(pages)].notes.insert(0, note)

    def _kicker(self) -> str:
        return re.sub(r"</?p>\s*", "", markdown(self.section)).strip()

    def _poll(self, cell: NotebookNode, kind: str) -> None:
        name = re.search(r"(\w+)(?: = (?:predict|sketch)\(|\.reveal\()", cell.source)
        if name is None or name[1] not in self.questions:
            raise ValueError(f"a question must be asked before it is answered, got {cell.source[:60]!r}; ask it.")
        question, options = self.questions[name[1]]
        right = printed(cell).removeprefix("Measured: ") if "reveal" in cell.metadata.tags else None
        axes = picture(cell)[0] if has_picture(cell) else ""  # in which a curve is to be drawn
        body = render("slides_assets/poll.html.j2", question=question, options=options, right=right, axes=axes)
        self.slides.append(Slide(body, kind))

    def _picture(self, cell: NotebookNode, kind: str) -> None:
        image, notes = picture(cell)
        if kind == "fragment" and self.slides:
            self.slides[-1].body += f'<p class="picture fragment">{image}</p>\n'
            self.slides[-1].notes += notes
            self.slides[-1].style = "sheet"
            return
        body = f'<p class="kicker">{self._kicker()}</p>\n<p class="picture">{image}</p>\n'
        self.slides.append(Slide(body, kind, notes))


def story() -> list[Slide]:
    """The lecture of 45 minutes: a slide for each of its stops, the picture of a question one key later."""
    slides = []
    for stop in stops():
        nb = nbformat.read(FOLDER / f"{Path(stop['page']).name}.ipynb", as_version=4)
        found = [cell for cell in nb.cells if stop["picture"] in cell.source and has_picture(cell)]
        if not found:
            raise ValueError(f"`picture` of a stop must stand in a cell with a picture, got {stop}; see story.toml.")
        image, words = picture(found[0])
        slides.append(Slide(render("slides_assets/stop.html.j2", say=stop["say"], image=image, words=words)))
    return slides


def page(title: str, slides: list[Slide]) -> str:
    """A whole page: slides, style and script, and a policy that blocks everything from outside."""
    style, script = ((ASSETS / name).read_text(encoding="utf-8") for name in ("slides.css", "slides.js"))
    shell = {"styles": [style], "scripts": [script], "policy": policy([script], digest(style))}
    return render("slides_assets/deck.html.j2", title=title, slides=slides, **shell)


def index(counts: dict[str, int]) -> str:
    """The list of all decks."""
    style = (ASSETS / "index.css").read_text(encoding="utf-8")
    decks = [(one, counts[one.path.stem]) for one in lessons() if one.path.stem in counts]
    return render("slides_assets/index.html.j2", decks=decks, styles=[style], policy=policy([], digest(style)))


def build(path: Path, folder: Path) -> int:
    """Write the slides of one notebook; return their number."""
    nb = nbformat.read(path, as_version=4)
    deck = Deck(nb, lesson(path, nb))
    title = f"{deck.about.number} {deck.about.title}"
    replace_file(folder / f"{path.stem}.html", page(title, deck.slides).encode())
    return len(deck.slides)


def main() -> None:
    """Parse the command line, build the slides."""
    parser = argparse.ArgumentParser(description="Build the slides from the notebooks.")
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks (default: all in notebooks/)")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "slides", help="folder (default: build/slides)")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    counts = {path.stem: build(path, options.out) for path in options.paths or notebooks()}
    replace_file(options.out / "story.html", page("45 minutes", story()).encode())
    replace_file(options.out / "index.html", index(counts).encode())
    size = sum(file.stat().st_size for file in options.out.iterdir())
    shown = os.path.relpath(options.out)
    print(f"{sum(counts.values())} slides in {len(counts)} decks, {size / 1e6:.1f} MB: open {shown}/index.html")


if __name__ == "__main__":
    main()
