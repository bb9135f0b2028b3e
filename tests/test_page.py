"""The page of a report, in a real browser."""

import math
import re
import shutil

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from rnnbench.report import write_report
from rnnbench.store import records

pytestmark = [pytest.mark.whole, pytest.mark.browser]

EVIL = """<img src=x onerror=alert(1)>"&'"""
T, PROBES = 40, 3


def leave(folder, cell, *, task="adding", seed=0, solved=None, status="done", score=0.5, **factors):
    """Write the files of a run by hand: a record, a learning curve and the arrays of a full probe."""
    generator = np.random.default_rng(seed)
    run_id = f"{task}-{len(list(folder.glob('*')))}"
    (folder / run_id).mkdir(parents=True)
    losses = np.exp(-np.linspace(0, 1 + 2 * score, 21)) * generator.uniform(0.8, 1.2, 21)
    rows = [f"{50 * step},{loss}\n" for step, loss in enumerate(losses)]
    (folder / run_id / "metrics.csv").write_text("step,val/loss\n" + "".join(rows))
    slopes = np.linspace(-0.4, -0.4 * (1 - score), PROBES)[:, None]
    norms = np.exp(slopes * np.arange(T) + generator.normal(0, 0.2, (PROBES, T)))[:, None, None]
    lyapunov = -np.arange(1, 9) * 0.1 * generator.uniform(0.8, 1.2, (PROBES, 1, 1, 8))
    profiles = {"state": norms, "state_median": norms, "state_dead": np.zeros_like(norms)}
    np.savez(folder / run_id / "gradients.npz", **profiles, lyapunov=lyapunov, step=[0, 500, 1000])
    decay = {"headline": "layer 1, forward", "decay": "decays", "half_life": 1.5, "horizon": int(5 + 30 * score),
             "slope": -math.log(2) / 1.5, "fit": 1.0, "vanishing_ratio": 0.1, "far_share": 0.1,
             "dead_share": 0.0}  # fmt: skip
    done = status == "done"
    record = records.Record(
        run_id=run_id, experiment=folder.name, status=status, seed=seed, solved_at_step=solved,
        diverged_at_step=None if done else 1000,
        config={"seed": seed, "cell": {"name": cell}, "task": {"name": task} | factors.pop("options", {})} | factors,
        command="train", metric="mse", final={"test/mse": 1 - score, "test/loss": 1 - score} if done else {},
        baseline=1.0, validation_baseline=1.0, steps=1000, seconds=10.0, parameters=4000,
        gradients={"initial": decay, "final": decay}, versions={"torch": "2.13.0"}, commit="abc",
        machine={"processor": "p", "cores": 2, "platform": "l", "accelerator": "none"},
    )  # fmt: skip
    records.write(folder / run_id, record)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Two tasks, four cells, two values of a factor, one of them HTML; where the report lies."""
    runs = tmp_path_factory.mktemp("runs")
    for task in ("adding", "copy_memory"):
        for score, cell in ((0.2, "elman"), (0.9, "gru"), (0.0, "ran"), (0.5, "lstm")):
            for init in ("plain", EVIL):
                for seed in (0, 1):
                    status, solved = "diverged" if cell == "ran" else "done", 400 if cell == "gru" else None
                    final = score if cell == "ran" else score - 0.05 * (init == EVIL) + 0.01 * seed
                    leave(
                        runs / "page", cell, task=task, seed=seed, solved=solved, status=status, score=final,
                        init={"name": init},
                    )  # fmt: skip
    return write_report("page", runs).folder


@pytest.fixture(scope="module")
def browser():
    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not found:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found[0], args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, report):
    """A function that opens the page; at the end of a test nothing was fetched, logged or asked."""
    contexts, requests, complaints = [], [], []

    def open_page(**options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.goto((report / "report.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert requests == [(report / "report.html").as_uri()] * len(contexts)


def column(page, name, rows="#main tbody tr[data-setting]"):
    """The texts of a column of the main table, of the rows that are seen."""
    index = page.locator("#main thead th").all_inner_texts()
    place = [text.rstrip(" ▲▼") for text in index].index(name)
    return [row.locator("td").nth(place).inner_text() for row in page.locator(rows).all() if row.is_visible()]


def lines(page, cell, figure=0, part="> path"):
    """The lines of the settings of a cell in a figure, or with "use" the bands."""
    settings = page.evaluate("JSON.parse(document.getElementById('settings').textContent)")
    chosen = [index for index, setting in enumerate(settings) if setting["factors"]["cell"] == cell]
    found = [page.locator("figure").nth(figure).locator(f'svg [data-setting="{index}"] {part}') for index in chosen]
    assert all(each.count() for each in found)
    return [each.first for each in found]


def first(values):
    return [float(value.split()[0]) for value in values if value != "–"]


def test_the_page_says_nothing_and_fetches_nothing(visit):
    page = visit()
    assert page.locator("h1").inner_text() == "page"
    assert page.locator("link").evaluate_all("(all) => all.map((link) => link.href)") == ["data:,"]  # no favicon
    assert page.locator("figure").count() == 7
    assert page.locator("figure figcaption").count() == page.locator("figure details table").count() == 7
    assert all(svg.get_attribute("aria-label") for svg in page.locator("svg[role=img]").all())
    assert page.locator("svg").count() == page.locator("svg[role=img]").count() == 6 + 16  # heat maps are one a setting


def test_ids_are_unique_and_resolve(visit, report):
    page = visit()
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids)) > 100
    references = re.findall(r'(?:url\(|href=")#([^")]+)', (report / "report.html").read_text())
    assert references
    assert set(references) <= set(ids)


def test_a_filter_hides_rows_lines_and_maps_and_shows_them_again(visit):
    page = visit()
    box = page.get_by_role("checkbox", name="gru")
    assert all(line.is_visible() for figure in (0, 1, 3) for line in lines(page, "gru", figure))
    assert page.locator(".maps > div:visible").count() == 16
    box.uncheck()
    assert not any(line.is_visible() for figure in (0, 1, 3) for line in lines(page, "gru", figure))
    assert not any(area.is_visible() for area in lines(page, "gru", part="use"))
    assert all(line.is_visible() for figure in (0, 1) for line in lines(page, "lstm", figure))
    assert set(column(page, "cell")) == {"elman", "ran", "lstm"}
    assert page.locator(".maps > div:visible").count() == 12
    name = page.locator("figure").first.locator("svg text", has_text="gru, plain")
    assert not name.is_visible()
    page.get_by_role("checkbox", name="copy_memory").uncheck()
    assert not page.get_by_role("rowheader", name="task: copy_memory").is_visible()
    assert set(column(page, "task")) == {"adding"}
    page.get_by_role("checkbox", name="copy_memory").check()
    box.check()
    assert all(line.is_visible() for line in lines(page, "gru"))
    assert name.is_visible()
    assert len(column(page, "cell")) == 16


def test_color_by(visit):
    page = visit()

    def strokes(cell, figure=0):
        return [line.evaluate("(path) => getComputedStyle(path).stroke") for line in lines(page, cell, figure)]

    before = strokes("gru")
    assert len(set(before)) == 1  # a cell has one color
    page.get_by_label("color figures by").select_option("task")
    after = strokes("gru")
    assert len(set(after)) == 2
    assert after == strokes("lstm")
    chips = page.locator("#legend span")
    assert chips.all_inner_texts() == ["task: adding", "task: copy_memory"]
    patches = [
        patch.evaluate("(i) => getComputedStyle(i).backgroundColor") for patch in page.locator("#legend i").all()
    ]
    assert set(after) == set(patches)
    point = page.locator("figure").nth(2).locator("svg [data-setting='8'] use").first  # the first of the second task
    assert point.evaluate("(use) => getComputedStyle(use).fill") == patches[1]
    page.get_by_label("color figures by").select_option("")
    assert strokes("gru") == before
    assert chips.count() == 0


def test_sort(visit):
    page = visit()
    page.get_by_label("group table by").select_option("")
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    scores = column(page, "score")
    assert first(scores) == sorted(first(scores), reverse=True)
    assert first(scores)[-4:] == [-1] * 4  # of diverged runs
    page.get_by_role("button", name="score").click()
    assert column(page, "score") == scores[::-1]
    for _ in range(2):
        page.get_by_role("button", name="test loss").click()
        losses = column(page, "test loss")
        assert "–" not in losses[:-4]
        assert losses[-4:] == ["–"] * 4  # last in both directions
    page.get_by_role("button", name="horizon at end").click()
    horizons = list(map(int, column(page, "horizon at end")))
    assert horizons == sorted(horizons)
    assert list(map(str, horizons)) != sorted(map(str, horizons))
    page.get_by_role("button", name="cell", exact=True).focus()
    page.keyboard.press("Enter")
    assert column(page, "cell") == sorted(column(page, "cell"))
    assert page.locator("th[aria-sort]").inner_text().startswith("cell")
    page.keyboard.press("Space")
    assert column(page, "cell") == sorted(column(page, "cell"), reverse=True)
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"


def test_group(visit):
    page = visit()
    page.get_by_label("group table by").select_option("cell")
    cells = column(page, "cell")
    assert [cell for i, cell in enumerate(cells) if i == 0 or cells[i - 1] != cell] == sorted(set(cells))
    assert page.locator("#main .group").all_inner_texts() == [
        f"cell: {cell}" for cell in ("elman", "gru", "lstm", "ran")
    ]
    page.get_by_role("button", name="score").click()
    assert column(page, "cell") == cells  # sorts within groups
    gru = first(column(page, "score"))[4:8]
    assert gru == sorted(gru)


def test_the_table_is_sorted_within_tasks_and_complete_without_javascript(visit):
    page = visit(java_script_enabled=False)
    assert column(page, "task") == ["adding"] * 8 + ["copy_memory"] * 8
    for half in (slice(8), slice(8, 16)):
        scores = first(column(page, "score")[half])
        assert len(scores) == 8
        assert scores == sorted(scores, reverse=True)
    assert page.locator("svg:visible").count() == 22
    assert not page.locator("#controls").is_visible()
    page.locator("summary").first.click()
    assert page.locator("details table").first.is_visible()


def test_html_in_a_name_is_text(visit):
    page = visit()
    assert page.locator("img").count() == 0
    assert any(map_.get_attribute("aria-label").endswith(EVIL) for map_ in page.locator(".maps svg").all())
    assert column(page, "init").count(EVIL) == 8
    page.get_by_role("checkbox", name=EVIL).uncheck()
    assert set(column(page, "init")) == {"plain"}
    page.get_by_label("color figures by").select_option("init")
    page.get_by_label("group table by").select_option("init")
    assert set(page.locator("#legend span").all_inner_texts()) == {"init: plain", f"init: {EVIL}"}
    assert page.locator("svg text", has_text=EVIL).count() > 0


@pytest.mark.parametrize("width", [390, 1280])
def test_the_body_does_not_overflow(visit, width):
    page = visit(viewport={"width": width, "height": 800})
    for details in page.locator("summary").all():
        details.click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.body.scrollWidth") <= width


def test_print_hides_the_controls(visit):
    page = visit(viewport={"width": 700, "height": 1000})
    assert page.locator("#controls").is_visible()
    page.emulate_media(media="print")
    assert not page.locator("#controls").is_visible()
    assert page.locator("#main").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 700  # nothing is cut off


def test_many_settings_fit(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "T", 400)
    for cell in ("lstm", "gru"):
        for length in range(7):
            for seed in range(2):
                leave(tmp_path / "large", cell, seed=seed, options={"length": length})
    target = write_report("large", tmp_path).folder
    assert (target / "report.html").stat().st_size < 3_000_000 * 14 / 35  # five times seven settings are to fit
    figures = target / "figures"
    assert "the first 12 of 14 settings" in (figures / "heat_maps.svg").read_text()
    legend = re.findall(
        ">(lstm|gru|length [0-6]|memoryless|lstm, .*)</text>", (figures / "learning_curves.svg").read_text()
    )
    assert sorted(legend) == ["gru", *(f"length {i}" for i in range(7)), "lstm", "memoryless"]  # colors and dashes


def test_lengths_are_not_ranked_against_each_other(browser, tmp_path):
    """Settings of one task and length stand together, sorted by score, with JavaScript and without."""
    for length, scores in ((50, {"gru": 0.9, "lstm": 0.3}), (400, {"gru": 0.1, "lstm": 0.6})):
        for cell, score in scores.items():
            for seed in range(2):
                leave(tmp_path / "lengths", cell, seed=seed, score=score, options={"length": length})
    address = (write_report("lengths", tmp_path).folder / "report.html").as_uri()
    order = [("gru", "50"), ("lstm", "50"), ("lstm", "400"), ("gru", "400")]
    for javascript in (True, False):
        context = browser.new_context(java_script_enabled=javascript)
        page = context.new_page()
        page.goto(address)
        assert list(zip(column(page, "cell"), column(page, "task.length"), strict=True)) == order
        headings = page.locator("#main .group").all_inner_texts()
        assert headings == (["adding, T = 50", "adding, T = 400"] if javascript else [])
        if javascript:
            assert page.get_by_label("group table by").locator("option:checked").inner_text() == "task and length"
            page.get_by_label("group table by").select_option("")
            assert first(column(page, "score")) == [0.9, 0.6, 0.3, 0.1]
        context.close()
