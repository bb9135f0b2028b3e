"""Every claim of conf/claim: it reads, its arms compose to different runs, and what it says of them is so."""

import re
import shutil
from functools import cache
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from rnnbench.claims import outcome
from rnnbench.claims.claim import FOLDER, read_all
from rnnbench.claims.evidence import SOLVED, STEPS, of_runs
from rnnbench.claims.verdict import SEEDS, Verdict, find
from rnnbench.config import CONF
from rnnbench.outcomes.columns import column, row
from rnnbench.outcomes.diagnostic_columns import MOMENTS
from rnnbench.runner import run
from rnnbench.sweep import claims, committed
from rnnbench.sweep.composed import parse

SMALL = [
    "network.hidden_size=4", "task.length=64", "trainer.max_steps=4", "trainer.validate_every=2", "tracking=disabled",
    "task.validation_sequences=16", "task.test_sequences=16", "probe=off",
]  # fmt: skip
ROOT = Path(__file__).parents[2]

CLAIMS = read_all([CONF])
plans = claims.plans  # before a test replaces it
PUBLISHED = ROOT / "results" / claims.PUBLISHED
FOUND = sorted(path.parent.name for path in PUBLISHED.glob(f"[!.]*/{outcome.FILE}"))
TRAINED = [key for key, entry in CLAIMS.items() if entry.claim.law is None]


@cache
def planned(key):
    """The runs of each arm of a claim, which Hydra composes once."""
    return plans(CLAIMS[key])


@pytest.fixture(scope="module")
def loader():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield GlobalHydra.instance().config_loader()


def test_there_are_claims_and_verdicts():
    assert len(CLAIMS) >= 24
    assert set(FOUND) <= set(CLAIMS)


@pytest.mark.whole
@pytest.mark.parametrize("key", FOUND)
def test_its_verdict_is_that_of_its_rows_and_its_protocol(key, monkeypatch):
    monkeypatch.setattr(claims, "plans", lambda entry: planned(entry.id))  # the rows ask for them too
    monkeypatch.setattr(claims, "known", lambda: CLAIMS)
    entry = CLAIMS[key]
    found = outcome.state(entry, PUBLISHED / key)
    assert found.stale == "", f"run rnnbench reproduce --claim {key} --publish"
    assert found.outcome.claim == key
    if entry.claim.law is not None:
        assert not found.outcome.environment["commit"].endswith("+dirty")
        return
    assert found.outcome.arms == {arm: list(each.candidates) for arm, each in claims.plans(entry).items()}
    rows = committed.read(PUBLISHED / key, CONF)
    assert committed.unmatched_rows(rows) == {}
    assert committed.contradictions(rows) == {}
    assert not any(row["commit"].endswith("+dirty") for row in rows.rows.values())


@pytest.mark.whole
def test_the_pages_are_what_the_data_make(tmp_path):
    shutil.copytree(PUBLISHED, tmp_path / "claims")
    claims.render_again(tmp_path / "claims")
    made, there = (
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in (tmp_path / "claims", PUBLISHED)
    )
    assert [name for name in there | made if made.get(name) != there.get(name)] == [], "run rnnbench publish --again"


@pytest.mark.parametrize("key", CLAIMS)
def test_what_it_costs_is_stated(key):
    claim = CLAIMS[key].claim
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key)
    assert len(claim.seeds) >= SEEDS or claim.law
    assert claim.tier == "exact" or claim.minutes


@pytest.mark.parametrize("key", TRAINED)
def test_its_arms_are_the_runs_that_it_says(key):
    claim = CLAIMS[key].claim
    found = {arm: next(iter(each.candidates.values())).config for arm, each in planned(key).items()}
    assert len({config.run_id for config in found.values()}) == len(found)
    assert {config.cell.name for config in found.values()} == set(claim.cells)
    assert {config.task.name for config in found.values()} == set(claim.tasks)
    assert {arm for check in claim.checks for arm in check.arms} == set(found)
    for check in claim.checks:
        for config in (found[arm] for arm in check.arms):
            assert is_measured(check.measure, config), f"{check.measure} of {config.run_id}"


@pytest.mark.whole
@pytest.mark.parametrize("key", ["chrono-adding-100", "mingru-parity"])
def test_it_runs_small(key, loader, tmp_path):
    """Every check finds its numbers in the rows of real runs."""
    claim = CLAIMS[key].claim
    rows, arms = [], {}
    for arm, overrides in claim.arms.items():
        given = [f"{FOLDER}={key}", *overrides, *SMALL, f"runs_dir={tmp_path}"]
        record = run(parse(loader.load_configuration("train", given, run_mode=RunMode.RUN)))
        rows.append(row(record))
        arms[arm] = [record.run_id]
    for check in claim.checks:
        found = find(check, of_runs(rows, arms))
        assert list(found.numbers) == check.arms
        assert found.verdict == Verdict.INCONCLUSIVE  # of one seed
        assert "fewer than 3 seeds" in found.why


def is_measured(measure, config):
    """Whether a run of this configuration has a value for the measure."""
    if measure in (SOLVED, STEPS):
        return config.task.solved_below is not None
    if other_length := re.fullmatch(r"test_(\d+)_.+", measure):
        return column(measure) is not None and int(other_length[1]) in config.task.test_lengths
    if measure.endswith(tuple(MOMENTS)):
        return column(measure) is not None and config.probe.kind != "off"
    return column(measure) is not None
