"""A user's own cell with a matrix as its state, own task, own diagnostic: none of them in the package."""

import json
import runpy
import sys
import textwrap

import numpy as np
import pytest

from commands import SCRIPTS

MODULE = '''
import os
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnnbench.gradients import Diagnostic, Found
from rnnbench.network.cells import Cell
from rnnbench.tasks.base import Batch, Task, stream


class FastWeights(NamedTuple):
    S: Tensor  # [B, K, V]


class DeltaRule(Cell[FastWeights]):
    """S_t = S_{t-1} + beta k (v - S_{t-1}^T k)^T with a unit k, y_t = S_t^T q; K is 3, V and O are H."""

    source = "Schlag et al. 2021"
    gates = ()
    K = 3

    def __init__(self, input_size, hidden_size):
        torch.nn.Module.__init__(self)
        self.input_size, self.hidden_size = input_size, hidden_size
        self.rows = [self.K, hidden_size, self.K, 1]
        self.input_projection = torch.nn.Linear(input_size, sum(self.rows))

    def step(self, state, drive):
        k, v, _, beta = drive.split(self.rows, dim=-1)
        k = torch.nn.functional.normalize(k, dim=-1)
        old = (k[:, :, None] * state.S).sum(dim=1)
        return FastWeights(state.S + torch.sigmoid(beta)[..., None] * k[:, :, None] * (v - old)[:, None])

    def initial_state(self, batch):
        return FastWeights(self.input_projection.weight.new_zeros(batch, self.K, self.hidden_size))

    def readout(self, state, drive):
        return (drive.split(self.rows, dim=-1)[2][:, :, None] * state.S).sum(dim=1)


@dataclass(kw_only=True)
class LastOne(Task):
    """Which sign had the first input, ``scale`` in size?"""

    scale: float = 1.0
    title: ClassVar = "sign of the first input"
    loss: ClassVar = "cross_entropy"
    metric: ClassVar = "accuracy"
    source: ClassVar = "ours"
    tokens: ClassVar = False
    every_step: ClassVar = False
    causal: ClassVar = False
    input_size: ClassVar = 1
    output_size: ClassVar = 2

    def baseline(self, split):
        return float(np.log(2))

    def batch(self, split, seed, step):
        if split == "train" and step == 9 and os.environ.get("DIE"):
            os._exit(9)
        x = stream(split, seed, step).normal(size=(self.length, self.batch_size, 1)).astype(np.float32)
        return Batch(inputs=self.scale * x, targets=(x[0, :, 0] > 0).astype(np.int64))


FILLED = Diagnostic(
    "filled", "how full the memory is", "||S_T||", "ours", ("paths",), "none", "0 at first",
    of_path=lambda path, options: Found(numbers={"filled": float(path.states.S[-1].norm())}),
)
'''
RUN = [
    "cell=external", "cell._target_=mine:DeltaRule", "task=external", "task._target_=mine:LastOne", "task.length=12",
    "network.depth=2", "network.bidirectional=true", "network.block=residual", "network.convolution=3",
    "network.hidden_size=4", "trainer.max_steps=12", "trainer.checkpoint_every=4", "trainer.validate_every=6",
    "task.validation_sequences=32", "task.test_sequences=32", "probe.every=6", "probe.batch_size=4",
    "probe.diagnostics=[mine:FILLED,rank]", "+task.arguments.scale=2",
]  # fmt: skip


@pytest.fixture
def mine(tmp_path):
    """A folder with the user's module."""
    (tmp_path / "mine.py").write_text(textwrap.dedent(MODULE), encoding="utf-8")
    return {"PYTHONPATH": str(tmp_path)}


def test_the_cell_passes_the_contract_tests(mine, monkeypatch, capsys):
    monkeypatch.syspath_prepend(mine["PYTHONPATH"])
    monkeypatch.setattr(sys, "argv", ["check.py", "mine:DeltaRule"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPTS / "check.py"), run_name="__main__")
    del sys.modules["mine"]
    assert ended.value.code == 0
    assert "mine:DeltaRule: 12 of 12 rules kept" in capsys.readouterr().out


@pytest.mark.whole
def test_it_trains_shows_its_profile_and_resumes_bit_for_bit(command, mine, tmp_path):
    whole = command("train.py", *RUN, "name=whole", "tracking=offline", **mine)
    assert whole.returncode == 0, whole.stderr
    (folder,) = (tmp_path / "runs" / "whole").glob("LastOne-DeltaRule-seed0-*")
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    final = record["gradients"]["final"]
    assert final["own_filled"] > 0
    assert 1 <= final["matrix_rank"] <= 3
    assert final["decay"] in ("decays", "flat", "grows")
    with np.load(folder / "gradients.npz") as arrays:
        assert arrays["state"].shape == (3, 2, 2, 12)
        np.testing.assert_allclose(arrays["S"], arrays["state"])  # the state has this part alone
        assert (arrays["state"][-1] > 0).all()

    shown = command("report.py", "whole", **mine)
    assert shown.returncode == 0, shown.stderr
    page = (tmp_path / "runs" / "whole" / "report" / "report.html").read_text(encoding="utf-8")
    assert "DeltaRule" in page
    assert "gradient_profiles" in page
    logged = b"".join(path.read_bytes() for path in (tmp_path / "runs" / "whole" / "wandb").rglob("*.wandb"))
    for part in (b"grad_final/layer2_backward", b"own_filled", b"layer1_forward/own_filled"):
        assert part in logged

    assert command("train.py", *RUN, "name=parts", **mine, DIE="1").returncode == 9  # after a checkpoint at step 8
    again = command("train.py", *RUN, "name=parts", **mine)
    assert again.returncode == 0, again.stderr
    (other,) = (tmp_path / "runs" / "parts").glob("LastOne-*")
    resumed = json.loads((other / "record.json").read_text(encoding="utf-8"))
    assert resumed["resumed"] == 1
    for key in ("final", "best", "gradients", "score", "training"):
        assert resumed[key] == record[key]

    later = command("probe.py", "parts", "newton", "mine:FILLED", **mine)
    assert later.returncode == 0, later.stderr
    assert "measured: newton, mine:FILLED" in later.stdout
