"""The W&B page of an experiment as code: python scripts/workspace.py NAME [--save]

Builds and validates it offline and writes it to <runs-dir>/NAME/workspace.json; --save puts it on the server.
"""

import argparse
from pathlib import Path

from rnnbench.config.factors import factors
from rnnbench.errors import UserError, check_name, exit_on_user_error
from rnnbench.results.columns import configuration
from rnnbench.results.gather import gather
from rnnbench.results.rows import REPORT
from rnnbench.store import records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="the experiment: a folder below the runs directory")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    parser.add_argument("--save", action="store_true", help="save it on the W&B server; needs a login")
    options = parser.parse_args()
    with exit_on_user_error():
        name = check_name(options.name)
        folder = options.runs_dir / name
        table = gather(folder).rows
        reported = set(table[table["phase"] == REPORT]["run_id"])
        configs = [record.config for record in records.read_all(folder) if record.run_id in reported]
        if not configs:
            raise UserError(f"no runs under {folder}: a page shows what a sweep varied")
        from rnnbench.tracking import workspace  # imports wandb

        sweep = workspace.Sweep(
            name=name,
            project=configs[0]["tracking"]["project"],
            entity=configs[0]["tracking"]["entity"],
            factors=factors([configuration(config) for config in configs]) or ["cell.name"],
            layers=max(config["network"]["depth"] for config in configs),
            bidirectional=any(config["network"]["bidirectional"] for config in configs),
        )
        page = folder / "workspace.json"
        page.write_text(workspace.validate(workspace.build(sweep)), encoding="utf-8")
        print(f"valid: {page}, grouped by {', '.join(sweep.factors)}")
        if options.save:
            print(f"saved: {workspace.save(sweep)}")


if __name__ == "__main__":
    main()
