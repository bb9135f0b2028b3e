"""The command ``rnnbench bench`` for a checkout: python scripts/bench.py --help"""

import sys

from rnnbench.cli.main import main

if __name__ == "__main__":
    main(["bench", *sys.argv[1:]])
