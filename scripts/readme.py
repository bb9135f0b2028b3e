"""Refreshes the generated blocks of README.md and docs/, <!-- NAME --> to <!-- /NAME -->, from results/."""

import re
from itertools import dropwhile, takewhile
from pathlib import Path

from rnnbench.errors import UserError, exit_on_user_error
from rnnbench.report import overview
from rnnbench.store.files import replacing
from rnnbench.store.folder import writing

ROOT = Path(__file__).parents[1]


def block(page: str, mark: str) -> str:
    """Return the first lines of a committed page that start with ``mark``."""
    lines = read(ROOT / "results" / page).splitlines()
    found = "\n".join(
        takewhile(lambda line: line.startswith(mark), dropwhile(lambda line: not line.startswith(mark), lines))
    )
    if not found:
        raise UserError(f"results/{page}: has no line that starts with '{mark}'; publish it again")
    return found


def leaderboard() -> str:
    """Return the leaderboards of results/README.md, where any is published."""
    if "Compared in " not in read(ROOT / "results/README.md"):
        return "None is published at present: launch one, and make its page with `rnnbench report NAME`."
    compared, *rest = (block("README.md", mark) for mark in ("Compared in ", "* ", "| "))
    return "\n\n".join([compared, f"![{overview.CAPTION}](results/{overview.PICTURE}.svg)", *rest])


BLOCKS = {
    "README.md": {"leaderboard": leaderboard},
    "docs/start/demo.md": {"demo": lambda: block("demo/README.md", "| ")},
}
"""What each block of a page shows. Pages below docs/ get their other tables when they are built."""


def read(page: Path) -> str:
    """Return the text of a page. Raises UserError where it cannot be read."""
    try:
        return page.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"{page}: cannot be read ({error})") from error


def refreshed(page: str) -> str:
    """Return a page with every block up to date. Raises UserError where a block is missing."""
    text = read(ROOT / page)
    for name, generate in BLOCKS[page].items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
        found = pattern.findall(text)
        if len(found) != 1:
            raise UserError(f"{page}: has {len(found)} blocks called {name}, not one")
        text = text.replace(found[0], f"{start}{generate()}\n{end}")
    return text


if __name__ == "__main__":
    with exit_on_user_error():
        for page in BLOCKS:
            with writing(ROOT / page), replacing(ROOT / page) as temporary:
                temporary.write_text(refreshed(page), encoding="utf-8")
