"""Writes results/NAME from the runs of an experiment, to be committed: python scripts/publish.py NAME [FOLDER...]

Takes finished runs of one or several folders (by default runs/NAME), of one machine or many, and merges them with what
is published already: each run counts once, and rows that contradict each other are refused. It also refreshes the
overview results/README.md. --again makes the pages and figures of published results again from their data alone, all
of them where no NAME is given. To look at a report without publishing it: scripts/report.py
"""

import argparse
from pathlib import Path

from rnnbench.errors import UserError, exit_on_user_error
from rnnbench.report import publish, render_again
from rnnbench.report.overview import read_results, write_overview
from rnnbench.report.terminal import tell


def again(name: str | None, results_dir: Path) -> None:
    """Makes the pages of one result, or of all, again."""
    names = [name]
    if name is None:
        found = read_results(results_dir)
        for folder, reason in found.damaged.items():
            raise UserError(f"{results_dir / folder} is damaged: {reason}")
        names = list(found.found)
    for each in names:
        print(render_again(each, results_dir).folder)
    write_overview(results_dir)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", help="the experiment: the name of its folder below the results directory")
    parser.add_argument("folders", nargs="*", type=Path, help="folders of its runs; runs/NAME without any")
    parser.add_argument("--partial", action="store_true", help="publish though planned runs are missing")
    parser.add_argument("--replace", action="store_true", help="forget the rows that are published")
    parser.add_argument("--again", action="store_true", help="make pages again from published data")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    parser.add_argument("--results-dir", type=Path, default=Path("results"))
    options = parser.parse_args()
    if options.again:
        if options.folders or options.partial or options.replace:
            parser.error("--again takes no runs: neither folders nor --partial nor --replace")
        again(options.name, options.results_dir)
    elif options.name is None:
        parser.error("give the NAME of an experiment")
    else:
        sources = options.folders or [options.runs_dir / options.name]
        tell(publish(options.name, sources, options.results_dir, options.partial, options.replace))


if __name__ == "__main__":
    with exit_on_user_error():
        main()
