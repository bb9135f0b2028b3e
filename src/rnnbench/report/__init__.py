"""From the records of a sweep to what people read: tables, figures, one page. Knows nothing of torch."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import jinja2

from rnnbench import records
from rnnbench.errors import UserError
from rnnbench.records import FAILED, Record
from rnnbench.report import comparisons, figures, tables
from rnnbench.report.summary import Setting, settings

NOTES = "NOTES.md"
LISTED = 4  # settings of a task that the opening sentence names one by one


def write_report(name: str, runs_dir: Path, results_dir: Path) -> Path:
    """Writes ``results_dir/name`` from ``runs_dir/name`` and returns it.

    README.md, report.html, runs.csv and figures/*.svg are generated. NOTES.md, where it exists, is a person's word on
    what was expected and what was seen; it opens the pages and is left alone. Raises UserError without runs.
    """
    source, target = runs_dir / name, results_dir / name
    found = records.read_all(source)
    if not found:
        raise UserError(f"no runs under {source}: run 'python scripts/train.py experiment={name}' first")
    groups = sorted(settings(found), key=_order)
    (target / "figures").mkdir(parents=True, exist_ok=True)
    drawn = figures.draw_all(groups, lambda record: source / record.run_id)
    for key, figure in drawn.items():
        (target / "figures" / f"{key}.svg").write_text(figure.svg)
    tables.write_runs(target / "runs.csv", groups)
    notes = target / NOTES
    page = _page(name, found, groups) | {"notes": notes.read_text().strip() if notes.exists() else ""}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rnnbench.report", "."), autoescape=jinja2.select_autoescape(["html.jinja"]),
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    for file in ("README.md", "report.html"):
        text = environment.get_template(f"{file}.jinja").render(**page, figures=drawn)
        (target / file).write_text(text)
    return target


def _page(name: str, found: list[Record], groups: list[Setting]) -> dict[str, Any]:
    """What the templates show."""
    newest = found[-1]
    return {
        "name": name,
        "answers": [_answer(task, groups) for task in dict.fromkeys(setting.task for setting in groups)],
        "header": tables.header(groups),
        "rows": tables.rows(groups),
        "more": [table for table in (comparisons.pooled(groups), comparisons.comparisons(groups)) if table],
        "commands": sorted({record.command for record in found}),
        "runs": len(found),
        "seconds": sum(record.seconds for record in found),
        "statuses": dict(Counter(record.status for record in found)),
        "failures": [
            {"run_id": record.run_id, "reason": _reason(record)} for record in found if record.status != records.DONE
        ],
        "samples": {setting.label: setting.records[0].sample for setting in groups if setting.records[0].sample},
        "data": sorted({f"{k}: {v}" for record in found for k, v in record.data.items()}),
        "commits": sorted({record.commit or "unknown" for record in found}),
        "versions": newest.versions,
        "machine": newest.machine,
    }


def _answer(task: str, groups: list[Setting]) -> str:
    """One sentence of what was seen on a task, from best to worst."""
    scored = [(setting.score.value, setting) for setting in groups if setting.task == task and setting.score]
    if not scored:
        return f"{task}: no run was completed."
    ranked = sorted(scored, key=lambda pair: -pair[0])
    parts = [f"{setting.label} scores {score:.2f} ({_decay(setting)})" for score, setting in ranked]
    if len(parts) > LISTED:
        return f"{task}: best of {len(parts)} settings, {parts[0]}; last, {parts[-1]}."
    return f"{task}: {'; '.join(parts)}."


def _order(setting: Setting) -> tuple[tuple[bool, float, str], ...]:
    """Numbers by size, before words by letter."""
    values = setting.factors.values()
    return tuple((isinstance(v, str), 0.0 if isinstance(v, str) or v is None else float(v), str(v)) for v in values)


def _decay(setting: Setting) -> str:
    start, end = tables.half_life(setting, "initial"), tables.half_life(setting, "final")
    if not setting.probed:
        return "gradient not measured"
    return f"gradient half-life {start} steps before training, {end} after"


def _reason(record: Record) -> str:
    if record.status == FAILED:
        return (record.error or "unknown error").strip().splitlines()[-1]
    return f"the loss was not finite at step {record.diverged_at_step}"
