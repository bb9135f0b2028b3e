"""What runs leave beside their records, as tables; what is damaged is named, and everything else is made."""

import io

import numpy as np
import pytest

from rnnbench.outcomes import result, runfiles
from rnnbench.report import figures, write_report
from test_report import leave, make

pytestmark = pytest.mark.whole


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


GOOD = {**dict.fromkeys(("state", "state_median", "state_dead"), np.full((2, 1, 1, 9), 0.1)), "step": np.array([0, 30]),
        "lyapunov": np.zeros((2, 1, 1, 3))}  # fmt: skip


def test_what_can_be_read(tmp_path):
    (tmp_path / "metrics.csv").write_text("step,train/loss,val/loss,test_50/loss\n5,1.0,,\n10,,0.5,0.25\n")
    (tmp_path / "gradients.npz").write_bytes(npz(**GOOD | {"state": np.full((2, 1, 1, 9), np.inf)}))
    tables, wrong = runfiles.read(tmp_path)
    assert wrong == []
    curves = tables["curves"]
    assert set(curves.pop("run_id")) == {tmp_path.name}
    assert curves.to_numpy().tolist() == [
        [5, "train", "loss", 1.0], [10, "val", "loss", 0.5], [10, "test_50", "loss", 0.25]
    ]  # fmt: skip
    profiles, spectra = tables["profiles"], tables["spectra"]
    assert profiles["log10_mean"].isna().all()
    assert (profiles["log10_median"] == -1).all()
    assert profiles.groupby(["moment", "step", "part"], sort=False)["lag"].apply(list).to_dict() == {
        ("initial", 0, "state"): list(range(9)), ("final", 30, "state"): list(range(9))
    }  # fmt: skip
    assert spectra["rank"].tolist() == [0, 1, 2] * 2


def test_a_run_without_files(tmp_path):
    assert runfiles.read(tmp_path) == ({}, [])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"st",
        b"step,val/loss\n10,0.5\n20,0.",
        b"step,val/loss\n10\n",
        b"step,val/loss\n10,0.5,1\n",
        b"step,val/loss\nten,0.5\n",
        b"step,val/loss\n10,low\n",
        b"step,val/loss\n-10,0.5\n",
        b"step,val/loss\n99999999999999999999,0.5\n",
        b"step,val/loss\n10,\x000.5\n",
        b"step,val/loss\n10,\xff\n",
        b'step,val/loss\n10,"' + b"5" * 200_000 + b'"\n',
    ],
)
def test_a_damaged_curve(tmp_path, text):
    (tmp_path / "metrics.csv").write_bytes(text)
    (tmp_path / "gradients.npz").write_bytes(npz(**GOOD))
    tables, (reason,) = runfiles.read(tmp_path)
    assert reason.startswith("metrics.csv is damaged (")
    assert tables.keys() == {"profiles", "spectra"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        b"random" * 50,
        npz(**GOOD)[:-300],
        npz(**GOOD)[:200] + b"\xff" * 80 + npz(**GOOD)[280:],
        npz(state=GOOD["state"]),
        npz(step=GOOD["step"]),
        npz(**GOOD | {"state": np.ones((2, 1, 9))}),
        npz(**GOOD | {"state": np.ones((2, 1, 1, 0))}),
        npz(**GOOD | {"state": np.ones((3, 1, 1, 9))}),
        npz(**GOOD | {"state": np.ones((2, 1, 1, 8))}),
        npz(**dict.fromkeys(("state", "state_median", "state_dead"), np.ones((2, 1, 3, 9))), step=GOOD["step"]),
        npz(**GOOD | {"state": GOOD["state"].astype(str)}),
        npz(**GOOD | {"state_median": GOOD["state"].astype(complex)}),
        npz(**GOOD | {"state": np.array([None])}),
        npz(**{name: array for name, array in GOOD.items() if name != "state_dead"}),
        npz(**GOOD | {"step": np.array([0.5, 1.5])}),
        npz(**GOOD | {"step": np.array([[0, 30]])}),
        npz(**GOOD | {"lyapunov": np.zeros(2)}),
    ],
)
def test_damaged_arrays(tmp_path, data):
    (tmp_path / "metrics.csv").write_text("step,val/loss\n10,0.5\n")
    (tmp_path / "gradients.npz").write_bytes(data)
    tables, (reason,) = runfiles.read(tmp_path)
    assert reason.startswith("gradients.npz is damaged (")
    assert "\n" not in reason
    assert tables.keys() == {"curves"}


def test_an_array_that_is_no_archive(tmp_path):
    np.save(tmp_path / "gradients.npy", GOOD["state"])
    (tmp_path / "gradients.npy").rename(tmp_path / "gradients.npz")
    assert runfiles.read(tmp_path)[1]


def test_the_report_names_them_and_draws_the_others(tmp_path):
    for seed in (0, 1):
        leave(tmp_path / "e", make(seed))
        (tmp_path / "e" / f"adding-lstm-{seed}" / "gradients.npz").write_bytes(npz(**GOOD)[: -300 * seed or None])
        (tmp_path / "e" / f"adding-lstm-{seed}" / "metrics.csv").write_text("step,val/loss\n10,1.0\n20,0.5\n")
    report = write_report("e", tmp_path)
    assert report.page["warnings"] == ["Damaged and left out, see below: adding-lstm-1."]
    assert [failure["run_id"] for failure in report.page["failures"]] == ["adding-lstm-1"]
    assert {path.stem for path in (report.folder / "figures").iterdir()} >= {"learning_curves", "gradient_profiles"}
    assert report.page["rows"][0][:2] == ["2", "0.500 [0.500, 0.500]"]  # its record counts


@pytest.mark.parametrize(
    ("file", "data", "table"),
    [
        ("metrics.csv", b"step,val/loss\n9999999999,0.5\n", "curves"),
        ("gradients.npz", npz(**GOOD | {"step": np.array([0, 2**40])}), "profiles"),
    ],
)
def test_steps_that_no_run_takes(tmp_path, monkeypatch, file, data, table):
    monkeypatch.setattr(figures, "draw_all", lambda *arguments: {})
    for seed in (0, 1):
        leave(tmp_path / "e", make(seed))
    (tmp_path / "e" / "adding-lstm-1" / file).write_bytes(data)
    report = write_report("e", tmp_path)
    (failure,) = report.page["failures"]
    assert failure["run_id"] == "adding-lstm-1"
    assert f"its {table} are damaged (" in failure["reason"]
    assert len(result.read(report.folder).rows) == 2
