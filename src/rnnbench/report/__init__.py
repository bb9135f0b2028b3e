"""From the records of a sweep to what people read: tables, figures, one page. Knows nothing of torch."""

from __future__ import annotations

from pathlib import Path

import jinja2

from rnnbench import protocol, records, rows
from rnnbench.errors import UserError
from rnnbench.records import Record
from rnnbench.report import figures, origin
from rnnbench.report.page import context
from rnnbench.report.summary import Setting, settings
from rnnbench.report.tuning import divide

NOTES = "NOTES.md"


def write_report(name: str, runs_dir: Path, results_dir: Path) -> Path:
    """Writes ``results_dir/name`` from ``runs_dir/name`` and returns it.

    README.md, report.html, runs.csv, provenance.json and figures/*.svg are generated. NOTES.md, where it exists, is a
    person's word on what was expected and what was seen; it opens the pages and is left alone. Of a tuned sweep the
    pages show the reported runs, runs.csv the tuning runs too. A damaged record is listed as a failure.
    Raises UserError without runs.
    """
    source, target = runs_dir / name, results_dir / name
    found, damaged = _read(source)
    if not found:
        reason = next(iter(damaged.values()), f"run 'python scripts/train.py experiment={name}' first")
        raise UserError(f"no runs under {source}: {reason}")
    declared = protocol.read(source)
    parts = divide(found, declared)
    if not parts.reported:
        raise UserError(f"only tuning runs under {source}: launch the sweep again, it goes on with those to report")
    groups = sorted(settings(parts.reported), key=_order)
    (target / "figures").mkdir(parents=True, exist_ok=True)
    drawn = figures.draw_all(groups, lambda record: source / record.run_id)
    for key, figure in drawn.items():
        (target / "figures" / f"{key}.svg").write_text(figure.svg)
    kept = parts.tuning + parts.reported
    rows.write(target / rows.FILE, _rows(kept, len(parts.tuning)))
    origin.write(target / origin.FILE, origin.origin(name, kept, declared))
    notes = target / NOTES
    page = context(name, parts, damaged, groups) | {"notes": notes.read_text().strip() if notes.exists() else ""}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rnnbench.report", "."), autoescape=jinja2.select_autoescape(["html.jinja"]),
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    for file in ("README.md", "report.html"):
        text = environment.get_template(f"{file}.jinja").render(**page, figures=drawn)
        (target / file).write_text(text)
    return target


def _read(source: Path) -> tuple[list[Record], dict[str, str]]:
    """The records of all ended runs, and what is wrong with those that cannot be read, by run."""
    found, damaged = [], {}
    for path in sorted(source.glob(f"*/{records.FILE}")):
        try:
            record = records.read(path.parent)
        except UserError as error:
            damaged[path.parent.name] = str(error)
        else:
            found += [record] if record else []
    return found, damaged


def _rows(found: list[Record], tuning: int) -> list[dict[str, object]]:
    """Of runs.csv: each setting's runs together, the first ``tuning`` of ``found`` marked as such."""
    environments = origin.environments(found)
    tuned = {record.run_id for record in found[:tuning]}
    return [
        setting.factors
        | rows.row(record)
        | {
            "phase": rows.TUNING if record.run_id in tuned else rows.REPORT,
            "environment": environments.index(origin.environment(record)),
        }
        for setting in sorted(settings(found), key=_order)
        for record in setting.records
    ]


def _order(setting: Setting) -> tuple[tuple[bool, float, str], ...]:
    """Numbers by size, before words by letter."""
    values = setting.factors.values()
    return tuple((isinstance(v, str), 0.0 if isinstance(v, str) or v is None else float(v), str(v)) for v in values)
