"""Makes the docstrings of the public interface, which are plain text, what autodoc takes them for."""

from typing import Any

from docstrings import to_rst
from sphinx.application import Sphinx


def rewrite(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = to_rst(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", rewrite)
    return {"parallel_read_safe": True}
