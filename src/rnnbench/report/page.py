"""The text of the pages: answers, warnings, failures, and where the runs come from."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rnnbench.outcomes.columns import REPORT, Row
from rnnbench.outcomes.result import Result
from rnnbench.outcomes.settings import Setting, by_problem
from rnnbench.report import answers, comparisons, layers, leaderboard, over_length, tables, tuning
from rnnbench.report.charts.design import design
from rnnbench.store.status import Status

NAMED = 20  # missing runs that a line names; more are counted


def context(result: Result, groups: list[Setting]) -> dict[str, Any]:
    """Return what the templates show of a result, whose reported runs are grouped into settings."""
    runs = result.runs
    values = {key: list(dict.fromkeys(s.shown[key] for s in groups)) for key in groups[0].factors}
    problems, made = by_problem(groups), design(groups)
    place = {problem: index for index, problem in enumerate(problems)}
    split = len(problems) > len({problem.task for problem in problems})
    return {
        "name": result.name,
        "warnings": [
            *leaderboard.compared(leaderboard.boards(result.name, result)), *_gaps(result),
            *tuning.warnings(result, groups), *_mixed(result, runs),
        ],
        "gaps": _gaps(result),
        "answers": [answers.answer(*each) for each in problems.items()],
        "header": tables.header(groups),
        "rows": tables.rows(groups),
        "legend": tables.legend(groups),
        "references": [line for each in problems.items() if (line := answers.count_line(*each))],
        "order": sorted(range(len(groups)), key=lambda i: (place[groups[i].problem], -groups[i].score.value)),
        "grouped": "problem" if split else "task" if "task" in values else "",
        "factors": {key: listed for key, listed in values.items() if len(listed) > 1},
        "settings": [
            {"factors": s.shown, "label": label, "problem": s.problem.title, "series": series}
            for s, label, series in zip(groups, made.labels, made.series, strict=True)
        ],
        "colors": made.colors,
        "more": _more(result, groups),
        "commands": result.commands,
        "runs": len(runs),
        "seconds": sum(run["seconds"] for run in runs),
        "statuses": Counter(run["status"] for run in runs)
        + Counter(damaged=len(result.damaged))
        + Counter(result.missing.values()),
        "failures": [{"run_id": name, "reason": reason} for name, reason in result.damaged.items()]
        + [{"run_id": run["run_id"], "reason": run["reason"]} for run in runs if run["status"] != Status.DONE],
        "samples": [(f"{s.task}, {s.label}", sample) for s in groups if (sample := s.known("sample"))],
        "commits": _commits(runs),
        "machines": _machines(result) or ["unknown"],
        "versions": {
            package: ", ".join(sorted({each["versions"][package] for each in result.environments
                                       if package in each["versions"]}))
            for package in dict.fromkeys(package for each in result.environments for package in each["versions"])
        },
        "data": sorted(f"{key}: {value}" for each in result.data for key, value in each.items()),
    }  # fmt: skip


def _more(result: Result, groups: list[Setting]) -> list[tables.Table]:
    """Return the tables after the main one."""
    found = (
        over_length.table(groups),
        layers.table(groups),
        comparisons.pooled(groups),
        *comparisons.comparisons(groups),
        tuning.table(result, groups),
    )
    return [table for table in found if table is not None]


def _gaps(result: Result) -> list[str]:
    """Return what a reader must know first: missing runs, damaged files, incomplete figures."""
    lines = []
    if result.missing:
        listed = _listed(list(result.missing))
        lines.append(f"{result.gap}; the same command goes on with them. They are {listed}.")
    if result.damaged:
        lines.append(f"Damaged and left out, see below: {', '.join(result.damaged)}.")
    if not result.redrawable:
        lines.append(
            "Figures of curves and profiles cannot be drawn again, because the curves and profiles were not kept."
        )
        return lines
    reported = result.rows[result.rows["phase"] == REPORT]["run_id"]
    without = reported[~reported.isin(result.tables["curves"]["run_id"])]
    if 0 < len(without) < len(reported):
        lines.append(f"No curves and profiles are known of {len(without)} runs, so figures of them leave these out.")
    return lines


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _mixed(result: Result, runs: list[Row]) -> list[str]:
    """Return what makes runs hard to compare: differences other than what was swept."""
    versions = {tuple(sorted(each["versions"].items())) for each in result.environments if each["versions"]}
    kinds = {"commits": _commits(runs), "machines": _machines(result), "versions of packages": versions}
    return [
        f"The runs are of {len(seen)} different {kind}, listed below." for kind, seen in kinds.items() if len(seen) > 1
    ]


def _commits(runs: list[Row]) -> list[str]:
    return sorted({run["commit"] or "unknown" for run in runs})


def _machines(result: Result) -> list[str]:
    """Return the different machines, as far as they are known, in a line each."""
    return sorted({_machine(each["machine"]) for each in result.environments if each["machine"]})


def _machine(machine: dict[str, Any]) -> str:
    words = [str(machine.get("processor")), f"{machine.get('cores')} cores", str(machine.get("platform"))]
    return ", ".join([*words, f"accelerator {machine.get('accelerator')}"])
