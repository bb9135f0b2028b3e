"""Character-level language modelling: chunks, splits, the count-model baseline, and texts that cannot be used."""

import hashlib
import math
from collections import Counter, defaultdict

import datasets
import numpy as np
import pytest

from catalogue import make_task
from rnnbench.errors import UserError
from rnnbench.tasks import SPLITS
from rnnbench.tasks.corpus import NAMED
from rnnbench.tasks.count_model import count_model_loss

PUBLISHED = {"train": 30, "validation": 5, "test": 8}
"""Rows of 40 characters: not the shares by which other texts are cut."""


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "text.txt"
    random = np.random.default_rng(0)
    text = "".join(random.choice(list("ab cdé\n"), p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05], size=5000))
    path.write_text(text, encoding="utf-8")
    return path, text


def small(path, **changes):
    return make_task("char_lm", corpus=str(path), **({"prompt": "a", "length": 7, "batch_size": 3} | changes))


def test_streams_carry_on_and_splits_are_contiguous(text_file):
    path, text = text_file
    task = small(path)
    cuts = {"train": text[:4500], "validation": text[4500:4750], "test": text[4750:]}
    for split in SPLITS:
        chunks = task.batches(split)
        assert chunks == (len(cuts[split]) - 1) // 3 // 7
        batches = [task.batch(split, 0, step) for step in range(chunks)]
        span = chunks * 7
        for b in range(3):
            read = "".join(task.decode(batch.inputs[:, b]) for batch in batches)
            following = "".join(task.decode(batch.targets[:, b]) for batch in batches)
            assert read == cuts[split][b * span : (b + 1) * span]
            assert following == cuts[split][b * span + 1 : (b + 1) * span + 1]
        assert [batch.fresh for batch in batches] == [True] + [False] * (chunks - 1)
        again = task.batch(split, 0, chunks)
        assert again.fresh
        assert np.array_equal(again.inputs, batches[0].inputs)


@pytest.mark.parametrize("order", range(5))
def test_count_models_by_counting(text_file, order):
    path, text = text_file
    task = small(path)
    train, held = text[:4500], text[4750:]
    counts: dict[str, Counter] = defaultdict(Counter)
    for position in range(order, len(train)):
        counts[train[position - order : position]][train[position]] += 1
    size = len(set(text))
    losses = [
        -math.log((counts[context][held[position]] + 0.05) / (sum(counts[context].values()) + 0.05 * size))
        for position in range(order, len(held))
        for context in [held[position - order : position]]
    ]
    expected = sum(losses) / len(losses)
    assert task.provenance()[f"order_{order}_bits"] == pytest.approx(expected / math.log(2), abs=1e-4)
    if order == 1:
        assert task.baseline("test") == pytest.approx(expected, rel=1e-12)


def test_count_models_of_a_large_alphabet():
    """A context of four symbols out of 10^6 does not fit 64 bits as a plain number."""
    tokens = np.arange(1000) % 7 * 150_000
    loss = count_model_loss(tokens[:900], tokens[900:], 4, 1_000_000)
    seen = 896 / 7  # of each context, give or take one
    expected = -math.log(seen / (seen + 50_000))
    assert loss == pytest.approx(expected, abs=0.01)


