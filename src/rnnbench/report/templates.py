"""The templates of all pages, compiled once."""

from __future__ import annotations

from functools import cache

import jinja2

from rnnbench.report import markdown


def template(file: str) -> jinja2.Template:
    """Return the template of a page; of HTML every value is escaped, of Markdown none."""
    return _environment().get_template(f"{file}.jinja")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rnnbench.report", "."), autoescape=jinja2.select_autoescape(["html.jinja"]),
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= markdown.FILTERS
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment
