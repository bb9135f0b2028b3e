"""The command ``rnnbench report`` for a checkout: python scripts/report.py --help"""

import sys

from rnnbench.cli.main import main

if __name__ == "__main__":
    main(["report", *sys.argv[1:]])
