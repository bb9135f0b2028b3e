"""The workspace of a sweep against what its runs log."""

import json

import pytest

import offline_wandb
from rnnbench.runner import run

pytestmark = pytest.mark.whole

TITLES = {
    "What is the answer?",
    "Does the gradient still arrive? Its size over lag",
    "How do they learn?",
    "How large are the parameters' gradients, and what does clipping do?",
    "What failed, and how do runs differ?",
}


@pytest.fixture
def page(configure, tmp_path, command):
    """A function from the overrides of runs to the panels of their workspace, by the titles of its sections."""

    def made(*runs):
        for overrides in runs:
            run(configure("name=sweep", *overrides))
        ended = command("workspace.py", "sweep", "--runs-dir", tmp_path)
        assert ended.returncode == 0, ended.stderr
        spec = json.loads((tmp_path / "sweep" / "workspace.json").read_text())["spec"]["section"]
        return {each["name"]: each["panels"] for each in spec["panelBankConfig"]["sections"]}, spec

    return made


def configs_of(panels):
    return [panel["config"] for panel in panels]


def test_every_panel_shows_something_that_a_run_logs(page, tmp_path):
    """Also of two layers and two directions, and of several lengths, and only what was measured."""
    given = ["tracking=offline", "network.depth=2", "network.bidirectional=true", "probe=full", "cell=gru"]
    sections, spec = page([*given, "task=parity", "task.test_lengths=[20]", "clip.threshold=0.001"])
    assert set(sections) == TITLES | {"Does it hold at other lengths?"}
    (folder,) = (tmp_path / "sweep" / "wandb").glob("offline-run-*")
    entries = offline_wandb.entries(folder)
    logged = {
        item.key or item.nested_key[0]
        for entry in entries
        if entry.WhichOneof("record_type") == "history"
        for item in entry.history.item
    }
    ended = {item.key for entry in entries for item in entry.summary.update}
    configs = [config for panels in sections.values() for config in configs_of(panels)]
    drawn = [metric for config in configs for metric in config.get("metrics", [])]
    assert len(drawn) == len(set(drawn)) > 15
    assert [metric for metric in drawn if metric not in logged | ended] == []
    over_length = configs_of(sections["Does it hold at other lengths?"])
    assert [(each["xAxis"], each["xLogScale"]) for each in over_length] == [("test_length", True)] * 2
    assert "test_length" in logged
    media = [key for config in configs for key in config.get("mediaKeys", [])]
    assert "time_constants_log10/layer2_backward" in media
    assert [key for key in media if key not in logged] == []
    lags = [config for config in configs if config.get("xAxis") == "lag"]
    assert len(lags) == 2 * 2 * 2  # layers, directions, before and after training
    (runs,) = spec["runSets"]
    assert {rule["key"]["name"]: rule["value"] for rule in runs["filters"]["filters"]} == {
        "experiment.value": "sweep",
        "phase.value": "report",
    }


def test_curves_are_of_settings_and_say_what_they_show(page):
    sections, _ = page(["tracking=disabled"], ["tracking=disabled", "seed=1", "optimizer.lr=0.1"])
    curves = [config for panels in sections.values() for config in configs_of(panels) if "groupAgg" in config]
    assert {config["groupAgg"] for config in curves} == {"mean", "median"}
    for config in curves:
        assert config["groupBy"] == "setting.value"
        assert config["groupArea"] == "minmax"
        assert config["groupAgg"] in config["chartTitle"]
        assert "min to max" in config["chartTitle"]
    logs = {metric.partition("/")[0] for config in curves if config.get("yLogScale") for metric in config["metrics"]}
    assert logs == {"val", "train", "grad_norm_before", "grad_norm_after"}
    lags = [config["chartTitle"] for config in curves if config.get("xAxis") == "lag"]
    assert len(lags) == 2
    assert all("geometric mean" in title for title in lags)


def test_what_was_not_measured_has_no_panel_and_failures_have_their_reason(page):
    sections, _ = page(
        ["tracking=disabled", "probe=off"],
        ["tracking=disabled", "probe=off", "optimizer.lr=1000", "optimizer=sgd", "clip=none", "cell=irnn"],
    )
    gradient, failed = (sections[next(title for title in TITLES if word in title)] for word in ("gradient s", "failed"))
    assert [panel["viewType"] for panel in gradient] == ["Markdown Panel"]
    assert "not finite" in failed[0]["config"]["value"]
    shown = [
        metric for panels in sections.values() for config in configs_of(panels) for metric in config.get("metrics", [])
    ]
    assert "horizon" not in shown
    assert "horizon_final" not in shown
