"""Local files: the named one is read whatever its name, as it is now, and nothing that is no file makes a traceback."""

import hashlib
import os
import random
import shutil
import time
from pathlib import Path

import pytest

from catalogue import make_task, tiny_mnist
from rnnbench.errors import UserError
from rnnbench.tasks import local

TEXT = "the old house stood alone\n" * 100
TABLE = "text,label\n" + "".join(f"text {k},{'ab'[k % 2]}\n" for k in range(60))
KINDS = {"char_lm": ("corpus", TEXT), "text_classification": ("data", TABLE)}
"""The tasks that read one file, the option that names it, and a content."""
NAMES = [
    "notes[1]",
    "a*b?",
    "[old]",
    "x{1,2}y",
    "$HOME %s",
    "größe 漢 🙂",
    "a'\"b\\c",
    "-n",
    "hub",
    "docs~",
    "two\nlines",
    "~nobody",
]

NO_FILES = ["", ".", "none", "none/none.csv", "file.csv/none.csv", "~none/none.csv", "a\0b", "two\nlines", "\udcff",
            "x" * 5000, "/x" * 5000, "pipe.csv", "loop.csv", "folder.csv", "/dev/null",
            "hub:", "hub:a/b/c", "hub:..", "hub:a b", "hub:folder.csv"]  # fmt: skip


def make(name, path):
    key, _ = KINDS.get(name, ("data", ""))
    options = {"length": 5, "batch_size": 3} if name in KINDS else {}
    return make_task(name, **{key: str(path)}, **options)


def use(task):
    """All that a run reads before it begins."""
    task.check()
    task.fingerprint()
    task.provenance()
    return task.batch("train", 0, 0), task.baseline("test"), task.input_size, task.output_size


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("odd", NAMES)
def test_a_name_is_no_pattern(tmp_path, monkeypatch, name, odd):
    """Beside files that it would be a pattern of, in a folder with such a name, seen from there."""
    _, content = KINDS[name]
    folder = tmp_path / odd
    folder.mkdir()
    for other in ("notes1", "aab1", "o", "x1y"):
        (folder / f"{other}.csv").write_text("other", encoding="utf-8")
    (folder / f"{odd}.csv").write_text(content, encoding="utf-8")
    expected = tmp_path / "plain.csv"
    expected.write_text(content, encoding="utf-8")
    monkeypatch.chdir(folder)
    for path in (folder / f"{odd}.csv", Path(f"{odd}.csv")):
        task = make(name, path)
        use(task)
        assert task.provenance()["sha256"] == make(name, expected).provenance()["sha256"]


@pytest.mark.parametrize("odd", NAMES)
def test_a_folder_of_any_name(tmp_path, odd):
    shutil.copytree(tiny_mnist(), tmp_path / odd)
    use(make("mnist", tmp_path / odd))
    folder = tmp_path / f"{odd} texts"
    folder.mkdir()
    (folder / "train.csv").write_text(TABLE, encoding="utf-8")
    use(make("text_classification", folder))


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, (_, content) in KINDS.items():
        (tmp_path / f"{name}.csv").write_text(content, encoding="utf-8")
        use(make(name, f"~/{name}.csv"))
    shutil.copytree(tiny_mnist(), tmp_path / "mnist")
    use(make("mnist", "~/mnist"))


@pytest.mark.parametrize("name", [*KINDS, "mnist"])
@pytest.mark.parametrize("path", NO_FILES)
def test_what_is_no_file_is_said_in_a_line(tmp_path, monkeypatch, name, path):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.csv")
    Path("loop.csv").symlink_to("loop.csv")
    Path("folder.csv").mkdir()
    Path("file.csv").touch()
    with pytest.raises(UserError) as caught:
        make(name, path).check()
    assert "\n" not in str(caught.value)
    assert "\0" not in str(caught.value)
    assert str(caught.value).startswith(("task.corpus=", "task.data="))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", KINDS)
def test_another_content_of_the_same_size_and_time_is_another(tmp_path, name):
    """As ``cp -p``, rsync and archives leave it."""
    path = tmp_path / "data.csv"
    found = []
    for house, text in (("house", "text "), ("mouse", "tent ")):
        path.write_text(KINDS[name][1].replace("house", house).replace("text ", text), encoding="utf-8")
        os.utime(path, (1, 1))
        task = make(name, path)
        found.append((task.fingerprint(), task.provenance()["sha256"], task.batch("train", 0, 0).inputs.tolist()))
    assert all(old != new for old, new in zip(*found, strict=True))


