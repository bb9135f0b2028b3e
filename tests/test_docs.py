"""The pages of README and docs/ are true: their code is that of the command line and the package, and complete."""

import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

from pages import DOCS, FENCE, PAGES, ROOT, RUN, blocks, commands, files, prose, read
from rnnbench.cli import main
from rnnbench.config import CONF
from rnnbench.gradients.registry import DIAGNOSTICS
from rnnbench.network.cells import CELLS
from rnnbench.sweep.compose import plan
from rnnbench.tasks import TASKS

KINDS = {"bash", "python", "toml", "yaml"}
DIRECTIVES = {"{code-cell}", "{file}", "{include}", "{literalinclude}", "{picture}", "{run}", "{toctree}"}
SHELL = {"echo", "git", "grep", "cd", "source", "make", "printf", "pip", "python", "wandb", ".venv/bin/wandb"}
"""What a block calls besides our commands; the targets of make are what CI runs."""
NEW = {"cell=ran", "task=first_bit"}
"""Choices that a page adds first."""


@pytest.fixture
def extension(monkeypatch):
    """The modules of docs/_ext."""
    monkeypatch.syspath_prepend(DOCS / "_ext")


def without_environment(line):
    """The words of a command after its NAME=VALUE."""
    words = shlex.split(line)
    return words[1:] if re.fullmatch(r"[A-Z]+=\S*", words[0]) else words


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_one_of_those_that_are_checked(page):
    assert {each.kind for each in blocks(page)} <= KINDS | DIRECTIVES
    left = prose(page)
    assert "```" not in left
    assert not re.search(r"\n\n {4}[^\s*].*\n", left)


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_every_command_is_one_of_the_command_line(page, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(CONF, tmp_path / "conf")
    for name, text in {name: text for each in PAGES for name, text in files(each).items()}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    exec((tmp_path / "make_data.py").read_text(encoding="utf-8"), {})
    group = main.rnnbench.make_context("rnnbench", [], resilient_parsing=True)
    for line in commands(page):
        program, *words = without_environment(line)
        if program in SHELL:
            assert program != "make" or re.search(rf"^{words[0]}:", read("Makefile"), re.MULTILINE), line
            continue
        assert program in ("rnnbench", ".venv/bin/rnnbench"), line
        if words[0] != "train":
            command = main.rnnbench.get_command(group, words[0])
            assert command is not None, line
            command.make_context(words[0], words[1:], parent=group)
        elif page not in RUN and not (NEW & set(words) or is_mistake(page, line)):
            assert plan(tmp_path / "conf", [word for word in words[1:] if word != "-m"]).candidates, line


def is_mistake(page, line):
    """Whether a page shows what a command does not accept."""
    return any(line in each.code and each.options.get("expected") == "2" for each in blocks(page, "{run}"))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_in_the_text_exists(page):
    known = {*main.COMMANDS, "doctor"}
    for name in re.findall(r"`(?:\.venv/bin/)?rnnbench ([a-z]\w*)", prose(page)):
        assert name in known, name


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page):
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[\w-]*)?\)", text):
        assert ((ROOT / page).parent / target).exists(), target


def test_every_key_in_the_text_exists():
    keys = {
        key for path in CONF.glob("**/*.yaml") for key in re.findall(r"^ *(\w+):", read(path.relative_to(ROOT)), re.M)
    }
    for page in PAGES:
        for group, key in re.findall(
            r"`(network|trainer|task|probe|tracking|clip|optimizer|protocol)\.(\w+)", prose(page)
        ):
            assert key in keys, (page, group, key)


def test_every_choice_in_the_text_exists():
    groups = {path.parent.name for path in CONF.glob("*/*.yaml")}
    for page in PAGES:
        for group, choice in re.findall(r"`(?:-m )?(\w+)=(\w+)", prose(page)):
            if group in groups and choice not in ("my_cell",):
                assert (CONF / group / f"{choice}.yaml").exists() or choice.isupper(), (page, group, choice)


def test_every_registry_is_on_its_page(extension):
    import reference

    places = re.findall(r"^<!-- generated: (\w+) -->$", "\n".join(map(read, PAGES)), re.MULTILINE)
    assert sorted(places) == sorted(reference.BLOCKS)
    diagnostics, columns = reference.BLOCKS["diagnostics"](), reference.BLOCKS["columns"]()
    assert all(f"## {name}\n" in diagnostics for name in DIAGNOSTICS)
    assert all(f"| `{name}` |" in columns for name in reference.COLUMNS)
    chosen, keys = reference.BLOCKS["choices"](), reference.BLOCKS["keys"]()
    assert all(f"`{path.stem}`" in chosen for path in CONF.glob("*/*.yaml") if path.parent.name != "experiment")
    assert "| `trainer.max_steps` | `int` | `2000` |" in keys
    assert "| `network.dropout` | `float` | `0.0` | between layers |" in keys


def test_the_help_on_the_page_is_what_the_command_prints(extension):
    import reference

    context = main.rnnbench.make_context("rnnbench", [], resilient_parsing=True)
    ended = CliRunner().invoke(main.rnnbench, ["reproduce", "--help"], prog_name="rnnbench", terminal_width=80)
    assert reference.help_of("reproduce", context).split() == ended.output.split()


