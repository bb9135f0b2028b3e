"""``rnnbench sample``: a trained network writes on."""

import re

import pytest
from click.testing import CliRunner

from rnnbench.cli import main
from rnnbench.runner import run
from rnnbench.sweep.configuration import configure

SMALL = ["network.hidden_size=4", "task.length=8", "trainer.max_steps=4", "trainer.validate_every=2", "probe=off",
         "task.validation_sequences=32", "task.test_sequences=32", "tracking=disabled"]  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of a text, its record, and one of another task."""
    runs = tmp_path_factory.mktemp("runs")
    records = [
        run(configure(*SMALL, f"runs_dir={runs}", "name=x", *more))
        for more in (["task=char_lm", "task.prompt=The", "task.sample_length=9"], ["task=adding"])
    ]
    return *(str(runs / "x" / record.run_id) for record in records), records[0]


def sampled(*arguments):
    ended = CliRunner().invoke(main.rnnbench, ["sample", *arguments], catch_exceptions=False)
    assert (ended.exit_code, ended.output[-1]) == (0, "\n")
    return ended.output[:-1]


def test_as_in_the_run_and_otherwise(finished):
    folder, _, record = finished
    assert sampled(folder) == record.sample
    assert sampled(folder, "--seed", "1") != record.sample
    text = sampled(folder, "--prompt", "If a", "--length", "20", "--temperature", "0.5")
    assert (text[:4], len(text)) == ("If a", 24)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--prompt", "漢字"], r"task.prompt='漢字': '字' does not occur in task.corpus=docs"),
        (["--prompt", ""], r"task.prompt is empty: give at least one character to continue"),
        (["--temperature", "0"], r"task.temperature=0.0: .*"),
        (["--length", "0"], r"Invalid value for '--length': .*"),
    ],
)
def test_a_mistake_is_a_line(finished, options, line, capsys):
    with pytest.raises(SystemExit) as left:
        main.main(["sample", finished[0], *options])
    assert left.value.code == 2
    assert re.fullmatch(f"error: {line}\n", capsys.readouterr().err)


def test_another_task_writes_no_text(finished, capsys):
    with pytest.raises(SystemExit):
        main.main(["sample", finished[1]])
    assert "learned task=adding; only a run of task=char_lm continues a text" in capsys.readouterr().err
