"""From the records of a sweep to what people read: tables, figures, one page. Knows nothing of torch."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from rnnbench import rows
from rnnbench.errors import UserError, check_name
from rnnbench.records import Record
from rnnbench.report import figures, folder, markdown, origin, overview
from rnnbench.report.collect import Runs, collect
from rnnbench.report.page import context
from rnnbench.report.summary import Setting, settings
from rnnbench.report.tuning import divide

FOLDER = "report"
"""Of a local report, in the folder of its runs."""
PAGES = (folder.PAGE, "report.html")


class Report(NamedTuple):
    """A report that was written, and what its pages show."""

    folder: Path
    page: dict[str, Any]
    damaged: dict[str, str] = {}  # noqa: RUF012  # never changed
    """What is wrong with the results beside it that cannot be read, by folder."""


def write_report(name: str, runs_dir: Path) -> Report:
    """Writes ``runs_dir/name/report``: what was run so far.

    README.md, report.html, runs.csv, provenance.json and figures/*.svg. Of a tuned sweep the pages show the reported
    runs, runs.csv the tuning runs too. What is damaged or not yet run is listed. Raises UserError without runs.
    """
    source = runs_dir / check_name(name)
    return _write(collect(source), source.name, source / FOLDER, "report")


def publish(name: str, runs_dir: Path, results_dir: Path, partial: bool = False) -> Report:
    """Writes ``results_dir/name``, to be committed, as ``write_report`` does, and the overview beside it.

    NOTES.md there, where it exists, is a person's word on what was expected and what was seen; it opens the pages. It
    and all else that was not generated is left alone. Raises UserError where runs are missing, unless ``partial``.
    """
    source, target = runs_dir / check_name(name), results_dir / check_name(name)
    folder.check_replaceable(target)
    overview.check_page(results_dir)
    runs = collect(source)
    lacking = runs.gap or (f"damaged is {', '.join(runs.damaged)}" if runs.damaged else "")
    if lacking and not partial:
        raise UserError(f"{source}: {lacking}; launch the sweep again, or publish what there is with --partial")
    report = _write(runs, source.name, target, "publish")
    return report._replace(damaged=overview.write_overview(results_dir))


def _write(runs: Runs, name: str, target: Path, command: str) -> Report:
    folder.check_replaceable(target)
    parts = divide(runs.found, runs.protocol)
    if not parts.reported:
        raise UserError(f"only tuning runs of {name}: launch the sweep again, it goes on with those to report")
    groups = sorted(settings(parts.reported), key=_order)
    kept = parts.tuning + parts.reported
    page = context(name, parts, runs, groups)
    shown = page | {
        "command": command,
        "quoted": shlex.quote(name),
        "mark": folder.MARK,
        "notes": _notes(target) if command == "publish" else "",
        "figures": figures.draw_all(groups, lambda record: runs.files[record.run_id]),
    }
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rnnbench.report", "."), autoescape=jinja2.select_autoescape(["html.jinja"]),
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= markdown.FILTERS
    pages = {file: environment.get_template(f"{file}.jinja").render(**shown) for file in PAGES}
    generated = {*PAGES, rows.FILE, origin.FILE, *(f"figures/{key}.svg" for key in figures.FIGURES)}
    with folder.replacing_folder(target, generated) as new:
        (new / "figures").mkdir()
        for key, figure in shown["figures"].items():
            (new / "figures" / f"{key}.svg").write_text(figure.svg, encoding="utf-8")
        rows.write(new / rows.FILE, _rows(kept, len(parts.tuning)))
        origin.write(new / origin.FILE, origin.origin(name, kept, runs.protocol))
        for file, text in pages.items():
            (new / file).write_text(text, encoding="utf-8")
    return Report(target, page)


def _notes(target: Path) -> str:
    path = target / folder.NOTES
    try:
        return path.read_text(encoding="utf-8").strip() if path.exists() else ""
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); save it as UTF-8") from error


def _rows(found: list[Record], tuning: int) -> list[dict[str, object]]:
    """Of runs.csv: each setting's runs together, the first ``tuning`` of ``found`` marked as such."""
    environments = origin.environments(found)
    tuned = {record.run_id for record in found[:tuning]}
    return [
        setting.factors
        | rows.row(record)
        | {
            "phase": rows.TUNING if record.run_id in tuned else rows.REPORT,
            "environment": origin.place(record, environments),
        }
        for setting in sorted(settings(found), key=_order)
        for record in setting.records
    ]


def _order(setting: Setting) -> tuple[tuple[bool, float, str], ...]:
    """Numbers by size, before words by letter."""
    values = setting.factors.values()
    return tuple((isinstance(v, str), 0.0 if isinstance(v, str) or v is None else float(v), str(v)) for v in values)
