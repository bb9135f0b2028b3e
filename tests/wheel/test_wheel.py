"""The wheel, away from the checkout: what it holds, and that a command runs from it in an empty folder."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from filelock import FileLock

pytestmark = pytest.mark.whole
ROOT = Path(__file__).parents[2]
SMALL = ["network.hidden_size=4", "task.length=8", "trainer.max_steps=4", "trainer.validate_every=2", "probe=off",
         "task.validation_sequences=32", "task.test_sequences=32", "tracking=disabled"]  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with what the wheel installs."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    with FileLock(tmp_path_factory.getbasetemp().parent / "wheel.lock"):  # two workers would build in one folder
        subprocess.run([*build, "--wheel-dir", folder, ROOT], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


def test_it_holds_the_configuration_the_plugins_and_the_commit(site):
    committed = {path.relative_to(ROOT / "conf") for path in (ROOT / "conf").rglob("*.yaml")}
    assert {path.relative_to(site / "rnnbench/conf") for path in (site / "rnnbench/conf").rglob("*.yaml")} == committed
    assert len(list((site / "hydra_plugins").glob("*.py"))) == len(list((ROOT / "src/hydra_plugins").glob("*.py")))
    head = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    assert (site / "rnnbench/commit.txt").read_text().removesuffix("+dirty") == head
    assert "rnnbench = rnnbench.cli.main:main" in next(site.glob("*.dist-info/entry_points.txt")).read_text()


def test_a_sweep_in_an_empty_folder(site, tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "rnnbench.cli.main", "train", "-m", "cell=lstm,gru", "name=away", *SMALL],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(site)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    records = [json.loads(path.read_text()) for path in tmp_path.glob("runs/away/*/record.json")]
    assert [record["commit"] for record in records] == [(site / "rnnbench/commit.txt").read_text()] * 2
