"""The command ``rnnbench workspace`` for a checkout: python scripts/workspace.py --help"""

import sys

from rnnbench.cli.main import main

if __name__ == "__main__":
    main(["workspace", *sys.argv[1:]])