@pytest.mark.parametrize("registry", [CELLS, DIAGNOSTICS, TASKS], ids=["cells", "diagnostics", "tasks"])
def test_a_docstring_is_shown_word_for_word(extension, registry):
    from docstrings import to_markdown

    for each in registry.values():
        where = getattr(each, "of_path", None) or getattr(each, "of_network", None) or each
        text = inspect.getdoc(inspect.getmodule(where))
        shown = MarkdownIt().render(to_markdown(text))
        for mark, letter in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
            shown = re.sub(r"</?(p|pre|code)[^<>]*>", "", shown).replace(mark, letter)
        assert shown.split() == text.replace("``", "").split()


@pytest.mark.parametrize("name", CELLS)
def test_an_equation_is_typeset_letter_by_letter(extension, name):
    from docstrings import blocks as parts
    from docutils.utils.math.latex2mathml import tex2mathml
    from typeset import LABEL, to_tex

    names = {"sigma": "sigmoid", "odot": "*", "sim": "~", "tilde": "~", "le": "<"}
    found = [line for drawn, lines in parts(inspect.getdoc(inspect.getmodule(CELLS[name]))) if drawn for line in lines]
    assert found
    for line in found:
        equation = LABEL.fullmatch(line.strip())[2]
        assert "`" not in equation
        tex = to_tex(equation)
        tex2mathml(tex)
        words = re.findall(r"[A-Za-z]+|[0-9]+", re.sub(r"\\(text|mathrm|,|;)", "", tex))
        words = [names.get(word, word) for word in words]
        assert [word for word in words if word.isalnum()] == re.findall(r"[A-Za-z]+|[0-9]+", equation)
        assert words.count("*") + tex.count("{*}") == equation.count("*")
        assert words.count("~") == equation.count("~")


def test_notebooks_are_committed_without_outputs():
    for path in DOCS.glob("notebooks/*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells), path


def cells_of(page):
    """The code of the cells of a notebook, or of a page that is one."""
    if page.suffix == ".md":
        return [each.code for each in blocks(str(page.relative_to(ROOT)), "{code-cell}")]
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.fixture
def perform(tmp_path, monkeypatch):
    """A function that runs the cells of a page in a folder that looks like a clone, and returns their names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RNNBENCH_DOCS", str(tmp_path))
    (tmp_path / "results").symlink_to(ROOT / "results")

    def run(page):
        names = {}
        for cell in cells_of(DOCS / page):
            exec(cell, names)
        return names

    return run


@pytest.mark.whole
def test_the_profile_page_is_what_the_law_says(perform):
    names = perform("start/gradient_profile.md")
    assert len(names["rows"]) == 4
    for row in names["rows"]:
        assert row["slope"] == pytest.approx(row["ln ρ"], abs=1e-6)
    assert [row["decay"] for row in names["rows"]] == ["decays", "decays", "flat", "grows"]
    arriving = names["opened"].pivot(index="lag", columns="bias", values="state")
    assert arriving.iloc[-1].is_monotonic_increasing
    assert arriving[5].iloc[-1] > arriving[5].iloc[5]
    assert len(names["profiles"]["run_id"].unique()) == 6


@pytest.mark.whole
def test_the_notebook(perform):
    names = perform("notebooks/your_own_network.ipynb")
    assert names["profile"].groupby(["layer", "direction"]).size().eq(40).all()
    assert names["record"].status == "done"
    assert names["norms"]["after"][19] > names["norms"]["before"][19]


@pytest.mark.whole
@pytest.mark.browser
def test_the_site_needs_no_network(tmp_path):
    """A page with an equation, a table and a command, in a browser that may load nothing from elsewhere."""
    from playwright.sync_api import sync_playwright

    found = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    source = tmp_path / "docs"
    source.mkdir()
    text = (
        "# Page\n\n$x_{t-1}$\n\n$$ \\sum_t \\sigma(W x_t) $$\n\n```{run}\necho ran\n```\n\n```{file} a.py\nb = 1\n```\n"
    )
    (source / "index.md").write_text(text, encoding="utf-8")
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "-c", str(DOCS), "-D", "html_static_path=" + str(DOCS / "_static"),
         str(source), str(source / "_build" / "html")],
        capture_output=True, text=True, env=os.environ | {"PYTHONWARNINGS": "default"},
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    requests, complaints = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((source / "_build" / "html" / "index.html").as_uri())
        assert page.locator("math").count() == 2
        assert page.locator(".output").inner_text().strip() == "ran"
        assert page.locator("math").first.bounding_box()["height"] > 5
        browser.close()
    assert all(url.startswith("file:") for url in requests)
    assert complaints == []
    assert (source / "_build" / "work" / "a.py").read_text(encoding="utf-8") == "b = 1\n"


def test_a_fence_is_found_with_its_argument():
    (found,) = FENCE.findall("text\n\n  ```{file} a.py\n  x = 1\n  ```\n")
    assert found == ("  ", "{file}", "a.py", "  x = 1\n")
    assert Path("docs/index.md") in map(Path, PAGES)