def test_changes_that_the_clock_of_the_file_system_cannot_tell_apart(tmp_path, monkeypatch):
    path = tmp_path / "text.txt"
    path.touch()
    frozen = path.stat()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: frozen)
    for content in (b"old", b"new"):
        path.write_bytes(content)
        assert local.fingerprint("task.corpus", [path]) == {"task.corpus": hashlib.sha256(content).hexdigest()}


def test_a_change_in_place_that_keeps_size_and_time_is_seen_without_reading(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "SETTLED", -1e9)
    path = tmp_path / "text.txt"
    prints = []
    for content in ("old", "new"):
        path.write_text(content, encoding="utf-8")
        os.utime(path, (1, 1))
        prints.append(local.fingerprint("task.corpus", [path]))
        time.sleep(0.05)  # some ticks of the file system's clock
    assert prints[0] != prints[1]


def test_a_file_that_has_settled_is_read_once(tmp_path, monkeypatch):
    """A thousand runs of a sweep ask for the sha256 of one text; a change of the file is still seen."""
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    reads = []
    read = local.read_bytes
    monkeypatch.setattr(local, "read_bytes", lambda *arguments: reads.append(arguments) or read(*arguments))
    monkeypatch.setattr(local, "SETTLED", -1e9)
    prints = [make("char_lm", path).fingerprint() for _ in range(3)]
    assert len(reads) == 1
    monkeypatch.undo()
    path.write_text(TEXT + "!", encoding="utf-8")
    prints.append(make("char_lm", path).fingerprint())
    assert prints[0] == prints[2] != prints[3]
    assert list(prints[0]) == [f"task.corpus={path}"]


def test_the_fingerprint_of_a_folder_names_all_its_files(tmp_path):
    seen = []
    for split in ("train", "validation", "test"):
        (tmp_path / f"{split}.csv").write_text(TABLE, encoding="utf-8")
        seen.append(make("text_classification", tmp_path).fingerprint()[f"task.data={tmp_path}"])
    (tmp_path / "test.csv").rename(tmp_path / "test.jsonl")
    seen.append(make("text_classification", tmp_path).fingerprint()[f"task.data={tmp_path}"])
    assert len(set(seen)) == 4


def test_what_is_built_in_has_a_fingerprint_and_the_hub_none():
    for name, data in (("char_lm", "docs"), ("text_classification", "unicode")):
        task = make(name, data)
        assert list(task.fingerprint().values()) == [task.provenance()["sha256"]]
        assert make(name, "hub:a/b").fingerprint() == {}
    assert make("char_lm", "enwik8").fingerprint() == {}
    assert make_task("adding").fingerprint() == {}


LINES = "".join(f'{{"text": "text {k}", "label": {k % 3}}}\n' for k in range(60))
WHOLE = {".txt": TEXT, ".csv": TABLE, ".jsonl": LINES}
PIECES = ["", "\0", "\r\n", "\n", "\ufeff", "é", "\U0001f642", " ", ",", ",,", '"', '""', "\\", "\\ud800", "{", "}",
          "[", "[]", ":", "null", "NaN", "1e999", "-", "7", "text", '"label":', '{"text":', "a,b\n", "\u2028", "\x1a",
          "x" * 99]  # fmt: skip
"""What a nearly usable file has in a wrong place."""


def damaged(content, draw):
    """Some changes of a usable file, or bytes of any kind."""
    if draw.random() < 0.1:
        return draw.randbytes(draw.randrange(2000))
    content = content.encode()
    for _ in range(draw.randrange(5)):
        place = draw.randrange(len(content) + 1)
        piece = draw.choice(PIECES).encode() if draw.random() < 0.9 else draw.randbytes(1)
        content = content[:place] + piece + content[place + draw.choice([0, 0, 1, 5, 500]) :]
    return content


@pytest.mark.parametrize("ending", WHOLE)
def test_no_bytes_make_a_traceback(tmp_path, ending):
    """A file works or is refused in one line."""
    draw = random.Random(ending)
    works, refused = 0, []
    for _ in range(200):
        path = tmp_path / f"data{ending}"
        path.write_bytes(damaged(WHOLE[ending], draw))
        task = make("char_lm" if ending == ".txt" else "text_classification", path)
        try:
            use(task)
            works += 1
        except UserError as error:
            refused.append(str(error))
    assert not [message for message in refused if len(message.splitlines()) != 1]
    assert works > 20
    assert len(refused) > 20
