"""Uploads the runs of an experiment that W&B does not have yet: python scripts/sync.py NAME

It can be interrupted and started again. Exit code 0: W&B has every run; 1: some are missing; 2: nothing could be done.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from rnnbench.errors import check_name, exit_on_user_error
from rnnbench.tracking.sync import ALREADY, UPLOADED, sync


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="the experiment: a folder below the runs directory")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    parser.add_argument("--rate", type=rate, default=30, metavar="N", help="at most N runs a minute (default 30)")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be uploaded")
    options = parser.parse_args()
    ends: Counter[str] = Counter()
    with exit_on_user_error():
        for upload in sync(options.runs_dir / check_name(options.name), options.rate, options.dry_run):
            ends[upload.status] += 1
            print(f"{upload.run}: {upload.status}{upload.reason and f', {upload.reason}'}", flush=True)
    print(", ".join(f"{count} {status}" for status, count in ends.items()))
    sys.exit(0 if set(ends) <= {UPLOADED, ALREADY} else 1)


def rate(text: str) -> float:
    """A positive number."""
    value = float(text)
    if not value > 0:
        raise ValueError
    return value


if __name__ == "__main__":
    main()
