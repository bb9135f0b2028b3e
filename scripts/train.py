"""The command ``rnnbench train`` for a checkout: python scripts/train.py --help"""

import sys

from rnnbench.cli.main import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
