"""The command ``rnnbench tasks`` for a checkout: python scripts/tasks.py --help"""

import sys

from rnnbench.cli.main import main

if __name__ == "__main__":
    main(["tasks", *sys.argv[1:]])
