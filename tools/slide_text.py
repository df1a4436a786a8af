"""Split text over slides."""

import itertools
import math
import re
from collections.abc import Callable, Iterable

from site_text import markdown

LINES = 12.0  # lines of text that a slide holds below its heading
LETTERS = 74  # letters in a line


def lines_of(block: str) -> float:
    """Estimate the lines of a slide that a paragraph of Markdown needs."""
    if block.startswith("|"):
        return sum(0.45 + 0.85 * math.ceil(len(row) / LETTERS) for row in block.splitlines())
    if block.startswith(("$$", "```")):
        return 1.2 + 1.3 * max(1, len(block.strip("$`\n").splitlines()))
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", block)
    formulas = re.sub(r"\\[a-zA-Z]+|[{}$*]", "", plain)
    return (0.2 if plain.startswith("- ") else 0.45) + sum(
        max(1, math.ceil(len(line) / LETTERS)) + 0.25 for line in formulas.splitlines()
    )


def paragraphs(source: str) -> list[str]:
    r"""Blocks of Markdown that stay together: formulas and code keep their blank lines, every bullet is one.

    Example:
        >>> paragraphs("a\n\n$$x\n\ny$$\n\n- b\n- c")
        ['a', '$$x\n\ny$$', '- b', '- c']
    """
    kept: list[str] = []
    for part in re.split(r"\n\s*\n", source.strip()):
        if kept and any(kept[-1].count(fence) % 2 for fence in ("$$", "```")):
            kept[-1] += "\n\n" + part
        elif part.startswith("- "):
            kept += re.split(r"\n(?=- )", part)
        else:
            kept.append(part)
    return kept


def packed(parts: Iterable[str], fits: Callable[[list[str]], bool]) -> list[list[str]]:
    """Group parts in order, as many as fit together, at least one."""
    full: list[list[str]] = [[]]
    for part in parts:
        if full[-1] and not fits([*full[-1], part]):
            full.append([])
        full[-1].append(part)
    return full


def smaller_tables(block: str) -> list[str]:
    """A long table in parts that fit, each with the heading."""
    head, rows = block.splitlines()[:2], block.splitlines()[2:]
    parts = packed(rows, lambda part: lines_of("\n".join([*head, *part])) <= LINES)
    return ["\n".join([*head, *part]) for part in parts]


def sheets(blocks: list[str]) -> list[list[str]]:
    """Spread paragraphs over as many slides as they need."""
    whole = [smaller_tables(block) if block.startswith("|") else [block] for block in blocks]
    return packed(itertools.chain.from_iterable(whole), lambda page: sum(map(lines_of, page)) <= LINES)


def rendered(blocks: list[str]) -> str:
    """Paragraphs as HTML; bullets that follow each other are one list, references are small."""
    body = ""
    for bullets, run in itertools.groupby(blocks, key=lambda block: block.startswith("- ")):
        parts = list(run)
        for part in ["\n".join(parts)] if bullets else parts:
            text = markdown(part)
            body += f'<div class="small">{text}</div>\n' if part.startswith("**Further reading") else text
    return body
