"""results/README.md: all results at a glance, and which cell did best where every cell was tuned alike."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rnnbench.errors import UserError
from rnnbench.outcomes import provenance, result, rows
from rnnbench.outcomes.columns import COLUMNS
from rnnbench.outcomes.result import Result
from rnnbench.outcomes.settings import by_problem, reported
from rnnbench.report import answers, markdown
from rnnbench.report.leaderboard import HEADER, Board, boards, compared, overview
from rnnbench.report.templates import template
from rnnbench.report.tuning import UNDECIDED_MEANS
from rnnbench.store.files import replacing
from rnnbench.store.folder import MARK, PAGE, is_generated, writing

PICTURE = "leaderboard"
FINDING = "figures/scores.svg"  # the picture of each result
CAPTION = "Median score of each cell on each task and its interval, the best on top"
PARTS = (provenance.FILE, rows.FILE)  # of a result


class Results(NamedTuple):
    """All that is published."""

    found: dict[str, Result]
    """By folder."""
    boards: list[Board]
    """One for each task and length on which cells were tuned alike, in the order of the folders."""
    damaged: dict[str, str]
    """What is wrong with a result that cannot be read, by its folder."""
    findings: dict[str, list[str]]
    """What was seen, in sentences, by folder."""


def read_results(results_dir: Path) -> Results:
    """Return every result below ``results_dir``; a damaged one is left out and named."""
    results = Results({}, [], {}, {})
    for folder in sorted({path.parent for name in PARTS for path in results_dir.glob(f"[!.]*/{name}")}):
        try:
            found = result.read(folder)
            results.boards.extend(boards(folder.name, found))
            groups = by_problem(reported(found)).items()
            results.findings[folder.name] = [answers.answer(*each) for each in groups]
            results.found[folder.name] = found
        except UserError as error:
            results.damaged[folder.name] = str(error).removeprefix(f"{results_dir}/")
    return results


def picture(found: list[Board]) -> str:
    """Return the scores of all cells as a picture, a panel a task, the cells in the order of the overview."""
    from rnnbench.report.charts import chart, points  # Altair takes a second to load

    cells = [row[0] for row in overview(found).rows]
    panels = {board.title: {place.cell: place.setting for place in board.places} for board in found}
    return chart.svg(points.leaderboard(panels, cells), PICTURE, CAPTION)


def write_overview(results_dir: Path) -> dict[str, str]:
    """Write ``results_dir/README.md``, and beside it the picture where anything was tuned.

    Returns what is wrong with the results that cannot be read. Raises UserError where the page was not generated.
    """
    check_page(results_dir)
    results = read_results(results_dir)
    text = template("results.md").render(
        results={name: provenance.summary(each.runs) for name, each in results.found.items()},
        findings=results.findings,
        pictured={name for name in results.found if (results_dir / name / FINDING).exists()}, finding=FINDING,
        damaged=results.damaged, boards=results.boards, header=HEADER, mark=MARK, columns=COLUMNS.values(),
        compared=compared(results.boards), undecided=UNDECIDED_MEANS,
        overview=overview(results.boards) if results.boards else None, picture=PICTURE, caption=CAPTION,
        link=markdown.link, performance=(results_dir / "performance" / PAGE).exists(),
    )  # fmt: skip
    files = {f"{PICTURE}.svg": picture(results.boards)} if results.boards else {}
    for name, content in (files | {PAGE: text}).items():
        with writing(results_dir / name), replacing(results_dir / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return results.damaged


def check_page(results_dir: Path) -> None:
    """Raise UserError where the files of the overview exist and were not generated."""
    for name in (PAGE, f"{PICTURE}.svg"):
        if (results_dir / name).exists() and not is_generated(results_dir / PAGE):
            raise UserError(f"{results_dir / name}: was not generated, so it is not replaced; choose --results-dir=...")
