"""Any input at all: a result, or one line that says what is wrong; never another exception.

RNNBENCH_EXAMPLES=10000 python -m pytest -n 0 tests/test_any_input.py draws that many for each test.
"""

import json
import os
from pathlib import Path

import pytest
import yaml
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from rnnbench import checkpoint, entry, protocol, records, rows
from rnnbench.errors import UserError
from rnnbench.report import drawing, origin
from rnnbench.sweep import ledger
from rnnbench.sweep.compose import Composer
from rnnbench.tasks import corpus, labelled_text
from rnnbench.tracking import wandb_files

CONF = Path(__file__).parents[1] / "conf"
GROUPS = sorted(path.name for path in CONF.iterdir() if path.is_dir() and path.name not in ("hydra", "experiment"))
drawn = settings(
    max_examples=int(os.environ.get("RNNBENCH_EXAMPLES", "120")),
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def outcome(function, *arguments):
    """What ``function`` returns, or the one line of its UserError."""
    try:
        return function(*arguments)
    except UserError as error:
        assert str(error).strip()
        assert len(str(error).splitlines()) == 1, str(error)
        return str(error)


@pytest.fixture(scope="module")
def composer():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        yield Composer(loader, loader.load_configuration("train", [], run_mode=RunMode.MULTIRUN))


def choices():
    """One file of each group, until each file of each was chosen."""
    files = {group: sorted(path.stem for path in (CONF / group).glob("*.yaml")) for group in GROUPS}
    return [
        [f"{group}={names[index % len(names)]}" for group, names in files.items()]
        for index in range(max(map(len, files.values())))
    ]


def keys(node, prefix=""):
    """All dotted keys of a configuration, those of groups of keys too."""
    for name in node:
        yield f"{prefix}{name}"
        child = OmegaConf.to_container(node).get(name)
        if isinstance(child, dict):
            yield from keys(node[name], f"{prefix}{name}.")


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["", "-1", "1e400", "nan", "~", "../x", "a" * 300, "${seed}", "${x:", "\0", "é\n", 2**31, 2**63, 0, -1]
    ),
)
values = st.one_of(scalars, st.lists(scalars, max_size=3), st.dictionaries(st.text(max_size=5), scalars, max_size=2))


@drawn
@given(data=st.data())
def test_any_value_of_any_key(composer, data):
    chosen = data.draw(st.sampled_from(choices()))
    key = data.draw(st.sampled_from(sorted(keys(composer.typed(tuple(chosen))))))
    value = data.draw(values)
    config = outcome(composer.config, chosen, {key: value})
    if not isinstance(config, str):
        json.dumps(config.to_dict(), allow_nan=False)
        assert yaml.safe_load(yaml.safe_dump(config.to_dict())) == json.loads(json.dumps(config.to_dict()))
        assert config.run_id


@drawn
@given(
    text=st.one_of(
        st.text(max_size=30),
        st.tuples(
            st.sampled_from(["seed", "cell", "task.length", "+x", "~task", "name", "hydra.mode"]), st.text(max_size=10)
        ).map("=".join),
    )
)
def test_any_text_as_an_override(composer, text):
    outcome(composer.config, [text])


@drawn
@given(
    content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
)
def test_any_bytes_as_a_text(tmp_path, content):
    for name, read in (("a.txt", corpus.load), ("a.csv", labelled_text.load), ("a.jsonl", labelled_text.load)):
        (tmp_path / name).write_bytes(content)
        outcome(read, str(tmp_path / name))


READERS = {
    "config.yaml": lambda folder: entry.read(folder / "config.yaml"),
    "record.json": records.read,
    "metrics.csv": lambda folder: (records.read_curve(folder, "val/loss"), records.read_progress(folder)),
    "gradients.npz": lambda folder: drawing.load(folder, "h"),
    "last.ckpt": lambda folder: checkpoint.read(folder, "x"),
    "sweep.json": ledger.read_all,
    "protocol.json": protocol.read,
    "runs.csv": rows.read,
    "provenance.json": origin.read,
}
"""Who reads each file, from the folder that it lies in."""
