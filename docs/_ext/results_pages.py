"""The published results as pages of the site: ``docs/results`` is a copy of their pages, made for each build."""

import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

INTERACTIVE = ("report.html", "claims.html")


def show(app: Sphinx, config: Config) -> None:
    """Put the pages and figures of the results beside those of the documentation."""
    place = Path(app.srcdir) / "results"
    shutil.rmtree(place, ignore_errors=True)
    for path in sorted((Path(app.srcdir).parent / "results").rglob("*")):
        if path.suffix == ".svg" or path.name == "README.md":
            copied = place / path.relative_to(Path(app.srcdir).parent / "results")
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copied)


def relink(app: Sphinx, document: str, source: list[str]) -> None:
    """Point links to results/ at the pages of the site, and each result at its interactive page."""
    if not document.startswith("results/"):
        source[0] = re.sub(r"\]\((?:\.\./)+results/", "](/results/", source[0])
        return
    for name in INTERACTIVE:
        if (Path(app.srcdir).parent / document).with_name(name).exists():
            link = f'<a href="{name}">All figures and tables on one interactive page</a>'
            source[0] = re.sub(r"^(# .*)$", rf"\1\n\n{link}", source[0], count=1, flags=re.MULTILINE)
            plain = f'<a href="{name}">{name}</a>'  # Sphinx knows no such page
            source[0] = source[0].replace(f"[{name}]({name})", plain)


def copy(app: Sphinx, error: Exception | None) -> None:
    """Put the interactive page of each result where its page links to."""
    if error is None:
        for page in (Path(app.srcdir).parent / "results").glob("*/*.html"):
            shutil.copyfile(page, Path(app.outdir) / "results" / page.parent.name / page.name)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", show)
    app.connect("source-read", relink)
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True}
