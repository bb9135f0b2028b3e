"""The command ``rnnbench cells`` for a checkout: python scripts/cells.py --help"""

import sys

from rnnbench.cli.main import main

if __name__ == "__main__":
    main(["cells", *sys.argv[1:]])
