"""Tables on a terminal and in a pipe, and a pipe whose reader has left."""

import io
import os
import sys

import pytest

from rnnbench.errors import CLOSED, UserError, exit_on_user_error
from rnnbench.report.console import show

LONG = "adding-lstm-seed0-0123456789" * 12
ROWS = [[LONG, "one\ntwo", ""], ["ü", "日本", "[red]x"]]


def test_a_piped_table_is_aligned_and_whole(capsys):
    show(["run", "what", "why"], ROWS, [None, "red"])
    width = len(LONG)
    assert capsys.readouterr().out.splitlines() == [
        "run" + " " * (width - 3) + "  what     why",
        LONG + "  one two",
        "ü" + " " * (width - 1) + "  日本     [red]x",  # two letters, four places
    ]


def test_a_table_without_rows(capsys):
    show(["run", "what"], [])
    assert capsys.readouterr().out == "run  what\n"


def test_a_terminal_shows_every_letter(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys, "stdout", Terminal())
    show(["run", "what", "why"], ROWS, ["red", None])
    text = sys.stdout.getvalue()
    letters = "".join(letter for letter in text if letter.isalnum() or letter == "-")
    assert letters.count("0123456789") + letters.count("lstm") > 12  # folded, not cut
    assert "[red]x" in text
    assert "…" not in text


def print_for_nobody(monkeypatch, text):
    """Prints and exits, as argparse does, with an output that has no reader; returns the exit code."""
    reading, writing = os.pipe()
    os.close(reading)
    with io.TextIOWrapper(os.fdopen(writing, "wb"), encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        try:
            with exit_on_user_error():
                print(text)
                sys.exit(0)
        except SystemExit as left:
            return left.code


@pytest.mark.parametrize("text", ["short", "long\n" * 100_000])
def test_a_reader_that_leaves_ends_it_quietly(monkeypatch, capfd, text):
    assert print_for_nobody(monkeypatch, text) == CLOSED
    assert capfd.readouterr().err == ""


def test_another_broken_pipe_is_an_error(capsys):
    with pytest.raises(BrokenPipeError), exit_on_user_error():
        raise BrokenPipeError("of a worker")


def test_a_mistake_is_one_line_whatever_it_quotes(capsys):
    with pytest.raises(SystemExit) as caught, exit_on_user_error():
        raise UserError("name='a\nb': no\r\n")
    assert caught.value.code == 2
    assert capsys.readouterr().err == "error: name='a b': no\n"


def test_a_letter_that_the_terminal_lacks(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    with exit_on_user_error():
        print("größer – ✓")
    assert stream.buffer.getvalue() == b"gr??er ? ?\n"
