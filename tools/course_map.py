"""Copy titles, questions, minutes and speaker notes from the notebooks into README and course map.

``python tools/course_map.py`` rewrites the list of notebooks in ``README.md`` and ``notebooks/README.md``, and in the
latter the table of sections, all between their marks.
"""

from course import FOLDER, Lesson, lessons

from ssl_explain.results import write_whole

ROOT = FOLDER.parent


def cell(text: str) -> str:
    """Escape text for a table."""
    return text.replace("|", "\\|").replace("\n", " ").strip()


def listing(folder: str = "") -> str:
    """Every notebook with its question and minutes; ``folder`` stands in front of each link."""
    rows = [
        f"| [{one.number} {cell(one.title)}]({folder}{one.path.name}) | {cell(one.question)} | {one.minutes} |"
        for one in lessons()
    ]
    return "\n".join(["| notebook | question | minutes |", "|---|---|---|", *rows])


def notes(one: Lesson) -> str:
    """The sections of one notebook with their speaker notes."""
    rows = [
        f"| {cell(s.title)} | {s.minutes} | {cell(s.poll)} | {cell(s.wrong)} | {cell(s.say)} |" for s in one.sections
    ]
    head = f"### [{one.number} {cell(one.title)}]({one.path.name})"
    said = "| section | min | poll | usual wrong answer | what to say |\n|---|---|---|---|---|"
    return "\n".join([head, "", said, *rows])


def replaced(text: str, mark: str, body: str) -> str:
    """The text with a new body between two marks.

    Raises:
        ValueError: the marks are not there.
    """
    begin, end = f"<!-- {mark}: made by tools/course_map.py -->\n", f"<!-- end of {mark} -->\n"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"`text` must contain {begin.strip()} and {end.strip()} once; put them back.")
    before, rest = text.split(begin)
    return f"{before}{begin}\n{body}\n\n{end}{rest.split(end)[1]}"


def readme(text: str) -> str:
    """The README with an updated list of notebooks."""
    return replaced(text, "notebooks", listing("notebooks/"))


def course_map(text: str) -> str:
    """The course map with both tables updated."""
    text = replaced(text, "notebooks", listing())
    return replaced(text, "sections", "\n\n".join(notes(one) for one in lessons() if one.sections))


PAGES = {ROOT / "README.md": readme, FOLDER / "README.md": course_map}


def main() -> None:
    """Write the pages that have changed."""
    for path, afresh in PAGES.items():
        old = path.read_text(encoding="utf-8")
        if (new := afresh(old)) != old:
            write_whole(path, new.encode())


if __name__ == "__main__":
    main()
