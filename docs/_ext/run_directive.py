"""The directive ``run``: a command of the reader's, run when the page is built, and below it what it printed.

    ```{run}
    :lines: 5            the first lines of a long output; without it all
    :expected: 2         its exit code, 0 by default
    rnnbench cells
    ```

All commands run in one folder (``working_folder``), in the order of a page. Another exit code fails the build.
"""

import os
import subprocess
import textwrap
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

WIDTH = 96


class Run(SphinxDirective):
    """Shows a command and its output."""

    has_content = True
    option_spec: ClassVar = {"lines": directives.positive_int, "expected": directives.nonnegative_int}

    def run(self) -> list[nodes.Node]:
        command = "\n".join(self.content)
        ended = subprocess.run(
            command,
            shell=True,
            cwd=os.environ["RNNBENCH_DOCS"],
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if ended.returncode != self.options.get("expected", 0):
            raise self.error(f"{command}\nended with exit code {ended.returncode}:\n{ended.stdout}")
        shown = [part for line in ended.stdout.rstrip().splitlines() for part in folded(line)]
        if len(shown) > (most := self.options.get("lines", len(shown))):
            shown = [*shown[:most], "..."]
        found = [nodes.literal_block(command, command, language="bash", classes=["command"])]
        if shown:
            text = "\n".join(shown)
            found.append(nodes.literal_block(text, text, language="text", classes=["output"]))
        return list(found)


def folded(line: str) -> list[str]:
    """Return a line as a page shows it: a long sentence on several lines; a row of a table as it is."""
    return [line] if "  " in line.strip() else textwrap.wrap(line, WIDTH, subsequent_indent="  ") or [""]


class File(SphinxDirective):
    """Shows a file that the reader writes, and writes it where the commands run: ```{file} ran.py."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name, text = self.arguments[0], "\n".join(self.content) + "\n"
        path = Path(os.environ["RNNBENCH_DOCS"], name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        language = {".py": "python", ".yaml": "yaml", ".toml": "toml"}[path.suffix]
        block = nodes.literal_block(text, text, language=language)
        return [captioned(name, block)]


class Picture(SphinxDirective):
    """Shows a picture that a command of the page made: its path, below it what it shows."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        path = Path(os.environ["RNNBENCH_DOCS"], self.arguments[0])
        place, _ = self.env.relfn2path("/" + path.relative_to(self.env.srcdir).as_posix())
        return [nodes.image(uri="/" + place, alt=" ".join(self.content))]


def captioned(name: str, block: nodes.literal_block) -> nodes.container:
    """Return a block of code below the name of its file."""
    whole = nodes.container("", literal_block=True, classes=["literal-block-wrapper"])
    whole += nodes.caption("", name)
    whole += block
    return whole


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("run", Run)
    app.add_directive("file", File)
    app.add_directive("picture", Picture)
    return {"parallel_read_safe": False}
