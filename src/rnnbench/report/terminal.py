"""What a report says in the terminal."""

from __future__ import annotations

from rnnbench.report import Report
from rnnbench.report.console import show


def tell(report: Report) -> None:
    """Prints what a reader must know first, the table, what went wrong, and where the page is."""
    page = report.page
    for line in page["warnings"]:
        print(f"{line}\n")
    show(page["header"], page["rows"])
    failures = [f"{failure['run_id']}: {failure['reason']}" for failure in page["failures"]]
    damaged = [f"{report.folder.parent / name} is damaged: {reason}" for name, reason in report.damaged.items()]
    for line in (*failures, *damaged):
        print(line)
    print(f"report: {report.folder / 'report.html'}")
