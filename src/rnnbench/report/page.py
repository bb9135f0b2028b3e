"""What the pages say in words: answers, warnings, failures, and where the runs come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from rnnbench import records
from rnnbench.records import Record
from rnnbench.report import comparisons, origin, tables, tuning
from rnnbench.report.collect import Runs
from rnnbench.report.drawing import PALETTE
from rnnbench.report.summary import Setting
from rnnbench.report.tuning import Parts

LISTED = 4  # settings of a task that the opening sentence names one by one


def context(name: str, parts: Parts, runs: Runs, groups: list[Setting]) -> dict[str, Any]:
    """What the templates show of the reported runs, grouped into settings, and of what is damaged or missing."""
    found = parts.tuning + parts.reported
    tasks = list(dict.fromkeys(setting.task for setting in groups))
    values = {key: list(dict.fromkeys(s.shown[key] for s in groups)) for key in groups[0].factors}
    made = {
        "commits": _distinct(record.commit or "unknown" for record in found),
        "machines": sorted(map(_machine, _machines(found))) or ["unknown"],
        "versions": {
            package: ", ".join(_distinct(record.versions[package] for record in found if package in record.versions))
            for package in dict.fromkeys(package for record in found for package in record.versions)
        },
    }
    failures = [{"run_id": run, "reason": reason} for run, reason in runs.damaged.items()]
    failures += [{"run_id": r.run_id, "reason": reason} for r in found for reason in runs.files[r.run_id].damaged]
    failures += [{"run_id": r.run_id, "reason": r.reason} for r in found if r.status != records.DONE]
    return made | {
        "name": name,
        "warnings": runs.warnings + tuning.warnings(parts, groups) + _mixed(found),
        "answers": [_answer(task, groups) for task in tasks],
        "header": tables.header(groups),
        "rows": tables.rows(groups),
        "order": sorted(range(len(groups)), key=lambda i: (tasks.index(groups[i].task), -_score(groups[i]))),
        "factors": {key: listed for key, listed in values.items() if len(listed) > 1},
        "settings": [{"factors": s.shown, "label": s.label} for s in groups],
        "palette": PALETTE,
        "more": _more(parts, groups),
        "commands": sorted({record.command for record in found}),
        "runs": len(found),
        "seconds": sum(record.seconds for record in found),
        "statuses": Counter(record.status for record in found)
        + Counter(damaged=len(runs.damaged))
        + Counter(runs.missing.values()),
        "failures": failures,
        "samples": [(f"{s.task}, {s.label}", sample) for s in groups if (sample := s.known("sample"))],
        "data": _distinct(f"{k}: {v}" for record in found for k, v in record.data.items()),
    }


def _more(parts: Parts, groups: list[Setting]) -> list[tables.Table]:
    """The tables after the main one."""
    found = (comparisons.pooled(groups), *comparisons.comparisons(groups), tuning.table(parts, groups))
    return [table for table in found if table is not None]


def _mixed(found: list[Record]) -> list[str]:
    """What makes runs hard to compare: they differ in more than what was swept."""
    kinds: dict[str, set[object]] = {
        "commits": {record.commit for record in found},
        "machines": set(map(_machine, _machines(found))),
        "versions of packages": {tuple(sorted(record.versions.items())) for record in found if record.versions},
    }
    return [
        f"The runs are of {len(seen)} different {kind}, listed below." for kind, seen in kinds.items() if len(seen) > 1
    ]


def _distinct(values: Iterable[str]) -> list[str]:
    return sorted(set(values))


def _machines(found: list[Record]) -> list[dict[str, Any]]:
    """The different machines, as far as they are known."""
    return [machine for each in origin.environments(found) if (machine := each["machine"])]


def _machine(machine: dict[str, Any]) -> str:
    """A machine in a line."""
    words = [str(machine.get("processor")), f"{machine.get('cores')} cores", str(machine.get("platform"))]
    return ", ".join([*words, f"accelerator {machine.get('accelerator')}"])


def _score(setting: Setting) -> float:
    """After all others where there is none."""
    return setting.score[0] if setting.score else float("-inf")


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


def _decay(setting: Setting) -> str:
    """The half-life of the gradient before and after training, in words."""
    if not setting.probed:
        return "gradient not measured"
    start, end = setting.decay("initial", "half_life"), setting.decay("final", "half_life")
    if start is None and end is None:
        return "gradient does not decay, neither before training nor after"
    if start is None:
        return f"gradient does not decay before training, half-life {tables.number(end)} steps after"
    after = "does not decay after" if end is None else f"{tables.number(end)} after"
    return f"gradient half-life {tables.number(start)} steps before training, {after}"
