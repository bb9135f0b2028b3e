"""The command ``rnnbench status`` for a checkout: python scripts/status.py --help"""

import sys

from rnnbench.cli.main import main

if __name__ == "__main__":
    main(["status", *sys.argv[1:]])
