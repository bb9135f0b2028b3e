"""The page of all claims, in a real browser."""

import pytest

from rnnbench.claims.claim import read_all
from rnnbench.claims.verdict import Verdict
from rnnbench.config import CONF
from rnnbench.report.claims import INTERACTIVE, write_overview

pytestmark = [pytest.mark.whole, pytest.mark.browser]


def test_filters_are_part_of_the_address(browser, tmp_path):
    claims = read_all([CONF])
    write_overview(tmp_path, list(claims.values()))
    address, requests, complaints = (tmp_path / INTERACTIVE).as_uri(), [], []
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)

    def seen():
        return {row.get_attribute("id") for row in page.locator("article").all() if row.is_visible()}

    assert seen() == set(claims)
    page.get_by_label("cell").select_option("lru")
    of_lru = {key for key, entry in claims.items() if "lru" in entry.claim.cells}
    assert seen() == of_lru
    assert page.url == f"{address}?cell=lru"
    assert len([row for row in page.locator("tbody tr[data-cell]").all() if row.is_visible()]) == len(of_lru)
    page.reload()
    assert seen() == of_lru
    page.get_by_label("verdict").select_option(Verdict.NOT_RUN.value)
    assert seen() == of_lru  # nothing is published here
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_label("cell").select_option("")
    page.get_by_label("verdict").select_option("")
    assert page.url == address
    assert complaints == []
    assert {url.partition("?")[0] for url in requests} == {address}
    page.close()
