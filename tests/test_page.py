"""The page of a report, in a real browser."""

import base64
import gzip
import json
import math
import re
import urllib.parse
from collections import Counter

import altair
import numpy as np
import pytest

from planted import without_pictures
from rnnbench.report import figures, write_report
from rnnbench.report.charts import theme
from rnnbench.store import records

pytestmark = [pytest.mark.whole, pytest.mark.browser]

EVIL = """<img src=x onerror=alert(1)>"&'"""
T, PROBES = 40, 3
FIRST_ADDRESS = """async () => {
  const read = new Promise((done) => addEventListener("hashchange", done, { once: true }));
  if (location.hash) { location.hash = ""; await read; }
}"""


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
    with without_pictures():
        return write_report("page", runs).folder


class Visits:
    """Pages of a report that were opened, what they fetched, and what they logged or asked."""

    def __init__(self, browser, report):
        self.browser, self.address = browser, (report / "report.html").as_uri()
        self.contexts, self.requests, self.complaints = [], [], []

    def open(self, state="", **options):
        """Open the page and wait for its charts."""
        self.contexts.append(self.browser.new_context(**options))
        self.contexts[-1].set_default_timeout(15_000)
        page = self.contexts[-1].new_page()
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        page.goto(self.address + state)
        if options.get("java_script_enabled", True):
            settled(page)
        return page

    def check(self):
        """Nothing was fetched but the page, nothing logged, nothing asked."""
        assert self.complaints == []
        assert [url.partition("#")[0] for url in self.requests] == [self.address] * len(self.contexts)

    def close(self):
        for context in self.contexts:
            context.close()


@pytest.fixture
def visit(browser, report):
    """A function that opens the page by itself."""
    visits = Visits(browser, report)
    yield visits.open
    visits.close()
    visits.check()


@pytest.fixture(scope="module")
def opened(browser, report):
    """A page that stays open, as loading it takes seconds."""
    visits = Visits(browser, report)
    yield visits, visits.open()
    visits.close()


@pytest.fixture
def page(opened):
    """The page that stays open, as it was at first."""
    visits, page = opened
    page.mouse.move(1, 1)
    page.evaluate(FIRST_ADDRESS)
    settled(page)
    yield page
    visits.check()


def settled(page):
    """Wait until the charts show what the page says."""
    page.wait_for_selector("html[data-charts=drawn]", state="attached")


def chart(page, name):
    return page.locator(f'[data-chart="{name}"] .chart')


def data(page, name):
    """The lines of a dataset of the page."""
    packed = page.evaluate("document.getElementById('charts').textContent")
    return json.loads(gzip.decompress(base64.b64decode(packed)))["data"][name]


def column(page, name, rows="#main tbody tr[data-setting]"):
    """The texts of a column of the main table, of the rows that are seen."""
    index = page.locator("#main thead th").all_inner_texts()
    place = [text.rstrip(" ▲▼") for text in index].index(name)
    return [row.locator("td").nth(place).inner_text() for row in page.locator(rows).all() if row.is_visible()]


def strong(page, name, mark, attribute="stroke"):
    """How many marks of each color stand out in a chart."""
    found = (
        chart(page, name)
        .locator(f".{mark}_marks path")
        .evaluate_all(
            "(all, key) => all.filter((path) => Number(path.getAttribute('opacity') ?? 1) > 0.5)"
            ".map((path) => path.getAttribute(key))",
            attribute,
        )
    )
    return Counter(found)


def first(values):
    return [float(value.split()[0]) for value in values if value != "–"]


def address(page):
    """The state that the address holds."""
    return urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).fragment)


def plain(text):
    """Numbers of a text, whose minus is that of typography."""
    return [float(word) for word in text.replace("−", "-").replace(",", "").split() if word != "to"]


def hover(page, name, mark, place=0):
    """Point at a mark and return what the page shows."""
    found = chart(page, name).locator(f".{mark}_marks path").nth(place)
    found.scroll_into_view_if_needed()
    box = found.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#tip:not([hidden])")
    keys, values = (page.locator(f"#tip {tag}").all_inner_texts() for tag in ("b", "span"))
    return dict(zip(keys, values, strict=True))


