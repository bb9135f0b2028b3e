"""The command ``rnnbench compare`` for a checkout: python scripts/compare.py --help"""

import sys

from rnnbench.cli.main import main

if __name__ == "__main__":
    main(["compare", *sys.argv[1:]])
