"""HTML from the templates beside the tools: what is filled in is escaped, unless the template calls it safe."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

PLACES = FileSystemLoader(Path(__file__).parent)
TEMPLATES = Environment(loader=PLACES, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
TEMPLATES.policies["json.dumps_kwargs"] = {"allow_nan": False}


def render(template: str, **values: object) -> str:
    """A template, named from the folder of the tools, with its blanks filled in."""
    return TEMPLATES.get_template(template).render(values) + "\n"