def test_the_page_says_nothing_and_fetches_nothing(visit):
    page = visit()
    assert page.locator("h1").inner_text() == "page"
    assert page.locator("link").evaluate_all("(all) => all.map((link) => link.href)") == ["data:,"]  # no favicon
    names = page.locator("figure").evaluate_all("(all) => all.map((each) => each.dataset.chart)")
    assert names == [name for name in figures.FIGURES if name not in ("gradient_of_layers", "accuracy_over_length")]
    assert page.locator("figure figcaption").count() == page.locator("figure details table").count() == len(names)
    assert page.locator(".chart[role=img][aria-label] svg").count() == len(names)
    assert page.locator(".lead li").count() == 2
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids)) > 5


def test_the_pointer_shows_the_numbers_of_the_table(page):
    rows = page.locator("#main tr[data-setting]").all()
    scores = {", ".join(row.locator("td").all_inner_texts()[:3]): row.locator("td").nth(4).inner_text() for row in rows}
    for place in (0, 5, 9):
        shown = hover(page, "scores", "middle", place)
        (value,), (low, high) = plain(shown["median score"]), plain(shown["interval"])
        assert scores[shown["setting"]] == f"{value:.3f} [{low:.3f}, {high:.3f}]"
        assert shown["runs"] == "2"


def test_the_pointer_shows_the_numbers_of_a_line(page):
    shown = hover(page, "gradient_profiles", "hover", 3)
    (line,) = (each for each in data(page, "profiles") if each["label"] == shown["setting"]
               and each["kind"] == "all" and each["moment"] == shown["moment"])  # fmt: skip
    at = line["x"].index(int(shown["lag"]))
    assert plain(shown["norm of dL/ds"]) == pytest.approx([line["y"][at]], rel=1e-3)
    assert plain(shown["interval"]) == pytest.approx([line["low"][at], line["high"][at]], rel=1e-3)
    assert line["low"][at] < line["y"][at] < line["high"][at]
    page.mouse.move(1, 1)
    page.wait_for_selector("#tip", state="hidden")


def test_a_filter_hides_rows_lines_and_panels_and_shows_them_again(page):
    titles = chart(page, "heat_maps").locator(".role-title-text")
    assert titles.count() == theme.PANELS  # of 16
    assert "12 of 16 panels are shown" in page.locator("[data-chart=heat_maps] .more").inner_text()
    before = strong(page, "learning_curves", "line")
    page.get_by_role("checkbox", name="gru").uncheck()
    settled(page)
    assert set(column(page, "cell")) == {"elman", "ran", "lstm"}
    assert sum(strong(page, "learning_curves", "line").values()) == sum(before.values()) - 4
    assert titles.count() == 12
    assert page.locator("[data-chart=heat_maps] .more").inner_text() == ""
    page.get_by_role("checkbox", name="copy_memory").uncheck()
    settled(page)
    assert not page.get_by_role("rowheader", name="task: copy_memory").is_visible()
    assert set(column(page, "task")) == {"adding"}
    assert chart(page, "learning_curves").locator(".role-title-text").count() == 3  # of eight: a task and cell each
    assert address(page) == {"off": ["task=copy_memory", "cell=gru"]}
    page.get_by_role("checkbox", name="copy_memory").check()
    page.get_by_role("checkbox", name="gru").check()
    settled(page)
    assert strong(page, "learning_curves", "line") == before
    assert len(column(page, "cell")) == 16
    assert address(page) == {}


def test_a_setting_stands_out_wherever_it_is_chosen(page):
    """By a row, a name of the legend, a mark of a chart, and the keyboard; in all charts and tables."""
    label = f"adding, gru, {EVIL}"
    everything = strong(page, "gradient_profiles", "line")

    def alone(label):
        settled(page)
        assert address(page) == {"setting": [label]}
        for name in ("gradient_profiles", "learning_curves", "time_to_solve"):
            assert sum(strong(page, name, "line").values()) == (2 if name == "gradient_profiles" else 1)
        chosen = page.locator("#main tr.chosen")
        assert ", ".join(chosen.locator("td").all_inner_texts()[:3]) == label
        assert page.locator("#main tr.dim").count() == 15
        page.locator("[data-chart=scores] summary").evaluate("(summary) => { summary.parentElement.open = true; }")
        assert page.locator("[data-chart=scores] tbody tr:visible").count() == 1

    page.locator("#main tr[data-setting]", has_text=EVIL).filter(has_text="gru").filter(has_text="adding").click()
    alone(label)
    assert chart(page, "gradient_profiles").locator(".hover_single_marks path[opacity='0.7']").count() == 4
    page.keyboard.press("Escape")
    settled(page)
    assert strong(page, "gradient_profiles", "line") == everything
    assert address(page) == {}
    chart(page, "scores").locator(".middle_marks path").nth(2).click()
    settled(page)
    (label,) = address(page)["setting"]
    alone(label)
    page.get_by_role("button", name="show all").click()
    pick = page.locator("#main .pick").nth(3)
    pick.focus()
    page.keyboard.press("Enter")
    settled(page)
    alone(address(page)["setting"][0])
    page.keyboard.press("Enter")
    settled(page)
    assert strong(page, "gradient_profiles", "line") == everything


