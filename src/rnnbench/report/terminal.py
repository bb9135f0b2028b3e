"""Prints a report in the terminal."""

from __future__ import annotations

from rnnbench.report import Report
from rnnbench.report.console import print_json, show


def print_report(report: Report, as_json: bool = False) -> None:
    """Print what a reader must know first, the table, what went wrong, and where the page is."""
    page = report.page
    failures = [f"{failure['run_id']}: {failure['reason']}" for failure in page["failures"]]
    damaged = [f"{report.folder.parent / name} is damaged: {reason}" for name, reason in report.damaged.items()]
    if as_json:
        table = [dict(zip(page["header"], row, strict=True)) for row in page["rows"]]
        return print_json(
            {"settings": table, "warnings": page["warnings"], "failures": failures, "damaged": damaged,
             "report": str(report.folder / "report.html"), "data": str(report.folder / "runs.csv")}
        )  # fmt: skip
    for line in page["warnings"]:
        print(f"{line}\n")
    show(page["header"], page["rows"])
    for line in (*failures, *damaged):
        print(line)
    print(f"report: {report.folder / 'report.html'}")
