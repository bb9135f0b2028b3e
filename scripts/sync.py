"""The command ``rnnbench sync`` for a checkout: python scripts/sync.py --help"""

import sys

from rnnbench.cli.main import main

if __name__ == "__main__":
    main(["sync", *sys.argv[1:]])
