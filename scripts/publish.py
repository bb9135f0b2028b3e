"""The command ``rnnbench publish`` for a checkout: python scripts/publish.py --help"""

import sys

from rnnbench.cli.main import main

if __name__ == "__main__":
    main(["publish", *sys.argv[1:]])
