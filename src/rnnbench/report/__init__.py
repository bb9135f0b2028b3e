"""Reports of a result: tables, figures, one page. A pure function of the result; knows nothing of torch.

The same result gives the same bytes on any machine with the same versions of packages.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from rnnbench.errors import UserError, check_name
from rnnbench.outcomes import result, settings
from rnnbench.outcomes.columns import REPORT as REPORT
from rnnbench.outcomes.gather import gather, with_published
from rnnbench.outcomes.lengths import FILE as LENGTHS
from rnnbench.outcomes.result import Result
from rnnbench.report import bundle, figures, overview
from rnnbench.report.charts import theme
from rnnbench.report.long_tables import LongTables
from rnnbench.report.page import context
from rnnbench.report.templates import template
from rnnbench.store import folder
from rnnbench.store import records as records

PAGES = (folder.PAGE, "report.html")
GENERATED = {*PAGES, *result.FILES, LENGTHS, *(f"figures/{key}.svg" for key in figures.FIGURES)}


class Report(NamedTuple):
    """A report that was written, and what its pages show."""

    folder: Path
    page: dict[str, Any]
    damaged: dict[str, str] = {}  # noqa: RUF012  # never changed
    """What is wrong with the results beside it that cannot be read, by folder."""


def write_report(name: str, runs_dir: Path) -> Report:
    """Write ``runs_dir/name/report``: what was run so far, as data and as pages.

    Of a tuned sweep the pages show the reported runs, runs.csv all. What is damaged or not yet run is listed. Raises
    UserError without runs.
    """
    source = runs_dir / check_name(name)
    return _write(gather(source), source / folder.REPORT, published=False)


def publish(
    name: str, sources: Sequence[Path], results_dir: Path, partial: bool = False, replace: bool = False
) -> Report:
    """Write ``results_dir/name``, to be committed, from the runs below ``sources``, and the overview beside it.

    What is published already stays, unless ``replace``: the rows are merged by run_id. NOTES.md there, where it exists,
    is a person's account of what was expected and seen; it opens the pages. It and all else that was not
    generated is left alone. Raises UserError where runs are missing, unless ``partial``, or where rows contradict.
    """
    target = results_dir / check_name(name)
    _check(target, results_dir)
    report = _write(with_published(name, sources, target, partial, replace), target, published=True)
    return report._replace(damaged=overview.write_overview(results_dir))


def render_again(name: str, results_dir: Path) -> Report:
    """Write the pages and figures of a published result again, from its data alone."""
    target = results_dir / check_name(name)
    _check(target, results_dir)
    return _write(result.read(target), target, published=True)


def _check(target: Path, results_dir: Path) -> None:
    folder.check_replaceable(target)
    overview.check_page(results_dir)


def _write(found: Result, target: Path, published: bool) -> Report:
    folder.check_replaceable(target)
    notes = _notes(target) if published else ""
    kept = {} if found.redrawable else _kept(target)
    with folder.replacing_folder(target, GENERATED) as new:
        result.write(new, found)
        # From what was written, so that a page never shows what its data do not hold.
        page, files = render(result.read(new), published, notes, kept)
        (new / "figures").mkdir()
        for file, text in files.items():
            (new / file).write_text(text, encoding="utf-8")
    return Report(target, page)


def render(
    found: Result, published: bool, notes: str = "", kept: dict[str, str] | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what the pages of a result show, and the text of every file, by its path in the result's folder.

    ``notes`` are a person's; ``kept`` are figures as SVG that are not drawn again. Raises UserError where no run is
    reported.
    """
    groups = settings.reported(found)
    if not groups:
        raise UserError(f"only tuning runs of {found.name}: launch the sweep again, it goes on with those to report")
    page = context(found, groups)
    drawn = figures.draw_all(groups, LongTables(found), kept or {})
    charts = {key: figure for key, figure in drawn.items() if figure.spec}
    shown = page | {
        "command": "publish" if published else "report",
        "quoted": shlex.quote(found.name),
        "mark": folder.MARK,
        "notes": notes,
        "figures": drawn,
        "charts": bundle.packed(json.dumps(figures.content(charts), separators=(",", ":"))) if charts else "",
        "libraries": bundle.libraries() if charts else "",
        "inks": theme.inks(),
    }  # fmt: skip
    pages = {file: template(file).render(**shown) for file in PAGES}
    return page, pages | {f"figures/{key}.svg": figure.svg for key, figure in drawn.items()}


def _kept(target: Path) -> dict[str, str]:
    """Return the figures of a folder that cannot be drawn again, unchanged."""
    kept = {}
    for name in figures.DRAWN_FROM_LINES:
        path = target / "figures" / f"{name}.svg"
        if path.exists():
            try:
                kept[name] = path.read_text(encoding="utf-8")
                ElementTree.fromstring(kept[name])
            except (OSError, ValueError, ElementTree.ParseError) as error:
                message = "and cannot be drawn again; restore it, or delete it"
                raise UserError(f"{path}: is damaged ({error}) {message}") from error
    return kept


def _notes(target: Path) -> str:
    path = target / folder.NOTES
    try:
        return path.read_text(encoding="utf-8").strip() if path.exists() else ""
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); save it as UTF-8") from error
