"""Formulas for the static pages: from LaTeX to MathML, which every browser draws without a script."""

import html
import re

from latex2mathml.converter import convert

DOUBLE = {"E": "𝔼", "R": "ℝ", "P": "ℙ", "N": "ℕ"}  # MathML in browsers knows letters, not the variant "double-struck"


def mathml(tex: str, *, block: bool) -> str:
    """One formula as MathML; its LaTeX stays inside as an annotation, to copy.

    Raises:
        ValueError: LaTeX that cannot be read.
    """
    try:
        known = tex.strip().replace("{aligned}", "{align*}")  # the same without a number, and the converter knows it
        formula = convert(known, display="block" if block else "inline")
    except Exception as error:  # the converter has no common class of errors
        raise ValueError(
            f"`tex` must be readable LaTeX, got {tex.strip()!r}: {error!r}; write it more simply."
        ) from error
    formula = formula.replace("<mo>&#x02016;</mo>", '<mo stretchy="false">&#x02016;</mo>')  # or one of a pair grows
    for letter, double in DOUBLE.items():
        formula = formula.replace(f'<mi mathvariant="double-struck">{letter}</mi>', f"<mi>{double}</mi>")
    if unknown := re.search(r">(\\[a-zA-Z]+|&)<", formula):  # the converter leaves unknown commands in
        raise ValueError(f"`tex` must be readable LaTeX, got {tex.strip()!r} with {unknown[1]}; write it more simply.")
    body = re.fullmatch(r"(<math[^>]*>)(.*)</math>", formula, flags=re.DOTALL)
    assert body is not None
    note = f'<annotation encoding="application/x-tex">{html.escape(tex.strip())}</annotation>'
    return f"{body[1]}<semantics>{body[2]}{note}</semantics></math>"
