"""Names and values in Markdown, read back by a parser of Markdown."""

from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

from rnnbench.report import figures, markdown, publish
from test_report import leave, make

EVIL = [
    *(
        "a|b",
        "a\nb",
        "<b>x</b>",
        "[x](http://e)",
        "[x][y]",
        "[x]: y",
        "`code`",
        "a``b`",
        "*x*",
        "**",
        "_x_",
        "a_b",
        "__x__",
    ),
    *(
        "\\",
        "\\|",
        "a\\",
        "&lt;",
        "&#60;",
        "~~x~~",
        "$x$",
        "![x](y)",
        "<http://e>",
        "<!-- x -->",
        "x y",
        "# x",
        "#",
        "> x",
    ),
    *("0.9 [0.8, 1.0]", "größe", "\x1b[31m", "a\tb", "1. x", "12) x", "+1.0 %", "- x", "---", "+", "a__b", "_"),
]
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def words(token):
    """The text of a piece of Markdown, of which nothing may be a mark."""
    assert {child.type for child in token.children} <= {"text", "text_special", "softbreak"}, token.children
    return "".join(child.content for child in token.children)


def one_line(text):
    return " ".join(text.replace("\x1b", " ").split())


def inline(text):
    """The one piece of Markdown in a text, and the kinds of blocks around it."""
    tokens = PARSER.parse(text)
    (line,) = [token for token in tokens if token.type == "inline"]
    return line, [token.type for token in tokens if token.type.endswith("_open")]


@pytest.mark.parametrize("text", EVIL)
def test_a_cell_reads_as_its_text(text):
    table = f"| a | b |\n| --- | --- |\n| {markdown.escape(text)} | {markdown.escape(text)} |\n"
    cells = [token for token in PARSER.parse(table) if token.type == "inline"]
    assert [words(cell) for cell in cells[2:]] == [one_line(text)] * 2


@pytest.mark.parametrize("text", EVIL)
def test_words_in_a_line_and_at_its_beginning_read_as_their_text(text):
    line, _ = inline(f"it is {markdown.escape(text)} here\n")
    assert one_line(words(line)) == one_line(f"it is {text} here")
    line, blocks = inline(f"* {markdown.escape(text)}\n")
    assert one_line(words(line)) == one_line(text)
    assert blocks == ["bullet_list_open", "list_item_open", "paragraph_open"]


@pytest.mark.parametrize("text", EVIL)
def test_a_link_leads_to_the_folder_of_that_name(text):
    line, _ = inline(f"see {markdown.link(text, text, 'README.md')}")
    _, opening, *inside, closing = line.children
    assert (opening.type, closing.type) == ("link_open", "link_close")
    assert unquote(opening.attrs["href"]) == f"{text}/README.md"
    assert one_line("".join(child.content for child in inside)) == one_line(text)


@pytest.mark.parametrize("text", EVIL)
def test_code_reads_as_its_text(text):
    line, _ = inline(f"by {markdown.code(text)} here")
    (code,) = [child for child in line.children if child.type == "code_inline"]
    assert one_line(code.content) == one_line(text)


def test_what_is_easy_to_read_stays_so():
    for text in ("0.984 [0.979, 0.989]", "char_lm", "P(A > B)", "-1.2 %", "lr 0.1; lr 1.0", "clip.threshold"):
        assert markdown.escape(text) == text


def test_an_experiment_with_a_name_and_values_of_marks(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "draw_all", lambda *arguments: {})
    name = "a b|c [x](y) <i>`"
    for index, value in enumerate(("x|y", "two\nlines")):
        record = make(0, init={"name": value}, score=0.5 + index / 10)
        record.run_id, record.command = f"r{index}", "python train.py 'a\n\nb'"
        leave(tmp_path / "runs" / name, record)
    folder = publish(name, [tmp_path / "runs" / name], tmp_path / "results").folder
    tokens = PARSER.parse((folder / "README.md").read_text())
    titles = [tokens[index + 1] for index, token in enumerate(tokens) if token.type == "heading_open"]
    assert words(titles[0]) == name
    (command,) = [token.content for token in tokens if token.type == "code_block"]
    assert command == "python train.py 'a\n\nb'\n"
    cells = [tokens[index + 1] for index, token in enumerate(tokens) if token.type == "td_open"]
    assert {words(cells[0]), words(cells[len(cells) // 2])} <= {"x|y", "two lines"}
    overview = PARSER.parse((tmp_path / "results" / "README.md").read_text())
    links = [c.attrs["href"] for t in overview for c in t.children or () if c.type == "link_open"]
    assert [unquote(link) for link in links] == [f"{name}/README.md"]
