"""Puts what the registries say in place of each ``<!-- generated: NAME -->`` of a page, when it is read."""

import re

import reference
from sphinx.application import Sphinx

PLACE = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def fill(app: Sphinx, document: str, source: list[str]) -> None:
    source[0] = PLACE.sub(lambda found: reference.BLOCKS[found[1]](), source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", fill)
    return {"parallel_read_safe": True}
