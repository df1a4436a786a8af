"""Cells and templates as HTML: formulas in MathML, links between pages. Nothing here needs PyTorch."""

import base64
import html
import io
import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from PIL import Image
from site_formulas import mathml


class PageRenderer(IPythonRenderer):
    """Markdown for our pages: formulas in MathML, links from notebook to page, headings with an address.

    The title of a link may hold settings: [set q to 0](#The-tree "q=0"). On a ``live`` page it sets the explorer;
    JupyterLab and lecture mode go to the heading above it.
    """

    def __init__(self, *, live: bool = False) -> None:
        super().__init__(escape=False, exclude_anchor_links=True)
        self.live = live

    def block_math(self, body: str) -> str:
        """A displayed formula."""
        return f'<div class="formula">{mathml(body, block=True)}</div>'

    def inline_math(self, body: str) -> str:
        """An inline formula."""
        return mathml(body, block=False)

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """A heading that can be linked to."""
        name = html.unescape(re.sub(r"<[^>]+>", "", text)).replace(" ", "-")  # as JupyterLab names it
        return f'<h{level} id="{html.escape(name, quote=True)}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """A link: to settings, to the page of a notebook, to the contents, or outside."""
        if title and "=" in title:
            return f'<a class="set" href="#{quote(title, safe="=&,")}">{text}</a>' if self.live else text
        if not re.match(r"https?:", url):
            url = url.replace("README.md", "index.html").replace(".ipynb", ".html").replace(".md", ".html")
        return f'<a href="{html.escape(url)}">{text}</a>'


def markdown(source: str, *, live: bool = False) -> str:
    """A text cell as HTML."""
    return MarkdownWithMath(renderer=PageRenderer(live=live)).render(source)


def image(data: NotebookNode) -> str:
    """A picture with its description, from the output of a cell."""
    words = html.escape(data.get("text/plain", ""), quote=True)
    return f'<img src="data:image/png;base64,{data["image/png"].strip()}" alt="{words}">'


def cover(path: Path) -> Markup:
    """The first picture in a notebook that is no strip, up to a gap between its panels, with the start of its words."""
    outputs = (output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", []))
    shown = [output.data for output in outputs if "image/png" in output.get("data", {})]
    opened = (Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) for data in shown)
    data, found = next(pair for pair in zip(shown, opened, strict=True) if pair[1].width < 4 * pair[1].height)
    whole, buffer = found.convert("RGB"), io.BytesIO()
    ink = np.asarray(whole.convert("L")).min(0) < 250
    blank = np.append(np.flatnonzero(~ink[whole.height : round(1.6 * whole.height)]) + whole.height, whole.width)
    gap = max(np.split(blank, np.flatnonzero(np.diff(blank) > 1) + 1), key=len)  # the widest stretch without ink
    width = int(gap[len(gap) // 2]) if len(gap) > 9 else whole.width
    small = whole.crop((0, 0, width, whole.height))
    small.thumbnail((480, 340), Image.Resampling.LANCZOS)
    small.quantize(64, dither=Image.Dither.NONE).convert("RGB").save(buffer, "WEBP", lossless=True)
    words = html.escape(re.split(r"[.:;](\s|$)", data.get("text/plain", "picture"))[0], quote=True)
    src = f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return Markup(f'<img src="{src}" alt="{words}" width="{small.width}" height="{small.height}">')


def stops() -> list[dict[str, str]]:
    """The stops of the lecture of 45 minutes, their sentences as HTML."""
    told = tomllib.loads((Path(__file__).parent / "site_assets" / "story.toml").read_text("utf-8"))["stop"]
    return [{**stop, "say": markdown(stop["say"])} for stop in told]


def render(template: str, **values: object) -> str:
    """A template, named from the folder of the tools, filled in; values are escaped unless it calls them safe."""
    return TEMPLATES.get_template(template).render(values) + "\n"


PLACES = FileSystemLoader(Path(__file__).parent)
TEMPLATES = Environment(loader=PLACES, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
TEMPLATES.policies["json.dumps_kwargs"] = {"allow_nan": False}
TEMPLATES.filters["cover"] = cover
TEMPLATES.filters["markdown"] = lambda source: Markup(markdown(source))