def test_the_built_in_corpus_is_text_with_its_hash():
    task = make_task("char_lm")
    provenance = task.provenance()
    assert provenance["corpus"] == "docs"
    assert len(provenance["sha256"]) == 64
    from pydoc_data.topics import topics

    text = "\n".join(topics[key] for key in sorted(topics))
    assert provenance["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert 2 < task.baseline("validation") / math.log(2) < 4  # bits per character of English prose, order 1


def test_a_file_is_read_to_the_letter(text_file):
    path, text = text_file
    assert small(path).provenance()["sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_unusable_texts(tmp_path):
    with pytest.raises(UserError, match="no such file; give a text file"):
        small(tmp_path / "none.txt").check()
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="0 characters are too few, 440 are needed"):
        small(tmp_path / "empty.txt").check()
    short = tmp_path / "short.txt"
    short.write_text("too short", encoding="utf-8")
    with pytest.raises(UserError, match="9 characters are too few, 440 are needed"):
        small(short).check()
    wide = tmp_path / "wide.txt"
    wide.write_text("é" * 300, encoding="utf-8")  # 600 bytes, but 300 characters
    small(wide).check()
    with pytest.raises(UserError, match="300 characters are too few"):
        small(wide).baseline("test")
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00" * 1000)
    with pytest.raises(UserError, match="binary.txt, line 1: byte 1 of the file, 0xff, is not UTF-8; save it as UTF-8"):
        small(binary).baseline("test")
    one = tmp_path / "one.txt"
    one.write_text("a" * 1000, encoding="utf-8")
    with pytest.raises(UserError, match="holds no character but 'a', so there is nothing to predict"):
        small(one).baseline("test")
    with pytest.raises(UserError, match="task.prompt is empty"):
        make_task("char_lm", prompt="")
    with pytest.raises(UserError, match=r"task.temperature=0: must be at least 0.001"):
        make_task("char_lm", temperature=0)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_named_corpora_keep_their_published_splits(monkeypatch, name):
    """The Hub's own rows, such as lines that lack what ends them, are joined as the source says."""
    random = np.random.default_rng(1)
    rows = {split: ["".join(random.choice(list("abc\n"), 40)) for _ in range(n)] for split, n in PUBLISHED.items()}

    def load_dataset(repository, configuration, revision):
        source = NAMED[name]
        assert (repository, configuration, revision) == (source.repository, source.configuration, source.revision)
        return datasets.DatasetDict({split: datasets.Dataset.from_dict({"text": part}) for split, part in rows.items()})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    task = small(name)
    task.check()
    for split, part in rows.items():
        text = "".join(part)
        chunks = task.batches(split)
        assert chunks == (len(text) - 1) // 3 // 7
        streams = [task.decode(np.concatenate([task.batch(split, 0, c).inputs[:, b] for c in range(chunks)]))
                   for b in range(3)]  # fmt: skip
        assert streams == [text[b * chunks * 7 : (b + 1) * chunks * 7] for b in range(3)]
    assert (
        task.provenance()["sha256"] == hashlib.sha256("".join("".join(p) for p in rows.values()).encode()).hexdigest()
    )


def test_a_data_set_of_the_hub_without_all_splits_is_cut(monkeypatch, text_file):
    path, text = text_file
    found = {"train": text.split("\n"), "test": ["not used"]}
    splits = {split: datasets.Dataset.from_dict({"text": part}) for split, part in found.items()}
    local, task = small(path), small("hub:some/thing")
    local.baseline("test")
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.DatasetDict(splits))
    for split in SPLITS:
        assert np.array_equal(task.batch(split, 0, 1).inputs, local.batch(split, 0, 1).inputs)
    for table, message in (({"train": {"words": ["a"]}}, "has no column 'text', only words"),
                           ({"test": {"text": ["a"]}}, "has no split 'train', only test")):  # fmt: skip
        other = datasets.DatasetDict({split: datasets.Dataset.from_dict(part) for split, part in table.items()})
        monkeypatch.setattr(datasets, "load_dataset", lambda *_, other=other, **__: other)
        with pytest.raises(UserError, match=message):
            small("hub:other/thing").baseline("test")


def test_a_slip_of_the_pen():
    with pytest.raises(
        UserError, match=r"no such file; did you mean 'tiny_shakespeare'\? give a text file, one of docs"
    ):
        small("tiny_shakespear").check()


def test_a_byte_order_mark_and_the_line_ends_of_other_systems_are_no_symbols(tmp_path, text_file):
    path, text = text_file
    for name, end in (("windows", "\r\n"), ("old mac", "\r")):
        (tmp_path / name).write_bytes(("\ufeff" + text.replace("\n", end)).encode())
        assert small(tmp_path / name).provenance()["sha256"] == small(path).provenance()["sha256"]


def test_a_text_in_lower_case_is_continued_from_its_beginning(tmp_path):
    path = tmp_path / "own.txt"
    path.write_text("once upon a time " * 100, encoding="utf-8")
    task = small(path, prompt="The ")
    assert task.baseline("test") > 0
    request = task.continuation()
    assert task.decode(request.tokens) == "once"
    assert request.note == (
        f"task.prompt='The ': 'T' does not occur in task.corpus={path}; the sample goes on from the beginning of the "
        "text, 'once'"
    )
    request = small(path, prompt="a time").continuation()
    assert (task.decode(request.tokens), request.note) == ("a time", "")
    assert task.decode(small(path, prompt="Z" * 9999).continuation().tokens) == ("once upon a time " * 100)[:1530]


@pytest.mark.parametrize("length", [1, 2, 5])
def test_the_shortest_text_has_all_facts(tmp_path, length):
    """Each split holds a chunk and a context of every count model."""
    path = tmp_path / "short.txt"
    path.write_text("ab" * 49 + "a", encoding="utf-8")
    task = make_task("char_lm", corpus=str(path), length=length, batch_size=1)
    with pytest.raises(UserError, match="99 characters are too few, 1[02]0 are needed"):
        task.baseline("test")
    path.write_text("ab" * 60, encoding="utf-8")
    task = make_task("char_lm", corpus=str(path), length=length, batch_size=1)
    assert all(math.isfinite(value) for key, value in task.provenance().items() if key.startswith("order"))


def test_a_task_stays_with_the_text_that_it_has_read(text_file):
    """What is tested after training at another length is the text that was trained on."""
    path, _ = text_file
    task = small(path)
    first = task.batch("test", 0, 0)
    longer = small(path).at_length(9).batch("test", 0, 0)
    path.write_text("xyz " * 2000, encoding="utf-8")
    assert np.array_equal(task.at_length(9).batch("test", 0, 0).inputs, longer.inputs)
    assert np.array_equal(task.altered(batch_size=3).batch("test", 0, 0).inputs, first.inputs)
    assert small(path).input_size == 4
