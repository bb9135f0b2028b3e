"""Finished runs measured again from their checkpoints."""

import json
from pathlib import Path

import numpy as np
import pytest

from rnnbench.cli.probe import probe
from rnnbench.errors import UserError
from rnnbench.gradients import Diagnostic, Found, Measured
from rnnbench.outcomes.columns import row
from rnnbench.runner import run
from rnnbench.store import records

SMALL = ("network.hidden_size=4", "task.length=8", "trainer.max_steps=4", "probe.every=2", "network.depth=2")


def widths(path, options):
    """The spread of the states, of a path, as a user's own diagnostic may find it."""
    states = path.states.h[1:]
    return Found({"spread": Measured(("step",), states.std(dim=(1, 2)).numpy())}, {"spread": float(states.std())})


OWN = Diagnostic("spread", "how far states spread", "sd of h", "ours", ("paths",), "none", "0 at rest", of_path=widths)


@pytest.fixture
def done(configure):
    """The configuration of a run that has ended, and a function that reads its record and its arrays."""

    def make(*overrides):
        config = configure(*SMALL, *overrides)
        run(config)
        folder = Path(config.runs_dir) / config.name / config.run_id

        def look():
            with np.load(folder / "gradients.npz") as file:
                return records.read(folder), {name: file[name] for name in file.files}

        return folder, look

    return make


def test_the_same_is_found_again_and_more_is_added(done):
    folder, look = done("cell=lstm")
    before, arrays = look()
    (line,) = probe(folder.parent, ["newton", "transition", "sharpness"])
    assert line == f"{folder.name}: measured: newton, transition, sharpness"
    after, merged = look()
    for moment, numbers in before.gradients.items():
        for name, value in numbers.items():
            assert after.gradients[moment][name] == (pytest.approx(value) if isinstance(value, float) else value)
        assert after.gradients[moment].keys() - numbers.keys() >= {"newton_iterations", "layer2_forward/share_long"}
    for name, values in arrays.items():
        assert merged[name].dtype == values.dtype
        if values.dtype.kind == "f":
            np.testing.assert_allclose(merged[name], values)
    eigenvalues = merged["eigenvalue_real"]
    assert eigenvalues.shape == (3, 2, 1, 8, 8)  # probes before, between and after
    assert np.isfinite(eigenvalues[[0, 2]]).all()
    assert np.isnan(eigenvalues[1]).all()
    assert (after.ended, after.final, after.seconds) == (before.ended, before.final, before.seconds)
    assert row(after)["newton_iterations_final"] == after.gradients["final"]["newton_iterations"]


def test_a_run_without_a_probe_can_be_measured_later(done):
    folder, look = done("cell=gru", "probe=off")
    assert records.read(folder).gradients == {}
    list(probe(folder.parent, ["rank"]))
    record, arrays = look()
    assert record.gradients["final"]["headline"].startswith("layer ")
    assert record.gradients["final"]["effective_rank"] > 1
    assert arrays["step"].tolist() == [0, 4]
    assert arrays["state"].shape[:3] == (2, 2, 1)


def test_a_diagnostic_of_ones_own(done):
    folder, look = done("cell=elman")
    list(probe(folder.parent, [f"{__name__}:OWN"]))
    record, arrays = look()
    assert record.gradients["final"]["own_spread"] > 0
    assert arrays["own_spread"].shape == (3, 2, 1, 8)
    found = row(record)
    assert found["own_spread_final"] == record.gradients["final"]["own_spread"]
    assert found["layer1_forward_own_spread_initial"] == record.gradients["initial"]["layer1_forward/own_spread"]


def test_what_cannot_be_measured_is_left_alone_and_said(done):
    folder, _ = done("cell=gru")
    text = (folder / "record.json").read_text(encoding="utf-8")
    config = (folder / "config.yaml").read_text(encoding="utf-8")
    (folder / "config.yaml").write_text(config.replace("seed: 0", "seed: 1"), encoding="utf-8")
    (line,) = probe(folder.parent, ["rank"])
    assert "left alone, its config.yaml is that of adding-gru-seed1-" in line
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    (folder / "last.ckpt").unlink()
    (line,) = probe(folder.parent, ["rank"])
    assert "its last.ckpt is gone; force=true runs it again" in line
    assert (folder / "record.json").read_text(encoding="utf-8") == text
    json.loads(text)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["newtons"], "unknown diagnostic 'newtons': did you mean 'newton'"),
        (["nope.mod:X"], "diagnostic=nope.mod:X: No module named 'nope'; give package.module.NAME"),
        (["json:dumps"], "diagnostic=json:dumps: is no rnnbench.gradients.Diagnostic"),
        (["rank"], "has no finished runs; give the name of an experiment that has run"),
    ],
)
def test_mistakes_are_one_line(tmp_path, names, message):
    with pytest.raises(UserError, match=message) as caught:
        list(probe(tmp_path, names))
    assert "\n" not in str(caught.value)


def test_a_configured_diagnostic_is_measured_during_training(done):
    _, look = done("cell=gru", "probe.diagnostics=[newton]")
    record, _ = look()
    assert record.gradients["initial"]["newton_iterations"] >= 1
