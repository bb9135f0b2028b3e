"""Escapes text for Markdown: names and error messages are shown literally, never as markup."""

from __future__ import annotations

import re
from urllib.parse import quote

MARKS = re.compile(
    r"[\\`*|<$]"  # a bracket alone is no mark, and an interval [0.1, 0.2] is easier to read without a backslash
    r"|\](?=[\[(:])"
    r"|~(?=~)"
    r"|&(?=#?\w+;)"
    r"|(?<![^\W_])_|_(?![^\W_])"  # inside a word it is a letter
    r"|^[#>]|^[-+](?=[\s-]|$)"  # a heading, a quotation, an item
)
NUMBERED = re.compile(r"^(\d+)(?=[.)](\s|$))")  # an item too


def escape(text: object) -> str:
    """Return text as one line of Markdown that reads as that text, also in a cell of a table."""
    return NUMBERED.sub(r"\1\\", MARKS.sub(r"\\\g<0>", _line(text)))


def link(text: str, *path: str) -> str:
    """Return a link to a file by the parts of its relative path."""
    shown = re.sub(r"\\?([\[\]])", r"\\\1", escape(text))
    return f"[{shown}]({'/'.join(quote(part, safe='') for part in path)})"


def code(text: str) -> str:
    """Return text as code within a line, in a fence that is longer than any in the text."""
    line = _line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def block(text: str) -> str:
    """Return text as an indented block of code."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def _line(text: object) -> str:
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", str(text))


FILTERS = {"escape_markdown": escape, "code": code, "block": block}
