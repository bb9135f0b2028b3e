"""The command ``rnnbench check`` for a checkout: python scripts/check.py --help"""

import sys

from rnnbench.cli.main import main

if __name__ == "__main__":
    main(["check", *sys.argv[1:]])
