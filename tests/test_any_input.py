"""Any input at all: a result, or one line that says what is wrong; never another exception.

RNNBENCH_EXAMPLES=10000 python -m pytest -n 0 tests/test_any_input.py draws that many for each test.
"""

import json
import os
import re
from functools import cache
from pathlib import Path

import pytest
import yaml
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from rnnbench.errors import UserError
from rnnbench.outcomes import result, runfiles
from rnnbench.report import figures, render
from rnnbench.store import protocol, records
from rnnbench.sweep import run_states
from rnnbench.sweep.compose import Composer
from rnnbench.sweep.configuration import read
from rnnbench.tasks import corpus, labelled_text
from rnnbench.tracking.sync import sync
from rnnbench.training import checkpoint

pytestmark = pytest.mark.whole

CONF = Path(__file__).parents[1] / "conf"
GROUPS = sorted(
    path.name for path in CONF.iterdir() if path.is_dir() and path.name not in ("hydra", "experiment", "claim")
)
drawn = settings(
    max_examples=int(os.environ.get("RNNBENCH_EXAMPLES", "40")),
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def outcome(function, *arguments):
    """What ``function`` returns, or the one line of its UserError."""
    try:
        return function(*arguments)
    except UserError as error:
        line = str(error)
    assert line.strip()
    assert len(line.splitlines()) == 1, line
    return line


@pytest.fixture(scope="module")
def composer():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        yield Composer(loader, loader.load_configuration("train", [], run_mode=RunMode.MULTIRUN))


@cache
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


@cache
def known(composer, chosen):
    """The keys of a configuration with these choices."""
    return sorted(keys(composer.typed(chosen)))


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
    key = data.draw(st.sampled_from(known(composer, tuple(chosen))))
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
    for name, load in (("a.txt", corpus.load), ("a.csv", labelled_text.load), ("a.jsonl", labelled_text.load)):
        (tmp_path / name).write_bytes(content)
        outcome(load, str(tmp_path / name))


def show(folder):
    """Reads a result and makes its pages."""
    return render(result.read(folder), published=True)


READERS = {
    "config.yaml": lambda folder: read(folder / "config.yaml"),
    "record.json": records.read,
    "metrics.csv": lambda folder: (runfiles.read(folder), records.read_progress(folder)),
    "gradients.npz": runfiles.read,
    "last.ckpt": lambda folder: checkpoint.read(folder, "x", {}, {}),
    "sweep.json": run_states.read_all,
    "protocol.json": protocol.read,
    **{f"report/{file}": lambda folder: show(folder / "report") for file in result.FILES},
    "wandb/offline-run-20260101_000000-a-b/run-a-b.wandb": lambda folder: list(sync(folder, 60, dry_run=True)),
}
"""Who reads each file, from the folder of its experiment or result."""


@pytest.fixture(scope="module")
def whole(shell, tmp_path_factory):
    """What a tuned sweep of two runs leaves, and its report: the bytes of each file of READERS."""
    folder = tmp_path_factory.mktemp("whole")
    ended = shell(folder, "train.py", "-m", "protocol.tune={optimizer.lr:[0.1,0.2]}", "protocol.tune_seeds=[1]",
                   "protocol.report_seeds=[0]", "task.length=6", "network.hidden_size=3", "trainer.max_steps=4",
                   "task.validation_sequences=32", "task.test_sequences=32",
                   "trainer.validate_every=2", "probe.every=2",
                   "probe=full")  # fmt: skip
    assert ended.returncode == 0, ended
    assert shell(folder, "report.py", "scratch", drawn=False).returncode == 0
    found = {}
    for name in READERS:
        pattern = "run-*.wandb" if name.endswith(".wandb") else name
        found[name] = next(path for path in sorted(folder.rglob(pattern))).read_bytes()
    return found


@st.composite
def damage(draw, content):
    """``content`` cut off, with other bytes somewhere in it, or with a word of it replaced."""
    place = draw(st.integers(0, len(content)))
    kind = draw(st.sampled_from(["cut", "bytes", "word", "other"]))
    if kind == "cut":
        return content[:place]
    if kind == "bytes":
        more = draw(st.binary(min_size=1, max_size=20))
        return content[:place] + more + content[place + len(more) :]
    if kind == "word":
        words = [b"null", b"[]", b"{}", b"-1", b"1e999", b'"x"', b"true", b"NaN", b"", b"9" * 400]
        found = list(re.finditer(rb'[\w.+-]+|"[^"]*"', content))
        match = found[place % len(found)] if found else None
        replacement = draw(st.sampled_from(words))
        return content if match is None else content[: match.start()] + replacement + content[match.end() :]
    return draw(st.binary(max_size=200))


@pytest.mark.parametrize("name", READERS)
@drawn
@given(data=st.data())
def test_any_damage_of_any_file(tmp_path, monkeypatch, whole, name, data):
    monkeypatch.setattr(figures, "draw_all", lambda *arguments: {})
    beside = [other for other in whole if name.startswith("report/") and other.startswith("report/")]
    for each in {name, *beside}:
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).write_bytes(data.draw(damage(whole[each])) if each == name else whole[each])
    outcome(READERS[name], tmp_path)
