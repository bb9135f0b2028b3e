"""From overrides to a checked configuration, and from a configuration to an identity."""

import pytest

from rnnbench.errors import UserError


def test_seed_zero_is_a_seed(configure):
    assert configure().seed == 0
    assert configure("seed=7").seed == 7


def test_what_cannot_change_the_result_does_not_change_the_id(configure):
    reference = configure().run_id
    for override in ("runs_dir=elsewhere", "name=other", "tracking=offline", "force=true", "trainer.progress=true",
                     "retry_failed=true", "trainer.checkpoint_every=3"):  # fmt: skip
        assert configure(override).run_id == reference, override


def test_everything_else_changes_the_id(configure):
    ids = [
        configure(*overrides.split()).run_id
        for overrides in (
            "seed=0",
            "seed=1",
            "cell=gru",
            "cell=elman",
            "cell=elman cell.nonlinearity=relu",
            "task=copy",
            "task.length=11",
            "task.batch_size=7",
            "network.depth=2",
            "network.bidirectional=true",
            "network.dropout=0.5",
            "network.engine=loop",
            "init=orthogonal",
            "init=forget_one init.gate_bias.forget=2",
            "init=chrono",
            "+init.gate_bias.output=-1",
            "clip=none",
            "clip=value",
            "clip.threshold=2",
            "optimizer=sgd",
            "optimizer.lr=0.1",
            "probe=off",
            "trainer.max_steps=21",
            "trainer.stop_when_solved=false",
        )
    ]
    assert len(set(ids)) == len(ids)
    assert ids[0].startswith("adding-lstm-seed0-")


def test_clip_none_has_no_threshold(configure):
    assert configure("clip=none", "clip.threshold=3").run_id == configure("clip=none").run_id


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("task.length=0", "task.length=0: must be at least 1"),
        ("task.length=abc", "task.length: Value 'abc' of type 'str' could not be converted to Integer"),
        ("network.hidden_size=0", "network.hidden_size=0: must be at least 1"),
        ("network.depth=0", "network.depth=0: must be at least 1"),
        ("network.dropout=1", "network.dropout=1.0: must be less than 1"),
        ("network.engine=lop", "network.engine 'lop': did you mean 'loop'"),
        ("cell=lstm_1997 cell.block_size=0", "cell.block_size=0: must be at least 1"),
        ("cell=lstm_peephole cell.ablation=none_", "cell.ablation 'none_': did you mean 'none'"),
        ("cell=slstm cell.forget=tanh", "cell.forget 'tanh': choose from exp, sigmoid"),
        ("cell=lstm cell.forget=exp", "cell.forget"),
        ("clip.threshold=0", "clip.threshold=0.0: must be greater than 0"),
        ("clip.threshold=-1", "clip.threshold=-1.0: must be greater than 0"),
        ("clip.threshold=null", "clip=norm needs a clip.threshold"),
        ("optimizer.lr=0", "optimizer.lr=0.0: must be greater than 0"),
        ("seed=-1", "seed=-1: must be at least 0"),
        ("seed=null", "seed: "),
        ("name=a/b", "must be a plain folder name"),
        ("task=char_lm network.bidirectional=true", "its backward direction would see the next input"),
        ("task=char_lm task.corpus=nowhere.txt", "task.corpus=nowhere.txt: no such file"),
        ("+task.lengths=3", "unknown key 'task.lengths': did you mean 'task.length'"),
    ],
)
def test_mistakes_have_one_clear_line(configure, overrides, message):
    with pytest.raises(UserError) as error:
        configure(*overrides.split())
    assert message in str(error.value)
    assert "\n" not in str(error.value)
