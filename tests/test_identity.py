"""Identity: ids that were given out stay, whatever is added; what cannot change a result is no part of one."""

from functools import cache

import pytest

import composing
import planted
from composing import CONF
from rnnbench.config import identity
from rnnbench.outcomes.columns import row
from rnnbench.outcomes.settings import settings
from rnnbench.store.protocol import choices

GOLDEN = {
    "": "adding-lstm-seed0-442775ac72",
    "seed=1": "adding-lstm-seed1-32f7b29044",
    "cell=elman": "adding-elman-seed0-4aebcfc9b2",
    "cell=gru network.depth=3": "adding-gru-seed0-f1a3a1e71a",
    "cell=gru network.bidirectional=true task.length=30": "adding-gru-seed0-e9de61c3c9",
    "cell=lstm_peephole cell.ablation=no_forget_gate": "adding-lstm_peephole-seed0-214cbf045d",
    "cell=orthogonal network.engine=loop": "adding-orthogonal-seed0-9f6c6794f8",
    "cell=lru network.engine=associative": "adding-lru-seed0-008c7efe4c",
    "cell=external cell._target_=torch.nn.GRUCell": "adding-GRUCell-seed0-8841bf43c8",
    "network.hidden_size=null network.budget=parameters:20000": "adding-lstm-seed0-dbefe349a5",
    "network.dropout=0.1 network.depth=2 network.recurrent_dropout=0.2": "adding-lstm-seed0-378bcb9f45",
    "network.zoneout=0.05 network.zoneout_memory=0.5": "adding-lstm-seed0-f720b5e175",
    "task=copy task.length=50 task.batch_size=8": "copy-lstm-seed0-4bf5b78584",
    "task=parity task.test_lengths=[40,80]": "parity-lstm-seed0-79f645dca9",
    "task=char_lm": "char_lm-lstm-seed0-8887b7a8ed",
    "task=digits cell=indrnn": "digits-indrnn-seed0-51ac40537d",
    "task=text_classification": "text_classification-lstm-seed0-347fca3df3",
    "init=orthogonal": "adding-lstm-seed0-12cc025e03",
    "init=chrono init.t_max=100": "adding-lstm-seed0-216b862038",
    "init=forget_one": "adding-lstm-seed0-c606edd02e",
    "init.input=normal init.input_scale=0.5": "adding-lstm-seed0-c1cb5bea8b",
    "clip=none": "adding-lstm-seed0-390a4669c7",
    "clip=value clip.threshold=0.5": "adding-lstm-seed0-c8057db1bc",
    "optimizer=sgd optimizer.lr=0.1 optimizer.momentum=0.9": "adding-lstm-seed0-b189a62e01",
    "optimizer=rmsprop optimizer.weight_decay=0.001 trainer.max_steps=9": "adding-lstm-seed0-200d6392ca",
    "optimizer=adamw": "adding-lstm-seed0-bb2acf4fe1",
    "optimizer=nadam optimizer.weight_decay=0.01": "adding-lstm-seed0-5488f0ae9e",
    "schedule=warmup": "adding-lstm-seed0-0d237947d3",
    "schedule=cosine schedule.min_lr=0.1": "adding-lstm-seed0-4bcc4c5d3f",
    "callbacks=ema": "adding-lstm-seed0-41a136245c",
    "early_stop=patience early_stop.patience=5": "adding-lstm-seed0-c7bc37e777",
    "schedule=plateau": "adding-lstm-seed0-62ad3f1367",
}
"""32 configurations of all groups, and the ids under which their results are published."""
OUTSIDE = [
    "name=other", "runs_dir=elsewhere", "results_dir=elsewhere", "force=true", "retry_failed=true", "reuse=true",
    "probe=full", "probe=off", "probe.every=7", "probe.batch_size=3", "tracking=disabled", "tracking.project=mine",
    "loggers=csv", "loggers=[csv,tensorboard]", "trainer.progress=true", "trainer.checkpoint_every=3",
]  # fmt: skip


@cache
def config(overrides):
    return composing.config(*overrides.split())


