"""The way of a new user who never sees the checkout: python tests/wheel/journey.py [--lowest]

Builds the wheel, installs it into a new environment (--lowest: each direct dependency in the oldest version that
pyproject.toml allows, else those of constraints.txt), leaves the checkout, and trains, sweeps, reports, publishes,
brings a cell by entry point, searches, and reads back what it did. It takes some minutes and a network.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import textwrap
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
SMALL = ["network.hidden_size=4", "task.length=10", "trainer.max_steps=20", "trainer.validate_every=10", "seed=0",
         "task.validation_sequences=32", "task.test_sequences=32"]  # fmt: skip
PACKAGE = {
    "pyproject.toml": """
        [project]
        name = "mycells"
        version = "1"
        [project.entry-points."rnnbench.cells"]
        sound = "mycells:Sound"
        breaking = "mycells:Breaking"
        [tool.setuptools]
        py-modules = ["mycells"]
        """,
    "mycells.py": """
        import torch
        from rnnbench import Cell, HState

        class Sound(Cell):
            source, gates = "me", ("hidden",)

            def step(self, state, drive):
                return HState(torch.tanh(drive + self.recurrent_projection(state.h)))

            def initial_state(self, batch):
                return HState(self._zeros(batch))

        class Breaking(Sound):
            def step(self, state, drive):
                if self.training and torch.is_grad_enabled():
                    raise RuntimeError("it breaks")
                return super().step(state, drive)
        """,
}
PYTHON = """
    import torch, rnnbench
    folder = next(iter(sorted(__import__("pathlib").Path("runs/four").glob("*/record.json")))).parent
    network, config, record = rnnbench.load(folder)
    profile = rnnbench.profile(network, torch.randn(8, 5, 2), torch.randn(5, 1))
    print(config.cell.name, len(profile), len(rnnbench.results("four").rows))
    """


def lowest(wheel):
    """The direct dependencies of a wheel, each in the oldest version that is allowed, as lines of constraints."""
    import zipfile

    with zipfile.ZipFile(wheel) as packed:
        name = next(name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        lines = packed.read(name).decode().splitlines()
    found = [re.match(r"Requires-Dist: ([\w-]+)>=([\w.]+)", line) for line in lines]
    return [f"{each[1]}=={each[2]}" for each in found if each]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lowest", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rnnbench-") as work:
        travel(Path(work), options.lowest)
    print("the journey is done")


def travel(work, oldest):
    binaries, home = work / "venv" / "bin", work / "home"
    home.mkdir()

    def run(*command, expected=0):
        print("$", *(Path(command[0]).name, *map(str, command[1:])), flush=True)
        ended = subprocess.run(command, cwd=home, text=True, capture_output=True)
        assert ended.returncode == expected, (ended.returncode, ended.stdout, ended.stderr)
        return ended.stdout

    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", work, ROOT)
    (wheel,) = work.glob("*.whl")
    venv.create(work / "venv", with_pip=True)
    constraints = work / "constraints.txt"
    torch = next(line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch=="))
    lines = [torch, *lowest(wheel)] if oldest else (ROOT / "constraints.txt").read_text().splitlines()
    constraints.write_text("\n".join(line for line in lines if line == torch or not line.startswith("torch==")))
    own = work / "mycells"
    own.mkdir()
    for name, text in PACKAGE.items():
        (own / name).write_text(textwrap.dedent(text).lstrip())
    pip = [binaries / "python", "-m", "pip", "install", "-q", "-c", constraints]
    run(*pip, f"{wheel}[sweepers]")
    run(*pip, own)

    rnnbench = binaries / "rnnbench"
    print(run(rnnbench, "doctor"))
    run(rnnbench, "train", "cell=gru", "task=adding", *SMALL)
    assert "4 done" in run(rnnbench, "train", "-m", "cell=gru,sound", *SMALL, "seed=0,1", "name=four")
    assert "sound" in run(rnnbench, "report", "four")
    run(rnnbench, "publish", "four")
    assert "4 done" in run(rnnbench, "status", "four")
    assert "sound" in run(rnnbench, "cells")
    run(rnnbench, "train", "-m", "hydra/sweeper=optuna", "hydra/sweeper/sampler=grid", "hydra.sweeper.n_trials=6",
        "cell=choice(sound,breaking)", "optimizer.lr=choice(0.001,0.01,1000)", "name=study", "task=multiplication",
        *SMALL)  # fmt: skip
    ends = run(rnnbench, "status", "study")
    print(ends)
    assert re.search(r"\d done, \d diverged, 3 failed", ends)
    assert "cell: sound" in (home / "runs/study/optimization_results.yaml").read_text()
    assert run(binaries / "python", "-c", textwrap.dedent(PYTHON)) == "gru 8 4\n"


if __name__ == "__main__":
    main()
