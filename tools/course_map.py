"""Write what the course map repeats from the notebooks: the list of notebooks, and the lecturer's table of sections.

``python tools/course_map.py`` rewrites both between their marks in ``notebooks/README.md``; ``--check`` only says
whether they are up to date.
"""

import argparse
import sys

from course import FOLDER, Lesson, lessons

from ssl_explain.results import write_whole

MAP = FOLDER / "README.md"


def cell(text: str) -> str:
    r"""Text that may stand in a table.

    Example:
        >>> cell("|s| grows")
        '\\|s\\| grows'
    """
    return text.replace("|", "\\|").replace("\n", " ").strip()


def listing() -> str:
    """Every notebook with its question and minutes."""
    rows = [
        f"| [{one.number} {cell(one.title)}]({one.path.name}) | {cell(one.question)} | {one.minutes} |"
        for one in lessons()
    ]
    return "\n".join(["| notebook | question | minutes |", "|---|---|---|", *rows])


def notes(one: Lesson) -> str:
    """The sections of one notebook with what a lecturer needs."""
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


def course_map(text: str) -> str:
    """The course map with both parts made afresh."""
    text = replaced(text, "notebooks", listing())
    return replaced(text, "sections", "\n\n".join(notes(one) for one in lessons() if one.sections))


def main() -> int:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Write what the course map repeats from the notebooks.")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if something has changed")
    options = parser.parse_args()
    old = MAP.read_text(encoding="utf-8")
    new = course_map(old)
    if options.check:
        print("up to date" if new == old else "notebooks/README.md is out of date; run `python tools/course_map.py`")
        return int(new != old)
    write_whole(MAP, new.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
