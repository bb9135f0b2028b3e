"""The command ``rnnbench reproduce`` for a checkout: python scripts/reproduce.py --help"""

import sys

from rnnbench.cli.main import main

if __name__ == "__main__":
    main(["reproduce", *sys.argv[1:]])
