"""The command ``rnnbench probe`` for a checkout: python scripts/probe.py --help"""

import sys

from rnnbench.cli.main import main

if __name__ == "__main__":
    main(["probe", *sys.argv[1:]])