def test_a_name_of_the_legend_stands_for_all_panels(page):
    button = page.get_by_role("button", name="plain", exact=True)
    button.click()
    settled(page)
    assert button.get_attribute("aria-pressed") == "true"
    assert len(address(page)["setting"]) == 8
    assert set(column(page, "init", "#main tr.chosen")) == {"plain"}
    assert len(strong(page, "learning_curves", "line")) == 1
    page.get_by_role("button", name=EVIL, exact=True).click(modifiers=["Shift"])
    settled(page)
    assert len(address(page)["setting"]) == 16


def test_an_address_shows_the_same_page_again(visit):
    page = visit()
    page.get_by_role("checkbox", name="copy_memory").uncheck()
    page.locator("#main .pick").nth(2).click()
    page.get_by_label("moment").first.select_option("after training")
    page.get_by_label("single runs").first.check()
    page.get_by_label("group table by").select_option("cell")
    page.get_by_role("button", name="test loss").click()
    page.get_by_role("button", name="dark theme").click()
    settled(page)
    again = visit(f"#{urllib.parse.urlsplit(page.url).fragment}")
    assert address(again) == address(page)
    assert set(address(page)) == {"off", "setting", "moment", "seeds", "group", "sort", "theme"}
    look = "document.body.innerText + document.documentElement.dataset.theme"
    assert again.evaluate(look) == page.evaluate(look)
    for name in ("scores", "gradient_profiles", "learning_curves"):
        assert chart(again, name).inner_text() == chart(page, name).inner_text()
    assert strong(again, "gradient_profiles", "line") == strong(page, "gradient_profiles", "line")
    assert again.get_by_label("moment").first.input_value() == "after training"
    again.evaluate("location.hash = ''")
    settled(again)
    assert len(column(again, "task")) == 16


def test_single_runs_and_moments(page):
    assert chart(page, "gradient_profiles").locator(".hover_single_marks path").count() == 0
    assert sum(strong(page, "gradient_profiles", "line").values()) == 32
    page.get_by_label("single runs").first.check()
    page.get_by_label("moment").first.select_option("before training")
    settled(page)
    assert sum(strong(page, "gradient_profiles", "line").values()) == 16
    assert chart(page, "gradient_profiles").locator(".hover_single_marks path").count() == 32
    assert all(box.is_checked() for box in page.get_by_label("single runs").all())


def test_dragging_moves_the_lines_and_selects_nothing(visit):
    page = visit()
    line = chart(page, "learning_curves").locator(".line_marks path").first
    line.scroll_into_view_if_needed()
    box, before = chart(page, "learning_curves").locator(".cell").first.bounding_box(), line.get_attribute("d")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 10, steps=4)
    page.mouse.up()
    assert line.get_attribute("d") != before
    assert address(page) == {}


def contrast(one, other):
    """Contrast of two colors by WCAG 2."""
    levels = []
    for color in (one, other):
        parts = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        levels.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(levels) + 0.05) / (min(levels) + 0.05)


def test_dark_and_light(visit):
    """The text of the page and of its charts can be read on both; the system chooses at first, the button after."""

    def inks(page):
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        found = chart(page, "scores").locator("text").evaluate_all("(all) => all.map((t) => getComputedStyle(t).fill)")
        assert (
            min(contrast(ink, ground) for ink in [*found, page.evaluate("getComputedStyle(document.body).color")]) > 4.5
        )
        return ground

    page = visit(color_scheme="dark")
    dark, light = inks(page), inks(visit(color_scheme="light"))
    assert contrast(dark, "(255, 255, 255)") > 15
    assert contrast(light, "(0, 0, 0)") > 15
    page.get_by_role("button", name="light theme").click()
    assert inks(page) == light
    assert address(page) == {"theme": ["light"]}
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="dark theme").click()
    assert inks(page) == dark
    page.emulate_media(media="print")
    assert inks(page) == light


