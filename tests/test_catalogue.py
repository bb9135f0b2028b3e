"""A cell or task that is missing somewhere is named by the test that fails."""

from pathlib import Path

import pytest
import yaml

from catalogue import CELL_ROWS, TASK_ROWS
from rnnbench.config.cell_config import CellConfig
from rnnbench.config.cell_options import CELL_CONFIGS
from rnnbench.network.cells import CELLS
from rnnbench.network.initialization import INITS
from rnnbench.tasks import TASKS

CONF = Path(__file__).parents[1] / "conf"


def options(group):
    return {path.stem for path in (CONF / group).glob("*.yaml")}


def test_every_cell_is_in_the_configuration_and_in_the_catalogue():
    assert set(CELLS) == options("cell") - {"external"}
    assert set(CELLS) == {row.name for row in CELL_ROWS.values()}


@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_the_configuration_takes_every_option(row):
    defaults = yaml.safe_load((CONF / "cell" / f"{row.name}.yaml").read_text())
    config = CELL_CONFIGS.get(row.name, CellConfig)(**(defaults | row.options))
    assert config.options().items() >= row.options.items()


def test_every_task_is_in_the_configuration_and_in_the_catalogue():
    assert set(TASKS) == options("task") - {"external"} == set(TASK_ROWS)


@pytest.mark.parametrize("group", ["cell", "task", "init"])
def test_the_file_name_is_the_name(group):
    for path in (CONF / group).glob("*.yaml"):
        assert f"name: {path.stem}\n" in path.read_text(), path


def test_every_distribution_is_used_by_some_init():
    text = "".join(path.read_text() for path in (CONF / "init").glob("*.yaml"))
    assert {name for name in INITS if f": {name}\n" in text} == set(INITS)
