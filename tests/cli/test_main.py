"""The command ``rnnbench``: what all of its subcommands share."""

import json
import re
import subprocess
import sys
from functools import cache
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from rnnbench.cli import main, options
from rnnbench.report.console import in_words

SMALL = ["network.hidden_size=4", "task.length=8", "trainer.max_steps=4", "trainer.validate_every=2", "probe=off",
         "task.validation_sequences=32", "task.test_sequences=32", "tracking=disabled"]  # fmt: skip
TABLES = ("cells", "diagnostics", "doctor", "experiments", "tasks")
"""The commands that show what there is."""


def ended(*arguments):
    return CliRunner().invoke(main.rnnbench, arguments, prog_name="rnnbench")


@cache
def found(name):
    """What a table has, from its JSON."""
    return json.loads(ended(name, "--json").output)


def test_its_help_has_a_line_a_command():
    shown = ended("--help").output
    for name, line in main.COMMANDS.items():
        assert re.search(rf"^  {name} +{line[:20]}", shown, re.MULTILINE)


@pytest.mark.parametrize("name", main.COMMANDS)
def test_a_command(name):
    command = import_module(f"rnnbench.cli.{name}").command
    assert command.name == name
    assert len(command.help) > 20
    flags = {flag for each in command.params for flag in each.opts if isinstance(each, click.Option)}
    assert all(each.help for each in command.params if isinstance(each, click.Option))
    if any(each.name == "name" and isinstance(each.type, options.Name) for each in command.params):
        assert flags & {"--runs-dir", "--results-dir"}


def test_its_version():
    assert re.fullmatch(r"rnnbench \d+\.\d+\S*\n", ended("--version").output)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["trian"], r"No such command 'trian'. did you mean 'train'\? See 'rnnbench --help'"),
        (["report"], r"Missing argument 'NAME'. See 'rnnbench report --help'"),
        (["report", "x", "--bad"], r"No such option '--bad'. See 'rnnbench report --help'"),
        (["sync", "x", "--rate", "0"], r"Invalid value for '--rate': 0.0 is not in the range x>0. See .*"),
        (["report", "../x"], r"name='../x': must be the plain name of a folder, such as demo"),
        (["status", "x"], r"no runs under runs/x: start them with 'rnnbench train -m name=x ...'"),
        (["publish"], r"give the NAME of an experiment"),
        (
            ["publish", "x", "--again", "--partial"],
            r"--again takes no runs: neither folders nor --partial nor --replace",
        ),
        (["check", "lstm", "size"], r"size: give option=value"),
    ],
)
def test_a_mistake_is_a_line(arguments, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main.main(arguments)
    assert left.value.code == 2
    printed = capsys.readouterr()
    assert re.fullmatch(f"error: {line}\n", printed.err)
    assert printed.out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", TABLES)
def test_a_table_as_text_and_as_json(name):
    _, *lines = ended(name).output.splitlines()
    assert [re.split("  +", line) for line in lines] == [
        [*filter(None, map(in_words, each.values()))] for each in found(name)
    ]


def test_a_number_is_a_number_in_json():
    facts = {each["cell"]: each for each in found("cells")}
    assert len(facts) >= 43
    assert facts["gru"]["parameters"] == 3 * 128 * (128 + 128 + 2)
    assert (facts["gru"]["linear"], facts["mlstm"]["linear"]) == (False, True)
    assert facts["gated_deltanet"]["state size"] == 4 * 24 * 48
    assert (facts["lru"]["cannot"], facts["mamba2"]["cannot"]) == (None, "parity (Grazzi et al. 2024)")


def test_help_and_a_typo_load_nothing_heavy():
    code = (
        "import sys\nfrom rnnbench.cli.main import main\ntry: main(sys.argv[1:])\nexcept SystemExit: "
        "print(sorted({'torch', 'pandas', 'hydra', 'matplotlib', 'altair', 'vl_convert'} & set(sys.modules)))\n"
    )
    for argument in ("--help", "trian"):
        shown = subprocess.run([sys.executable, "-c", code, argument], capture_output=True, text=True).stdout
        assert shown.endswith("[]\n")


def test_names_are_completed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("runs/demo", "runs/depth", "results/clipping"):
        (tmp_path / folder).mkdir(parents=True)
    for command, start, expected in (("report", "de", ["demo", "depth"]), ("reproduce", "", ["clipping"])):
        loaded = import_module(f"rnnbench.cli.{command}").command
        with click.Context(loaded) as context:
            found = loaded.params[0].shell_complete(context, start)
        assert [item.value for item in found] == expected


@pytest.mark.whole
def test_what_a_sweep_left_as_json(command, tmp_path):
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    (tmp_path / "conf" / "experiment" / "mine.yaml").write_text(
        "# @package _global_\n# Does it run? Yes.\nname: mine\nhydra:\n  mode: MULTIRUN\n", encoding="utf-8"
    )
    swept = command("rnnbench", "train", "experiment=mine", "cell=gru,lstm", *SMALL)
    assert (swept.returncode, swept.stderr) == (0, "")
    names = ("status", "report", "publish", "reproduce")
    shown = {name: command("rnnbench", name, "mine", "--json", drawn=False) for name in names}
    assert [each.stderr for name, each in shown.items() if name != "reproduce"] == [""] * 3
    assert shown["reproduce"].stderr.endswith("2 done\n")
    found = {name: json.loads(each.stdout) for name, each in shown.items()}
    assert [each["status"] for each in found["status"]] == ["done"] * 2
    assert [each["cell"] for each in found["report"]["settings"]] == ["gru", "lstm"]
    assert (tmp_path / found["publish"]["data"]).exists()
    assert [each["verdict"] for each in found["reproduce"]["checks"]] == ["equal"] * 2
    same = json.loads(command("rnnbench", "compare", "results/mine", "runs/mine/report", "--json").stdout)
    assert (same["moved"], same["runs"]) == (0, {})
    assert command("rnnbench", "experiments").stdout.splitlines()[-1].split("  ")[0] == "mine"
