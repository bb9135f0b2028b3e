"""The docstrings of the package as text of a page: its paragraphs are prose, all that is laid out stays as it is."""

import re
import textwrap
from collections.abc import Callable, Iterator


def blocks(text: str) -> Iterator[tuple[bool, list[str]]]:
    """Yield the blocks between blank lines, and whether each is laid out by hand: equations, tables, lists."""
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.splitlines()
        yield any(line.startswith(" ") or re.search(r"\S {3}", line) for line in lines), lines


def outside_code(text: str, escape: Callable[[str], str]) -> str:
    """Return ``text`` with ``escape`` done to all but its ``code``."""
    parts = re.split(r"(``.+?``)", text, flags=re.DOTALL)
    return "".join(part if part.startswith("``") else escape(part) for part in parts)


def without_marks(lines: list[str]) -> str:
    """Return lines that are laid out by hand, in their columns, without the marks of ``code``."""
    return textwrap.dedent("\n".join(re.sub(r"``(.+?)``", r"\1    ", line) for line in lines))


def to_markdown(text: str, layout: Callable[[list[str]], str] | None = None) -> str:
    """Return a docstring as Markdown; ``layout`` shows what is laid out by hand, which else is shown as it is."""

    def show(drawn: bool, lines: list[str]) -> str:
        if drawn:
            return layout(lines) if layout else "\n".join(["```text", without_marks(lines), "```"])
        return outside_code("\n".join(lines), lambda part: re.sub(r"([\\`*_{}\[\]<>|#$~^])", r"\\\1", part))

    return "\n\n".join(show(drawn, lines) for drawn, lines in blocks(text))


def to_rst(lines: list[str]) -> list[str]:
    """Return the lines of a docstring as reStructuredText; examples that begin with >>> are left alone."""
    found: list[str] = []
    for drawn, block in blocks("\n".join(lines)):
        if block[0].startswith(">>>"):
            found += [*block, ""]
        elif drawn:
            found += [".. code-block:: text", "", *textwrap.indent(without_marks(block), "   ").splitlines(), ""]
        else:
            text = outside_code("\n".join(block), lambda part: re.sub(r"([\\`*_|])", r"\\\1", part))
            found += [*text.splitlines(), ""]
    return found