@pytest.mark.parametrize(("overrides", "run_id"), GOLDEN.items())
def test_ids_that_were_given_out_stay(overrides, run_id):
    then = "task.validation_sequences=2000"  # the default until 1.0.0rc4
    assert config(f"{overrides} {then}").run_id == run_id


def test_every_group_is_among_them():
    groups = {path.name for path in CONF.iterdir() if path.is_dir()} - {
        "claim",
        "experiment",
        "hydra",
        "loggers",
        "probe",
        "tracking",
    }
    assert all(any(f"{group}=" in f"{given}=" or f"{group}." in given for given in GOLDEN) for group in groups)


def test_the_ids_are_different():
    assert len(set(GOLDEN.values())) == len(GOLDEN) == 32


@pytest.mark.parametrize("override", OUTSIDE)
def test_what_cannot_change_a_result_changes_no_id(override):
    assert config(override).run_id == config("").run_id


def test_a_preset_is_its_values_and_not_its_name():
    assert config("init.name=mine").run_id == config("").run_id


def test_a_new_key_with_a_neutral_value_keeps_every_id(monkeypatch):
    monkeypatch.setitem(identity.NEUTRAL, "optimizer.dummy", "none")
    for overrides in GOLDEN:
        before = config(overrides).to_dict()
        added = before | {"optimizer": before["optimizer"] | {"dummy": "none"}}
        assert identity.digest(added) == identity.digest(before)
        chosen = before | {"optimizer": before["optimizer"] | {"dummy": "cosine"}}
        assert identity.digest(chosen) != identity.digest(before)


def test_a_new_key_without_a_neutral_value_is_noticed():
    before = config("").to_dict()
    added = before | {"optimizer": before["optimizer"] | {"dummy": "none"}}
    assert identity.digest(added) != identity.digest(before)


def test_neutral_values_are_keys_that_exist_and_have_that_type():
    known = {}
    for overrides in GOLDEN:
        known |= identity.flatten(config(overrides).to_dict())
    for key, value in identity.NEUTRAL.items():
        assert key in known, key
        assert value is None or isinstance(known[key], type(value)) or known[key] is None, key


def test_a_neutral_value_written_out_is_the_same_run():
    written = "network.dropout=0 network.engine=auto optimizer.weight_decay=0.0 trainer.threads=1 task.test_lengths=[]"
    written += " optimizer.decay=matrices schedule=constant early_stop=solved"
    assert config(written).run_id == config("").run_id


class TestGrowth:
    """Runs from before a key existed, and runs that have its neutral value, are of one kind everywhere."""

    @pytest.fixture
    def grown(self, monkeypatch):
        """A tuned sweep of two cells: of one the runs are old, of the other half of them knows the new key."""
        monkeypatch.setitem(identity.NEUTRAL, "optimizer.dummy", "none")
        runs = planted.board({"lstm": 0.2, "gru": 0.8})
        for each in runs[:9:2]:
            each.config["optimizer"]["dummy"] = "none"
        return runs

    def test_a_neutral_value_makes_no_setting_of_its_own(self, grown):
        groups = settings(planted.frame([each for each in grown if each.seed < 10]))
        assert [(group.factors, len(group.runs)) for group in groups] == [({"cell": "gru"}, 3), ({"cell": "lstm"}, 3)]

    def test_another_value_does(self, grown):
        grown[-1].config["optimizer"]["dummy"] = "cosine"
        groups = settings(
            planted.frame([each for each in grown if each.seed < 10 and each.config["cell"]["name"] == "gru"])
        )
        assert [group.factors for group in groups] == [{"optimizer.dummy": "cosine"}, {"optimizer.dummy": "none"}]

    def test_the_choice_of_old_tuning_runs_is_that_of_new_ones(self, grown):
        rows = [row(each) for each in grown]
        assert len(choices(rows, planted.TUNED)) == 2
        new = {**rows[0], "optimizer.dummy": "none"}
        old = {key: value for key, value in new.items() if key != "optimizer.dummy"}
        assert planted.TUNED.setting(old) == planted.TUNED.setting(new)
        assert planted.TUNED.setting(new) != planted.TUNED.setting(new | {"optimizer.dummy": "cosine"})
