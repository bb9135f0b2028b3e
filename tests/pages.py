"""The pages of the documentation, and the code on them."""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "README.md", *DOCS.rglob("*.md"))
    if not {"_build", "results", "runs"} & set(path.relative_to(ROOT).parts)
)
RUN = ["README.md", *(f"docs/guide/{name}.md" for name in (
    "sweeps", "training", "probes", "publish", "reproduce", "claims", "slurm", "wandb", "searches"))]  # fmt: skip
"""The pages whose commands tests run, one after the other in one folder; those of most others are composed alone."""
FENCE = re.compile(r"^( *)```(\S+)(?: (\S+))?[^\n]*\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
OPTION = re.compile(r"^:(\w+): (.*)\n", re.MULTILINE)


class Block(NamedTuple):
    """A block of code: its language or directive, the argument of that, its options and its text."""

    kind: str
    argument: str
    options: dict[str, str]
    code: str


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, *kinds: str) -> list[Block]:
    """Return the blocks of a page, all or those of some kinds."""
    found = []
    for _, kind, argument, text in FENCE.findall(read(page)):
        code = textwrap.dedent(text)
        options = dict(OPTION.findall(code)) if kind.startswith("{") else {}
        code = OPTION.sub("", code) if kind.startswith("{") else code
        found.append(Block(kind, argument, options, code))
    return [each for each in found if not kinds or each.kind in kinds]


def commands(page: str, *kinds: str) -> list[str]:
    """Return the lines of the shell blocks of a page, those of ``bash`` and ``{run}`` by default."""
    found = blocks(page, *(kinds or ("bash", "{run}")))
    return [line for each in found for line in each.code.replace("\\\n", " ").splitlines() if line]


def prose(page: str) -> str:
    """Return a page without its blocks of code."""
    return FENCE.sub("", read(page))


def files(page: str) -> dict[str, str]:
    """Return the files that a page shows, by name."""
    return {each.argument: each.code for each in blocks(page, "{file}")}