def test_sort(page):
    page.get_by_label("group table by").select_option("")
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    scores = column(page, "score")
    assert first(scores) == sorted(first(scores), reverse=True)
    assert first(scores)[-4:] == [-1] * 4  # of diverged runs
    page.locator("th button", has_text=re.compile("^score")).click()
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


def test_group(page):
    page.get_by_label("group table by").select_option("cell")
    cells = column(page, "cell")
    assert [cell for i, cell in enumerate(cells) if i == 0 or cells[i - 1] != cell] == sorted(set(cells))
    assert page.locator("#main .group").all_inner_texts() == [
        f"cell: {cell}" for cell in ("elman", "gru", "lstm", "ran")
    ]
    page.locator("th button", has_text=re.compile("^score")).click()
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
    assert page.locator("noscript:visible").count() == page.locator("figure").count()
    assert not page.locator("#controls").is_visible()
    page.locator("figure summary").first.click()
    assert page.locator("details table").first.is_visible()


def test_html_in_a_name_is_text(page):
    assert page.locator("img").count() == 0
    assert column(page, "init").count(EVIL) == 8
    assert page.locator(".chart text", has_text=EVIL).count() > 0
    assert page.get_by_role("button", name=EVIL, exact=True).is_visible()
    page.get_by_role("checkbox", name=EVIL).uncheck()
    assert set(column(page, "init")) == {"plain"}


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut(visit, width):
    page = visit(viewport={"width": width, "height": 800})
    for details in page.locator("summary").all():
        details.click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.body.scrollWidth") <= width
    cut = """(box) => {
      const edge = box.getBoundingClientRect();
      const inside = ({ left, right }) => left > edge.left - 1 && right < edge.right + 1;
      const shown = [...box.querySelectorAll("svg, .background, text")];
      return shown.filter((each) => !inside(each.getBoundingClientRect())).map((each) => each.outerHTML);
    }"""
    for box in page.locator(".chart").all():
        assert box.evaluate("(box) => box.scrollWidth <= box.clientWidth")
        assert box.evaluate(cut) == []


def test_print_hides_the_controls(visit):
    page = visit(viewport={"width": 700, "height": 1000})
    assert page.locator("#controls").is_visible()
    page.emulate_media(media="print")
    assert not page.locator("#controls").is_visible()
    assert page.locator("#main").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 700  # nothing is cut off


def test_charts_are_what_vega_lite_defines(report):
    """By its schema, which Altair brings."""
    packed = re.search('id="charts">([^<]*)<', (report / "report.html").read_text())[1]
    for spec in json.loads(gzip.decompress(base64.b64decode(packed)))["specs"].values():
        altair.Chart.from_dict(spec)


def test_many_settings_fit(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "T", 400)
    for cell in ("lstm", "gru"):
        for length in range(7):
            for seed in range(2):
                leave(tmp_path / "large", cell, seed=seed, options={"length": length})
    target = write_report("large", tmp_path).folder
    assert (target / "report.html").stat().st_size < 1_000_000
    maps, curves = ((target / "figures" / f"{name}.svg").read_text() for name in ("heat_maps", "learning_curves"))
    assert (
        len(re.findall(">adding, (?:gru|lstm), length [0-6]</text>|>(?:gru|lstm), length [0-6]</text>", maps))
        == theme.PANELS
    )
    assert [f">adding, T = {length}</text>" in curves for length in range(7)] == [True] * 7  # a length, a panel
    assert (curves.count(">gru</text>"), curves.count(">lstm</text>")) == (1, 1)


def test_lengths_are_not_ranked_against_each_other(browser, tmp_path):
    """Settings of one task and length stand together, sorted by score, with JavaScript and without."""
    for length, scores in ((50, {"gru": 0.9, "lstm": 0.3}), (400, {"gru": 0.1, "lstm": 0.6})):
        for cell, score in scores.items():
            for seed in range(2):
                leave(tmp_path / "lengths", cell, seed=seed, score=score, options={"length": length})
    with without_pictures():
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
