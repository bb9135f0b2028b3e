"""Labelled texts: the built-in set, files, folders and the Hub; their encoding, cut and padded; unusable ones."""

import csv
import json
import unicodedata

import datasets
import numpy as np
import pytest

from catalogue import make_task
from rnnbench.errors import UserError
from rnnbench.tasks import SPLITS
from rnnbench.tasks.labelled_text import load

WORDS = ["tea", "Kaffee", "naïve café", "NA", "null", 'say "no", twice', "two\nlines", "日本語"]


def rows(n, classes=("no", "yes"), first=0):
    return [(f"{WORDS[i % len(WORDS)]} {first + i}", classes[i % len(classes)]) for i in range(n)]


def write(path, table, columns=("text", "label")):
    with path.open("w", newline="", encoding="utf-8") as file:
        if path.suffix == ".csv":
            csv.writer(file).writerows([columns, *table])
        else:
            file.writelines(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in table)
    return path


def pairs(found, split):
    return {(text, found.classes[label]) for text, label in zip(found.texts[split], found.labels[split], strict=True)}


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_a_file_is_divided(tmp_path, ending):
    table = rows(200)
    found = load(str(write(tmp_path / f"data{ending}", table)))
    parts = {split: pairs(found, split) for split in SPLITS}
    assert [len(parts[split]) for split in SPLITS] == [160, 20, 20]
    assert set().union(*parts.values()) == set(table)  # with 200 rows in all: no two splits share one
    assert found.classes == ["no", "yes"]
    assert [np.bincount(found.labels[split]).tolist() for split in SPLITS] == [[80, 80], [10, 10], [10, 10]]
    assert load(str(write(tmp_path / f"same{ending}", table))).sha256 == found.sha256
    assert load(str(write(tmp_path / f"other{ending}", [("x", "no"), *table[1:]]))).sha256 != found.sha256


@pytest.mark.parametrize("labels", [(0, 1, 10, 2), (5, -3, 10), ("b", "a", "c", "10")])
def test_classes_are_those_of_the_training_split_in_order(tmp_path, labels):
    found = load(str(write(tmp_path / "data.jsonl", rows(80, labels))))
    assert found.classes == [str(label) for label in sorted(labels)]


@pytest.mark.parametrize("there", [("train",), ("train", "test"), ("train", "validation"), SPLITS])
def test_a_folder_keeps_the_splits_that_it_has(tmp_path, there):
    tables = {split: rows(100, first=1000 * k) for k, split in enumerate(there)}
    for k, (split, table) in enumerate(tables.items()):
        write(tmp_path / f"{split}{('.csv', '.jsonl')[k % 2]}", table)
    found = load(str(tmp_path))
    for split in set(there) - {"train"}:
        assert pairs(found, split) == set(tables[split])
    cut = [split for split in SPLITS if split not in there]
    assert set().union(*(pairs(found, split) for split in ("train", *cut))) == set(tables["train"])
    assert len(found.texts["train"]) == 100 - 10 * len(cut)
    assert all(len(found.texts[split]) == 10 for split in cut)


