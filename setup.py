"""What pyproject.toml cannot say: a wheel holds conf/ as rnnbench.conf, and the commit that it was built from."""

import shutil
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


def commit() -> str:
    """Return the commit of this checkout, with ``+dirty`` where files differ from it; empty where there is none."""
    try:
        git = ["git", "-C", str(Path(__file__).parent)]
        head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], check=True, capture_output=True, text=True)
        return head + ("+dirty" if changed.stdout else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


class BuildPy(build_py):
    """Adds rnnbench/conf and rnnbench/commit.txt to what is built, but for an editable installation."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            package = Path(self.build_lib) / "rnnbench"
            shutil.rmtree(package / "conf", ignore_errors=True)
            shutil.copytree("conf", package / "conf")
            (package / "commit.txt").write_text(commit(), encoding="utf-8")


setup(cmdclass={"build_py": BuildPy})
