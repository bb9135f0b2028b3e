"""The folder in which the examples of the documentation run: it looks like a clone, and ``runs`` begins empty."""

import os
import shutil
import sys
from pathlib import Path

from sphinx.application import Sphinx

VARIABLE = "RNNBENCH_DOCS"


def prepare(app: Sphinx) -> None:
    """Make the folder, and give the examples the commands of this environment and no network."""
    folder = Path(app.outdir).parent / "work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "results").symlink_to(Path(app.confdir).parent / "results")
    os.environ |= {
        VARIABLE: str(folder),
        "HF_HUB_OFFLINE": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "WANDB_SILENT": "true",
    }


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", prepare)
    return {"parallel_read_safe": True}