def test_the_splits_of_a_file_are_shuffled(tmp_path):
    """Published sets come sorted by their labels; a few batches of them must be a fair sample."""
    table = sorted(rows(400), key=lambda row: row[1])
    write(tmp_path / "train.csv", table)
    write(tmp_path / "test.csv", table)
    for labels in load(str(tmp_path)).labels.values():
        assert 0.3 < labels[: len(labels) // 2].mean() < 0.7


def test_the_built_in_set():
    task = make_task("text_classification")
    found = load("unicode")
    texts = {split: set(found.texts[split]) for split in SPLITS}
    assert not texts["train"] & texts["validation"]
    assert not texts["train"] & texts["test"]
    assert not texts["validation"] & texts["test"]
    for split in SPLITS:
        for name, label in zip(found.texts[split], found.labels[split], strict=True):
            assert unicodedata.category(unicodedata.lookup(name)) == found.classes[label]
    counts = np.bincount(np.concatenate(list(found.labels.values())))
    assert counts.min() >= 100
    assert len(counts) == task.output_size > 10
    assert "LATIN SMALL LETTER SHARP S" in set().union(*texts.values())
    ruled = ("HANGUL SYLLABLE", "CJK UNIFIED IDEOGRAPH-", "TANGUT IDEOGRAPH-")
    assert not any(name.startswith(ruled) for name in set().union(*texts.values()))
    assert task.provenance()["sha256"] == found.sha256


@pytest.mark.parametrize("length", [3, 12, 50])
@pytest.mark.parametrize("level", ["byte", "character"])
def test_texts_are_encoded_cut_and_padded(tmp_path, level, length):
    data = write(tmp_path / "data.jsonl", rows(200))
    task = make_task("text_classification", data=str(data), level=level, length=length, batch_size=9)
    found = load(str(data))
    known = sorted(set("".join(found.texts["train"])))
    assert task.input_size == (256 if level == "byte" else len(known) + 1)
    for split in SPLITS:
        for step in range(task.batches(split) or 17):
            batch = task.batch(split, 0, step)
            assert len(batch.inputs) == batch.lengths.max() <= length
            for b, example in enumerate(task.chosen(split, 0, step)):
                text = found.texts[split][example]
                unit = list(text.encode()) if level == "byte" else [known.index(c) for c in text]
                assert batch.lengths[b] == min(len(unit), length)
                assert batch.inputs[: batch.lengths[b], b].tolist() == unit[:length]
                assert not batch.inputs[batch.lengths[b] :, b].any()
                assert batch.targets[b] == found.labels[split][example]
                if len(unit) <= length:
                    assert task.decode(batch.inputs[: len(unit), b]) == text


def test_a_character_that_training_never_shows(tmp_path):
    write(tmp_path / "train.csv", [("abc", 0), ("cab", 1)] * 10)
    write(tmp_path / "test.csv", [("aZb~z", 0)])
    task = make_task("text_classification", data=str(tmp_path), level="character")
    assert task.input_size == 4
    assert task.batch("test", 0, 0).inputs[:, 0].tolist() == [0, 3, 1, 3, 3]
    assert task.decode(task.batch("test", 0, 0).inputs[:, 0]) == "a\ufffdb\ufffd\ufffd"


def test_lengths_and_both_directions_go_through_the_network(configure, tmp_path):
    from rnnbench.runner import run

    write(tmp_path / "train.csv", rows(60))
    overrides = ["network.bidirectional=true", "probe=off", "task.test_lengths=[4]"]
    record = run(configure("task=text_classification", f"task.data={tmp_path}", *overrides))
    assert record.status == "done"
    assert record.data["train_texts"] == 48
    assert record.final["test_4/loss"] != record.final["test/loss"]


def test_a_data_set_of_the_hub(monkeypatch):
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})

    def table(n, first, label=None):
        examples = [(text, i % 2 if label is None else label) for i, (text, _) in enumerate(rows(n, first=first))]
        return datasets.Dataset.from_dict({k: list(v) for k, v in zip(("text", "label"), zip(*examples, strict=True),
                                                                     strict=True)}, features=features)  # fmt: skip

    def load_dataset(name, configuration, revision):
        assert (name, configuration, revision) == ("stanfordnlp/imdb", None, None)
        return datasets.DatasetDict(train=table(100, 0), test=table(30, 500), unsupervised=table(50, 900, label=-1))

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    found = load("hub:stanfordnlp/imdb")
    assert [len(found.texts[split]) for split in SPLITS] == [90, 10, 30]
    assert found.classes == ["0", "1"]
    assert {text.split()[-1] for text in found.texts["test"]} == {str(500 + i) for i in range(30)}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, "no such file or folder; give a .csv or .jsonl file"),
        ("data.txt", b"text,label\na,b\n", "must end in .csv or .jsonl, with columns text and label"),
        ("empty.csv", b"", "empty.csv is empty"),
        ("head.csv", b"text,label\n", "head.csv: has no rows"),
        ("blank_lines.csv", b"\r\n\n", "has no column 'text'; its first line is []"),
        ("one.csv", b"text,label\na,0\nb,0\n", "1 classes in the training split; at least 2 are needed"),
        ("names.csv", b"words,label\na,0\nb,1\n", "has no column 'text'; its first line is ['words', 'label']"),
        ("twice.csv", b"text,label,text\na,b,c\n", "has 2 columns 'text'"),
        ("semicolons.csv", b"text;label\na;b\n", "has no column 'text'; its first line is ['text;label']"),
        ("names.jsonl", b'{"text": "a", "class": 1}\n', "line 1: has no 'label', only ['text', 'class']"),
        (
            "latin.csv",
            "text,label\ncafé,0\nb,1\n".encode("latin-1"),
            "latin.csv, line 2: byte 15 of the file, 0xe9, is",
        ),
        ("latin.jsonl", '{"text": "é", "label": 1}\n'.encode("latin-1"), "latin.jsonl, line 1: byte 11 of the file"),
        ("broken.jsonl", b'\n{"text": "a", \n', "broken.jsonl, line 2: not JSON ("),
        ("list.jsonl", b'["a", "b"]\n', "line 1: is no object such as"),
        ("deep.jsonl", b"[" * 100_000, "deep.jsonl, line 1: not usable JSON ("),
        (
            "twice.jsonl",
            b'{"text": "a", "text": "b", "label": 1}',
            "line 1: not usable JSON (an object has one key twice)",
        ),
        ("number.jsonl", b'{"text": "a", "label": 1}\n{"text": 7, "label": 1}\n', "line 2: the text is a number, not"),
        ("truth.jsonl", b'{"text": true, "label": 1}', "line 1: the text is true or false, not a string"),
        ("lists.jsonl", b'{"text": "a", "label": ["b"]}', "line 1: the label is a list, not a string"),
        ("half.jsonl", b'{"text": "a\\ud83d", "label": 1}', "line 1: holds half a character, '\\ud83d'; remove it"),
        ("nan.jsonl", b'{"text": "a", "label": NaN}', "line 1: has no label; remove the row"),
        ("blank.csv", b"text,label\na,0\n  ,1\n", "blank.csv, line 3: the text is empty; remove the row"),
        ("null.jsonl", b'{"text": null, "label": 1}\n', "null.jsonl, line 1: the text is empty; remove the row"),
        ("bare.csv", b"text,label\na,x\nb,\n", "bare.csv, line 3: has no label; remove the row"),
        (
            "more.csv",
            b"text,label\nbad,b\ngood film, but long,a\n",
            "more.csv, line 3: 3 fields, but the first line has 2",
        ),
        ("fewer.csv", b'text,label\n"two\nlines",b\ngood\n', "fewer.csv, line 4: 1 fields, but the first line has 2"),
        ("index.csv", b"text,label\n0,a,b\n1,c,d\n", "index.csv, line 2: 3 fields, but the first line has 2"),
        ("open.csv", b'text,label\na,b\n"never closed,c\nd,e\n', "open.csv, line 3: unexpected end of data; look at"),
        ("quotes.csv", b'text,label\n"a" b,c\n', "quotes.csv, line 2: ',' expected after"),
        ("few.csv", b"text,label\na,0\nb,1\n", "too few rows: none is left for the validation split"),
    ],
)
def test_unusable_texts(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:  # noqa: PT012  # whichever of the two is first
        task = make_task("text_classification", data=str(tmp_path / name))
        task.check()
        task.baseline("test")
    assert message in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unusable_folders(tmp_path):
    with pytest.raises(UserError, match="has neither train.csv nor train.jsonl"):
        make_task("text_classification", data=str(tmp_path)).check()
    write(tmp_path / "train.csv", rows(40))
    write(tmp_path / "test.csv", rows(10, ("no", "perhaps")))
    with pytest.raises(UserError, match="the label 'perhaps' of test does not occur in the training split"):
        make_task("text_classification", data=str(tmp_path)).baseline("test")


def test_a_slip_of_the_pen():
    with pytest.raises(UserError, match="task.data=unicod: no such file or folder; did you mean 'unicode'"):
        make_task("text_classification", data="unicod").check()
    with pytest.raises(UserError, match="unknown value for task.level 'bytes': did you mean 'byte'"):
        make_task("text_classification", level="bytes")


def test_words_that_look_like_missing_values_are_texts(tmp_path):
    table = [(word, label) for word in ("NA", "null", "None", "nan", "N/A") for label in ("NA", "nan")] * 2
    found = load(str(write(tmp_path / "data.csv", table)))
    assert found.classes == ["NA", "nan"]
    assert set().union(*(pairs(found, split) for split in SPLITS)) == set(table)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_table_is_read_as_it_is_written(tmp_path, end, mark):
    """What pandas or JSON readers guess from: numbers, dates, truth values, NUL, quoted line ends, blank lines."""
    texts = [
        "007",
        "1e5",
        "2020-01-01",
        "true",
        "NaN",
        "\0",
        " a ",
        'say ""no"", twice',
        f"two{end}lines",
        "x" * 200_000,
    ]
    labels = ["01", "1", "1.0", "True", " yes"]
    lines = ["", *(f'"{text}",{label}' for text in texts for label in labels for _ in range(2)), ""]
    path = tmp_path / "data.csv"
    path.write_bytes((mark + "text,label" + end + end.join(lines) + end).encode())
    found = load(str(path))
    assert found.classes == sorted(labels)
    written = {(text.replace('""', '"'), label) for text in texts for label in labels}
    assert set().union(*(pairs(found, split) for split in SPLITS)) == written
    assert csv.field_size_limit() == 131_072  # other users of the module are not to notice


def test_labels_of_json_are_what_is_written_there(tmp_path):
    path = tmp_path / "data.jsonl"
    labels = ["1", "1.0", "1e0", "true", "false", '"yes"', '"1 "', "9" * 5000]
    lines = [f'{{"text": "{k}", "label": {label}}}' for label in labels for k in range(10)]
    path.write_text("\r\n".join(lines), encoding="utf-8")
    assert load(str(path)).classes == sorted(label.strip('"') for label in labels)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("val.csv", "val.csv is not used: its name must be validation and end in .csv or .jsonl; rename it"),
        ("Dev.jsonl", "Dev.jsonl is not used: its name must be validation and"),
        ("TEST.csv", "TEST.csv is not used: its name must be test and"),
        ("test.tsv", "test.tsv is not used: its name must be test and end in .csv or .jsonl"),
        ("test.csv.gz", "test.csv.gz is not used: its name must be test and"),
        ("extra.csv", "extra.csv is not used: its name must be train, validation or test and"),
        ("train.jsonl", "has both train.csv and train.jsonl; keep one of them"),
        ("train.CSV", "has both train.CSV and train.csv; keep one of them"),
    ],
)
def test_a_file_that_would_not_be_used_is_named(tmp_path, name, message):
    write(tmp_path / "train.csv", rows(40))
    for harmless in ("README.md", "._val.csv", "test.py"):
        (tmp_path / harmless).write_text("not data", encoding="utf-8")
    task = make_task("text_classification", data=str(tmp_path))
    task.check()
    write(tmp_path / name, rows(10)) if name.endswith("jsonl") else (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UserError) as caught:
        task.check()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
