"""Claims are run, judged and published by the command, and a verdict that no longer holds says so."""

import json

import pandas as pd
import pytest
import yaml

from rnnbench.sweep.claims import PUBLISHED

pytestmark = pytest.mark.whole

SETTINGS = {
    "task": {"length": 6, "validation_sequences": 20, "test_sequences": 20}, "network": {"hidden_size": 4},
    "trainer": {"max_steps": 6, "validate_every": 3}, "probe": {"every": 6}, "tracking": {"mode": "disabled"},
}  # fmt: skip
NEVER = {
    "says": "none solves it in six steps", "measure": "solved", "rule": "at_most", "arms": ["lstm", "gru"],
    "published": 0, "evidence": "text", "where": "Sec. 1",
}  # fmt: skip
TRAINED = {
    "title": "Six steps are too few", "paper": "Nobody 2026", "link": "none", "tier": "seconds", "minutes": 0.1,
    "cells": ["lstm", "gru"], "tasks": ["adding"], "arms": {"lstm": ["cell=lstm"], "gru": ["cell=gru"]},
    "checks": [NEVER],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """A user's folder with claims of their own."""
    (tmp_path / "conf" / "claim").mkdir(parents=True)
    write(tmp_path, "six-steps", TRAINED, SETTINGS)
    law = {"law": "lru_state_nrm", "arms": {}, "checks": [NEVER | {"arms": ["x"], "measure": "value"}]}
    write(tmp_path, "lawless", TRAINED | law)
    return tmp_path


def write(folder, name, claim, settings=None):
    text = "# @package _global_\n" + yaml.safe_dump((settings or {}) | {"claim": claim})
    (folder / "conf" / "claim" / f"{name}.yaml").write_text(text)


def listed(command, claim_id):
    found = command("rnnbench", "claims", "--json")
    assert found.returncode == 0, found.stderr
    return next(each for each in json.loads(found.stdout) if each["claim"] == claim_id)


def test_a_trained_claim(folder, command):
    assert listed(command, "six-steps")["verdict"] == "not run"
    tried = command("rnnbench", "reproduce", "--claim", "six-steps", "--publish")
    assert tried.returncode == 0, tried.stderr
    assert "six-steps: reproduced (Nobody 2026)" in tried.stdout
    found = listed(command, "six-steps")
    assert (found["verdict"], found["stale"]) == ("reproduced", "")
    assert found["checks"][0]["found"]["gru"] == {"value": 0, "low": 0, "high": 0, "n": 3}
    place = folder / "results" / PUBLISHED
    page = (place / "claims.html").read_text()
    assert "Six steps are too few" in page
    assert page.count("<svg") == 1  # nothing else has numbers
    assert "lstm 0, gru 0" in (place / "six-steps" / "README.md").read_text()

    again = command("rnnbench", "reproduce", "--claim", "six-steps", "--publish")
    assert "already done" in again.stdout
    elsewhere = ("--reuse", "--runs-dir", str(folder / "elsewhere"))
    reused = command("rnnbench", "reproduce", "--claim", "six-steps", *elsewhere)
    assert (reused.returncode, reused.stdout.count("already published")) == (0, 6)

    rows = (place / "six-steps" / "runs.csv").read_text()
    solved = pd.read_csv(place / "six-steps" / "runs.csv").assign(solved_at_step=3)
    solved.to_csv(place / "six-steps" / "runs.csv", index=False)
    assert listed(command, "six-steps")["stale"] == "the rows have changed since"
    (place / "six-steps" / "runs.csv").write_text(rows)
    write(folder, "six-steps", TRAINED | {"notes": "words change no verdict"}, SETTINGS)
    assert listed(command, "six-steps")["stale"] == ""
    write(folder, "six-steps", TRAINED | {"checks": [NEVER | {"rule": "at_least", "published": 1}]}, SETTINGS)
    assert listed(command, "six-steps")["stale"] == "the protocol has changed since"
    wrong = command("rnnbench", "reproduce", "--claim", "six-steps", "--json")
    assert wrong.returncode == 1
    assert [each["verdict"] for each in json.loads(wrong.stdout)] == ["contradicted"]
    assert "already done" in wrong.stderr

    write(folder, "six-steps", TRAINED, SETTINGS | {"network": {"hidden_size": 5}})  # its old runs are none of it now
    assert command("rnnbench", "reproduce", "--claim", "six-steps", "--publish").returncode == 0
    wide = pd.read_csv(place / "six-steps" / "runs.csv")
    assert (len(wide), set(wide["hidden_size"])) == (6, {5})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--claim", "six-step"], "unknown claim 'six-step': did you mean 'six-steps'?"),
        ([], "give the NAME of a result, or one of --claim ID, --tier and --all"),
        (["demo", "--claim", "six-steps"], "give the NAME of a result, or one of --claim ID, --tier and --all"),
        (["demo", "--publish"], "--reuse and --publish go with --claim, --tier or --all"),
        (["--claim", "six-steps", "--jobs", "0"], "--jobs=0: must be at least 1"),
        (["--claim", "lawless"], "unknown value for law 'lru_state_nrm': did you mean 'lru_state_norm'?"),
    ],
)
def test_mistakes(folder, command, arguments, message):
    ended = command("rnnbench", "reproduce", *arguments)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not (folder / "results").exists()


def test_a_mistake_in_an_arm_names_it(folder, command):
    write(folder, "six-steps", TRAINED | {"arms": {"lstm": ["cell=lstm"], "gru": ["cell=grue"]}}, SETTINGS)
    ended = command("rnnbench", "reproduce", "--claim", "six-steps")
    assert ended.returncode == 2
    assert "six-steps.yaml: the arm gru: unknown cell 'grue'" in ended.stderr
    assert not (folder / "runs").exists()
